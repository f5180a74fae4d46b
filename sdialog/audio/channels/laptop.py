"""Laptop: a microphone beside the camera or under the keys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._device import Device
from sdialog.audio.channels.base import channels


@channels.register("laptop")
@dataclass(frozen=True)
class Laptop(Device):
    """Thin lows, uneven highs, and the reflection of the keys.

    Example:
        >>> import numpy
        >>> len(Laptop().apply(numpy.sin(numpy.arange(1000) / 9), 16000).samples)
        1000
    """

    name: ClassVar[str] = "laptop"
