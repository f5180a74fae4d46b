"""Whether two sets of numbers differ: permutation tests and McNemar's test."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.statistics.resampling import generator, group_sums, numbers

_WHY = "test differences"
ALTERNATIVES = ("two-sided", "greater", "less")
MCNEMAR_METHODS = ("exact", "mid-p")
_CELLS = 2_000_000  # how many random numbers are held at a time


class Test(NamedTuple):
    """What a test found.

    Attributes:
        difference: mean of b less mean of a.
        p_value: how often chance alone gives a difference as large.
        n: how many independent units were compared: values, pairs, or whole groups of them.
        method: how the p-value was computed.
    """

    difference: float
    p_value: float
    n: int
    method: str

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return self._asdict()

    def __str__(self) -> str:
        return f"difference {self.difference:.3g}, p = {self.p_value:.3g} ({self.method}, n = {self.n})"


def permutation_test(
    a: Sequence[float],
    b: Sequence[float],
    *,
    groups_a: Sequence[Hashable] | None = None,
    groups_b: Sequence[Hashable] | None = None,
    alternative: str = "two-sided",
    resamples: int = 9999,
    seed: int = 0,
) -> Test | None:
    """Test whether b's mean differs from a's, both drawn independently.

    Values are dealt to the two sides anew, as would be as likely if both came from one source. All ways are gone
    through where there are at most ``resamples`` of them, or where all values are two numbers; else random ones, and
    the data count as one of them, so that no p-value is 0 (Phipson and Smyth, 2010).

    Args:
        a: numbers of one side.
        b: numbers of the other.
        groups_a: which of a belong together, such as the dialogs of one scenario; whole groups are dealt.
        groups_b: the same of b. Groups of a and b are different ones, also where they have the same name; for a
            scenario that both sides went through, use :func:`paired_permutation_test`.
        alternative: ``two-sided``, ``greater`` (b is greater) or ``less``.
        resamples: how many random ways to try.
        seed: seed of them.

    Returns:
        The test, or None where a side has no values.

    Raises:
        UserError: if a number is missing or infinite, or groups do not fit.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> print(permutation_test([1.0, 2.0, 3.0], [4.0, 5.0, 6.0]))
        difference 3, p = 0.1 (exact permutation, n = 6)
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    extreme = _side(alternative)
    both = numpy.concatenate([numbers(a, "a"), numbers(b, "b")])
    if not len(a) or not len(b):
        return None
    difference = float(both[len(a) :].mean() - both[: len(a)].mean())
    slack = 1e-12 * float(numpy.abs(both).max())
    centred = both - both.mean()
    parts_a, parts_b = group_sums(centred[: len(a)], groups_a), group_sums(centred[len(a) :], groups_b)
    sums, sizes = (numpy.concatenate(pair) for pair in zip(parts_a, parts_b, strict=True))
    dealt = len(parts_b[0])
    if groups_a is None and groups_b is None and len(numpy.unique(both)) == 2:
        p_value = _two_valued(both == both.max(), len(b), difference, extreme)
        return Test(difference, p_value, len(sums), "exact permutation")
    if _ways(len(sums), dealt, resamples) <= resamples:
        picks = numpy.array(list(combinations(range(len(sums)), dealt)))
        found = _dealt_differences(sums, sizes, picks)
        return Test(difference, float(extreme(found, difference, slack).mean()), len(sums), "exact permutation")
    hits, fewer = 0, min(dealt, len(sums) - dealt)
    draw, sign = generator(seed, "permutation"), 1 if fewer == dealt else -1
    for rows in _chunks(resamples, len(sums)):
        keys = draw.random((rows, len(sums)), dtype=numpy.float32)
        picks = numpy.argpartition(keys, fewer - 1, axis=1)[:, :fewer]
        hits += int(extreme(sign * _dealt_differences(sums, sizes, picks), difference, slack).sum())
    return Test(difference, (hits + 1) / (resamples + 1), len(sums), "permutation")


def paired_permutation_test(
    a: Sequence[float],
    b: Sequence[float],
    *,
    groups: Sequence[Hashable] | None = None,
    alternative: str = "two-sided",
    resamples: int = 9999,
    seed: int = 0,
) -> Test | None:
    """Test whether b's mean differs from a's, where the two are measured on the same things.

    The two numbers of a pair change places at random (Fisher, 1935), as would be as likely if it did not matter which
    is which. All ways are gone through where there are at most ``resamples`` of them, or where all differences have
    one size; else random ones, the data counted as one of them.

    Args:
        a, b: numbers, one of each a pair.
        groups: which pairs belong together, such as the dialogs of one scenario; whole groups change places.
        alternative: ``two-sided``, ``greater`` (b is greater) or ``less``.
        resamples: how many random ways to try.
        seed: seed of them.

    Returns:
        The test, or None where there are no pairs.

    Raises:
        UserError: if a and b are not equally long, a number is missing or infinite, or groups do not fit.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> print(paired_permutation_test([1.0, 2.0, 3.0, 4.0], [2.0, 4.0, 6.0, 8.0]))
        difference 2.5, p = 0.125 (exact sign-flip, n = 4)
    """
    numpy = need("numpy", extra="metrics", why=_WHY)
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    extreme = _side(alternative)
    _same_length(a, b)
    first, second = numbers(a, "a"), numbers(b, "b")
    if not len(first):
        return None
    sums, members = group_sums(second - first, groups)
    rounding = 1e-12 * float(numpy.abs([first, second]).max())
    total, slack = float(sums.sum()), rounding * len(first)
    difference, moving = total / len(first), sums[numpy.abs(sums) > rounding * members]
    sizes = numpy.abs(moving)
    if not len(moving):
        return Test(difference, 1.0, len(sums), "exact sign-flip")
    if numpy.ptp(sizes) <= rounding * float(members.max()):
        ups = numpy.arange(len(moving) + 1)
        chances = stats.binom.pmf(ups, len(moving), 0.5)
        p_value = min(1.0, float(chances[extreme(sizes[0] * (2 * ups - len(moving)), total, slack)].sum()))
        return Test(difference, p_value, len(sums), "exact sign-flip")
    if 2 ** len(moving) <= resamples:
        flips = (numpy.arange(2 ** len(moving))[:, None] >> numpy.arange(len(moving))) & 1
        found = (2 * flips - 1) @ moving
        return Test(difference, float(extreme(found, total, slack).mean()), len(sums), "exact sign-flip")
    hits, draw = 0, generator(seed, "sign flip")
    for rows in _chunks(resamples, len(moving)):
        flips = draw.integers(0, 2, size=(rows, len(moving)), dtype=numpy.int8)
        hits += int(extreme(flips @ (2 * moving) - total, total, slack).sum())
    return Test(difference, (hits + 1) / (resamples + 1), len(sums), "sign-flip")


def mcnemar_test(a: Sequence[int], b: Sequence[int], *, method: str = "exact") -> Test | None:
    """Test whether two systems pass equally many of the same items (McNemar, 1947).

    Only the items that one passes and the other does not tell anything: under the null each is as likely to be one
    system's as the other's, so their number is binomial.

    Args:
        a, b: 1 for each item that the system passes, 0 for each it fails.
        method: ``exact`` never rejects too often, and mostly too rarely; ``mid-p`` counts half the chance of the very
            numbers seen, and rejects close to as often as it says (Fagerland, Lydersen and Laake, 2013).

    Returns:
        The test, or None where there are no items.

    Raises:
        UserError: if a and b are not equally long or hold other than zeros and ones.
        UnknownNameError: if the method is none.

    Example:
        >>> print(mcnemar_test([1] * 10 + [0] * 2, [0] * 9 + [1] * 3))
        difference -0.583, p = 0.0654 (McNemar exact, n = 12)
    """
    if method not in MCNEMAR_METHODS:
        raise UnknownNameError("McNemar method", method, MCNEMAR_METHODS)
    _same_length(a, b)
    if any(value not in (0, 1) for value in (*a, *b)):
        raise UserError("McNemar's test is for zeros and ones; use paired_permutation_test for other numbers")
    if not len(a):
        return None
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    lost = sum(x > y for x, y in zip(a, b, strict=True))
    won = sum(y > x for x, y in zip(a, b, strict=True))
    fewer, total = min(lost, won), lost + won
    p_value = 2 * float(stats.binom.cdf(fewer, total, 0.5))
    if method == "mid-p":
        p_value -= float(stats.binom.pmf(fewer, total, 0.5))
    return Test((won - lost) / len(a), min(1.0, p_value), len(a), f"McNemar {method}")


def _ways(size: int, dealt: int, enough: int) -> int:
    """Return in how many ways some of so many can be dealt, or a number above ``enough`` if there are more than that.

    The number itself has as many digits as there are values.
    """
    ways = 1
    for step in range(min(dealt, size - dealt)):
        ways = ways * (size - step) // (step + 1)
        if ways > enough:
            break
    return ways


def _two_valued(upper: Any, dealt: int, difference: float, extreme: Callable[..., Any]) -> float:
    """Return the exact p-value where values are two numbers: the upper ones dealt to b are hypergeometric."""
    numpy = need("numpy", extra="metrics", why=_WHY)
    stats = need("scipy.stats", extra="metrics", why=_WHY)
    total, size = int(upper.sum()), len(upper)
    hits = numpy.arange(max(0, total - (size - dealt)), min(total, dealt) + 1)
    found = hits / dealt - (total - hits) / (size - dealt)
    observed = float(upper[size - dealt :].mean() - upper[: size - dealt].mean())
    likely = stats.hypergeom.pmf(hits, size, total, dealt)
    return min(1.0, float(likely[extreme(found, math.copysign(observed, difference), 1e-12)].sum()))


def _dealt_differences(sums: Any, sizes: Any, picks: Any) -> Any:
    """Return the mean of the picked groups less the mean of the others, for each row of picks."""
    total, count = sums[picks].sum(axis=1), sizes[picks].sum(axis=1)
    return total / count - (sums.sum() - total) / (sizes.sum() - count)


def _side(alternative: str) -> Callable[[Any, float, float], Any]:
    """Return the function that tells which differences are at least as extreme as the one seen."""
    if alternative == "two-sided":
        return lambda found, seen, slack: abs(found) >= abs(seen) * (1 - 1e-9) - slack
    if alternative == "greater":
        return lambda found, seen, slack: found >= seen - abs(seen) * 1e-9 - slack
    if alternative == "less":
        return lambda found, seen, slack: found <= seen + abs(seen) * 1e-9 + slack
    raise UnknownNameError("alternative", alternative, ALTERNATIVES)


def _same_length(a: Sequence[Any], b: Sequence[Any]) -> None:
    if len(a) != len(b):
        raise UserError(f"a has {len(a)} numbers and b {len(b)}; a paired test needs one of each for every item")


def _chunks(rows: int, width: int) -> list[int]:
    """Return numbers of rows, adding up to ``rows``, whose tables are small enough to be held."""
    step = max(1, _CELLS // width)
    return [min(step, rows - start) for start in range(0, rows, step)]
