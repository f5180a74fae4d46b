"""How fast is a dialog rendered, in times real time, on one core?

A dialog of two speakers and about a minute, in the scene ``room``: first in a room whose impulse responses are known,
with everything spoken anew; then in a second scene, whose clips and responses are known; then four speakers around an
array of seven microphones. Processor time of this process and its children, so other work on the machine counts little.

Run ``python -m benchmarks.audio_speed``; prints a table and writes ``runs/benchmarks/audio_speed.json``.
"""

from __future__ import annotations

import os
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.report import Row, report
from sdialog.audio.clips import ClipCache
from sdialog.audio.result import DialogAudio
from sdialog.audio.rooms import Room, circular_array
from sdialog.audio.synthesis import Studio
from sdialog.core.dialog import Dialog
from sdialog.core.turns import Turn

TEXTS = (
    "Good morning, you are through to the service desk. How can I help you today?",
    "Hello. I ordered two lamps three weeks ago, and only one of them has arrived so far.",
    "I am sorry to hear that. Could you give me the number of your order, please?",
    "Yes, of course. One moment. It is four seven one one, two nine.",
    "Thank you. I can see that the second lamp left our store on Monday.",
    "That is good to know, but the parcel service says that it has never seen it.",
    "Then I will send you another one today, and you need not pay for it.",
    "Wonderful, thank you very much. When will it be here?",
    "It should be with you by Thursday evening. Is there anything else?",
    "No, that is all. Goodbye!",
    "Goodbye, and thank you for calling.",
)
REPEATS = 5


def dialog(speakers: int) -> Dialog:
    """Return a dialog of some speakers."""
    names = [f"Speaker {number}" for number in range(1, speakers + 1)]
    turns = [Turn(speaker=names[place % speakers], text=text) for place, text in enumerate(TEXTS * 2)]
    return Dialog(id=f"minute-{speakers}", turns=turns[: 14 if speakers == 2 else 20])


def seconds() -> float:
    """Return the processor time of this process and of children that are done, plus that of the speech server."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def timed(render: Callable[[int], DialogAudio]) -> tuple[float, float, float]:
    """Return real time ratios by processor time and by the clock, and the length of the sound: the medians."""
    found = []
    for number in range(REPEATS):
        cpu, clock = seconds(), time.perf_counter()
        result = render(number)
        length = result.duration
        found.append((length / (seconds() - cpu), length / (time.perf_counter() - clock), length))
    found.sort()
    return found[len(found) // 2]


def array_room() -> Room:
    """Return a meeting room with four seats around a circular array."""
    names = [f"Speaker {number}" for number in range(1, 5)]
    places = ((1.5, 1.2, 1.2), (4.5, 1.2, 1.2), (1.5, 3.6, 1.2), (4.5, 3.6, 1.2))
    speakers = dict(zip(names, places, strict=True))
    return Room(dimensions=(6, 4.8, 2.8), rt60=0.4, speakers=speakers, microphones=circular_array((3.0, 2.4, 0.8)))


def measure() -> dict[str, float]:
    """Return ratios to real time, and how much faster a second scene is than the first."""
    with tempfile.TemporaryDirectory() as folder:
        studio = Studio("espeak", Path(folder))
        two, four = dialog(2), dialog(4)

        def anew(number: int) -> DialogAudio:
            studio.clips = ClipCache(Path(folder) / f"clips-{number}")
            return studio.render(two, "room", seed=1)

        anew(REPEATS)
        cpu, clock, length = timed(anew)
        first = timed(lambda number: Studio("espeak").render(two, "far_field", seed=1))
        studio.render(two, "far_field", seed=1)
        again = timed(lambda number: studio.render(two, "far_field", seed=1))
        space = array_room()
        studio.render(four, reverb=space, seed=1)
        array = timed(lambda number: studio.render(four, reverb=space, seed=1))
    return {
        "length": length, "anew": clock, "anew_cpu": cpu, "again": again[1], "second": again[1] / first[1],
        "array": array[1], "array_cpu": array[0],
    }  # fmt: skip


def main() -> int:
    """Measure and print."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    seen = measure()
    rows = [
        Row("length of the dialog of two speakers, s", seen["length"], None),
        Row("spoken anew in a known room, times real time", seen["anew"], ">= 100"),
        Row("the same by processor time", seen["anew_cpu"], None),
        Row("a second scene with known clips and responses, times real time", seen["again"], None),
        Row("that, against rendering it with nothing known", seen["second"], ">= 5"),
        Row("four speakers, seven microphones, known room, times real time", seen["array"], ">= 20"),
        Row("the same by processor time", seen["array_cpu"], None),
    ]
    met = seen["anew"] >= 100 and seen["second"] >= 5 and seen["array"] >= 20
    return report("audio_speed", rows, met)


if __name__ == "__main__":
    sys.exit(main())
