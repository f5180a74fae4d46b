"""Claims in words: ``mattr: new > old + 0.02``, ``solved: new >= 0.8``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.evaluation.comparison.claims import ClaimError

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.result import Comparison, Name

_CLAIM = re.compile(r"\s*(?P<column>\S.*?)\s*:\s*(?P<left>\S.*?)\s*(?P<sign>>=|<=|>|<)\s*(?P<right>\S.*?)\s*")
_MARGIN = re.compile(r"(?P<name>.*\S)\s+(?P<sign>[+-])\s*(?P<size>[0-9.eE-]+)")
_FORMS = "write 'METRIC: SET > OTHER', 'METRIC: SET > OTHER + 0.1' or 'METRIC: SET >= 0.8', or < and <= for lower"


@dataclass(frozen=True)
class Claim:
    """What is said to be so of a mean.

    Attributes:
        text: the claim in words.
        column: what was measured.
        dataset: the set it is about.
        direction: ``higher`` or ``lower``.
        than: set that it is compared with; None for a threshold.
        number: the threshold, or how much better it is.
    """

    text: str
    column: str
    dataset: str
    direction: str
    than: str | None
    number: float

    def check(self, comparison: Comparison, alpha: float = 0.05) -> None:
        """Raise a ClaimError unless a comparison shows it.

        Raises:
            UnknownNameError: if it is about another set or column.
            ClaimError: if the numbers do not show it; the message holds them.
        """
        dataset = _called(self.dataset, comparison)
        how = {"alpha": alpha, "direction": self.direction}
        if self.than is None:
            comparison.assert_at_least(dataset, self.column, self.number, **how)
            return
        comparison.assert_better(dataset, _called(self.than, comparison), self.column, by=self.number, **how)


def read_claim(text: str, sets: Iterable[Name] = ()) -> Claim:
    """Return a claim from its words.

    Args:
        text: ``METRIC: SET > OTHER``, with ``+ 0.1`` for at least so much better, ``- 0.1`` for not much worse, and
            ``<`` where lower is better; or ``METRIC: SET >= 0.8`` (or ``<=``) for a threshold.
        sets: names of the sets that there are; none to leave that to the check.

    Raises:
        UserError: if it has not such a form.
        UnknownNameError: if it names another set.

    Example:
        >>> claim = read_claim("solved: new > old + 0.1")
        >>> claim.column, claim.dataset, claim.direction, claim.than, claim.number
        ('solved', 'new', 'higher', 'old', 0.1)
        >>> read_claim("length: new <= 20").number
        20.0
    """
    found = _CLAIM.fullmatch(text)
    if found is None:
        raise UserError(f"cannot read the claim {text!r}; {_FORMS}")
    direction, (than, size) = ("higher" if found["sign"][0] == ">" else "lower"), _right(found["right"])
    if than is not None and found["sign"] in (">=", "<="):
        raise UserError(f"cannot read the claim {text!r}: {found['sign']} is for a number; {_FORMS}")
    # Above "old + 0.1" is better by 0.1 where higher is better, and below "old - 0.1" where lower is.
    by = size if than is None or direction == "higher" else -size
    known = [str(name) for name in sets]
    for name in (found["left"], than):
        if known and name is not None and name not in known:
            raise UnknownNameError("set of dialogs", name, known, f"The claim: {text}")
    return Claim(text, found["column"], found["left"], direction, than, by)


def _right(text: str) -> tuple[str | None, float]:
    """Return what stands right of the sign: a set and a margin, or no set and a threshold."""
    threshold = _number(text)
    if threshold is not None:
        return None, threshold
    margin = _MARGIN.fullmatch(text)
    size = None if margin is None else _number(margin["size"])
    if margin is None or size is None:
        return text, 0.0
    return margin["name"], size if margin["sign"] == "+" else -size


def check_claims(comparison: Comparison, claims: Iterable[Claim], alpha: float = 0.05) -> None:
    """Check claims, all of which have to hold: the chance to pass though one is false is alpha at most.

    Args:
        comparison: the numbers.
        claims: what has to be so.
        alpha: how often each may pass although it is false. All of them together need no correction (Berger, 1982:
            an intersection-union test).

    Raises:
        ClaimError: if some are not shown; the message holds all of these.
    """
    failed = []
    for claim in claims:
        try:
            claim.check(comparison, alpha)
        except ClaimError as error:
            failed.append(error)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        raise ClaimError("\n  ".join([f"{len(failed)} claims are not shown:", *map(str, failed)]))


def _called(name: str, comparison: Comparison) -> Name:
    """Return the key of a set by its name in words: sets may be called by numbers."""
    return next((key for key in comparison.about.datasets if str(key) == name), name)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
