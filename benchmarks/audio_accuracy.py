"""Does a rendered dialog have what was asked for?

A short dialog in random rooms with sides of 3 to 15 m: RT60 of 0.2 to 1.2 s, direct-to-reverberant ratio of 0 to 15 dB,
noise of a random kind at 0 to 30 dB, loudness of -30 to -16 LUFS with a true peak of -3 to -1 dBTP. Everything is
measured in the result, by other means than those that made it where there are any: RT60 by backward integration of the
responses, the signal-to-noise ratio from the stems, loudness and peak of the recording, and the sum of the stems.

Run ``python -m benchmarks.audio_accuracy``; prints a table and writes ``runs/benchmarks/audio_accuracy.json``.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

import numpy

from benchmarks.report import Row, report
from benchmarks.room_acoustics import drawn
from sdialog.audio.levels import loudness_lufs
from sdialog.audio.peaks import true_peak_db
from sdialog.audio.result import DialogAudio
from sdialog.audio.snr import in_band_snr_db
from sdialog.audio.synthesis import Studio
from sdialog.core.dialog import Dialog
from sdialog.core.seeds import rng
from sdialog.core.turns import Turn

SEED = 29
KINDS = ("white", "pink", "brown", "speech_shaped", "cafe", "fan", "street", "hum")
TALK = Dialog(
    id="accuracy",
    turns=[
        Turn(speaker="Ann", text="Hello, I have been waiting for my order for three weeks now."),
        Turn(speaker="Bo", text="I am sorry to hear that. Let me see what happened."),
        Turn(speaker="Ann", text="Thank you, that is kind."),
    ],
)


def one(studio: Studio, number: int) -> dict[str, float]:
    """Return how far one dialog is from what was asked for."""
    draw = rng(SEED, "scene", number)
    room = drawn(number)
    asked = {
        "drr": draw.uniform(0, 15),
        "noise": {"type": draw.choice(KINDS), "snr": draw.uniform(0, 30)},
        "loudness": draw.uniform(-30, -16),
        "true_peak_db": draw.uniform(-3, -1),
    }
    result = studio.render(TALK, reverb=room, seed=number, stems=True, **asked)
    found = next(iter(result.stems.responses.values())) if result.stems else None
    assert found is not None
    pairs = [row["table"] for row in found.measured.values()]
    plain = studio.rirs.get(result.rooms()[0], 16000, method="ism", seed=_acoustics_seed(number))
    times = [row["table"].rt60 for row in plain.measured.values()]
    return {
        "time": max(abs(time / room.rt60 - 1) if time else 1.0 for time in times),
        "drr": max(abs(pair.drr_db - asked["drr"]) for pair in pairs if pair.drr_db is not None),
        "snr": abs(_snr(result) - asked["noise"]["snr"]),
        "loudness": abs((loudness_lufs(result.audio, 16000) or 0.0) - asked["loudness"]),
        "peak": true_peak_db(result.audio) - asked["true_peak_db"],
        "stems": _rest_db(result),
    }


def _acoustics_seed(number: int) -> int:
    from sdialog.core.seeds import derive_seed

    return derive_seed(derive_seed(number, "mix"), "acoustics")


def _snr(result: DialogAudio) -> float:
    assert result.stems is not None and result.stems.noise is not None
    measured = in_band_snr_db(result.stems.wet.sum(axis=(0, 1)), result.stems.noise[0], 16000)
    return -99.0 if measured is None else measured


def _rest_db(result: DialogAudio) -> float:
    stems = result.stems
    assert stems is not None and stems.noise is not None and stems.gains is not None
    rest = (stems.line.sum(axis=(0, 1)) + stems.noise[0]) * stems.gains - result.audio
    return 20 * float(numpy.log10(max(float(numpy.abs(rest).max()), 1e-12) / float(numpy.abs(result.audio).max())))


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rooms", type=int, default=60)
    count = parser.parse_args().rooms
    studio = Studio("espeak")
    seen = [one(studio, number) for number in range(count)]

    def worst(key: str) -> float:
        return max(entry[key] for entry in seen)

    within = 100 * sum(entry["time"] <= 0.10 for entry in seen) / count
    rows: list[Any] = [
        Row("rooms with RT60 within 10 %, %", within, ">= 95"),
        Row("direct-to-reverberant ratio, furthest off, dB", worst("drr"), "<= 1"),
        Row("in-band signal-to-noise ratio, furthest off, dB", worst("snr"), "<= 0.5"),
        Row("loudness, furthest off, LU", worst("loudness"), "<= 0.5"),
        Row("true peak above its ceiling, dB", worst("peak"), "<= 0"),
        Row("what stems leave of the recording, dB", worst("stems"), "<= -90"),
    ]
    met = within >= 95 and worst("drr") <= 1 and worst("snr") <= 0.5 and worst("loudness") <= 0.5
    return report("audio_accuracy", rows, met and worst("peak") <= 0 and worst("stems") <= -90, rooms=count)


if __name__ == "__main__":
    sys.exit(main())
