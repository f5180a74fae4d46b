"""Adapters of other engines: on stand-ins with the interfaces of their libraries, and on a real, tiny VITS network."""

from __future__ import annotations

import json
import sys
import types
from dataclasses import dataclass
from types import SimpleNamespace
from typing import ClassVar

import numpy
import pytest

from sdialog.audio.clips import ClipCache
from sdialog.audio.normalizers import DocumentFormatNormalizer
from sdialog.audio.tts import (
    Dia2TTS,
    HuggingFaceTTS,
    IndexTTS,
    KokoroTTS,
    PiperTTS,
    Qwen3TTS,
    Qwen3TTSVoiceClone,
    engines,
)
from sdialog.core.errors import MissingDependencyError, TTSError, UnknownNameError, UnsupportedFeatureError, UserError

torch = pytest.importorskip("torch")


def test_the_engines_of_the_folder():
    assert engines.names() == ["espeak", "huggingface", "kokoro", "openai", "piper", "tone"]
    for name in engines.names():
        assert engines.get(name).name == name


@pytest.mark.parametrize("engine", [Dia2TTS, IndexTTS, Qwen3TTS, Qwen3TTSVoiceClone])
def test_engines_that_are_not_run_here_say_what_to_use(engine):
    with pytest.raises(UnsupportedFeatureError, match=f"{engine.__name__} is not part of sdialog. Use EspeakTTS"):
        engine(model="x")


# Kokoro 0.9: KPipeline(lang_code, repo_id, model, device) is called with text, voice and speed, and yields results with
# audio (a torch vector at 24 kHz), graphemes, and in English tokens with text, whitespace, start_ts and end_ts.


@dataclass
class Token:
    text: str
    whitespace: str
    start_ts: float | None = None
    end_ts: float | None = None


class KPipeline:
    made: ClassVar[list[dict]] = []

    def __init__(self, lang_code, repo_id=None, model=True, trf=False, en_callable=None, device=None):
        self.lang_code, self.model = lang_code, SimpleNamespace(of=lang_code) if model is True else model
        KPipeline.made.append({"lang_code": lang_code, "model": self.model})

    def __call__(self, text, voice=None, speed=1, split_pattern=r"\n+", model=None):
        self.voice = voice
        if "fail" in text:
            raise RuntimeError("no such tensor")
        for line in text.split("\n"):
            for sentence in line.split(". "):
                words = sentence.split()
                tokens = [Token(w.strip(".,!"), " ", 0.1 + i / 2, 0.5 + i / 2) for i, w in enumerate(words)]
                tokens.append(Token(".", ""))
                audio = torch.full((int(24000 * (0.1 + len(words) / 2) / speed),), 0.1)
                yield SimpleNamespace(
                    graphemes=sentence, tokens=tokens if self.lang_code in "ab" else None, audio=audio
                )


@pytest.fixture
def kokoro(monkeypatch):
    KPipeline.made = []
    monkeypatch.setitem(sys.modules, "kokoro", types.SimpleNamespace(KPipeline=KPipeline))


def test_kokoro_joins_all_parts_and_times_their_words(kokoro):
    clip = ClipCache().get(KokoroTTS(), "Hello 42 there.\nHow are you, Ann?", "af_bella")
    assert clip.rate == 24000
    assert clip.duration == pytest.approx(1.6 + 2.1)
    assert [(word.text, round(word.start, 2), round(word.end, 2)) for word in clip.words] == [
        ("Hello", 0.1, 0.5), ("42", 0.6, 1.0), ("there.", 1.1, 1.5),
        ("How", 1.7, 2.1), ("are", 2.2, 2.6), ("you,", 2.7, 3.1), ("Ann?", 3.2, 3.6),
    ]  # fmt: skip


def test_kokoro_has_a_pipeline_for_each_language_and_one_model(kokoro):
    engine = KokoroTTS()
    engine.speak("Hello", None)
    assert engine.pipeline.voice == "af_heart"
    engine.speak("Bonjour", "ff_siwis")
    engine.speak("Hola", None, language="spanish")
    assert engine.pipeline.voice == "ef_dora"
    assert [made["lang_code"] for made in KPipeline.made] == ["a", "f", "e"]
    assert len({id(made["model"]) for made in KPipeline.made}) == 1
    assert engine.speak("Bonjour", "ff_siwis").words == ()


def test_kokoro_reads_a_local_folder(kokoro, tmp_path):
    with pytest.raises(UserError, match=r"lacks config\.json"):
        KokoroTTS(folder=tmp_path).speak("Hello")
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "af_bella.pt").touch()
    with pytest.raises(UnknownNameError, match="af_bella"):
        KokoroTTS(folder=tmp_path)._place("af_bela")
    assert KokoroTTS(folder=tmp_path)._place("af_bella") == str(tmp_path / "voices" / "af_bella.pt")


def test_kokoro_says_what_is_wrong(kokoro):
    with pytest.raises(UnknownNameError, match="language code"):
        KokoroTTS(lang_code="x")
    with pytest.raises(UserError, match="speed"):
        KokoroTTS(speed=0)
    with pytest.raises(UserError, match="af_heart"):
        KokoroTTS().speak("Hi", "Bella")
    with pytest.raises(TTSError, match="'please fail' as af_heart: no such tensor"):
        KokoroTTS().speak("please fail")
    assert KokoroTTS(text_normalizers=[DocumentFormatNormalizer()]).json()["text_normalizers"] == [
        "DocumentFormatNormalizer"
    ]


@pytest.mark.parametrize(("engine", "pip"), [(KokoroTTS, "pip install kokoro"), (PiperTTS, "pip install piper-tts")])
def test_missing_packages_name_their_pip_line(engine, pip, monkeypatch):
    for name in ("kokoro", "piper"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(MissingDependencyError, match=pip):
        engine().speak("Hello")


# Piper 1.x: PiperVoice.load(model).synthesize(text, syn_config=SynthesisConfig(...)) yields a chunk for each sentence.


@dataclass
class SynthesisConfig:
    speaker_id: int | None = None
    length_scale: float | None = None
    noise_scale: float | None = None
    noise_w_scale: float | None = None
    normalize_audio: bool = True
    volume: float = 1.0


class LoadedPiper:
    loads = 0

    @staticmethod
    def load(model_path, config_path=None, use_cuda=False):
        LoadedPiper.loads += 1
        return LoadedPiper()

    def synthesize(self, text, syn_config=None, include_alignments=False):
        for sentence in filter(None, text.split(".")):
            count = int(2205 * len(sentence.split()) * (syn_config.length_scale or 1.0))
            level = 0.1 * ((syn_config.speaker_id or 0) + 1)
            yield SimpleNamespace(sample_rate=22050, sample_channels=1, audio_float_array=numpy.full(count, level))


@pytest.fixture
def piper(monkeypatch, tmp_path):
    LoadedPiper.loads = 0
    module = types.SimpleNamespace(PiperVoice=LoadedPiper, SynthesisConfig=SynthesisConfig)
    monkeypatch.setitem(sys.modules, "piper", module)
    (tmp_path / "a.onnx").touch()
    (tmp_path / "a.onnx.json").touch()
    return tmp_path / "a.onnx"


def test_piper_joins_sentences_with_a_pause(piper):
    engine = PiperTTS(piper, sentence_pause=0.5)
    clip = engine.speak("one two. three.")
    assert clip.duration == pytest.approx(0.2 + 0.5 + 0.1)
    slow = engine.speak("one two.", {"length_scale": 2.0, "speaker_id": 1})
    assert slow.duration == pytest.approx(0.4) and slow.samples[0] == numpy.float32(0.2)
    assert LoadedPiper.loads == 1


def test_piper_says_what_is_wrong(piper, tmp_path):
    with pytest.raises(UserError, match="needs a voice file"):
        PiperTTS().speak("Hi")
    with pytest.raises(UserError, match=r"no file .*b\.onnx"):
        PiperTTS().speak("Hi", tmp_path / "b.onnx")
    with pytest.raises(TTSError, match="made no sound"):
        PiperTTS(piper).speak("...")
    with pytest.raises(UserError, match="sentence_pause"):
        PiperTTS(sentence_pause=-1)


@pytest.fixture(scope="module")
def vits(tmp_path_factory):
    """The folder of a VITS network with three speakers, tiny and untrained, in the layout of MMS-TTS."""
    from transformers import VitsConfig, VitsModel, VitsTokenizer

    folder = tmp_path_factory.mktemp("vits")
    letters = "_abcdefghijklmnopqrstuvwxyz '-"
    (folder / "letters.json").write_text(json.dumps({letter: i for i, letter in enumerate(letters)}))
    tokenizer = VitsTokenizer(str(folder / "letters.json"), pad_token="_", unk_token="_", phonemize=False)
    tokenizer.save_pretrained(folder)
    config = VitsConfig(
        vocab_size=len(letters), hidden_size=16, num_hidden_layers=1, num_attention_heads=2, ffn_dim=16, flow_size=16,
        spectrogram_bins=9, upsample_initial_channel=16, upsample_rates=[8, 8], upsample_kernel_sizes=[16, 16],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]], prior_encoder_num_flows=1,
        prior_encoder_num_wavenet_layers=1, posterior_encoder_num_wavenet_layers=1, duration_predictor_num_flows=1,
        duration_predictor_filter_channels=16, depth_separable_num_layers=1, num_speakers=3, speaker_embedding_size=8,
    )  # fmt: skip
    with torch.random.fork_rng():
        torch.random.set_rng_state(torch.Generator().manual_seed(1).get_state())
        VitsModel(config).save_pretrained(folder)
    return folder


@pytest.mark.slow
def test_vits_speaks_the_same_for_the_same_seed_and_leaves_torchs_generator_alone(vits):
    engine = HuggingFaceTTS(vits, device="cpu")
    before = torch.random.get_rng_state()
    first = engine.speak("hello there", 1, seed=5)
    assert torch.equal(torch.random.get_rng_state(), before)
    assert first.rate == 16000 and first.duration > 0 and first.samples.dtype == numpy.float32
    assert numpy.array_equal(first.samples, HuggingFaceTTS(vits, device="cpu").speak("hello there", 1, seed=5).samples)
    assert not numpy.array_equal(first.samples, engine.speak("hello there", 1, seed=6).samples)


@pytest.mark.slow
def test_vits_uses_the_voice(vits):
    engine = HuggingFaceTTS(vits, device="cpu")
    one, two = (engine.speak("hello", speaker, seed=1) for speaker in (0, 2))
    assert one.samples.tobytes() != two.samples.tobytes()
    text = "a longer text to compare the lengths of"
    slow, fast = (engine.speak(text, {"speaker_id": 0, "speaking_rate": rate}, seed=1).duration for rate in (0.2, 1.0))
    assert slow > 2 * fast


@pytest.mark.slow
def test_vits_reads_numbers_as_words(vits):
    assert str(HuggingFaceTTS(vits).normalize("It’s 5 km")) == "It's five kilometers"
    assert ClipCache().get(HuggingFaceTTS(vits, device="cpu"), "5", 0).duration > 0


@pytest.mark.slow
def test_hugging_face_says_what_is_wrong(vits, tmp_path):
    engine = HuggingFaceTTS(vits, device="cpu")
    with pytest.raises(UserError, match=r"3 speaker\(s\)"):
        engine.speak("hello", 3)
    with pytest.raises(UserError, match="speaker_id"):
        engine.speak("hello", numpy.zeros(512))
    with pytest.raises(TTSError, match="none of the characters"):
        engine.speak("你好", 0)
    with pytest.raises(UserError, match="download=True"):
        HuggingFaceTTS(tmp_path / "nowhere").speak("hello")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(UnsupportedFeatureError, match="vits and speecht5"):
        HuggingFaceTTS(tmp_path).speak("hello")
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "speecht5"}))
    with pytest.raises(UserError, match="vocoder="):
        HuggingFaceTTS(tmp_path).speak("hello")


class Letters:
    """Stands in for the tokenizer of SpeechT5, whose sentencepiece model is not made here; the networks are real."""

    @staticmethod
    def from_pretrained(folder, local_files_only=False):
        return Letters()

    def __call__(self, text, return_tensors):
        return {"input_ids": torch.tensor([[1 + ord(letter) % 30 for letter in text]])}


@pytest.mark.slow
def test_speecht5_speaks_as_the_x_vector_says(tmp_path, monkeypatch):
    import transformers

    config = transformers.SpeechT5Config(
        vocab_size=40, hidden_size=16, encoder_layers=1, encoder_attention_heads=2, encoder_ffn_dim=16, num_mel_bins=8,
        decoder_layers=1, decoder_attention_heads=2, decoder_ffn_dim=16, speech_decoder_prenet_units=16,
        speech_decoder_postnet_layers=2, speech_decoder_postnet_units=16, speaker_embedding_dim=6, reduction_factor=2,
    )  # fmt: skip
    vocoder = transformers.SpeechT5HifiGanConfig(
        model_in_dim=8, upsample_initial_channel=8, upsample_rates=[4, 4], upsample_kernel_sizes=[8, 8],
        resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1]],
    )  # fmt: skip
    transformers.SpeechT5ForTextToSpeech(config).save_pretrained(tmp_path / "model")
    transformers.SpeechT5HifiGan(vocoder).save_pretrained(tmp_path / "vocoder")
    monkeypatch.setattr(transformers, "SpeechT5Tokenizer", Letters)
    monkeypatch.setitem(sys.modules, "sentencepiece", types.SimpleNamespace())
    numpy.save(tmp_path / "anna.npy", numpy.linspace(-1, 1, 6))
    engine = HuggingFaceTTS(tmp_path / "model", device="cpu", vocoder=tmp_path / "vocoder")
    anna = engine.speak("hello", tmp_path / "anna.npy", seed=3)
    assert anna.rate == 16000 and len(anna.samples)
    assert numpy.array_equal(anna.samples, engine.speak("hello", numpy.linspace(-1, 1, 6), seed=3).samples)
    assert not numpy.array_equal(anna.samples, engine.speak("hello", -numpy.linspace(-1, 1, 6), seed=3).samples)
    for voice, said in ((None, "an x-vector of 6"), (numpy.zeros(5), "6 numbers, not 5"), ("no.npy", "no file")):
        with pytest.raises(UserError, match=said):
            engine.speak("hello", voice)
