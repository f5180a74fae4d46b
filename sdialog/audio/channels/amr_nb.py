"""AMR narrow-band: mobile telephones of the second and third generation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec, one_of
from sdialog.audio.channels._libav import by_packets
from sdialog.audio.channels.base import channels

if TYPE_CHECKING:
    import numpy

BITRATES = (4750, 5150, 5900, 6700, 7400, 7950, 10200, 12200)


@channels.register("amr_nb")
@dataclass(frozen=True)
class AmrNb(Codec):
    """Adaptive multi-rate speech codec at 8 kHz (3GPP TS 26.090), run by libav; needs the extra ``codecs``.

    Args:
        bitrate: bits a second, one of the eight modes.
        dtx: whether the encoder stops sending in pauses and the decoder fills them with comfort noise (TS 26.093).

    Raises:
        UserError: if the bit rate is not one of a mode.

    Example:
        >>> AmrNb(4750).bitrate_of()
        4750
    """

    bitrate: int = 12200
    dtx: bool = False

    name: ClassVar[str] = "amr_nb"

    def __post_init__(self) -> None:
        one_of(self.name, "bitrate", self.bitrate, BITRATES)

    def bitrate_of(self) -> int:
        """Return its bits a second while somebody speaks."""
        return self.bitrate

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        options = {"dtx": "1" if self.dtx else "0"}
        codec = "libopencore_amrnb"
        return by_packets(samples, self.own_rate(), codec, codec, self.bitrate, options)[0]
