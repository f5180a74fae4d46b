"""Dialogs rendered whole: who is heard when, the parts and their sum, the same samples for the same seed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.audio import BaseTTS, DialogAudio, Room, Studio, Voice, list_presets, to_audio
from sdialog.audio.levels import active_level_db
from sdialog.audio.rooms import circular_array
from sdialog.audio.tts.base import engines
from sdialog.core.errors import UnknownNameError, UserError

RATE = 16000


def talk(*lines: tuple[str, str], **more: object) -> Dialog:
    return Dialog(id="talk", turns=[Turn(speaker=who, text=text) for who, text in lines], **more)


CALL = talk(
    ("Ann", "Hello, I have been waiting for my order for three weeks now."),
    ("Bob", "I am sorry to hear that. Let me see what happened."),
    ("Ann", "Thank you, that is kind."),
    ("Bob", "It left our store on Monday, so it should be with you soon."),
    personas={"Ann": {"gender": "female", "age": 30}, "Bob": {"gender": "male", "age": 50}},
)


@pytest.fixture(scope="module")
def studio() -> Studio:
    return Studio("espeak")


@pytest.mark.parametrize("preset", sorted(list_presets()))
def test_stems_add_up_to_the_recording(studio: Studio, preset: str) -> None:
    result = studio.render(CALL, preset, seed=5, stems=True, loudness=-20, channel=False if preset == "hard" else None)
    stems = result.stems
    assert stems is not None and stems.gains is not None
    total = stems.line.sum(axis=(0, 1)) + (0 if stems.noise is None else stems.noise[0])
    rest = total * stems.gains - result.audio
    assert numpy.abs(rest).max() < 10 ** (-90 / 20) * numpy.abs(result.audio).max()
    if stems.early is not None:
        late = stems.wet - stems.early
        assert 0 < numpy.square(late).sum() < numpy.square(stems.wet).sum()
    if stems.speaker_noise is not None and not result.config.get("speaker_channel"):
        assert numpy.allclose(stems.line, stems.wet + stems.speaker_noise, atol=1e-6)


@pytest.mark.parametrize("preset", sorted(list_presets()))
def test_labels_begin_and_end_with_the_speech(studio: Studio, preset: str) -> None:
    result = studio.render(CALL, preset, seed=5, stems=True)
    assert result.stems is not None
    stems = result.stems
    for number, name in enumerate(result.speakers):
        own = result.labels.of(name).islands
        loud = numpy.flatnonzero(numpy.abs(stems.dry[number]) > 10 ** (-45 / 20) * 0.05)
        assert abs(loud[0] / RATE - own[0].start) < 0.005 and abs(loud[-1] / RATE - own[-1].end) < 0.005
        for heard in (stems.wet, stems.line):
            # Room, noise and line move nothing: speech is where its dry recording says, to a few samples.
            assert abs(lag(stems.dry[number], heard[number, 0])) < 0.005


def lag(dry: numpy.ndarray, heard: numpy.ndarray) -> float:
    """Return by how many seconds one signal comes after another: where their correlation, whitened, is greatest."""
    size = 2 * len(dry)
    cross = numpy.fft.rfft(heard, size) * numpy.conj(numpy.fft.rfft(dry, size))
    peak = int(numpy.argmax(numpy.fft.irfft(cross / (numpy.abs(cross) + 1e-3 * numpy.abs(cross).max()))))
    return (peak if peak < size // 2 else peak - size) / RATE


def test_the_same_seed_gives_the_same_samples_and_another_does_not() -> None:
    one, two = (Studio("espeak").render(CALL, "call_center", seed=9) for _ in range(2))
    assert numpy.array_equal(one.audio, two.audio) and one.to_json() == two.to_json()
    other = Studio("espeak").render(CALL, "call_center", seed=10)
    assert other.config["plan"] != one.config["plan"] and not numpy.array_equal(other.audio[:1000], one.audio[:1000])


def test_scenes_differ_in_what_they_say_they_differ_in(studio: Studio) -> None:
    near = studio.render(CALL, "clean", seed=3)
    made = studio.clips.use().made
    far = studio.render(CALL, "clean", seed=3, reverb="large", noise=10)
    assert studio.clips.use().made == made, "nothing is spoken twice"
    assert [(one.start, one.end) for one in near.segments] == [(one.start, one.end) for one in far.segments]
    assert near.voices == far.voices
    noise = far.config["noise"][0]
    assert noise["snr"] == 10 and abs(noise["measured_snr"] - 10) < 0.5


def test_loudness_and_true_peak_are_kept(studio: Studio) -> None:
    for loudness in (-30, -23, -16):
        level = studio.render(CALL, "room", seed=2, loudness=loudness, true_peak_db=-2).config["level"]
        assert abs(level["loudness"] - loudness) < 0.5 and level["true_peak_db"] <= -2


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("stereo", [False, True])
def test_any_number_of_speakers(count: int, stereo: bool) -> None:
    names = [f"Speaker {number}" for number in range(count)]
    dialog = talk(*((name, f"My name is {name}.") for name in names * 2))
    result = to_audio(dialog, preset="room", tts="tone", seed=1, stereo=stereo)
    assert result.speakers == names and result.channels == (count if stereo else 1)
    assert len(result.segments) == 2 * count
    if stereo:
        assert [one.channel for one in result.segments] == [names.index(one.speaker) for one in result.segments]
    voices = [entry["got"]["identifier"] for entry in result.voices["voices"]]
    assert len(set(voices)) == count


def test_nearer_speakers_are_louder_and_every_microphone_is_a_channel() -> None:
    places = {"Ann": (2.5, 2.0, 1.2), "Bob": (5.5, 4.5, 1.2)}
    room = Room(dimensions=(6, 5, 3), rt60=0.3, speakers=places, microphones=circular_array((2.2, 1.6, 1.0)))
    result = to_audio(CALL, reverb=room, tts="espeak", seed=1, stems=True)
    assert result.channels == 7 and result.audio.shape[1] == 7 and result.stems is not None
    near, far = (active_level_db(result.stems.wet[number, 0], RATE) for number in (0, 1))
    assert near > far + 6
    drawn = result.rooms()[0]
    assert drawn.dimensions.to_list() == [6, 5, 3] and list(drawn.speakers) == ["Ann", "Bob"]


def test_both_ends_of_a_call_in_rooms_of_their_own() -> None:
    result = to_audio(
        CALL, reverb={0: "small", "Bob": "office_open_plan" if False else "large"}, tts="tone", seed=1, stereo=True
    )
    assert [one["speakers"] for one in result.config["rooms"]] == [[0], [1]] and result.channels == 2


ODD = [
    "",
    "   ",
    "👍🎉",
    "That is 20.50 euros, or 3/4 of it - on 5 May 2024 at 10:30.",
    "word " * 500,
    "See https://example.org/a?b=c or write to me@example.org.",
    "*sighs* [cough] <b>Well</b>...",
    "Où est la gare ? Ça va !",
    "Guten Tag, wie geht's?",
    "你好，世界",
    "مرحبا",
]


def test_odd_texts_are_spoken_or_left_out() -> None:
    dialog = talk(*((f"S{number % 3}", text) for number, text in enumerate(ODD)))
    result = to_audio(dialog, tts="espeak", seed=1)
    assert {one.turn for one in result.segments} == set(range(2, len(ODD)))
    assert result.duration > 60 and numpy.isfinite(result.audio).all()
    for one in result.segments:
        assert [word.text for word in one.words] == ODD[one.turn].split()


def test_five_languages_are_heard_in_their_own() -> None:
    texts = {
        "french": "Bonjour, je voudrais un café.",
        "german": "Guten Morgen, ich hätte gern ein Brot.",
        "spanish": "Buenos días, quisiera una mesa.",
        "italian": "Buongiorno, vorrei un gelato.",
        "english": "Good morning, I would like some tea.",
    }
    dialog = talk(
        *((name, text) for name, text in texts.items()), personas={name: {"language": name.title()} for name in texts}
    )
    result = to_audio(dialog, tts="espeak", seed=1)
    assert [entry["got"]["language"] for entry in result.voices["voices"]] == list(texts)
    assert not [entry["fallback"] for entry in result.voices["voices"] if entry["fallback"]]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"preset": "cleen"}, "did you mean 'clean'"),
        ({"reverb": "no_such_room"}, "unknown room"),
        ({"voices": {"Dan": "x"}}, "Dan"),
        ({"voices": "dbb"}, "did you mean 'db'"),
        ({"channel": "g7111"}, "did you mean"),
        ({"noise": "pinkk"}, "did you mean 'pink'"),
        ({"timing": "naturall"}, "did you mean 'natural'"),
        ({"tts": "espeek"}, "did you mean 'espeak'"),
        ({"sample_rate": 0}, "sample_rate"),
        ({"overlap": 2.0}, "overlap"),
        ({"level_jitter_db": -1}, "level_jitter_db"),
        ({"loudness": 3}, "loudness"),
    ],
)
def test_mistakes_are_named_before_anything_is_spoken(options: dict[str, object], says: str) -> None:
    with pytest.raises((UserError, UnknownNameError), match=says):
        to_audio(CALL, **{"tts": "tone", **options})  # type: ignore[arg-type]


def test_a_dialog_in_which_nothing_is_said() -> None:
    with pytest.raises(UserError, match="no turn has a text"):
        to_audio(talk(("Ann", " ")), tts="tone")


def test_files(tmp_path: Path) -> None:
    result = CALL.to_audio(tmp_path / "a" / "call.flac", "call_center", seed=4, tts="tone", stems=True, labels="all")
    assert isinstance(result, DialogAudio)
    samples, rate = soundfile.read(tmp_path / "a" / "call.flac")
    assert rate == RATE and len(samples) == len(result.audio)
    told = json.loads((tmp_path / "a" / "call.json").read_text())
    assert told["speakers"] == ["Ann", "Bob"] and told["config"]["seed"] == 4
    assert (tmp_path / "a" / "call.rttm").read_text().startswith("SPEAKER call 1 ")
    names = {path.name for path in (tmp_path / "a" / "call.stems").iterdir()}
    assert {"dry_Ann.wav", "wet_Bob.wav", "gains.wav", "noise_Ann.wav", "stems.json"} <= names


@settings(max_examples=25)
@given(
    st.lists(st.tuples(st.sampled_from(["Ann", "Bob", "Zoë / 小明"]), st.text(max_size=30)), min_size=1, max_size=6),
    st.integers(0, 2**32),
)
def test_whatever_is_said_labels_lie_in_the_recording(lines: list[tuple[str, str]], seed: int) -> None:
    dialog = talk(*lines)
    if not any(text.split() for _, text in lines):
        return
    result = to_audio(dialog, tts="tone", seed=seed, preset="conversational")
    for one in result.segments:
        assert 0 <= one.start <= one.end <= result.duration
        assert all(one.start - 1e-6 <= word.start <= word.end <= one.end + 1e-6 for word in one.words)


class Mute(BaseTTS):
    """Speaks with espeak-ng, and tells no times."""

    name = "mute"

    def generate(
        self, text: str, speaker_voice: object, tts_pipeline_kwargs: object = None
    ) -> tuple[numpy.ndarray, int]:
        clip = engines.get("espeak")().speak(text, "en", seed=1)
        return clip.samples, clip.rate


def test_words_of_an_engine_without_times_are_aligned_and_it_is_told() -> None:
    pytest.importorskip("pocketsphinx")
    told = to_audio(CALL, tts="espeak", seed=1, voices={"Ann": "en", "Bob": "en"})
    found = to_audio(CALL, tts=Mute(), seed=1, voices={"Ann": "x", "Bob": "x"})
    assert told.config["word_times"] == {"engine": 4} and found.config["word_times"] == {"pocketsphinx": 4}
    off = [
        abs((one.start - a.start) - (other.start - b.start))
        for a, b in zip(found.segments, told.segments, strict=True)
        for one, other in zip(a.words, b.words, strict=True)
    ]
    assert numpy.median(off) < 0.05
    french = to_audio(talk(("Ann", "Bonjour à tous.")), tts=Mute(), voices={"Ann": Voice(voice="x", language="french")})
    assert french.config["word_times"] == {"even": 1}
