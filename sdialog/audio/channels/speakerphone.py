"""Speakerphone: a telephone on the table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._device import Device
from sdialog.audio.channels.base import channels


@channels.register("speakerphone")
@dataclass(frozen=True)
class Speakerphone(Device):
    """A wideband telephone on a table, with the reflection of the table.

    Example:
        >>> import numpy
        >>> len(Speakerphone().apply(numpy.sin(numpy.arange(1000) / 9), 16000).samples)
        1000
    """

    name: ClassVar[str] = "speakerphone"
