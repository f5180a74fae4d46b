"""Several opinions made one: of samples of one judge, or of the judges of a panel."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sdialog.core.errors import ConfigError, EvaluationError, UnknownNameError
from sdialog.evaluation.base import Measured
from sdialog.llm.types import Usage

COMBINE = ("majority", "mean", "median")
"""Ways of making several opinions one."""


@dataclass(frozen=True, slots=True)
class Vote:
    """One opinion.

    Attributes:
        value: a number, a label, or values by name; None for none.
        reason: why, or why there is none.
        refused: whether the model refused to judge.
        raw: the model's reply.
        details: data behind it.
        usage: what it cost.
        failure: what went wrong, if something did.
    """

    value: Any = None
    reason: str | None = None
    refused: bool = False
    raw: str | None = None
    details: Mapping[str, Any] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    failure: Exception | None = None

    def json(self) -> dict[str, Any]:
        """Return a plain dict, without what is empty."""
        error = None if self.failure is None else f"{type(self.failure).__name__}: {self.failure}"
        told = {"reason": self.reason, "raw": self.raw, "refusal": self.refused or None, "error": error}
        kept = {name: entry for name, entry in told.items() if entry is not None}
        return {"value": self.value, **kept, **self.details}


def check_combine(how: str) -> str:
    """Return the way of combining.

    Raises:
        UnknownNameError: if there is none of that name.
    """
    if how not in COMBINE:
        raise UnknownNameError("way of combining", str(how), COMBINE)
    return how


def combined(votes: Sequence[Vote], how: str, details: Mapping[str, Any] | None = None) -> Measured:
    """Return what several votes come to.

    Failed votes do not count. Where half of the others or more give no value, there is none, for the commonest of
    their reasons; nor is there one where a majority is asked for and the leading values have equally many votes.

    Args:
        votes: at least one.
        how: ``majority``, ``mean`` or ``median``; values by name are combined name by name.
        details: data to put before the votes.

    Raises:
        LLMError: the first failure, if all votes failed.

    Example:
        >>> combined([Vote(1), Vote(0), Vote(1)], "majority").value, combined([Vote(3), Vote(4)], "mean").value
        (1, 3.5)
    """
    counted = [vote for vote in votes if vote.failure is None]
    if not counted:
        failure = votes[0].failure
        raise failure if failure is not None else EvaluationError("there are no votes to combine")
    usage = sum((vote.usage for vote in votes), Usage())
    told = {**(details or {}), "votes": [vote.json() for vote in votes]}
    blank = [vote for vote in counted if vote.value is None]
    if blank and 2 * len(blank) >= len(counted):
        (reason, _), *_ = Counter(vote.reason or "no verdict" for vote in blank).most_common()
        refused = 2 * sum(vote.refused for vote in blank) >= len(blank)
        return Measured(None, reason, {**({"refusal": True} if refused else {}), **told}, usage)
    voting = [vote for vote in counted if vote.value is not None]
    if len(voting) == 1:
        return Measured(voting[0].value, voting[0].reason, {**told, **voting[0].details}, usage)
    value = combine_values([vote.value for vote in voting], how)
    if value is None:
        return Measured(None, f"the votes are split: {_tally(voting)}", told, usage)
    return Measured(value, _reason(voting, value), told, usage)


def combine_values(values: Sequence[Any], how: str) -> Any:
    """Return the majority, mean or median of values; None for a majority that is none.

    Example:
        >>> combine_values(["polite", "rude", "polite"], "majority"), combine_values([0, 1], "majority")
        ('polite', None)
    """
    if any(isinstance(value, Mapping) for value in values):
        names = dict.fromkeys(name for value in values for name in value)
        return {name: _of_name(values, name, how) for name in names}
    if how == "majority":
        leading = Counter(values).most_common(2)
        return leading[0][0] if len(leading) == 1 or leading[0][1] > leading[1][1] else None
    if not all(isinstance(value, (int, float)) for value in values):
        raise ConfigError(f"the {how} of labels cannot be taken; use combine='majority'")
    return float(statistics.fmean(values)) if how == "mean" else float(statistics.median(values))


def _of_name(values: Iterable[Mapping[str, Any]], name: str, how: str) -> Any:
    given = [value[name] for value in values if value.get(name) is not None]
    return combine_values(given, how) if given else None


def _reason(votes: Sequence[Vote], value: Any) -> str | None:
    """Return the reason of a vote that is, or comes nearest to, what was decided."""
    given = [vote for vote in votes if vote.reason]
    if not given:
        return None
    if all(isinstance(one, (int, float)) for one in (value, *(vote.value for vote in given))):
        return min(given, key=lambda vote: abs(vote.value - value)).reason
    return next((vote.reason for vote in given if vote.value == value), given[0].reason)


def _tally(votes: Iterable[Vote]) -> str:
    return ", ".join(f"{count} for {value}" for value, count in Counter(vote.value for vote in votes).most_common())
