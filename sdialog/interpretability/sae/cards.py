"""What is known of one feature of a sparse dictionary, on one card."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Self

from sdialog.statistics.intervals import Interval


@dataclass(frozen=True)
class Example:
    """Some tokens with how strongly a feature is active on each.

    Attributes:
        tokens: their texts.
        activations: one a token.
        peak: which of them the example is about.
        source: where they are from, such as the id of a dialog.
        passage: number of the passage, in the order they were read.
        position: of the peak in the passage.
    """

    tokens: tuple[str, ...]
    activations: tuple[float, ...]
    peak: int
    source: str
    passage: int
    position: int

    @property
    def activation(self) -> float:
        """How strongly the feature is active at the peak."""
        return self.activations[self.peak]

    @property
    def text(self) -> str:
        """The tokens as text."""
        return "".join(self.tokens)


@dataclass(frozen=True)
class Quantile:
    """Examples drawn at random of those whose activation at the peak lies between two values."""

    low: float
    high: float
    examples: tuple[Example, ...]


@dataclass(frozen=True)
class Effect:
    """How one unit of a feature changes the logit of a token."""

    token: str
    change: float


@dataclass(frozen=True)
class FeatureName:
    """What a judge calls a feature, and why.

    Attributes:
        name: a short phrase.
        reason: what it saw in the examples.
        model: who said so.
    """

    name: str
    reason: str
    model: str

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class DetectionScore:
    """Whether a judge who knows a feature's name can tell on which examples it is active (Paulo et al., 2024).

    Attributes:
        name: the name that was tested.
        sensitivity: share of the active examples that the judge picked.
        specificity: share of the silent examples that it left.
        balanced_accuracy: their mean; 0.5 is chance.
        intervals: of sensitivity and specificity, by Wilson.
        active, silent: how many examples of each there were.
        by_quantile: sensitivity in each quantile of the activation, strongest first.
        model: who judged.
    """

    name: str
    sensitivity: float
    specificity: float
    balanced_accuracy: float
    intervals: tuple[Interval, Interval]
    active: int
    silent: int
    by_quantile: tuple[float, ...]
    model: str

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        made = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        made["intervals"] = [interval.json() for interval in self.intervals]
        return {**made, "by_quantile": list(self.by_quantile)}


@dataclass(frozen=True)
class FeatureCard:
    """One feature with examples of it.

    Attributes:
        feature: its number.
        tokens: how many tokens were read.
        density: on what share of them it is active.
        largest: the largest activation.
        mean_active: mean activation where it is active; None where it never is.
        top: the strongest examples, at most one a passage, none twice.
        quantiles: examples drawn at random, by activation, strongest first.
        silent: examples drawn at random on which it is not active.
        promotes, suppresses: tokens whose logits it changes most.
        neighbours: features active on the same tokens, with how often.
        name: what a judge calls it.
        score: how well that name tells where it is active.
    """

    feature: int
    tokens: int
    density: float
    largest: float
    mean_active: float | None
    top: tuple[Example, ...] = ()
    quantiles: tuple[Quantile, ...] = ()
    silent: tuple[Example, ...] = ()
    promotes: tuple[Effect, ...] = ()
    suppresses: tuple[Effect, ...] = ()
    neighbours: tuple[tuple[int, float], ...] = ()
    name: FeatureName | None = None
    score: DetectionScore | None = None

    def replace(self, **changes: Any) -> Self:
        """Return a copy with some fields changed."""
        return dataclasses.replace(self, **changes)

    def examples(self) -> Iterator[Example]:
        """Yield the examples on which it is active: the strongest, then those by quantile."""
        yield from self.top
        for one in self.quantiles:
            yield from one.examples

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        made = dataclasses.asdict(self)
        for name in ("name", "score"):
            found = getattr(self, name)
            made[name] = None if found is None else found.json()
        return _plain(made)  # type: ignore[no-any-return]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Return what :meth:`json` described.

        Example:
            >>> card = FeatureCard(3, 100, 0.01, 2.0, 1.5, promotes=(Effect(" refund", 0.7),))
            >>> FeatureCard.from_json(card.json()) == card
            True
        """
        found = dict(data)
        for name in ("top", "silent"):
            found[name] = _examples(found[name])
        found["quantiles"] = tuple(
            Quantile(one["low"], one["high"], _examples(one["examples"])) for one in found["quantiles"]
        )
        for name in ("promotes", "suppresses"):
            found[name] = tuple(Effect(**one) for one in found[name])
        found["neighbours"] = tuple((int(other), float(value)) for other, value in found["neighbours"])
        if found["name"] is not None:
            found["name"] = FeatureName(**found["name"])
        if found["score"] is not None:
            score = dict(found["score"])
            first, second = (Interval(**one) for one in score["intervals"])
            score["intervals"], score["by_quantile"] = (first, second), tuple(score["by_quantile"])
            found["score"] = DetectionScore(**score)
        return cls(**found)

    def html(self) -> str:
        """Return a standalone HTML page of the card; see :func:`sdialog.interpretability.sae.page`."""
        from sdialog.interpretability.sae.page import page

        return page([self])


def _examples(found: list[Mapping[str, Any]]) -> tuple[Example, ...]:
    return tuple(
        Example(**{**one, "tokens": tuple(one["tokens"]), "activations": tuple(one["activations"])}) for one in found
    )


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _plain(entry) for name, entry in value.items()}
    return [_plain(entry) for entry in value] if isinstance(value, (list, tuple)) else value
