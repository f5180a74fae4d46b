"""Do simulated rooms measure what was asked for, and what do they cost?

60 random boxes with sides of 3 to 15 m and reverberation times of 0.2 to 1.2 s, two speakers and one microphone each:
RT60 and direct-to-reverberant ratio of every pair against the request, the stems against the mixture, and the CPU time
of a room, of a cached room, of a seven-microphone array, and of 60 s of speech in it. Run
``python -m benchmarks.room_acoustics``; prints a table and writes ``runs/benchmarks/room_acoustics.json``.
``--method hybrid`` for rays, ``--rooms 20`` for fewer rooms.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from typing import Any

from benchmarks.report import Row, report

SEED = 13
ROOMS = 60
RATE = 16_000
DRR = 4.0
TIME_OFF, TIME_SHARE, DRR_OFF, STEMS_DB, CACHE_TIMES = 0.10, 0.95, 1.0, -90.0, 5.0


def spent(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the CPU seconds of some work, and its result."""
    start = time.process_time()
    made = work()
    return time.process_time() - start, made


def drawn(number: int) -> Any:
    """Return a random room."""
    from sdialog.audio.rooms import Microphone, Position3D, Room
    from sdialog.core.seeds import rng

    draw = rng(SEED, "room", number)
    sides = (draw.uniform(3, 15), draw.uniform(3, 15), draw.uniform(2.4, 5))
    place = Position3D(draw.uniform(0.3, 0.7) * sides[0], draw.uniform(0.3, 0.7) * sides[1], draw.uniform(0.7, 1.5))
    return Room(
        dimensions=sides,
        rt60=draw.uniform(0.2, 1.2),
        speakers=["Ann", "Bo"],
        microphones=[Microphone("table", place)],
        seed=number,
    )


def speech(speakers: list[str], seconds: int = 60) -> dict[str, Any]:
    """Return tracks in which speakers take turns of 2.5 s, as noise."""
    import numpy

    draw = numpy.random.Generator(numpy.random.PCG64(SEED))
    tracks = {name: numpy.zeros(seconds * RATE, dtype=numpy.float32) for name in speakers}
    for turn in range(seconds // 3):
        start = 3 * turn * RATE
        tracks[speakers[turn % len(speakers)]][start : start + 5 * RATE // 2] = 0.05 * draw.standard_normal(
            5 * RATE // 2
        )
    return tracks


def measure_rooms(count: int, method: Any) -> dict[str, list[float]]:
    """Return how far every pair is from the request, and what every room cost."""
    from sdialog.audio.acoustics import impulse_responses

    found: dict[str, list[float]] = {"time": [], "drr": [], "cpu": [], "rounds": []}
    for number in range(count):
        room = drawn(number)
        cpu, responses = spent(lambda room=room: impulse_responses(room, RATE, method=method))
        found["cpu"].append(cpu)
        found["rounds"].append(responses.requested["calibration"]["rounds"])
        for row in responses.measured.values():
            time_found = row["table"].rt60
            found["time"].append(abs(time_found / room.rt60 - 1) if time_found else 1.0)
        for row in responses.with_drr(DRR).measured.values():
            found["drr"].append(abs(row["table"].drr_db - DRR))
    return found


def stems_apart() -> float:
    """Return how far the early and late stems are from the mixture, in dB of its peak."""
    import numpy

    from sdialog.audio.acoustics import convolve, impulse_responses

    responses = impulse_responses(drawn(0), RATE)
    tracks = speech(["Ann", "Bo"], 12)
    whole = sum(convolve(tracks, responses).values())
    parts = sum(sum(convolve(tracks, part).values()) for part in (responses.early(), responses.late()))
    return float(20 * numpy.log10(numpy.abs(whole - parts).max() / numpy.abs(whole).max()))


def cached_times() -> float:
    """Return how much quicker a room is from the folder of a cache than simulated, in wall time."""
    from sdialog.audio.acoustics import RirCache, impulse_responses

    room, spans = drawn(1), []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(3):
            cache = RirCache(folder)
            start = time.perf_counter()
            impulse_responses(room, RATE, cache=cache)
            spans.append(time.perf_counter() - start)
    return spans[0] / min(spans[1:])


def array_costs() -> tuple[float, float, float]:
    """Return the CPU seconds of an array and four speakers, of 60 s of speech at it, and at one microphone."""
    from sdialog.audio.acoustics import convolve, impulse_responses
    from sdialog.audio.rooms import Room, circular_array

    names = list("ABCD")
    room = Room(dimensions=(7, 5, 3), rt60=0.5, speakers=names, microphones=circular_array((3.5, 2.5, 0.8)))
    made, responses = spent(lambda: impulse_responses(room, RATE))
    many, _ = spent(lambda: convolve(speech(names), responses))
    few, _ = spent(lambda: convolve(speech(names[:2]), responses.at(["circular-1"])))
    return made, many, few


def main() -> int:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rooms", type=int, default=ROOMS)
    parser.add_argument("--method", choices=("ism", "hybrid"), default="ism")
    options = parser.parse_args()
    drawn(0)  # pyroomacoustics and scipy are loaded before anything is timed
    measure_rooms(1, options.method)
    found = measure_rooms(options.rooms, options.method)
    share = sum(off <= TIME_OFF for off in found["time"]) / len(found["time"])
    stems, cached = stems_apart(), cached_times()
    made, many, few = array_costs()
    rows = [
        Row("rooms", options.rooms, None),
        Row("pairs with RT60 within 10 %", share, f">= {TIME_SHARE:g}"),
        Row("pairs with RT60 within 5 %", sum(off <= 0.05 for off in found["time"]) / len(found["time"]), None),
        Row("worst RT60, share off", max(found["time"]), None),
        Row("worst DRR, dB off", max(found["drr"]), f"<= {DRR_OFF:g}"),
        Row("stems from mixture, dB", stems, f"< {STEMS_DB:g}"),
        Row("median CPU seconds a room", statistics.median(found["cpu"]), None),
        Row("worst CPU seconds a room", max(found["cpu"]), None),
        Row("mean rounds of calibration", statistics.mean(found["rounds"]), None),
        Row("cached room, times quicker", cached, f">= {CACHE_TIMES:g}"),
        Row("CPU seconds, 4 speakers x 7 microphones", made, None),
        Row("60 s at 7 microphones, x real time", 60 / many, None),
        Row("60 s of two at 1 microphone, x real time", 60 / few, None),
    ]
    met = share >= TIME_SHARE and max(found["drr"]) <= DRR_OFF and stems < STEMS_DB and cached >= CACHE_TIMES
    return report("room_acoustics", rows, met, method=options.method, rooms=options.rooms)


if __name__ == "__main__":
    raise SystemExit(main())
