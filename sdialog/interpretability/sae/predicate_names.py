"""Names that features get without a judge: the statement about tokens that tells best where a feature is active."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.interpretability.sae.cards import FeatureCard, FeatureName

if TYPE_CHECKING:
    from sdialog.interpretability.sae.predicates import Predicate
    from sdialog.statistics.intervals import Interval

JUDGE = "predicates"


@dataclass(frozen=True)
class PredicateName:
    """How well the best predicate tells where one feature is strongly active, on dialogs that did not choose it.

    Attributes:
        feature: its number.
        predicate: the best one; None where no token of the choosing dialogs was strong, or nothing was true of any.
        named: whether it is good enough to be the feature's name.
        reason: why it is not; empty if it is.
        f1: harmonic mean of precision and recall, held out (van Rijsbergen, 1979); None without a strong token there.
        interval: of it, from drawing whole dialogs.
        precision: share of the predicate's tokens on which the feature is strong.
        recall: share of the feature's strong tokens of which the predicate is true.
        mass: share of the feature's whole activity, weak tokens included, that lies on the predicate's tokens.
        chosen_f1: the same as ``f1`` on the dialogs that chose it; larger by what choosing flatters.
        strong: strong tokens in the held-out dialogs.
        true: tokens there of which the predicate is true.
        above: activation above which a token is strong.
    """

    feature: int
    predicate: Predicate | None
    named: bool
    reason: str
    f1: float | None
    interval: Interval | None
    precision: float | None
    recall: float | None
    mass: float | None
    chosen_f1: float | None
    strong: int
    true: int
    above: float

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        told = {**vars(self)}
        told["predicate"] = None if self.predicate is None else self.predicate.json()
        told["interval"] = None if self.interval is None else self.interval.json()
        return told

    def card_name(self) -> FeatureName | None:
        """Return the name as cards have it; None for a feature that has got none."""
        if not self.named or self.predicate is None or self.interval is None or self.f1 is None:
            return None
        why = (
            f"On dialogs that did not choose the name: F1 {self.f1:.2f} [{self.interval.low:.2f}, "
            f"{self.interval.high:.2f}]. It is true of {100 * (self.recall or 0):.0f} % of the {self.strong} tokens "
            f"above {self.above:.3g}, and the feature is that strong on {100 * (self.precision or 0):.0f} % of the "
            f"{self.true} tokens of which it is true; they hold {100 * (self.mass or 0):.0f} % of all its activity."
        )
        return FeatureName(self.predicate.text, why, JUDGE)


@dataclass(frozen=True)
class PredicateNames:
    """The best predicates of features.

    Attributes:
        names: one a feature, in the order asked for.
        least: what the lower end of the interval of F1 has to reach.
        active_above: share of a feature's largest activation above which a token is strong.
        by_chance: how many features would have got a name had their activity been dealt out to the tokens at random:
            the same search and the same bound on shuffled activity.
        predicates: how many single predicates were tried for each feature, before values of one respect were joined.
        chosen_on, held_out: tokens of the dialogs that chose, and of those that scored.
    """

    names: tuple[PredicateName, ...]
    least: float
    active_above: float
    by_chance: int
    predicates: int
    chosen_on: int
    held_out: int

    @property
    def named(self) -> tuple[PredicateName, ...]:
        """Those that are names, the best first."""
        return tuple(sorted((one for one in self.names if one.named), key=lambda one: (-(one.f1 or 0), one.feature)))

    def put_on(self, cards: Sequence[FeatureCard]) -> list[FeatureCard]:
        """Return cards with the names that their features got; other cards stay as they are."""
        found = {one.feature: one.card_name() for one in self.names}
        return [card.replace(name=found.get(card.feature) or card.name) for card in cards]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**vars(self), "names": [one.json() for one in self.names]}

    def table(self) -> str:
        """Return the features with a name as text, one a line, the best first."""
        lines = [f"{'feature':>7}  {'F1':>5}  {'interval':<12}  {'prec.':>5}  {'recall':>6}  {'strong':>6}  name"]
        for one in self.named:
            if one.interval is None or one.predicate is None:
                continue
            ends = f"{one.interval.low:.2f} - {one.interval.high:.2f}"
            lines.append(
                f"{one.feature:>7}  {one.f1 or 0:>5.2f}  {ends:<12}  {one.precision or 0:>5.2f}  "
                f"{one.recall or 0:>6.2f}  {one.strong:>6}  {one.predicate.text}"
            )
        lines.append(
            f"{len(self.named)} of {len(self.names)} features named: lower end of F1 at least {self.least:g}, chosen "
            f"from {self.predicates:,} predicates on {self.chosen_on:,} tokens, scored on {self.held_out:,} others; "
            f"{self.by_chance} with activity shuffled"
        )
        return "\n".join(lines)
