"""Dialogs rendered whole: who is heard when, the parts and their sum, the same samples for the same seed."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path

import numpy
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.audio import (
    BaseDialogTTS,
    BaseTTS,
    DialogAudio,
    Room,
    Studio,
    Timing,
    TurnAudio,
    Voice,
    list_presets,
    to_audio,
)  # fmt: skip
from sdialog.audio.clips import ClipCache
from sdialog.audio.levels import active_level_db
from sdialog.audio.rooms import Microphone, circular_array
from sdialog.audio.segments import Segment
from sdialog.audio.tts.base import engines
from sdialog.core.errors import TTSError, UserError

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


WALK = {"times": [0, 12], "points": [[0.8, 0.8, 1.6], [5.2, 4.2, 1.6]], "facing": True}
LIVING = Room(
    dimensions=(6, 5, 3),
    rt60=0.3,
    speakers={"Ann": (3, 1, 1.2), "Bob": (3, 4, 1.2)},
    microphones=[Microphone("table", (0.8, 1.3, 1.0)), Microphone("sill", (5.2, 3.6, 1.0))],
)


def test_somebody_walks_through_the_room_and_labels_stay(studio: Studio) -> None:
    result = studio.render(CALL, reverb=LIVING, moves={"Ann": WALK}, seed=1, stems=True)
    still = studio.render(CALL, reverb=LIVING, seed=1, stems=True)
    assert result.stems is not None and still.stems is not None and result.stems.early is not None
    assert result.rooms()[0].speakers["Ann"].position.to_list() == WALK["points"][0]
    told = json.loads(result.to_json())["config"]
    assert told["moves"]["Ann"]["points"] == WALK["points"] and told["rooms"][0]["moves"]["Ann"]["speaker"] == "Ann"
    first, last = (one for one in result.segments if one.speaker == "Ann")
    near, far = result.stems.wet[0, 0], result.stems.wet[0, 1]

    def louder(one: Segment) -> float:
        part = slice(round(one.start * RATE), round(one.end * RATE))
        return active_level_db(near[part], RATE) - active_level_db(far[part], RATE)

    assert louder(first) > 3 and louder(last) < -3
    assert abs(lag(result.stems.dry[0], near)) < 0.005
    rest = result.stems.line.sum(axis=0).T * result.stems.gains[:, None] - result.audio
    assert numpy.abs(rest).max() < 10 ** (-90 / 20) * numpy.abs(result.audio).max()
    assert [(one.start, one.end) for one in result.segments] == [(one.start, one.end) for one in still.segments]
    assert numpy.square(result.stems.wet[0] - result.stems.early[0]).sum() > 0


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"moves": {"Ann": WALK}}, "is in no room"),
        ({"moves": {"Dan": WALK}, "reverb": LIVING}, "moves has a way for each speaker"),
        ({"moves": {"Ann": {"times": [0]}}, "reverb": LIVING}, "times and points"),
        ({"moves": {"Ann": {"times": [1, 0], "points": WALK["points"]}}, "reverb": LIVING}, "times of a way rise"),
        ({"moves": {"Ann": {"times": [0], "points": [[9, 1, 1]]}}, "reverb": LIVING}, "outside|not inside|inside"),
        ({"moves": {"Ann": WALK}, "reverb": LIVING, "acoustics": "hybrid"}, "acoustics 'ism' alone"),
    ],
)
def test_ways_that_mean_nothing_are_named(options: dict[str, object], says: str) -> None:
    with pytest.raises(UserError, match=says):
        Studio("tone").plan(CALL, **options)  # type: ignore[arg-type]


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
        ({"true_peak_db": "loud"}, "true_peak_db"),
        ({"acoustics": "hybird"}, "did you mean 'hybrid'"),
        ({"noise": "no_such.wav"}, "no sound file or folder no_such.wav"),
        ({"seed": "seven"}, "seed is a whole number"),
        ({"seed": 1.5}, "seed is a whole number"),
        ({"gaps": [0.2]}, "4 turns have 3 gaps"),
        ({"gaps": [0.2] * 3, "timing": "meeting"}, "the timing has a target"),
    ],
)
def test_mistakes_are_named_before_anything_is_spoken(
    options: dict[str, object], says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ClipCache, "get", lambda *_, **__: pytest.fail("something was spoken"))
    with pytest.raises((UserError, FileNotFoundError), match=says):
        to_audio(CALL, **{"tts": "tone", **options})  # type: ignore[arg-type]


def test_gaps_come_from_whoever_tells_them_and_are_kept() -> None:
    asked: list[tuple[list[str], list[float]]] = []

    def tell(texts: list[str], seconds: list[float]) -> list[float]:
        asked.append((texts, seconds))
        return [0.5, 1.25, -0.2]

    timing = Timing(backchannels=30)
    told = to_audio(CALL, tts="tone", seed=1, gaps=tell, timing=timing)
    assert asked[0][0] == [turn.text for turn in CALL.turns] and all(one > 0 for one in asked[0][1])
    assert told.config["gaps"] == [0.5, 1.25, -0.2] and told.timeline is not None
    turns = [one for one in told.timeline.placed if one.kind == "turn"]
    found = [later.start - earlier.end for earlier, later in pairwise(turns)]
    assert found == pytest.approx([0.5, 1.25, -0.2], abs=1e-6)
    again = to_audio(CALL, tts="tone", seed=1, gaps=told.config["gaps"], timing=timing)
    assert numpy.array_equal(again.audio, told.audio)


def test_labels_of_interruptions_and_back_channels_fit_what_is_heard(studio: Studio) -> None:
    lines = [("Ann" if number % 2 else "Bob", f"{number}. {CALL.turns[0].text} " * 2) for number in range(8)]
    timing = Timing(interruptions=0.6, backchannels=30, overlap_share=0.5)
    result = studio.render(talk(*lines), "room", seed=3, stems=True, timing=timing)
    cut = [one for one in result.segments if one.interrupted]
    responses = [one for one in result.segments if one.kind == "backchannel"]
    assert cut and responses and result.stems is not None
    for one in result.segments:
        dry = result.stems.dry[result.speakers.index(one.speaker)]
        inside = dry[round(one.start * RATE) : round(one.end * RATE)]
        assert numpy.abs(inside).max() > 0.01
        assert all(one.start - 1e-6 <= word.start <= word.end <= one.end + 1e-6 for word in one.words)
    for one in cut:
        # What was not said any more is not in the sound: the speaker is silent until their next segment.
        later = [other.start for other in result.segments if other.speaker == one.speaker and other.start > one.start]
        until = min(later, default=result.duration)
        dry = result.stems.dry[result.speakers.index(one.speaker)]
        assert not numpy.any(numpy.abs(dry[round((one.end + 0.01) * RATE) : round((until - 0.05) * RATE)]) > 1e-3)
        assert len(one.words) < len(one.text.split()) or one.words[-1].text.endswith("-")


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
    assert set(result.save(tmp_path / "b", labels="ctm")) == {"audio", "ctm"}
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


class AtOnce(BaseDialogTTS):
    """Speaks all turns in one window, 0.2 s apart."""

    supports_random_voices = True

    def __init__(self, broken: bool = False) -> None:
        self.broken = broken

    def synthesize(self, turns: object, voices: object, seed: int | None = None) -> list[TurnAudio]:
        draw, made = numpy.random.default_rng(seed), []
        for number in range(len(list(turns))):  # type: ignore[call-overload]
            samples = 0.1 * draw.normal(size=RATE)
            samples[100:200] = numpy.nan if self.broken else 0.0
            made.append(TurnAudio(samples, RATE, 0, 1.2 * number))
        return made

    def json(self) -> dict[str, object]:
        return {"engine": "at once"}


def test_an_engine_for_whole_dialogs_keeps_its_timing_unless_gaps_are_given() -> None:
    def gaps(**options: object) -> list[float]:
        result = to_audio(CALL, tts=AtOnce(), voices="random", seed=1, **options)  # type: ignore[arg-type]
        assert result.timeline is not None
        return [later.start - earlier.end for earlier, later in pairwise(result.timeline.placed)]

    assert gaps() == pytest.approx([0.2] * 3) and gaps(gaps=[0.1, 0.9, 0.4]) == pytest.approx([0.1, 0.9, 0.4])
    with pytest.raises(TTSError, match="not numbers, for 'Hello, I have"):
        to_audio(CALL, tts=AtOnce(broken=True), voices="random", seed=1)
