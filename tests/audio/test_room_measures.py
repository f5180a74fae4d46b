"""What is read off impulse responses: decay times, clarity and direct sound, against values known by construction."""

from __future__ import annotations

import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sdialog.audio.acoustics import decay_curve, decay_time, direct_sample, measure, octave_decay_times
from sdialog.core.errors import UserError

RATE = 16_000


def falling(rt60, seconds=2.0, rate=RATE):
    """An amplitude that falls by 60 dB in rt60 seconds."""
    return 10 ** (-3 * numpy.arange(int(seconds * rate)) / rate / rt60)


@settings(max_examples=25, deadline=None)
@given(rt60=some.floats(0.1, 1.2), rate=some.sampled_from([8000, 16000, 44100]))
def test_decay_times_of_an_exponential(rt60, rate):
    response = falling(rt60, 2.2, rate)
    for kind in ("t30", "t20", "edt"):
        assert decay_time(response, rate, kind) == pytest.approx(rt60, rel=0.005)


def test_two_slopes_are_told_apart():
    """Energies of 0.3 s and, 30 dB below, of 1.5 s: the early decay is the fast one, T30 is in between."""
    energy = falling(0.3) ** 2 + 1e-3 * falling(1.5) ** 2
    noise = numpy.random.Generator(numpy.random.PCG64(1)).choice([-1.0, 1.0], len(energy))
    response = noise * numpy.sqrt(energy)
    edt, t20, t30 = (decay_time(response, RATE, kind) for kind in ("edt", "t20", "t30"))
    assert 0.3 < edt < t20 < t30 < 1.5


@pytest.mark.parametrize("rt60", [0.3, 0.6, 1.0])
def test_clarity_of_an_exponential(rt60):
    """C = 10 log10(exp(13.82 t / T) - 1) for a pure exponential decay (Kuttruff, Room Acoustics, ch. 5)."""
    found = measure(falling(rt60, 4), RATE, 0)
    for ms, value in ((50, found.c50_db), (80, found.c80_db)):
        rate = 6 * math.log(10) / rt60
        assert value == pytest.approx(10 * math.log10(math.exp(rate * ms / 1000) - 1), abs=0.02)
    assert found.d50 == pytest.approx(1 - math.exp(-6 * math.log(10) / rt60 * 0.05), abs=1e-3)


@pytest.mark.parametrize("drr", [-10.0, 0.0, 12.0])
def test_direct_to_reverberant_ratio(drr):
    response = numpy.zeros(RATE)
    response[100] = 1.0
    tail = numpy.random.Generator(numpy.random.PCG64(2)).standard_normal(8000) * falling(0.4, 0.5)
    response[200:8200] = tail * math.sqrt(10 ** (-drr / 10) / numpy.square(tail).sum())
    found = measure(response, RATE, 100.3, lead=40, distance=1.3)
    assert found.drr_db == pytest.approx(drr, abs=1e-6)
    assert found.direct_db == pytest.approx(0.0)
    assert found.delay == pytest.approx(60.3 / RATE)


def test_a_pulse_has_no_reverberation():
    found = measure(numpy.eye(1, 1000, 10)[0], RATE, 10)
    assert (found.rt60, found.edt, found.drr_db, found.c50_db) == (None, None, None, None)
    assert found.d50 == 1.0


def test_a_response_that_ends_too_early_has_no_t30():
    assert decay_time(falling(1.0, 0.3), RATE) is not None
    noise_floor = falling(0.5) + 0.1
    assert decay_curve(noise_floor)[0] == 0
    assert decay_time(numpy.ones(50), RATE) is None


def test_octave_bands_are_measured_apart():
    draw = numpy.random.Generator(numpy.random.PCG64(3))
    white = draw.standard_normal((2, 2 * RATE))
    spectrum = numpy.fft.rfftfreq(2 * RATE, 1 / RATE)
    low = numpy.fft.irfft(numpy.fft.rfft(white[0]) * (spectrum < 700)) * falling(0.8)
    high = numpy.fft.irfft(numpy.fft.rfft(white[1]) * (spectrum > 1400)) * falling(0.3)
    times = octave_decay_times(low + high, RATE)
    assert times[250] == pytest.approx(0.8, rel=0.2)
    assert times[4000] == pytest.approx(0.3, rel=0.2)
    assert 8000 not in times


def test_the_direct_sound_is_not_the_highest_sample():
    response = 0.001 * numpy.random.Generator(numpy.random.PCG64(4)).standard_normal(4000)
    response[1000], response[1130] = 0.6, -1.0
    assert direct_sample(response, RATE) == 1000


@pytest.mark.parametrize("bad", [numpy.zeros(10), numpy.zeros((2, 2)), numpy.array([numpy.nan, 1.0]), []])
def test_no_direct_sound_in_silence(bad):
    with pytest.raises(UserError, match="impulse response"):
        direct_sample(bad, RATE)
