"""How fast are the linguistic, conversational and readability features, and does memory stay flat?

10,000 dialogs of 20 turns of 18 words, made one at a time, go through the published features in one pass, and through
all linguistic and conversational features in another.

Run ``python -m benchmarks.evaluation_features``; prints a table and writes
``runs/benchmarks/evaluation_features.json``.
"""

from __future__ import annotations

import argparse
import random
import resource
import time
from collections.abc import Iterator, Sequence

from benchmarks.report import Row, report
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.seeds import rng
from sdialog.evaluation import BaseDialogScore, ConversationalFeatures, ReadabilityScore, score_dialogs
from sdialog.evaluation.metrics.everything import DialogFeatures

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


def seconds(dialogs: int, scores: Sequence[BaseDialogScore]) -> float:
    """Return the processor time of scoring the dialogs, without that of making them."""
    making = 0.0

    def timed() -> Iterator[Dialog]:
        nonlocal making
        source = made(dialogs)
        while True:
            before = time.process_time()
            dialog = next(source, None)
            making += time.process_time() - before
            if dialog is None:
                return
            yield dialog

    start = time.process_time()
    score_dialogs(scores, timed())
    return time.process_time() - start - making


def main() -> int:
    """Read the command line, measure, report."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dialogs", type=int, default=10_000)
    options = parser.parse_args()
    published: list[BaseDialogScore] = [ConversationalFeatures(), ReadabilityScore()]
    everything: list[BaseDialogScore] = [DialogFeatures()]
    seconds(options.dialogs // 10, published + everything)
    early = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    rate = options.dialogs / seconds(options.dialogs, published)
    rate_of_all = options.dialogs / seconds(options.dialogs, everything)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - early
    rows = [
        Row("published features: dialogs a second on one core", rate, "at least 1500"),
        Row("all features: dialogs a second on one core", rate_of_all, "at least 300"),
        Row("memory grown by ten times as many dialogs, MB", grown, "< 40"),
    ]
    met = rate >= 1500 and rate_of_all >= 300 and grown < 40
    return report("evaluation_features", rows, met, turns=TURNS, words=WORDS)


if __name__ == "__main__":
    raise SystemExit(main())
