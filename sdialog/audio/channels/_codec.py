"""What real codecs share: their own rate, sixteen bits, frames, and a delay that is measured and taken out."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._alignment import advanced, measured_delay
from sdialog.audio.channels.base import Channel
from sdialog.audio.sound import resample
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

# Silence before and after what is coded, seconds: a codec starts and ends in it, and no sound is lost in its frames.
LEAD = 0.06
TAIL = 0.3


class Codec(Channel):
    """A codec that really runs: a subclass says at which rate and writes :meth:`coded`."""

    codec_rate: ClassVar[int] = 8000
    bits_a_second: ClassVar[int | None] = None

    @abstractmethod
    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder, as late as the codec makes it.

        Args:
            samples: array of shape (n,), int16, at :meth:`own_rate`.

        Returns:
            Array of shape (m,), float32 full scale 1, at the same rate.
        """

    def own_rate(self) -> int:
        """Return the rate at which it works, samples a second."""
        return self.codec_rate

    def bitrate_of(self) -> int | None:
        """Return its bits a second."""
        return self.bits_a_second

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound after the codec; see :meth:`Channel.passed`."""
        numpy = need("numpy", extra="audio", why="run a codec")
        own = self.own_rate()
        at_own = resample(samples, rate, own)
        delay = delay_of(self)
        aligned = advanced(self._through(at_own), delay, len(at_own))
        out = resample(aligned, own, rate)[: len(samples)]
        out = numpy.pad(out, (0, len(samples) - len(out)))
        info = {
            "codec_rate": own,
            "bitrate": self.bitrate_of(),
            "delay_removed": round(delay / own, 7),
            "clipped": round(float((numpy.abs(at_own) > 1).mean()) if len(at_own) else 0.0, 6),
        }
        return out, info

    def _through(self, at_own: Any) -> Any:
        """Return sound after the codec, float, late by its delay and no more."""
        numpy = need("numpy", extra="audio", why="run a codec")
        own = self.own_rate()
        lead, tail = int(LEAD * own), int(TAIL * own)
        padded = numpy.pad(numpy.clip(at_own, -1, 1), (lead, tail))
        whole = numpy.clip(numpy.rint(padded * 32768), -32768, 32767).astype(numpy.int16)
        return self.coded(whole)[lead:]


@lru_cache(maxsize=64)
def delay_of(codec: Codec) -> float:
    """Return the delay of a codec in samples of its own rate; measured once, since it does not depend on the sound."""
    return measured_delay(codec._through, codec.own_rate())


def one_of(name: str, option: str, value: Any, allowed: tuple[int, ...]) -> None:
    """Check that an option is one of the values that a standard knows.

    Raises:
        UserError: if not; names the nearest.
    """
    if isinstance(value, bool) or value not in allowed:
        number = value if isinstance(value, (int, float)) and not isinstance(value, bool) else allowed[0]
        nearest = min(allowed, key=lambda one: abs(one - number))
        known = ", ".join(map(str, allowed))
        raise UserError(f"{option} of the channel {name!r} is one of {known}, not {value!r}; the nearest is {nearest}")
