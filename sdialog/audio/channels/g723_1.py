"""G.723.1: the first video telephones and telephony over slow Internet lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec
from sdialog.audio.channels._libav import by_packets
from sdialog.audio.channels.base import channels

if TYPE_CHECKING:
    import numpy


@channels.register("g723_1")
@dataclass(frozen=True)
class G7231(Codec):
    """The 6.3 kbit/s mode at 8 kHz (ITU-T G.723.1, 2006), run by libav; needs the extra ``codecs``.

    Example:
        >>> G7231().bitrate_of()
        6300
    """

    name: ClassVar[str] = "g723_1"
    bits_a_second: ClassVar[int | None] = 6300

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        return by_packets(samples, self.own_rate(), "g723_1", "g723_1", self.bits_a_second)[0]
