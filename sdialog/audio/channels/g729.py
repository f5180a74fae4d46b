"""G.729, imitated: telephony over the Internet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sdialog.audio.channels._simulated import SimulatedCodec
from sdialog.audio.channels.base import channels


@channels.register("g729")
@dataclass(frozen=True)
class G729(SimulatedCodec):
    """An imitation of G.729 at 8 kbit/s (ITU-T G.729, 2012): no encoder comes with the wheels.

    Example:
        >>> G729.simulated
        True
    """

    name: ClassVar[str] = "g729"
    codec_rate: ClassVar[int] = 8000
    band: ClassVar[tuple[float, float]] = (200.0, 3400.0)
    q_db: ClassVar[float] = 26.0
    bits_a_second: ClassVar[int] = 8000
