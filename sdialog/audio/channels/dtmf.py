"""Touch tones: somebody presses keys of a telephone."""

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

# ITU-T Q.23 (1988): each key is one low and one high tone, Hz.
LOW = (697, 770, 852, 941)
HIGH = (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"


@channels.register("dtmf")
@dataclass(frozen=True)
class Dtmf(Channel):
    """Adds the tones of keys (ITU-T Q.23, 1988) over what is said.

    Args:
        digits: keys: digits, ``*``, ``#`` and ``A`` to ``D``.
        at: when the first begins, seconds; left out, it is drawn.
        tone: seconds a key, 0.04 or more (ITU-T Q.24).
        gap: seconds between keys.
        level_db: of each of the two tones, dBFS.

    Raises:
        UserError: if a key or a number is none.

    Example:
        >>> import numpy
        >>> output = Dtmf("42", at=0.1).apply(numpy.zeros(8000), 8000)
        >>> [(key["key"], key["start"]) for key in output.info["keys"]]
        [('4', 0.1), ('2', 0.3)]
    """

    digits: str = "1"
    at: float | None = None
    tone: float = 0.1
    gap: float = 0.1
    level_db: float = -24.0

    name: ClassVar[str] = "dtmf"

    def __post_init__(self) -> None:
        wrong = sorted({key for key in str(self.digits).upper() if key not in KEYS})
        if wrong or not self.digits:
            raise UserError(f"digits of the channel 'dtmf' are keys of a telephone, {KEYS}, not {self.digits!r}")
        if not (self.tone >= 0.04 and self.gap >= 0 and self.level_db <= -6 and (self.at is None or self.at >= 0)):
            raise UserError("the channel 'dtmf' takes tone of 0.04 or more, gap and at of 0 or more, level_db up to -6")

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound with the tones; keys that begin after its end are not heard; see :meth:`Channel.passed`."""
        numpy = need("numpy", extra="audio", why="make tones")
        out = samples.copy()
        whole = len(self.digits) * (self.tone + self.gap)
        latest = max(0.0, len(samples) / rate - whole)
        first = float(generator.uniform(0, latest)) if self.at is None else self.at
        amplitude = 10 ** (self.level_db / 20) * 2**0.5
        keys = []
        for number, key in enumerate(str(self.digits).upper()):
            start = first + number * (self.tone + self.gap)
            begin = round(start * rate)
            size = min(round(self.tone * rate), len(out) - begin)
            if size <= 0:
                continue
            row, column = divmod(KEYS.index(key), 4)
            time = numpy.arange(size) / rate
            wave = numpy.sin(2 * numpy.pi * LOW[row] * time) + numpy.sin(2 * numpy.pi * HIGH[column] * time)
            edge = numpy.clip(numpy.minimum(time, size / rate - time) / 0.003, 0, 1)
            out[begin : begin + size] += (amplitude * wave * edge).astype(numpy.float32)
            keys.append({"key": key, "start": round(start, 4), "end": round(start + size / rate, 4)})
        return out, {"keys": keys}
