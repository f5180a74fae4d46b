"""Discontinuous transmission: nothing is sent in pauses, and comfort noise is played."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels.base import Channel, channels
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

FRAME = 0.02
# Frames after speech that are still sent, as in AMR (3GPP TS 26.093), and frames between two descriptions of the noise.
HANGOVER = 7
DESCRIBED = 8
ORDER = 10


@channels.register("dtx")
@dataclass(frozen=True)
class Dtx(Channel):
    """Pauses are replaced by noise of their own spectrum and level, described anew every 160 ms.

    A frame of 20 ms counts as speech if its level is at most ``range_db`` below the loudest and above ``floor_db``.

    Args:
        range_db: how far below the loudest frame speech may be, dB.
        floor_db: level of the comfort noise where there is digital silence, dBFS; also the least it can be.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> import numpy
        >>> output = Dtx().apply(numpy.concatenate([numpy.sin(numpy.arange(8000)), numpy.zeros(8000)]), 16000)
        >>> output.info["frames"], output.info["silent"]
        (50, 18)
    """

    range_db: float = 35.0
    floor_db: float = -70.0

    name: ClassVar[str] = "dtx"

    def __post_init__(self) -> None:
        if not (0 < self.range_db <= 90 and -120 <= self.floor_db <= -30):
            raise UserError("the channel 'dtx' takes range_db above 0 up to 90 and floor_db from -120 to -30")

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound with comfort noise in its pauses; see :meth:`Channel.passed`."""
        numpy = need("numpy", extra="audio", why="make comfort noise")
        size = max(1, round(FRAME * rate))
        count = -(-len(samples) // size)
        frames = numpy.pad(samples, (0, count * size - len(samples))).reshape(count, size).astype(numpy.float64)
        speech = self._speech((frames**2).mean(axis=1))
        out = frames.copy()
        number = 0
        while number < count:
            if speech[number]:
                number += 1
                continue
            stop = number
            while stop < count and not speech[stop] and stop - number < DESCRIBED:
                stop += 1
            noise = self._comfort(frames[number:stop].reshape(-1), generator)
            out[number:stop] = noise.reshape(stop - number, size)
            number = stop
        joined = out.reshape(-1)[: len(samples)].astype(numpy.float32)
        _soften(joined, samples, speech, size)
        return joined, {"frames": count, "silent": int((~speech).sum())}

    def _speech(self, powers: Any) -> Any:
        numpy = need("numpy", extra="audio", why="find pauses")
        least = max(float(powers.max(initial=0.0)) * 10 ** (-self.range_db / 10), 10 ** (self.floor_db / 10))
        loud = powers >= least
        speech = loud.copy()
        for later in range(1, HANGOVER + 1):
            speech[later:] |= loud[:-later]
        return numpy.asarray(speech)

    def _comfort(self, pause: Any, generator: Any) -> Any:
        """Return noise with the spectral envelope and the level of a pause, by linear prediction."""
        numpy = need("numpy", extra="audio", why="make comfort noise")
        linalg = need("scipy.linalg", extra="audio", why="make comfort noise")
        signal = need("scipy.signal", extra="audio", why="make comfort noise")
        floor = 10 ** (self.floor_db / 10)
        power = max(float((pause**2).mean()), floor)
        white = generator.standard_normal(len(pause) + 256)
        own = numpy.array([float((pause[lag:] * pause[: len(pause) - lag]).sum()) for lag in range(ORDER + 1)])
        if own[0] > floor * len(pause) and len(pause) > 4 * ORDER:
            own[0] *= 1.001
            taps = linalg.solve_toeplitz(own[:ORDER], own[1:])
            white = signal.lfilter([1.0], numpy.concatenate([[1.0], -taps]), white)
        noise = white[256:]
        return noise * (power / max(float((noise**2).mean()), 1e-30)) ** 0.5


def _soften(out: Any, samples: Any, speech: Any, size: int) -> None:
    """Fade from speech to noise and back within a quarter of a frame, so that no click is heard."""
    numpy = need("numpy", extra="audio", why="make comfort noise")
    width = max(1, size // 4)
    for number in numpy.flatnonzero(numpy.diff(speech.astype(int))) + 1:
        start = int(number) * size if not speech[number] else int(number) * size - width
        stop = min(start + width, len(out))
        rise = numpy.linspace(0, 1, width, endpoint=False, dtype=numpy.float32)[: stop - start]
        to_noise = not speech[number]
        share = rise if to_noise else 1 - rise
        out[start:stop] = out[start:stop] * share + samples[start:stop] * (1 - share)
