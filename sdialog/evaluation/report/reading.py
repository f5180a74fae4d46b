"""What a comparison says, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.evaluation.comparison.tables import CORRECTIONS, interval_text, number, p_text, pairing
from sdialog.evaluation.distances.noise_floor import above_floor

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.differences import Difference
    from sdialog.evaluation.comparison.result import Comparison, Name

_DIGITS = 3
_MOST_FOUND = 12
_TESTS = {
    "permutation": "permutation tests of the difference of means (Phipson and Smyth, 2010)",
    "sign-flip": "sign-flip permutation tests of paired differences (Fisher, 1935)",
    "mcnemar": "McNemar's test for pairs of zeros and ones, mid-p (Fagerland, Lydersen and Laake, 2013)",
    "weighted t": "t tests of weighted means with linearised standard errors (Binder, 1983)",
}
_INTERVALS = {
    "t": "t intervals of means, cluster-robust where values belong together (Liang and Zeger, 1986)",
    "wilson": "Wilson's intervals of shares (1927)",
    "bootstrap": "BCa bootstrap intervals (Efron, 1987)",
    "newcombe": "Newcombe's intervals of differences of shares (1998)",
    "weighted t": "t intervals of differences of weighted means (Welch, 1947)",
}


def short(value: object) -> str:
    """Return a number with three digits after the point, fewer where it is large."""
    size = abs(float(value)) if isinstance(value, (int, float)) else 0.0
    return number(value, 1 if size >= 100 else 2 if size >= 10 else _DIGITS)


def in_short(comparison: Comparison) -> list[str]:
    """Return the sentences a reader needs first."""
    found = [one for one in comparison.differences if one.significant(comparison.alpha)]
    found.sort(key=lambda one: one.p_adjusted or 0.0)
    said = [_found(comparison, one) for one in found[:_MOST_FOUND]]
    if len(found) > _MOST_FOUND:
        said.append(f"{len(found) - _MOST_FOUND} more differences are significant; see Differences.")
    rest = [one for one in comparison.differences if one.significant(comparison.alpha) is False]
    if rest:
        told = "No other difference" if said else "No difference"
        said.append(
            f"{told} can be told from chance ({len(rest)} compared). That does not show that there is none: "
            "the column Detectable says how large one would have to be to be found."
        )
    elif not found and len(comparison.about.datasets) > 1:
        said.append("Nothing could be tested: no metric has values that a test could take in two sets.")
    for name in comparison.about.datasets:
        said += _near(comparison, name)
    gaps = sorted({name for (name, _), cell in comparison.cells.items() if cell.n_missing}, key=str)
    if gaps:
        named = ", ".join(f"“{name}”" for name in gaps)
        said.append(f"Some dialogs of {named} have no value in some metrics; see Missing values.")
    if len(comparison.about.datasets) == 1 and not any(comparison.floors.values()):
        said.insert(0, "There is one set of dialogs and nothing to compare it with.")
    return said


def beyond_floor(comparison: Comparison, name: Name, column: str) -> bool | None:
    """Return whether a set is farther from the reference than the reference from itself; None where nobody knows."""
    floor, value = comparison.floors.get(column), comparison.cells[name, column].value
    if floor is None or not isinstance(value, (int, float)):
        return None
    if comparison.columns[column].similarity:
        return value < floor.interval.low
    return above_floor(float(value), floor)


def _near(comparison: Comparison, name: Name) -> list[str]:
    """Return a sentence on how far a set is from the reference, if it was compared with one."""
    where: dict[bool, list[str]] = {True: [], False: []}
    for column in comparison.columns:
        beyond = beyond_floor(comparison, name, column)
        if beyond is not None:
            where[beyond].append(f"{column} ({short(comparison.cells[name, column].value)})")
    parts = [
        f"{'beyond' if beyond else 'within'} the noise floor in {', '.join(columns)}"
        for beyond, columns in where.items()
        if columns
    ]
    return [f"“{name}” is {'; '.join(parts)}."] if parts else []


def _found(comparison: Comparison, one: Difference) -> str:
    way = "higher" if (one.difference or 0) > 0 else "lower"
    means = " against ".join(short(comparison.cells[name, one.column].value) for name in (one.b, one.a))
    where = "" if one.pairs is None else f" over {counted_pairs(one)}"
    sure = f"corrected p {_equals(one.p_adjusted)}"
    digits = 2 if abs(one.difference or 0) >= 10 else _DIGITS
    return (
        f"“{one.b}” is {way} than “{one.a}” in {one.column}: {means}, difference{where} "
        f"{number(one.difference, digits)} {interval_text(one.interval, digits)}, {sure}."
    )


def counted_pairs(one: Difference) -> str:
    """Return how many pairs of what were compared, in words."""
    return f"{one.pairs} pairs" if one.unit == "dialog" else f"{one.pairs} pairs of clusters"


def _equals(p_value: float | None) -> str:
    text = p_text(p_value)
    return text if text.startswith("<") else f"= {text}"


def methods(comparison: Comparison) -> list[str]:
    """Return how the numbers were made, a paragraph each."""
    options = comparison.about.options
    said = []
    cells = [cell.interval for cell in comparison.cells.values()]
    kinds = dict.fromkeys(
        interval.method for interval in [*cells, *(one.interval for one in comparison.differences)] if interval
    )
    if kinds:
        level = f"{100 * (1 - comparison.alpha):g} %"
        said.append(f"Intervals ({level}): {'; '.join(_INTERVALS.get(kind, kind) for kind in kinds)}.")
    tests = dict.fromkeys(one.test for one in comparison.differences if one.test)
    if tests:
        kinds = dict.fromkeys(next((text for key, text in _TESTS.items() if key in one.lower()), one) for one in tests)
        named = "; ".join(kinds)
        count = sum(one.p_value is not None for one in comparison.differences)
        said.append(
            f"Tests, two-sided, level {comparison.alpha:g}: {named}. {CORRECTIONS[options['correction']]} over the "
            f"{count} test{'s' * (count > 1)} of the table of differences"
            f"{', and over all slices together' if comparison.slices else ''}."
        )
    said += [f"{text}." for text in pairing(comparison)]
    if options["clusterBy"]:
        said.append(f"Dialogs of equal {options['clusterBy']} are taken as belonging together.")
    if options["weights"]:
        said.append(f"Dialogs are weighted: {options['weights']}.")
    if comparison.differences:
        said.append(
            "Effects: g is Hedges' g, delta Cliff's delta, h Cohen's h (shares). Detectable is the difference that a "
            "test of its own, before correction, finds four times of five, from the standard error seen (Bloom, 1995)."
        )
    if any(floor is not None for floor in comparison.floors.values()):
        said.append(
            "Noise floor: where 95 % of the measure lie between two random halves of the reference itself (20 times), "
            "of the second half no more dialogs than the smallest set has: for larger sets the floor is a careful one."
        )
    said.append(
        "A dialog on which a score fails or says nothing has no value and is left out; it never counts as zero. "
        f"Seed of all that is random: {options['seed']}."
    )
    return said
