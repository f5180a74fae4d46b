"""How fast are the linguistic, conversational and readability features, and does memory stay flat?

10,000 dialogs of 20 turns of 18 words, made one at a time, go through all features in one pass.

Run ``python -m benchmarks.evaluation_features``; prints a table and writes
``runs/benchmarks/evaluation_features.json``.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator

from benchmarks.report import Row, report
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.seeds import rng
from sdialog.evaluation import ConversationalFeatures, ReadabilityScore, score_dialogs

SEED = 13
TURNS, WORDS = 20, 18
VOCABULARY = 5000
_SYLLABLES = ("ba", "re", "ti", "on", "ment", "able", "ing", "sta", "lo", "ci", "ty", "er", "qua", "ve", "pro", "un")


def made(count: int) -> Iterator[Dialog]:
    """Yield random dialogs, words drawn as in language: a few often, most of them rarely (Zipf)."""
    draw = rng(SEED, "words")
    vocabulary = ["".join(draw.choice(_SYLLABLES) for _ in range(draw.randint(1, 4))) for _ in range(VOCABULARY)]
    weights = [1 / rank for rank in range(1, VOCABULARY + 1)]
    for number in range(count):
        yield Dialog(id=number, turns=list(_turns(draw, vocabulary, weights)))


def _turns(draw: random.Random, vocabulary: list[str], weights: list[float]) -> Iterator[Turn]:
    for place in range(TURNS):
        said = " ".join(draw.choices(vocabulary, weights, k=WORDS)).capitalize()
        yield Turn(speaker="AB"[place % 2], text=said + draw.choice((".", "?", "!")))


def seconds(dialogs: int, *, scored: bool) -> float:
    """Return the processor time of making the dialogs, and of scoring them too."""
    start = time.process_time()
    if scored:
        score_dialogs([ConversationalFeatures(), ReadabilityScore()], made(dialogs))
    else:
        for _ in made(dialogs):
            pass
    return time.process_time() - start


def main() -> int:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogs", type=int, default=10_000)
    options = parser.parse_args()
    seconds(options.dialogs // 10, scored=True)
    early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    scoring = seconds(options.dialogs, scored=True) - seconds(options.dialogs, scored=False)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - early
    rate = options.dialogs / scoring
    rows = [
        Row("dialogs a second on one core", rate, "at least 1500"),
        Row("memory grown by ten times as many dialogs, MB", grown, "< 40"),
    ]
    return report("evaluation_features", rows, rate >= 1500 and grown < 40, turns=TURNS, words=WORDS)


if __name__ == "__main__":
    raise SystemExit(main())
