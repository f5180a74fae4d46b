"""Opus: calls over the Internet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec, one_of
from sdialog.audio.channels._libav import by_packets
from sdialog.audio.channels.base import channels
from sdialog.audio.sound import resample
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    import numpy


@channels.register("opus")
@dataclass(frozen=True)
class Opus(Codec):
    """Opus in its speech mode (RFC 6716, 2012), run by libav; needs the extra ``codecs``.

    Args:
        bitrate: bits a second, 6000 to 128000.
        rate: samples a second that it is fed: 8000, 12000, 16000, 24000 or 48000.

    Raises:
        UserError: if one is out of range.

    Example:
        >>> Opus(16000, rate=8000).own_rate()
        8000
    """

    bitrate: int = 24000
    rate: int = 16000

    name: ClassVar[str] = "opus"

    def __post_init__(self) -> None:
        one_of(self.name, "rate", self.rate, (8000, 12000, 16000, 24000, 48000))
        if isinstance(self.bitrate, bool) or not 6000 <= self.bitrate <= 128000:
            raise UserError(f"bitrate of the channel 'opus' is from 6000 to 128000 bits a second, not {self.bitrate!r}")

    def own_rate(self) -> int:
        """Return the rate at which it works, samples a second."""
        return self.rate

    def bitrate_of(self) -> int:
        """Return its bits a second."""
        return self.bitrate

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        out, rate = by_packets(samples, self.rate, "libopus", "libopus", self.bitrate, {"application": "voip"})
        return resample(out, rate, self.rate)
