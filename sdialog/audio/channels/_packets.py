"""Sound in packets: which are lost, and what is played in place of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples

# ITU-T G.711 appendix I (1999): pitch of 5 to 15 ms, found in what was heard last; after 10 ms of loss the repetition
# fades by a fifth every 10 ms, and after 60 ms there is silence.
SHORTEST, LONGEST = 0.005, 0.015
HEARD = 0.0488
HOLD, FADE = 0.01, 0.05
LAG_RATE = 8000


def lost_packets(count: int, loss: float, burst: float, generator: numpy.random.Generator) -> Any:
    """Return which of some packets are lost, by a chain of two states.

    In the good state every packet arrives, in the bad state none: the simple form of E. N. Gilbert, "Capacity of a
    burst-noise channel", Bell System Technical Journal 39, 1960.

    Args:
        count: packets.
        loss: share of packets that are lost in the long run, 0 to 1.
        burst: mean number of packets lost together, 1 or more.
        generator: where the numbers come from.

    Returns:
        Array of shape (count,), bool.

    Raises:
        UserError: if the numbers do not go together.
    """
    numpy = need("numpy", extra="audio", why="lose packets")
    if isinstance(loss, bool) or not 0 <= loss < 1:
        raise UserError(f"loss is a share of the packets from 0 to less than 1, not {loss!r}")
    if not burst >= 1:
        raise UserError(f"burst is a mean number of packets of 1 or more, not {burst!r}")
    back = 1 / burst
    out = loss * back / (1 - loss)
    if out > 1:
        raise UserError(f"a loss of {loss} needs bursts of {loss / (1 - loss):.2g} packets or more, not {burst}")
    draws = generator.random(count + 1)
    bad = bool(draws[0] < loss)
    states = numpy.zeros(count, dtype=bool)
    for number in range(count):
        states[number] = bad
        bad = bool(draws[number + 1] >= back) if bad else bool(draws[number + 1] < out)
    return states


def concealed(samples: Any, rate: int, lost: Any, size: int) -> Samples:
    """Return sound with lost packets replaced by repetitions of the pitch period before them.

    After the method of ITU-T G.711 appendix I (1999), without its delay: each end overlaps what was really there by a
    quarter of a pitch period.

    Args:
        samples: array of shape (n,).
        rate: samples a second.
        lost: for each packet whether it is lost, (packets,) bool.
        size: samples a packet.
    """
    numpy = need("numpy", extra="audio", why="conceal lost packets")
    out: Samples = numpy.array(samples, dtype=numpy.float32)
    number = 0
    while number < len(lost):
        if not lost[number]:
            number += 1
            continue
        last = number
        while last + 1 < len(lost) and lost[last + 1]:
            last += 1
        start, stop = number * size, min((last + 1) * size, len(out))
        _conceal(out, rate, start, stop)
        number = last + 1
    return out


def _conceal(out: Any, rate: int, start: int, stop: int) -> None:
    numpy = need("numpy", extra="audio", why="conceal lost packets")
    longest = int(LONGEST * rate)
    if start < 2 * longest or not numpy.any(out[start - longest : start]):
        out[start:stop] = 0
        return
    lag = _pitch(out[max(0, start - int(HEARD * rate)) : start], rate)
    overlap = max(1, lag // 4)
    period = out[start - lag : start].copy()
    # The end of the period leads smoothly into its beginning.
    rise = numpy.linspace(0, 1, overlap, endpoint=False, dtype=numpy.float32)
    period[-overlap:] = period[-overlap:] * (1 - rise) + out[start - lag - overlap : start - lag] * rise
    length = stop - start
    tail = min(overlap, len(out) - stop)
    made = numpy.tile(period, -(-(length + tail) // lag))[: length + tail]
    time = numpy.arange(length + tail) / rate
    made *= numpy.clip(1 - (time - HOLD) / FADE, 0, 1).astype(numpy.float32)
    out[start:stop] = made[:length]
    if tail:
        fade = numpy.linspace(0, 1, tail, endpoint=False, dtype=numpy.float32)
        out[stop : stop + tail] = out[stop : stop + tail] * fade + made[length:] * (1 - fade)


def _pitch(heard: Any, rate: int) -> int:
    """Return the pitch period in samples: the lag at which what was heard is most like itself."""
    numpy = need("numpy", extra="audio", why="conceal lost packets")
    shortest, longest = int(SHORTEST * rate), min(int(LONGEST * rate), len(heard) // 2)
    window = len(heard) - longest
    latest = heard[-window:].astype(numpy.float64)
    step = max(1, rate // LAG_RATE)
    best, best_lag = -2.0, longest
    for lag in range(shortest, longest + 1, step):
        earlier = heard[len(heard) - window - lag : len(heard) - lag].astype(numpy.float64)
        norm = float(numpy.sqrt((earlier**2).sum() * (latest**2).sum()))
        likeness = float((latest * earlier).sum()) / norm if norm > 0 else -1.0
        if likeness > best:
            best, best_lag = likeness, lag
    return best_lag
