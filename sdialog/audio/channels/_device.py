"""Devices: the colour that a microphone and what it is built into give to speech."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from sdialog.audio.assets import asset
from sdialog.audio.channels._alignment import advanced, measured_delay
from sdialog.audio.channels.base import Channel
from sdialog.audio.files import read_audio
from sdialog.audio.noises.base import HIGH_PASS, WHOLE
from sdialog.audio.noises.speech_shaped import speech_spectrum
from sdialog.audio.sound import resample
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


class Device(Channel):
    """A device whose impulse response ships with the package, under its own name."""

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound as the device hears it; see :meth:`Channel.passed`."""
        response, delay = _at_rate(self.name, rate)
        info = {"impulse_response": f"microphones/{self.name}.wav", "delay_removed": round(delay / rate, 7)}
        return coloured(samples, response, delay), info


def coloured(samples: Any, response: Any, delay: float) -> Samples:
    """Return sound after an impulse response, earlier by its delay, as long as it was."""
    signal = need("scipy.signal", extra="audio", why="apply an impulse response")
    return advanced(signal.oaconvolve(samples, response), delay, len(samples))


def speech_levelled(response: Any, rate: int) -> Any:
    """Return an impulse response that leaves the level of average speech as it is."""
    numpy = need("numpy", extra="audio", why="apply an impulse response")
    size = max(4096, 1 << (len(response) - 1).bit_length())
    frequencies = numpy.fft.rfftfreq(size, 1 / rate)
    heard = (frequencies >= HIGH_PASS) & (frequencies <= WHOLE * rate)
    weights = numpy.where(heard, speech_spectrum(numpy.maximum(frequencies, HIGH_PASS)), 0) ** 2
    gain = (numpy.abs(numpy.fft.rfft(response, size)) ** 2 * weights).sum() / weights.sum()
    return response / gain**0.5


def response_delay(response: Any, rate: int) -> float:
    """Return the delay of an impulse response for speech, in samples."""
    signal = need("scipy.signal", extra="audio", why="apply an impulse response")
    return measured_delay(lambda sound: signal.oaconvolve(sound, response), rate)


@lru_cache(maxsize=32)
def _at_rate(name: str, rate: int) -> tuple[Any, float]:
    samples, own = read_audio(asset("microphones", f"{name}.wav"))
    response = speech_levelled(resample(samples, own, rate), rate)
    return response, response_delay(response, rate)
