"""What kind of probe is fitted, and how strongly its weights are held back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError

LEARNERS = ("linear", "mlp")
L2 = (1e-3, 1e-2, 1e-1, 1.0, 10.0, 100.0)


@dataclass(frozen=True)
class Learner:
    """What kind of probe is fitted.

    Attributes:
        kind: ``linear`` (logistic, multinomial or ridge regression) or ``mlp`` (one hidden layer of ReLU units).
        l2: strength of the penalty, or strengths to choose from by folds inside the training part. The loss is the
            mean over rows plus ``l2 / 2`` times the squared weights of standardised features.
        hidden: units of the hidden layer.
        inner: how many folds a strength is chosen with.
    """

    kind: str = "linear"
    l2: float | Sequence[float] = L2
    hidden: int = 32
    inner: int = 3

    def __post_init__(self) -> None:
        if self.kind not in LEARNERS:
            raise UnknownNameError("learner", self.kind, LEARNERS)
        if not self.strengths or not all(0 < one < float("inf") for one in self.strengths):
            raise UserError(f"l2 is a number above 0, or some of them; not {self.l2}")
        if self.hidden < 1 or self.inner < 2:
            raise UserError("a learner has at least 1 hidden unit and 2 inner folds")

    @property
    def strengths(self) -> tuple[float, ...]:
        """The strengths to choose from, the strongest first."""
        given = (self.l2,) if isinstance(self.l2, (int, float)) else tuple(self.l2)
        return tuple(sorted({float(one) for one in given}, reverse=True))

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"kind": self.kind, "l2": list(self.strengths), "hidden": self.hidden, "inner": self.inner}

    @classmethod
    def of(cls, given: str | Learner) -> Learner:
        """Return a learner by its kind, or as it is."""
        return given if isinstance(given, Learner) else cls(given)
