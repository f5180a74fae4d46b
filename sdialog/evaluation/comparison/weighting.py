"""Comparisons of weighted dialogs: what the numbers would be in the population that the weights stand for."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.statistics.intervals import Interval
from sdialog.statistics.margins import WeightedMean, rake, weighted_mean

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.attributes import Attribute
    from sdialog.evaluation.comparison.differences import Difference, Testing
    from sdialog.evaluation.comparison.samples import Facts, Sample

_MARGIN = "margin "


def wanted(weights: Any) -> dict[str, Attribute]:
    """Return what has to be noted of each dialog to weight it.

    Args:
        weights: the name of an attribute or a function that gives the weight of a dialog; or the population's margins,
            a dict from attributes to a dict of each value's share.
    """
    if weights is None:
        return {}
    if isinstance(weights, Mapping):
        return {f"{_MARGIN}{name}": name for name in weights}
    return {"weight": weights}


def weigh(facts: Facts, weights: Any, dataset: str | int) -> None:
    """Work the weights of a set's dialogs out, in place.

    Raises:
        UserError: if a weight is no number, or none fit the margins.
    """
    if isinstance(weights, Mapping):
        rows = [{name: facts.noted[f"{_MARGIN}{name}"][place] for name in weights} for place in range(facts.size)]
        try:
            facts.noted["weight"] = list(rake(rows, weights))
        except UserError as error:
            raise UserError(f"{dataset}: {error}") from error
        return
    for place, weight in enumerate(facts.noted["weight"]):
        if isinstance(weight, bool) or not isinstance(weight, (int, float)) or not 0 <= weight < math.inf:
            raise UserError(f"{dataset}: dialog {facts.ids[place]} has the weight {weight!r}, not a number from 0 up")


def mean_of(sample: Sample, level: float) -> WeightedMean | None:
    """Return the weighted mean of a sample; None where no value has a weight."""
    weights: Any = sample.facts.noted["weight"]
    own = [weights[sample.places[place]] for place in sample.result.groups]
    return weighted_mean(sample.result.values, own, sample.groups, level=level)


def weighted_difference(plain: Difference, a: Sample, b: Sample, how: Testing) -> Difference:
    """Return the difference of two weighted means, with Welch's t (1947) over linearised standard errors.

    Raises:
        UserError: if pairs were asked for.
    """
    from sdialog.evaluation.comparison.differences import detectable

    if how.test in ("paired", "mcnemar") or how.key is not None:
        raise UserError(
            "weighted sets are compared as wholes; take test='auto' without pair_by=, or leave the weights out"
        )
    first, second = mean_of(a, 1 - how.alpha), mean_of(b, 1 - how.alpha)
    if first is None or second is None:
        return replace(plain, note="no dialog with a value has a weight")
    away = second.value - first.value
    if first.se is None or second.se is None:
        return replace(plain, difference=away, note="too few independent dialogs for an interval")
    stats = need("scipy.stats", extra="metrics", why="compare weighted means")
    error = math.hypot(first.se, second.se)
    free = _freedom((first.se, _weighted_units(a)), (second.se, _weighted_units(b)))
    reach = float(stats.t.ppf(1 - how.alpha / 2, free)) * error
    tested = how.test != "none" and error > 0
    return replace(
        plain,
        difference=away,
        interval=Interval(away - reach, away + reach, 1 - how.alpha, "weighted t"),
        p_value=2 * float(stats.t.sf(abs(away) / error, free)) if tested else None,
        test="weighted t" if tested else None,
        detectable=detectable(error, how.alpha),
    )


def _weighted_units(sample: Sample) -> int:
    weights: Any = sample.facts.noted["weight"]
    places = (sample.places[place] for place in sample.result.groups)
    return len({group for group, place in zip(sample.groups, places, strict=True) if weights[place]})


def _freedom(*sides: tuple[float, int]) -> float:
    """Return the degrees of freedom of a difference (Satterthwaite, 1946), from errors and numbers of units."""
    squares = [(error * error, units - 1) for error, units in sides]
    below = sum(square * square / free for square, free in squares)
    return sum(square for square, _ in squares) ** 2 / below if below else 1.0
