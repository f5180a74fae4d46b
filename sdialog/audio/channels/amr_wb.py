"""AMR wide-band, imitated: mobile telephones of today."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._simulated import SimulatedCodec
from sdialog.audio.channels.base import channels


@channels.register("amr_wb")
@dataclass(frozen=True)
class AmrWb(SimulatedCodec):
    """An imitation of AMR-WB at 12.65 kbit/s (3GPP TS 26.190): no encoder comes with the wheels.

    Example:
        >>> AmrWb.simulated
        True
    """

    name: ClassVar[str] = "amr_wb"
    codec_rate: ClassVar[int] = 16000
    band: ClassVar[tuple[float, float]] = (50.0, 6400.0)
    q_db: ClassVar[float] = 28.0
    bits_a_second: ClassVar[int] = 12650
