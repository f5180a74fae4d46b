"""Handset: a telephone at the ear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._device import Device
from sdialog.audio.channels.base import channels


@channels.register("handset")
@dataclass(frozen=True)
class Handset(Device):
    """The narrow, presence-rich sound of a telephone handset.

    Example:
        >>> import numpy
        >>> len(Handset().apply(numpy.sin(numpy.arange(1000) / 9), 16000).samples)
        1000
    """

    name: ClassVar[str] = "handset"
