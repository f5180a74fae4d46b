"""Automatic gain control: quiet speech is raised and loud speech lowered, slowly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.audio.channels.base import Channel, channels
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

FRAME = 0.02


@channels.register("agc")
@dataclass(frozen=True)
class Agc(Channel):
    """Moves the level of speech to a target, faster down than up, and holds the gain in pauses.

    The level is of course not kept; nothing moves in time.

    Args:
        target_db: level of speech, dBFS.
        most_db: the most that the gain may be raised or lowered, dB.
        attack: seconds in which the gain falls by two thirds of what is wanted.
        release: seconds in which it rises by as much.
        gate_db: frames below that level move nothing, dBFS.

    Raises:
        UserError: if a number is out of range.

    Example:
        >>> import numpy
        >>> output = Agc(-20.0).apply(0.01 * numpy.sin(numpy.arange(80000) / 5), 16000)
        >>> output.info["highest_gain_db"] > 10
        True
    """

    target_db: float = -26.0
    most_db: float = 20.0
    attack: float = 0.1
    release: float = 1.0
    gate_db: float = -55.0

    name: ClassVar[str] = "agc"

    def __post_init__(self) -> None:
        if not (self.attack > 0 and self.release > 0 and self.most_db >= 0 and self.target_db < 0):
            raise UserError(
                "the channel 'agc' takes attack and release above 0, most_db of 0 or more, target_db below 0"
            )

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound with its level moved; see :meth:`Channel.passed`."""
        numpy = need("numpy", extra="audio", why="control the gain")
        size = max(1, round(FRAME * rate))
        count = -(-len(samples) // size)
        frames = numpy.pad(samples, (0, count * size - len(samples))).reshape(count, size)
        levels = 10 * numpy.log10(numpy.maximum((frames.astype(numpy.float64) ** 2).mean(axis=1), 1e-12))
        gains = numpy.zeros(count)
        now = 0.0
        for number, level in enumerate(levels):
            if level > self.gate_db:
                wanted = float(numpy.clip(self.target_db - level, -self.most_db, self.most_db))
                seconds = self.attack if wanted < now else self.release
                now += (wanted - now) * (1 - numpy.exp(-FRAME / seconds))
            gains[number] = now
        smooth = numpy.interp(numpy.arange(len(samples)), (numpy.arange(count) + 0.5) * size, gains)
        out = samples * (10 ** (smooth / 20)).astype(numpy.float32)
        info = {"lowest_gain_db": round(float(gains.min()), 3), "highest_gain_db": round(float(gains.max()), 3)}
        return out, info
