"""Headset: a microphone on a boom before the mouth."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._device import Device
from sdialog.audio.channels.base import channels


@channels.register("headset")
@dataclass(frozen=True)
class Headset(Device):
    """A close, nearly even sound with soft lows.

    Example:
        >>> import numpy
        >>> len(Headset().apply(numpy.sin(numpy.arange(1000) / 9), 16000).samples)
        1000
    """

    name: ClassVar[str] = "headset"
