"""How far a judge can be trusted: its verdicts beside human labels of some of the same dialogs."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.statistics.agreement import (
    Agreement,
    Confusion,
    cohen_kappa,
    confusion,
    krippendorff_alpha,
)
from sdialog.statistics.corrected_rates import Estimate, prediction_powered_mean, rogan_gladen
from sdialog.statistics.intervals import Interval, wilson_interval
from sdialog.statistics.power import Design, minimum_detectable_difference

if TYPE_CHECKING:
    from sdialog.evaluation.results import EvalResult, ItemResult

_SHOWN_LABELS = 12


class Share(NamedTuple):
    """How many of some items are so.

    Attributes:
        hits: how many.
        n: of how many; 0 where there were none, and then there is no share.
        level: of the interval.
    """

    hits: int
    n: int
    level: float = 0.95

    @property
    def value(self) -> float | None:
        """The share, None of no items."""
        return self.hits / self.n if self.n else None

    @property
    def interval(self) -> Interval | None:
        """Wilson's interval, None of no items."""
        return wilson_interval(self.hits, self.n, level=self.level) if self.n else None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        interval = None if self.interval is None else self.interval.json()
        return {"value": self.value, "interval": interval, "hits": self.hits, "n": self.n}

    def __str__(self) -> str:
        return f"{self.value:.3g} {self.interval}, {self.hits} of {self.n}" if self.n else "no value (no such items)"


@dataclass(frozen=True)
class Calibration:
    """A judge beside human labels.

    Attributes:
        name: the judge's name.
        n_judged: dialogs with a verdict.
        n_unjudged: dialogs without one (refusals, errors).
        n_labels: human labels given.
        n_labelled: dialogs with both; all below that concerns agreement rests on them.
        unmatched: ids of human labels for which there is no dialog.
        unjudged_labels: human labels of dialogs without a verdict, and how often: a judge that refuses the worst
            dialogs looks better than it is.
        confusion: human against judged labels; scores are rounded to whole numbers for it.
        kappa: Cohen's kappa; quadratically weighted for scores.
        alpha: Krippendorff's alpha; nominal for labels, interval for scores.
        sensitivity: how often the judge passes what humans pass; None for other than pass and fail, as is all below
            but ``prediction_powered``, which scores have too.
        specificity: how often it fails what humans fail.
        judged_rate: the share that the judge passes, not corrected.
        rogan_gladen: that share corrected for sensitivity and specificity.
        prediction_powered: the mean that humans would give to all judged dialogs; the labelled ones must be a random
            sample of them.
        detectable: the smallest true difference between two systems, each judged on ``n_judged`` dialogs, that is
            found with a power of 80 %: what the judge's mistakes hide makes it larger.
    """

    name: str
    n_judged: int
    n_unjudged: int
    n_labels: int
    n_labelled: int
    unmatched: tuple[Hashable, ...]
    unjudged_labels: Mapping[Any, int]
    confusion: Confusion
    kappa: Agreement
    alpha: Agreement
    sensitivity: Share | None
    specificity: Share | None
    judged_rate: Share | None
    rogan_gladen: Estimate | None
    prediction_powered: Estimate | None
    detectable: float | None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        parts: dict[str, Agreement | Confusion | Share | Estimate | None] = {
            "confusion": self.confusion,
            "kappa": self.kappa,
            "alpha": self.alpha,
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
            "judgedRate": self.judged_rate,
            "roganGladen": self.rogan_gladen,
            "predictionPowered": self.prediction_powered,
        }
        return {
            "name": self.name,
            "nJudged": self.n_judged,
            "nUnjudged": self.n_unjudged,
            "nLabels": self.n_labels,
            "nLabelled": self.n_labelled,
            "unmatched": list(self.unmatched),
            "unjudgedLabels": [{"label": label, "n": count} for label, count in self.unjudged_labels.items()],
            **{name: None if part is None else part.json() for name, part in parts.items()},
            "detectable": self.detectable,
        }

    def __str__(self) -> str:
        lines = [
            f"{self.name}: {self.n_judged} dialogs judged, {self.n_unjudged} without a verdict; "
            f"{self.n_labelled} of {self.n_labels} human labels have one",
        ]
        if self.unjudged_labels:
            shown = ", ".join(f"{label}: {count}" for label, count in self.unjudged_labels.items())
            lines.append(f"without a verdict, by human label: {shown}")
        if self.unmatched:
            lines.append(f"labels of no dialog: {', '.join(map(str, self.unmatched[:5]))}{_more(self.unmatched)}")
        if 0 < len(self.confusion.labels) <= _SHOWN_LABELS:
            lines.append(str(self.confusion))
        lines += [str(self.kappa), str(self.alpha)]
        named = {
            "sensitivity": self.sensitivity,
            "specificity": self.specificity,
            "passed by the judge": self.judged_rate,
        }
        lines += [f"{name}: {share}" for name, share in named.items() if share is not None]
        lines += [str(found) for found in (self.rogan_gladen, self.prediction_powered) if found is not None]
        if self.detectable is not None:
            lines.append(
                f"smallest difference found with 80 % power, {self.n_judged} dialogs a system: {self.detectable:.3g}"
            )
        return "\n".join(lines)


def calibrate(
    result: EvalResult,
    human: Mapping[Any, Any] | Sequence[Any],
    *,
    positive: Any = None,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Calibration:
    """Compare a judge with humans.

    Args:
        result: what the judge said of many dialogs; each value is 1 or 0, a number, or a label.
        human: a label by dialog id, or one for each item of the result in its order; None or nan where there is none.
            Ids also match by their texts, as those read from JSON are.
        positive: the label that is a pass, where labels are other than 1 and 0; any other is a fail. Where only one
            side has words, the 1 and 0 of the other stay what they are. Numbers also match their texts.
        level: of all intervals.
        resamples: of the bootstrap over dialogs that gives the intervals of agreement.
        seed: of the bootstrap.

    Returns:
        Everything that the labels tell of the judge; prints as a report.

    Raises:
        UserError: if labels in order are not as many as items, two dialogs that are labelled by id share the id, a
            value of the result is no single number or label, people and judge do not use the same kind of labels, or
            none is the positive one.
        MissingDependencyError: if numpy or scipy is not installed.

    Example:
        >>> from sdialog.evaluation import EvalResult, ItemResult
        >>> result = EvalResult("polite", [ItemResult(n, "", int(n % 3 > 0)) for n in range(30)])
        >>> found = calibrate(result, {n: int(n % 3 > 0 or n == 9) for n in range(20)})
        >>> found.kappa.n, str(found.sensitivity)
        (20, '0.929 [0.685, 0.987] (95 %, wilson), 13 of 14')
    """
    verdicts = [_verdict(item, result.name) for item in result.items]
    labels, unmatched = _labels(result.items, human)
    labels, verdicts = _comparable(labels, verdicts, positive)
    judged = list(zip(result.items, verdicts, strict=True))
    pairs = [(label, value) for label, (_, value) in zip(labels, judged, strict=True) if label is not None]
    unjudged: dict[Any, int] = {}
    for label, value in pairs:
        if value is None:
            unjudged[label] = unjudged.get(label, 0) + 1
    known = [(label, value) for label, value in pairs if value is not None]
    truth, guess = [label for label, _ in known], [value for _, value in known]
    everything = [value for _, value in judged if value is not None]
    numeric = all(isinstance(value, (int, float)) for value in (*truth, *everything))
    binary = numeric and all(value in (0, 1) for value in (*truth, *everything))
    scored = numeric and not binary
    kappa = cohen_kappa(truth, guess, "quadratic" if scored else None, level=level, resamples=resamples, seed=seed)
    alpha = krippendorff_alpha(known, "interval" if scored else "nominal", level=level, resamples=resamples, seed=seed)
    rates = _Rates(None, None, None, None, None)
    if binary:
        rates = _rates(truth, guess, everything, level)
    return Calibration(
        name=result.name,
        n_judged=len(everything),
        n_unjudged=len(judged) - len(everything),
        n_labels=len(pairs) + len(unmatched),
        n_labelled=len(known),
        unmatched=tuple(unmatched),
        unjudged_labels=unjudged,
        confusion=confusion(*((_whole(truth), _whole(guess)) if scored else (truth, guess))),
        kappa=kappa,
        alpha=alpha,
        sensitivity=rates.sensitivity,
        specificity=rates.specificity,
        judged_rate=rates.judged,
        rogan_gladen=rates.corrected,
        prediction_powered=prediction_powered_mean(truth, guess, everything, level=level) if numeric else None,
        detectable=rates.detectable,
    )


class _Rates(NamedTuple):
    sensitivity: Share | None
    specificity: Share | None
    judged: Share | None
    corrected: Estimate | None
    detectable: float | None


def _rates(truth: list[Any], guess: list[Any], everything: list[Any], level: float) -> _Rates:
    human, judge = [int(label) for label in truth], [int(value) for value in guess]
    positives, passed = sum(human), int(sum(everything))
    hits = sum(x == y == 1 for x, y in zip(human, judge, strict=True))
    passes = sum(x == y == 0 for x, y in zip(human, judge, strict=True))
    sensitivity, specificity = Share(hits, positives, level), Share(passes, len(human) - positives, level)
    judged = Share(passed, len(everything), level)
    if not everything:
        return _Rates(sensitivity, specificity, judged, None, None)
    corrected = rogan_gladen(passed, len(everything), human, judge, level=level)
    youden = (sensitivity.value or 0.0) + (specificity.value or 0.0) - 1
    share = passed / len(everything)
    # A true difference d moves the judged rate by Youden's index times d only.
    seen = minimum_detectable_difference(len(everything), Design(share=share), lower=share > 0.5)
    detectable = None if seen is None or corrected.value is None else abs(seen) / youden
    possible = detectable is not None and detectable <= 1
    return _Rates(sensitivity, specificity, judged, corrected, detectable if possible else None)


def _verdict(item: ItemResult, name: str) -> Any:
    """Return the verdict on a dialog, None where there is none."""
    if item.missing:
        return None
    if isinstance(item.value, Mapping) or (not isinstance(item.value, str) and hasattr(item.value, "__iter__")):
        raise UserError(f"{name} gives several values a dialog; calibrate one of them, such as result.parts[...]")
    return _plain(item.value)


def _plain(label: Any) -> Any:
    if isinstance(label, str) or not hasattr(label, "__float__"):
        if not isinstance(label, Hashable):
            raise UserError(f"a label is a number or a word, not {label!r:.60}")
        return label
    number = float(label)
    if math.isinf(number):
        raise UserError("a label is a finite number or a word, not infinity")
    return None if math.isnan(number) else int(number) if number.is_integer() else number


def _comparable(labels: list[Any], verdicts: list[Any], positive: Any) -> tuple[list[Any], list[Any]]:
    """Return labels and verdicts that mean the same: as they are, or as passes and fails.

    Raises:
        UserError: if one side has words and the other numbers, or nothing is the positive label.
    """
    sides = [{one for one in side if one is not None} for side in (labels, verdicts)]
    told = f"people say {_some(sides[0])} and the judge says {_some(sides[1])}"
    words = [{isinstance(one, str) for one in side} for side in sides]
    if positive is None:
        if len(words[0]) == len(words[1]) == 1 and words[0] != words[1]:
            raise UserError(
                f"{told}, which never agree; give numbers for both, or positive=... for the word that is a pass"
            )
        return labels, verdicts
    wanted = str(_plain(positive))
    # A judge of yes and no says 1 and 0 whatever word people use.
    kept = [not _number_like(wanted) and bool(side) and side <= {0, 1} for side in sides]
    foreign = [
        bool(side) and not keep and all(_number_like(one) != _number_like(wanted) for one in side)
        for side, keep in zip(sides, kept, strict=True)
    ]
    if any(sides) and (any(foreign) or not any(str(one) == wanted for side in sides for one in side)):
        raise UserError(f"no label is the positive one, {positive!r}: {told}")
    first, second = (
        [one if one is None or keep else int(str(one) == wanted) for one in side]
        for side, keep in zip((labels, verdicts), kept, strict=True)
    )
    return first, second


def _number_like(label: Any) -> bool:
    try:
        float(label)
    except (TypeError, ValueError):
        return False
    return True


def _some(labels: set[Any]) -> str:
    shown = sorted(map(repr, labels))
    return ", ".join(shown[:5]) + (" and others" if len(shown) > 5 else "") if shown else "nothing"


def _whole(scores: list[Any]) -> list[int]:
    return [math.floor(score + 0.5) for score in scores]


def _labels(items: Sequence[ItemResult], human: Mapping[Any, Any] | Sequence[Any]) -> tuple[list[Any], list[Hashable]]:
    """Return the human label of each item, None where there is none, and the ids of labels without an item."""
    if not isinstance(human, Mapping):
        if len(human) != len(items):
            raise UserError(f"{len(human)} labels are not one for each of {len(items)} items; give them by dialog id")
        return [_plain(label) for label in human], []
    exact = {item.dialog_id for item in items}
    wanted = {key if key in exact else str(key): key for key, label in human.items() if _plain(label) is not None}
    found: dict[Hashable, int] = {}
    labels: list[Any] = []
    for place, item in enumerate(items):
        key = item.dialog_id if item.dialog_id in wanted else str(item.dialog_id)
        if item.dialog_id is None or key not in wanted:
            labels.append(None)
            continue
        if key in found:
            raise UserError(
                f"items {found[key]} and {place} are both of a dialog with the id {item.dialog_id!r}, so its label "
                "fits either; give labels as a list in the order of the items"
            )
        found[key] = place
        labels.append(_plain(human[wanted[key]]))
    return labels, [original for key, original in wanted.items() if key not in found]


def _more(entries: Sequence[Any]) -> str:
    return f" and {len(entries) - 5} more" if len(entries) > 5 else ""
