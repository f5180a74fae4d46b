"""Lapel: a microphone on the chest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._device import Device
from sdialog.audio.channels.base import channels


@channels.register("lapel")
@dataclass(frozen=True)
class Lapel(Device):
    """Warm: the chest adds to the middle, and the chin takes from the highs.

    Example:
        >>> import numpy
        >>> len(Lapel().apply(numpy.sin(numpy.arange(1000) / 9), 16000).samples)
        1000
    """

    name: ClassVar[str] = "lapel"
