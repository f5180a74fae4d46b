"""Clipping: an input that was driven too far."""

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


@channels.register("clipping")
@dataclass(frozen=True)
class Clipping(Channel):
    """Cuts off whatever is above a level, as set against the highest sample.

    Args:
        threshold_db: of the cut, dB against the highest sample, 0 or less.

    Raises:
        UserError: if the threshold is above 0.

    Example:
        >>> import numpy
        >>> output = Clipping(-6.0206).apply(numpy.array([0.1, 0.8, -0.8]), 8000)
        >>> [round(float(one), 3) for one in output.samples]
        [0.1, 0.4, -0.4]
    """

    threshold_db: float = -3.0

    name: ClassVar[str] = "clipping"

    def __post_init__(self) -> None:
        if isinstance(self.threshold_db, bool) or not self.threshold_db <= 0:
            raise UserError(f"threshold_db of the channel 'clipping' is 0 or less, not {self.threshold_db!r}")

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound cut off; see :meth:`Channel.passed`."""
        numpy = need("numpy", extra="audio", why="clip sound")
        threshold = float(numpy.abs(samples).max()) * 10 ** (self.threshold_db / 20)
        over = float((numpy.abs(samples) > threshold).mean())
        return numpy.clip(samples, -threshold, threshold), {"clipped": round(over, 6)}
