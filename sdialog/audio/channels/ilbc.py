"""iLBC, imitated: early calls over the Internet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._simulated import SimulatedCodec
from sdialog.audio.channels.base import channels


@channels.register("ilbc")
@dataclass(frozen=True)
class Ilbc(SimulatedCodec):
    """An imitation of iLBC at 15.2 kbit/s (RFC 3951, 2004): no encoder comes with the wheels.

    Example:
        >>> Ilbc.simulated
        True
    """

    name: ClassVar[str] = "ilbc"
    codec_rate: ClassVar[int] = 8000
    band: ClassVar[tuple[float, float]] = (150.0, 3700.0)
    q_db: ClassVar[float] = 27.0
    bits_a_second: ClassVar[int] = 15200
