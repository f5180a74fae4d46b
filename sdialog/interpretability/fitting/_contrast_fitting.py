"""Positive and negative rows made into a direction: who belongs together, the fit, and its scores."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.fitting.direction_methods import Contrast, check_method, estimate
from sdialog.interpretability.fitting.folds import deal, split_groups
from sdialog.interpretability.fitting.labelled import WHY, Source, feature_rows, group_numbers, plain
from sdialog.interpretability.fitting.learners import Learner
from sdialog.interpretability.fitting.outcomes import Score, ranking, share

if TYPE_CHECKING:
    from numpy.typing import NDArray


def contrast_of(positive: Any, negative: Any, paired: bool, groups: Any, split: str) -> tuple[Contrast, bool]:
    """Return the rows with their groups, and whether it is known which belong together."""
    high = feature_rows(positive, name="positive rows")
    low = feature_rows(negative, high.shape[1], name="negative rows")
    if paired and len(high) != len(low):
        raise UserError(f"{len(high)} positive rows cannot be paired with {len(low)} negative ones")
    known = groups is not None or split == "rows"
    if paired:
        names = split_groups(groups, split, 4) if known else None
        codes = group_numbers(len(high), names)
        return Contrast(high, low, codes, codes, True), known
    listed = None
    if groups is not None:
        if len(groups) != 2:
            raise UserError("give groups as a pair: the dialogs of the positive rows, and of the negative rows")
        first, second = plain(groups[0]), plain(groups[1])
        if (len(first), len(second)) != (len(high), len(low)):
            raise UserError(
                f"{len(high)} positive and {len(low)} negative rows have {len(first)} and {len(second)} groups; "
                "give one a row"
            )
        listed = first + second
    names = split_groups(listed, split, 4) if known else None
    codes = group_numbers(len(high) + len(low), names)
    return Contrast(high, low, codes[: len(high)], codes[len(high) :]), known


def fit_direction(
    contrast: Contrast,
    known: bool,
    method: str,
    names: tuple[str, str],
    source: Source,
    l2: float | Sequence[float],
    *,
    folds: int,
    level: float,
    seed: int,
) -> Direction:
    """Fit a direction, and score it on its own rows and, where dialogs are known, on those of others."""
    check_method(method, contrast.paired)
    learner = Learner("linear", l2)
    if not known and method == "logistic" and len(learner.strengths) > 1:
        raise UserError("choosing among l2 strengths needs groups, so that dialogs are kept apart; or give one l2")
    unit = estimate(contrast, method, learner, seed)
    vector = unit * float(unit @ contrast.gap)
    train = _score(contrast, unit, None, level, seed, known)
    held = _held_out(contrast, method, learner, folds, level, seed) if known else None
    rows = (len(contrast.positive), len(contrast.negative))
    return Direction(vector, method, names[0], names[1], source, train, held, rows, seed)


def pair_rows(
    labels: NDArray[Any], pairs: NDArray[Any], groups: NDArray[Any] | None
) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any] | None]:
    """Return the positive and the negative row of each pair, and the dialogs of each, as one group.

    Pairs that share a dialog, directly or by way of other pairs, are of one group.

    Raises:
        UserError: if a pair has not one row of each class.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    rows: dict[int, dict[int, int]] = {}
    for place, (pair, label) in enumerate(zip(pairs.tolist(), labels.tolist(), strict=True)):
        if label in rows.setdefault(pair, {}):
            raise UserError(f"rows {rows[pair][label]} and {place} are of one pair and have the same label")
        rows[pair][label] = place
    alone = next((next(iter(found.values())) for found in rows.values() if len(found) < 2), None)
    if alone is not None:
        raise UserError(f"row {alone} has no partner: each pair is a positive and a negative row")
    first = numpy.array([rows[pair][1] for pair in sorted(rows)])
    second = numpy.array([rows[pair][0] for pair in sorted(rows)])
    if groups is None:
        return first, second, None
    return first, second, _joined(numpy, groups[first].tolist(), groups[second].tolist())


def _joined(numpy: Any, first: list[Hashable], second: list[Hashable]) -> NDArray[Any]:
    leader: dict[Hashable, Hashable] = {}

    def find(name: Hashable) -> Hashable:
        while leader.setdefault(name, name) != name:
            leader[name] = leader[leader[name]]
            name = leader[name]
        return name

    for one, other in zip(first, second, strict=True):
        low, high = sorted((find(one), find(other)))  # type: ignore[type-var]
        leader[high] = low
    return numpy.array([find(one) for one in first])  # type: ignore[no-any-return]


def _score(contrast: Contrast, unit: NDArray[Any] | None, readings: Any, level: float, seed: int, known: bool) -> Score:
    """Return AUC, or of pairs the share with the positive row higher, of readings or along a unit vector."""
    numpy = need("numpy", extra="metrics", why=WHY)
    if contrast.paired:
        rising = readings if unit is None else (contrast.positive - contrast.negative) @ unit
        hits = (rising > 0) + 0.5 * (rising == 0)
        if not known:
            return Score("pair_accuracy", float(hits.mean()))
        return share(hits, contrast.positive_groups, "pair_accuracy", level, seed)
    data = contrast.stacked()
    values, folds = (data.features @ unit, None) if unit is not None else readings
    outcome = ranking(data, numpy.asarray(values), folds)
    return outcome.scores(level, seed=seed)["auc"] if known else Score("auc", outcome.value("auc"))


def _held_out(contrast: Contrast, method: str, learner: Learner, count: int, level: float, seed: int) -> Score:
    numpy = need("numpy", extra="metrics", why=WHY)
    data = contrast.stacked()
    folds = deal(data, count, seed, "direction")
    readings = numpy.zeros(len(data))
    for fold in range(count):
        names = numpy.unique(data.groups[folds != fold])
        unit = estimate(contrast.within(names), method, learner, seed)
        held = folds == fold
        readings[held] = data.features[held] @ unit
    if contrast.paired:
        # The negative rows come first.
        size = len(contrast.negative)
        return _score(contrast, None, readings[size:] - readings[:size], level, seed, True)
    return _score(contrast, None, (readings, folds), level, seed, True)
