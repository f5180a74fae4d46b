"""G.711: the telephone network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec
from sdialog.audio.channels._sndfile import by_subtype
from sdialog.audio.channels.base import channels
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    import numpy


@channels.register("g711")
@dataclass(frozen=True)
class G711(Codec):
    """Eight bits a sample on a logarithmic scale at 8 kHz, 64 kbit/s (ITU-T G.711, 1988), run by libsndfile.

    Args:
        law: ``mu`` (North America, Japan) or ``a`` (elsewhere).

    Raises:
        UserError: if the law is another.

    Example:
        >>> import numpy
        >>> output = G711().apply(0.1 * numpy.sin(numpy.arange(16000) * 0.1), 16000)
        >>> len(output.samples), output.info["bitrate"]
        (16000, 64000)
    """

    law: str = "mu"

    name: ClassVar[str] = "g711"
    bits_a_second: ClassVar[int | None] = 64000

    def __post_init__(self) -> None:
        if self.law not in ("mu", "a"):
            raise UserError(f"law of the channel 'g711' is 'mu' or 'a', not {self.law!r}")

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        return by_subtype(samples, self.own_rate(), "ULAW" if self.law == "mu" else "ALAW")
