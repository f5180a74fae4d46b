"""Jitter: packets that come late, and the buffer that waits for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels.base import Channel, channels
from sdialog.audio.channels.loss import heard
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@channels.register("jitter")
@dataclass(frozen=True)
class Jitter(Channel):
    """Packets take a time that varies; a buffer of fixed length waits, and what comes later is lost and concealed.

    The times are exponential, and each is partly that of the packet before, so that late packets come together. Sound
    stays where it was: the wait of the buffer is taken out.

    Args:
        mean: of the extra time of a packet, seconds, 0 or more.
        buffer: how long the buffer waits, seconds.
        packet: seconds of sound in a packet, 0.005 to 0.2.
        memory: how much of the time of a packet is that of the one before, 0 to less than 1.
        conceal: False plays silence in place of late packets.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> import numpy
        >>> Jitter(buffer=10).apply(numpy.ones(16000), 16000).info["late"]
        0
    """

    mean: float = 0.015
    buffer: float = 0.06
    packet: float = 0.02
    memory: float = 0.5
    conceal: bool = True

    name: ClassVar[str] = "jitter"

    def __post_init__(self) -> None:
        if not 0.005 <= self.packet <= 0.2:
            raise UserError(f"packet of the channel 'jitter' is from 0.005 to 0.2 seconds, not {self.packet!r}")
        if not (self.mean >= 0 and self.buffer >= 0 and 0 <= self.memory < 1):
            raise UserError("the channel 'jitter' takes mean and buffer of 0 or more and memory from 0 to less than 1")

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound that is heard; see :meth:`Channel.passed`."""
        size = max(1, round(self.packet * rate))
        count = -(-len(samples) // size)
        extra = generator.exponential(1.0, count) * self.mean
        for number in range(1, count):
            extra[number] = self.memory * extra[number - 1] + (1 - self.memory) * extra[number]
        late = extra > self.buffer
        info = {
            "packets": count,
            "late": int(late.sum()),
            "late_packets": [int(one) for one in late.nonzero()[0]],
            "delay_removed": self.buffer,
        }
        return heard(samples, rate, late, size, self.conceal), info
