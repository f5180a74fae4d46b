"""EVS, imitated: voice over the newest mobile networks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._simulated import SimulatedCodec
from sdialog.audio.channels.base import channels


@channels.register("evs")
@dataclass(frozen=True)
class Evs(SimulatedCodec):
    """An imitation of EVS super-wideband at 13.2 kbit/s (3GPP TS 26.445): no encoder comes with the wheels.

    Example:
        >>> Evs.simulated
        True
    """

    name: ClassVar[str] = "evs"
    codec_rate: ClassVar[int] = 32000
    band: ClassVar[tuple[float, float]] = (50.0, 14000.0)
    q_db: ClassVar[float] = 30.0
    bits_a_second: ClassVar[int] = 13200
