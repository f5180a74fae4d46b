"""G.722: wideband telephones of offices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec
from sdialog.audio.channels._libav import by_packets
from sdialog.audio.channels.base import channels

if TYPE_CHECKING:
    import numpy


@channels.register("g722")
@dataclass(frozen=True)
class G722(Codec):
    """Sub-band ADPCM at 16 kHz, 64 kbit/s (ITU-T G.722, 2012), run by libav; needs the extra ``codecs``.

    Example:
        >>> G722().json()
        {}
    """

    name: ClassVar[str] = "g722"
    codec_rate: ClassVar[int] = 16000
    bits_a_second: ClassVar[int | None] = 64000

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        return by_packets(samples, self.own_rate(), "g722", "g722", self.bits_a_second)[0]
