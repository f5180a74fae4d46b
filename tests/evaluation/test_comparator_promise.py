"""The whole comparator keeps its promise, by simulation: scores, pairing, clusters, tests and corrections together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy
import pytest

from sdialog import Dialog
from sdialog.evaluation import BaseDialogScore
from sdialog.evaluation.compare import ClaimError, compare
from sdialog.evaluation.comparison.result import Comparison

pytestmark = pytest.mark.long

DRAWS = 1000
SYSTEMS = ("old", "new", "newer")
METRICS = ("normal", "skewed", "share", "turns")


class Noted(BaseDialogScore):
    """What a dialog's annotations say."""

    def score(self, dialog: Dialog) -> Any:
        return (dialog.annotations or {})[self.name]


def values(draw: numpy.random.Generator, ease: float, better: float = 0.0) -> dict[str, Any]:
    """Return a value of each metric; ``ease`` is what dialogs of one task or cluster have in common."""
    turns = draw.normal(ease + draw.normal() + better, 1, size=draw.integers(1, 6))
    return {
        "normal": float(ease + draw.normal() + better),
        "skewed": float(draw.gamma(1.5) * numpy.exp(0.5 * ease) + better),
        "share": int(draw.random() < 1 / (1 + numpy.exp(-ease - better))),
        "turns": turns.tolist(),
    }


def dialogs(name: str, rows: list[dict[str, Any]], cluster: list[int] | None = None) -> list[Dialog]:
    return [
        Dialog(
            id=f"{name}{place}",
            turns=[],
            annotations={**row, "sex": place % 2},
            scenario=None if cluster is None else {"task": cluster[place]},
        )
        for place, row in enumerate(rows)
    ]


def apart(draw: numpy.random.Generator, better: float, seed: int) -> Comparison:
    """Sets of different sizes that have nothing to do with each other."""
    sets = {}
    for name, size in zip(SYSTEMS, (30, 25, 40), strict=True):
        rows = [values(draw, draw.normal(), better * (name == "new")) for _ in range(size)]
        sets[name] = dialogs(name, rows)
    return compare(sets, [Noted(one) for one in METRICS], seed=seed)


def paired(draw: numpy.random.Generator, better: float, seed: int) -> Comparison:
    """The same 30 tasks for every system."""
    eases = draw.normal(0, 2, size=30)
    sets = {name: dialogs("task", [values(draw, ease, better * (name == "new")) for ease in eases]) for name in SYSTEMS}
    found = compare(sets, [Noted(one) for one in METRICS], seed=seed)
    assert {one.pairs for one in found.differences} == {30}
    return found


def clustered(draw: numpy.random.Generator, better: float, seed: int) -> Comparison:
    """Clusters of unequal sizes that are others for each system."""
    sets = {}
    for number, name in enumerate(SYSTEMS):
        rows, owners = [], []
        for place in range(14):
            ease = draw.normal()
            for _ in range(draw.integers(1, 6)):
                rows.append(values(draw, ease, better * (name == "new")))
                owners.append(100 * number + place)
        sets[name] = dialogs(name, rows, owners)
    return compare(sets, [Noted(one) for one in METRICS], cluster_by="task", seed=seed)


def same_clusters(draw: numpy.random.Generator, better: float, seed: int) -> Comparison:
    """The same 14 scenarios for every system, several dialogs each."""
    eases = draw.normal(0, 2, size=14)
    sets = {}
    for name in SYSTEMS:
        owners = [place for place in range(14) for _ in range(draw.integers(1, 5))]
        rows = [values(draw, eases[place], better * (name == "new")) for place in owners]
        sets[name] = dialogs(name, rows, owners)
    found = compare(sets, [Noted(one) for one in METRICS], cluster_by="task", seed=seed)
    assert {one.unit for one in found.differences} == {"cluster"}
    return found


def weighted(draw: numpy.random.Generator, better: float, seed: int) -> Comparison:
    """Sets whose dialogs stand for a population of other shares."""
    sets = {
        name: dialogs(name, [values(draw, draw.normal(), better * (name == "new")) for _ in range(30)])
        for name in SYSTEMS
    }
    return compare(sets, [Noted(one) for one in METRICS], weights={"sex": {0: 0.7, 1: 0.3}}, seed=seed)


DESIGNS: list[Callable[[numpy.random.Generator, float, int], Comparison]] = [
    apart, paired, clustered, same_clusters, weighted,
]  # fmt: skip


@pytest.mark.parametrize("design", DESIGNS, ids=lambda one: one.__name__)
def test_holm_finds_nothing_where_there_is_nothing(design: Any) -> None:
    """Any false finding among 4 metrics and 2 comparisons with the baseline, corrected: at most 5 % of draws."""
    draw = numpy.random.Generator(numpy.random.PCG64(41))
    families, singles, claims = 0, 0, 0
    for seed in range(DRAWS):
        found = design(draw, 0.0, seed)
        assert len(found.differences) == 8 and all(one.p_value is not None for one in found.differences)
        families += any(one.significant() for one in found.differences)
        singles += sum(one.p_value <= 0.05 for one in found.differences)
        try:
            found.assert_better("new", "old", "normal")
            claims += 1
        except ClaimError:
            pass
    # Tests share a baseline, and those of shares are careful, so that less than 5 % is no fault.
    assert 0.015 <= families / DRAWS <= 0.065
    assert 0.035 <= singles / (8 * DRAWS) <= 0.058
    assert 0.03 <= claims / DRAWS <= 0.07


@pytest.mark.parametrize("design", DESIGNS, ids=lambda one: one.__name__)
def test_intervals_hold_a_planted_difference_and_tests_find_it(design: Any) -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(42))
    held, found_ones, told, tries = 0, 0, 0.0, DRAWS // 2
    for seed in range(tries):
        one = design(draw, 1.0, seed).difference("old", "new", "normal")
        assert one.interval is not None and one.detectable is not None
        held += one.interval.low <= 1.0 <= one.interval.high
        found_ones += one.p_value <= 0.05
        told += one.detectable
    assert 0.925 <= held / tries <= 0.975
    # What is called detectable has a power of .8: with so much or less planted, less is found, and with more more.
    power, detectable = found_ones / tries, told / tries
    assert (power >= 0.76) if detectable <= 1.0 else (power <= 0.84)


def test_a_forgotten_correction_finds_what_is_not_there() -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(43))
    found = sum(
        any((one.p_value or 1) <= 0.05 for one in paired(draw, 0.0, seed).differences) for seed in range(DRAWS // 5)
    )
    assert found > 0.2 * DRAWS // 5
