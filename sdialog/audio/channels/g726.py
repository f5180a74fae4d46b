"""G.726: cordless telephones and satellite links."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec, one_of
from sdialog.audio.channels._libav import by_wav
from sdialog.audio.channels.base import channels

if TYPE_CHECKING:
    import numpy


@channels.register("g726")
@dataclass(frozen=True)
class G726(Codec):
    """ADPCM at 8 kHz (ITU-T G.726, 1990), run by libav; needs the extra ``codecs``.

    Args:
        bitrate: bits a second: 16000, 24000, 32000 or 40000.

    Raises:
        UserError: if the bit rate is another.

    Example:
        >>> G726(24000).bitrate_of()
        24000
    """

    bitrate: int = 32000

    name: ClassVar[str] = "g726"

    def __post_init__(self) -> None:
        one_of(self.name, "bitrate", self.bitrate, (16000, 24000, 32000, 40000))

    def bitrate_of(self) -> int:
        """Return its bits a second."""
        return self.bitrate

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        options = {"code_size": str(self.bitrate // 8000)}
        return by_wav(samples, self.own_rate(), "g726", self.bitrate, options)
