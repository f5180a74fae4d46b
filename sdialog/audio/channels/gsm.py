"""GSM full rate: the first digital mobile telephones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._codec import Codec
from sdialog.audio.channels._sndfile import by_subtype
from sdialog.audio.channels.base import channels

if TYPE_CHECKING:
    import numpy


@channels.register("gsm")
@dataclass(frozen=True)
class Gsm(Codec):
    """GSM 06.10 full rate at 8 kHz, 13.2 kbit/s (ETSI EN 300 961), run by libsndfile.

    Example:
        >>> import numpy
        >>> len(Gsm().apply(0.1 * numpy.sin(numpy.arange(4000) * 0.1), 16000).samples)
        4000
    """

    name: ClassVar[str] = "gsm"
    bits_a_second: ClassVar[int | None] = 13200

    def coded(self, samples: numpy.ndarray) -> Any:
        """Return sound after encoder and decoder; see :meth:`Codec.coded`."""
        return by_subtype(samples, self.own_rate(), "GSM610")
