"""Packet loss, and the concealment of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels._packets import concealed, lost_packets
from sdialog.audio.channels.base import Channel, channels
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@channels.register("loss")
@dataclass(frozen=True)
class Loss(Channel):
    """Packets get lost in bursts, and the pitch period before each is repeated in place of it.

    The packets are of sound after decoding: a codec that predicts from packet to packet would go on being wrong for a
    while after a loss, which is not imitated. See :func:`~sdialog.audio.channels._packets.lost_packets`.

    Args:
        loss: share of the packets that are lost, 0 to less than 1.
        burst: mean number of packets lost together, 1 or more.
        packet: seconds of sound in a packet, 0.005 to 0.2.
        conceal: False plays silence in place of lost packets.

    Raises:
        UserError: if the length of a packet is out of range.

    Example:
        >>> import numpy
        >>> output = Loss(0.2).apply(numpy.sin(numpy.arange(16000) / 5), 16000, seed=1)
        >>> output.info["packets"], 0 < output.info["lost"] < 30
        (50, True)
    """

    loss: float = 0.03
    burst: float = 1.5
    packet: float = 0.02
    conceal: bool = True

    name: ClassVar[str] = "loss"

    def __post_init__(self) -> None:
        if not 0.005 <= self.packet <= 0.2:
            raise UserError(f"packet of the channel 'loss' is from 0.005 to 0.2 seconds, not {self.packet!r}")

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound that is heard; see :meth:`Channel.passed`."""
        size = max(1, round(self.packet * rate))
        count = -(-len(samples) // size)
        gone = lost_packets(count, self.loss, self.burst, generator)
        info = {"packets": count, "lost": int(gone.sum()), "lost_packets": [int(one) for one in gone.nonzero()[0]]}
        return heard(samples, rate, gone, size, self.conceal), info


def heard(samples: Samples, rate: int, gone: Any, size: int, conceal: bool) -> Samples:
    """Return sound without its lost packets, concealed or silent."""
    if conceal:
        return concealed(samples, rate, gone, size)
    out = samples.copy()
    for number in gone.nonzero()[0]:
        out[number * size : (number + 1) * size] = 0
    return out
