"""What scores give: one result an item, and all of them together with their uncertainty."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import EvaluationError
from sdialog.llm.types import Usage
from sdialog.statistics.intervals import Interval, mean_interval, standard_error

if TYPE_CHECKING:
    from sdialog.statistics.agreement import Agreement

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_FREE = Usage()


@dataclass(frozen=True, slots=True)
class ItemResult:
    """What one score says of one dialog.

    Attributes:
        dialog_id: the dialog's id.
        content_hash: hash of what the dialog holds (:func:`sdialog.evaluation.identity.dialog_hash`).
        value: a number, several (one a turn, say), named ones or a label; None for no value, which is not zero.
        reason: why the value is what it is (a judge's words), or why there is none.
        error: what went wrong, as ``ErrorName: message``, when something did.
        details: further data behind the value, such as evidence or votes; under ``missing``, by name, why a part has no
            value.
        usage: what model calls it cost.
        cached: whether it was kept from an earlier evaluation.
    """

    dialog_id: str | int | None
    content_hash: str
    value: Any = None
    reason: str | None = None
    error: str | None = None
    # These defaults are shared, for there may be millions of items.
    details: Mapping[str, Any] = field(default_factory=lambda: _NOTHING)
    usage: Usage = _FREE
    cached: bool = False

    @property
    def missing(self) -> bool:
        """Whether there is no value: None, not a number, or a list without a number."""
        if isinstance(self.value, (list, tuple)):
            return all(number is None or number != number for number in self.value)  # NaN is not itself
        return self.value is None or (isinstance(self.value, float) and math.isnan(self.value))

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without what is empty."""
        data = {
            "dialogId": self.dialog_id,
            "contentHash": self.content_hash,
            "value": None if self.missing else self.value,
            "reason": self.reason,
            "error": self.error,
            "details": dict(self.details),
            "usage": self.usage.json() if self.usage.calls else None,
        }
        return {name: entry for name, entry in data.items() if name == "value" or entry not in (None, {})}


class EvalResult(Sequence[float]):
    """All results of one score: a sequence of its numbers, one number as their mean, and how sure that mean is.

    Where a score gives several numbers a dialog (one a turn), the sequence holds all of them, and the uncertainty
    takes into account that those of one dialog belong together.

    Args:
        name: the score's name.
        items: results, one a dialog.

    Attributes:
        values: the numbers, missing ones left out.
        groups: for each number, which item it came from.

    Example:
        >>> items = [ItemResult(n, "", value) for n, value in enumerate([1, 0, None, 1])]
        >>> result = EvalResult("polite", items)
        >>> round(float(result), 3), result.n, result.n_missing
        (0.667, 3, 1)
        >>> print(result)
        polite: 0.667 [0.208, 0.939] (95 %, wilson), n = 3, 1 missing
    """

    def __init__(self, name: str, items: Sequence[ItemResult]) -> None:
        self.name, self.items = name, tuple(items)
        self.values: list[float] = []
        self.groups: list[int] = []
        for place, item in enumerate(self.items):
            for number in _numbers(item):
                self.values.append(number)
                self.groups.append(place)

    # -- a sequence of numbers

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: Any) -> Any:
        return self.values[index]

    def __iter__(self) -> Iterator[float]:
        return iter(self.values)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        import numpy

        return numpy.array(self.values, dtype=dtype or float)

    # -- one number

    def __float__(self) -> float:
        return self.mean

    @property
    def mean(self) -> float:
        """The mean of the numbers.

        Raises:
            EvaluationError: if there is none; says why.
        """
        if not self.values:
            raise EvaluationError(self._no_number())
        return math.fsum(self.values) / len(self.values)

    @property
    def n(self) -> int:
        """How many items have a value."""
        return len(self.items) - self.n_missing

    @property
    def n_missing(self) -> int:
        """How many have none."""
        return sum(item.missing for item in self.items)

    @property
    def missing_reasons(self) -> dict[str, int]:
        """Why values are missing, and how often."""
        return dict(Counter(item.error or item.reason or "no reason given" for item in self.items if item.missing))

    @property
    def se(self) -> float | None:
        """Standard error of the mean; None for fewer than two items."""
        return standard_error(self.values, self.groups)

    def ci(self, level: float = 0.95, method: str = "auto") -> Interval | None:
        """Return a confidence interval of the mean; None where there are too few items for one.

        Args:
            level: how often such an interval holds the true mean.
            method: ``wilson`` (shares), ``t``, ``bootstrap`` (BCa); ``auto`` takes Wilson's for zeros and ones
                that are whole numbers or truth values, as verdicts are, else t: a rate in percent that happens to be 0
                everywhere is no share.
        """
        if method == "auto" and not all(isinstance(item.value, int) for item in self.items if not item.missing):
            method = "t"
        return mean_interval(self.values, self.groups, level=level, method=method)

    def agreement(self, human: Any, *, positive: Any = None, level: float = 0.95, seed: int = 0) -> Agreement:
        """Return how far the values agree with people's labels: Cohen's kappa (1960) with a bootstrap interval.

        :func:`sdialog.evaluation.calibration.calibrate` tells all of it: what is confused, how often, and what follows
        for the rate.

        Args:
            human: labels by dialog id, or in the order of the dialogs.
            positive: which label counts as passed; default 1 or True.
            level: of the interval.
            seed: seed of the bootstrap.
        """
        from sdialog.evaluation.calibration import calibrate

        return calibrate(self, human, positive=positive, level=level, seed=seed).kappa

    @property
    def usage(self) -> Usage:
        """What all model calls cost."""
        return sum((item.usage for item in self.items), Usage())

    # -- parts

    @property
    def parts(self) -> dict[str, EvalResult]:
        """For a score of several named values: the result of each by its name."""
        names = dict.fromkeys(name for item in self.items if isinstance(item.value, Mapping) for name in item.value)
        return {name: EvalResult(f"{self.name}-{name}", [_part(item, name) for item in self.items]) for name in names}

    def json(self) -> dict[str, Any]:
        """Return a plain dict: the summary and every item."""
        interval = self.ci() if self.values else None
        return {
            "name": self.name,
            "mean": self.mean if self.values else None,
            "n": self.n,
            "nMissing": self.n_missing,
            "se": self.se,
            "ci": None if interval is None else interval.json(),
            "missingReasons": self.missing_reasons,
            "usage": self.usage.json(),
            "items": [item.json() for item in self.items],
        }

    def __str__(self) -> str:
        parts = self.parts
        if parts:
            return "\n".join(map(str, parts.values()))
        labels = Counter(item.value for item in self.items if isinstance(item.value, str))
        if labels:
            shares = ", ".join(f"{label} {count}" for label, count in labels.most_common())
            return f"{self.name}: {shares}, n = {self.n}" + (f", {self.n_missing} missing" if self.n_missing else "")
        if not self.values:
            return f"{self.name}: no value, {self.n_missing} missing{self._why()}"
        interval = self.ci()
        sure = "" if interval is None else f" {interval}"
        missing = f", {self.n_missing} missing" if self.n_missing else ""
        return f"{self.name}: {self.mean:.3g}{sure}, n = {self.n}{missing}"

    def __repr__(self) -> str:
        parts = self.parts
        return f"<EvalResult {self.name}: {len(parts)} parts, n = {self.n}>" if parts else f"<EvalResult {self}>"

    def _no_number(self) -> str:
        """Return why there is no mean, and where to look instead."""
        parts = self.parts
        if parts:
            return f"{self.name} has several values by name ({', '.join(list(parts)[:3])}, ...): see its parts"
        if any(isinstance(item.value, str) for item in self.items):
            return f"{self.name} gives labels, which have no mean: count those of its items"
        return f"{self.name} has no value for any of {len(self.items)} dialogs{self._why()}"

    def _why(self) -> str:
        reasons = self.missing_reasons
        return "" if not reasons else f": {max(reasons, key=lambda reason: reasons[reason])}"


def settled(value: Any) -> Any:
    """Return a value as results hold it: a number, a label, None, a list of numbers, or such values by name.

    Scalars and arrays of numpy and torch become Python's own numbers and lists, what is not a number None.

    Raises:
        EvaluationError: if it is none of these.

    Example:
        >>> settled((1, None, True)), settled({"tone": "kind"})
        ([1, None, True], {'tone': 'kind'})
    """
    if hasattr(value, "tolist"):
        value = value.tolist()
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, Mapping):
        return {str(name): settled(entry) for name, entry in value.items()}
    if isinstance(value, Iterable):
        return [None if number is None else _number(number) for number in value]
    if not hasattr(value, "__float__"):
        raise EvaluationError(f"the score gave a value of type {type(value).__name__}, which is no number and no label")
    return _number(value)


def _number(value: Any) -> Any:
    if hasattr(value, "tolist"):
        value = value.tolist()
    if not isinstance(value, (int, float)) and hasattr(value, "__float__"):
        value = float(value)
    if not isinstance(value, (int, float)):
        raise EvaluationError(f"the score gave a list that holds a {type(value).__name__}, where only numbers can be")
    if math.isinf(value):
        raise EvaluationError("the score gave an infinite number, which has no place in a mean")
    return None if math.isnan(value) else value


def _numbers(item: ItemResult) -> list[float]:
    """Return the numbers of an item; labels and named values have none of their own."""
    if item.missing or isinstance(item.value, (str, Mapping)):
        return []
    given = item.value if isinstance(item.value, Iterable) else [item.value]
    return [float(number) for number in given if number is not None and not math.isnan(number)]


def _part(item: ItemResult, name: str) -> ItemResult:
    value = item.value.get(name) if isinstance(item.value, Mapping) else None
    told = item.details.get("missing")
    reason = told[name] if isinstance(told, Mapping) and name in told else item.reason
    if value is None and reason is None and item.error is None:
        reason = f"no {name}"
    return ItemResult(item.dialog_id, item.content_hash, value, reason, item.error, usage=item.usage)
