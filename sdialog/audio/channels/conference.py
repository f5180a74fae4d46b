"""Conference: a microphone in the middle of a table, or above it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._device import Device
from sdialog.audio.channels.base import channels


@channels.register("conference")
@dataclass(frozen=True)
class Conference(Device):
    """Even, with reflections of the table that comb the spectrum.

    Example:
        >>> import numpy
        >>> len(Conference().apply(numpy.sin(numpy.arange(1000) / 9), 16000).samples)
        1000
    """

    name: ClassVar[str] = "conference"
