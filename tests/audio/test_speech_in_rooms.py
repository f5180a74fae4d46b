"""Tracks in rooms: labels stay valid, parts add up, silence costs nothing, and who walks does not click."""

from __future__ import annotations

from itertools import pairwise

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from scipy.signal import fftconvolve

from sdialog.audio.acoustics import (
    Way,
    apply_rir,
    convolve,
    convolve_along,
    impulse_responses,
    load_rir,
    recorded_responses,
    simulate_rirs,
    way_responses,
)
from sdialog.audio.acoustics.convolution import islands
from sdialog.audio.rooms import Microphone, Position3D, Room, circular_array
from sdialog.core.errors import UnknownNameError, UserError

RATE = 16_000


def generator(seed=0):
    return numpy.random.Generator(numpy.random.PCG64(seed))


def room(**options):
    start = {"dimensions": (5, 4, 3), "speakers": {"Ann": (1, 1, 1.2), "Bo": (4, 3, 1.6)}, "rt60": 0.3}
    return Room(**{**start, "microphones": [Microphone("table", Position3D(2.2, 2.1, 1.1))], **options})


def bursts(*spans, seconds=3.0, seed=0):
    """Noise from so many to so many seconds, and digital silence."""
    track = numpy.zeros(round(seconds * RATE), dtype=numpy.float32)
    for start, end in spans:
        track[round(start * RATE) : round(end * RATE)] = 0.1 * generator(seed).standard_normal(
            round(end * RATE) - round(start * RATE)
        )
    return track


@pytest.fixture(scope="module")
def responses():
    return impulse_responses(room())


def test_labels_are_where_the_sound_is(responses):
    track = bursts((0.5, 1.0), (2.0, 2.2))
    for speaker in ("Ann", "Bo"):
        heard = convolve({speaker: track}, responses)[speaker][:, 0]
        threshold = 0.1 * abs(heard).max()
        for start in (0.5, 2.0):
            around = heard[round((start - 0.1) * RATE) : round((start + 0.1) * RATE)]
            onset = int(numpy.argmax(abs(around) > threshold)) / RATE - 0.1
            assert abs(onset) < 0.005
        late = convolve({speaker: track}, responses, aligned=False)[speaker][:, 0]
        moved = responses.shift(speaker) - responses.lead
        assert numpy.allclose(late[moved : moved + 40_000], heard[:40_000], atol=1e-7)


def test_islands_give_what_the_whole_gives(responses):
    track = bursts((0.2, 0.6), (1.1, 1.4), (1.45, 2.0))
    heard = convolve({"Ann": track}, responses)["Ann"][:, 0]
    whole = fftconvolve(track, responses.stack[0, 0])[responses.shift("Ann") :]
    assert abs(heard[: len(whole)] - whole).max() < 1e-5 * abs(whole).max()


def test_parts_and_speakers_add_up(responses):
    tracks = {"Ann": bursts((0.1, 0.9)), "Bo": bursts((0.8, 1.9), seed=1)}
    wet, early, late = (convolve(tracks, part) for part in (responses, responses.early(), responses.late()))
    mixture = sum(wet.values())
    parts = sum(early[name] + late[name] for name in tracks)
    assert 20 * numpy.log10(abs(mixture - parts).max() / abs(mixture).max()) < -90


def test_length_is_as_asked(responses):
    track = bursts((0.0, 3.0))
    assert len(convolve({"Ann": track}, responses)["Ann"]) == len(track) + responses.stack.shape[-1] - 1
    assert convolve({"Ann": track}, responses, length=1000)["Ann"].shape == (1000, 1)
    assert convolve({"Ann": numpy.zeros(10)}, responses, length=20)["Ann"].sum() == 0
    assert convolve({}, responses) == {}


def test_every_microphone_of_an_array(responses):
    array = impulse_responses(room(microphones=circular_array((2.5, 2, 0.8))))
    track = bursts((0.5, 1.0))
    heard = convolve({"Bo": track}, array)["Bo"]
    assert heard.shape[1] == 7
    alone = convolve({"Bo": track}, array.at(["circular-3"]))["Bo"]
    # The reference of the part is its own microphone: a shift of whole samples at most.
    moved = array.shift("Bo") - array.at(["circular-3"]).shift("Bo")
    assert numpy.allclose(numpy.roll(heard[:, 2], moved)[100:-100], alone[100:-100, 0], atol=1e-6)


def test_wrong_tracks(responses):
    with pytest.raises(UnknownNameError, match="Ann"):
        convolve({"Anne": numpy.zeros(10)}, responses)
    with pytest.raises(UserError, match="one channel"):
        convolve({"Ann": numpy.zeros((10, 2))}, responses)


@settings(max_examples=60, deadline=None)
@given(bits=some.lists(some.booleans(), max_size=60), gap=some.integers(1, 8))
def test_islands_hold_all_that_sounds(bits, gap):
    track = numpy.array(bits, dtype=float)
    found = list(islands(track, gap))
    outside = numpy.ones(len(track), dtype=bool)
    for start, end in found:
        assert track[start] and track[end - 1]
        outside[start:end] = False
    assert not track[outside].any()
    assert all(later - end >= gap for (_, end), (later, _) in pairwise(found))


def test_standing_still_along_a_way_is_standing_still():
    box = room(speakers={"Ann": (1, 1, 1.2)})
    still = impulse_responses(box)
    there = way_responses(box, "Ann", Way((0.0, 1.0), ((1, 1, 1.2), (1, 1, 1.2))))
    track = bursts((0.2, 2.5))
    walked, stood = convolve_along(track, there), convolve({"Ann": track}, still)["Ann"]
    assert abs(walked - stood).max() < 1e-5 * abs(stood).max()


def test_walking_has_no_clicks():
    """A steady tone: its energy changes slowly, and nothing appears far from its frequency."""
    way = Way((0.0, 4.0), ((1, 1, 1.6), (4, 3, 1.6)), facing=True)
    along = way_responses(room(speakers={"Ann": (1, 1, 1.2)}), "Ann", way)
    assert len(along.times) >= 36
    tone = 0.1 * numpy.sin(2 * numpy.pi * 500 * numpy.arange(4 * RATE) / RATE)
    heard = convolve_along(tone, along)[RATE : 3 * RATE, 0]
    window = numpy.hanning(1024)
    frames = numpy.lib.stride_tricks.sliding_window_view(heard, 1024)[::256] * window
    spectra = numpy.square(abs(numpy.fft.rfft(frames, axis=1)))
    far = spectra[:, 128:].sum(axis=1) / spectra.sum(axis=1)
    assert 10 * numpy.log10(far.max()) < -60


def test_walking_keeps_the_energy_of_noise_and_the_labels():
    way = Way((0.0, 4.0), ((1, 1, 1.6), (4, 3.5, 1.6)))
    along = way_responses(room(), "Ann", way)
    heard = convolve_along(bursts((0.5, 3.5), seconds=4), along)[:, 0]
    steps = numpy.sqrt(numpy.square(heard[RATE : 3 * RATE].reshape(-1, 1600)).mean(axis=1))
    changes = 20 * numpy.log10(steps[1:] / steps[:-1])
    assert abs(changes).max() < 4
    onset = int(numpy.argmax(abs(heard) > 0.1 * abs(heard).max())) / RATE
    assert abs(onset - 0.5) < 0.005
    levels = [row["table"].direct_db for row in along.along.measured.values()]
    assert max(levels) - levels[0] > 3
    assert along.json()["way"]["times"] == [0.0, 4.0]


def test_ways_are_checked():
    with pytest.raises(UserError, match="rise"):
        Way((1.0, 0.0), ((1, 1, 1), (2, 1, 1)))
    with pytest.raises(UserError, match="one point a time"):
        Way((1.0,), ())
    with pytest.raises(UserError, match="not inside room"):
        way_responses(room(), "Ann", Way((0.0, 1.0), ((1, 1, 1), (9, 1, 1))))
    with pytest.raises(UnknownNameError):
        way_responses(room(), "Anne", Way((0.0,), ((1, 1, 1),)))


def measured_file(path, rate=44_100):
    """A direct sound, a stronger reflection 13.6 ms later, a decay of 0.5 s, and the noise of a measurement."""
    import soundfile

    draw = generator(5)
    response = 1e-4 * draw.standard_normal(rate)
    response[2000] += 0.4
    response[2300:] += 0.01 * draw.standard_normal(rate - 2300) * 10 ** (-3 * numpy.arange(rate - 2300) / rate / 0.5)
    response[2600] = 0.8
    soundfile.write(path, response / 2, rate, subtype="FLOAT")
    return path


def test_measured_responses_of_any_rate(tmp_path):
    found = recorded_responses(measured_file(tmp_path / "hall.wav"), ["Ann", "Bo"])
    one = found.measured["Ann"]["recorded"]
    assert one.rt60 == pytest.approx(0.5, rel=0.1)
    assert found.requested["files"] == ["hall.wav", "hall.wav"]
    track = bursts((0.5, 1.0))
    heard = convolve({"Ann": track}, found)["Ann"][:, 0]
    onset = int(numpy.argmax(abs(heard) > 0.1 * abs(heard).max())) / RATE
    assert abs(onset - 0.5) < 0.005


def test_a_folder_gives_everybody_their_own(tmp_path):
    for name in "abc":
        measured_file(tmp_path / f"{name}.wav")
    first, again = (recorded_responses(tmp_path, ["x", "y", "z"], seed=4) for _ in range(2))
    assert sorted(first.requested["files"]) == ["a.wav", "b.wav", "c.wav"]
    assert first.requested == again.requested
    orders = {tuple(recorded_responses(tmp_path, ["x", "y", "z"], seed=seed).requested["files"]) for seed in range(9)}
    assert len(orders) > 1


def test_arrays_of_measured_responses_keep_their_levels():
    rows = numpy.zeros((2, 400))
    rows[0, 50], rows[1, 90] = 0.5, 0.25
    found = recorded_responses(rows, ["Ann", "Bo"])
    levels = [row["recorded"].direct_db for row in found.measured.values()]
    assert levels[0] - levels[1] == pytest.approx(6.02, abs=0.01)
    for bad in (numpy.zeros((1, 1, 4)), numpy.ones((1, 40)), numpy.zeros(40)):
        with pytest.raises(UserError):
            recorded_responses(bad, ["Ann", "Bo"])
    with pytest.raises(UserError, match="does not exist"):
        recorded_responses("nowhere.wav", ["Ann"])


def test_published_functions(tmp_path):
    rirs, info = simulate_rirs(generator(1), 16_000, "small", n_sources=3)
    assert len(rirs) == 3 and info["size"] == "small" and 0.2 <= info["rt60"] <= 0.4
    assert info["measured"][0]["rt60"] == pytest.approx(info["rt60"], rel=0.1)
    again, _ = simulate_rirs(generator(1), 16_000, "small", n_sources=3)
    assert numpy.array_equal(rirs[2], again[2])
    measured_file(tmp_path / "a.wav")
    response, told = load_rir(tmp_path, generator(), RATE)
    assert told["path"].endswith("a.wav")
    track = bursts((0.5, 1.0))
    for level in ("rms", "direct", "keep"):
        wet = apply_rir(track, response, RATE, level=level)
        assert len(wet) > len(track)
        onset = int(numpy.argmax(abs(wet) > 0.1 * abs(wet).max())) / RATE
        assert abs(onset - 0.5) < 0.005
    rms = [numpy.sqrt(numpy.mean(numpy.square(one))) for one in (track, apply_rir(track, response, RATE))]
    assert rms[0] == pytest.approx(rms[1], rel=1e-4)
    with pytest.raises(UserError, match="level"):
        apply_rir(track, response, RATE, level="loud")
