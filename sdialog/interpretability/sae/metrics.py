"""What is measured of a sparse dictionary: typed results."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.statistics.intervals import Interval


@dataclass(frozen=True)
class SAEReport:
    """How well a dictionary rebuilds activations, and how sparsely.

    Attributes:
        tokens: how many activations were read.
        unexplained: FVU: squared error by the total variance; None where there is none.
        explained: 1 less that.
        mse: squared error, mean over tokens and widths.
        cosine: of activations with what was rebuilt, mean over tokens.
        length_ratio: of what was rebuilt to the activations, mean over tokens.
        l0: features active a token.
        l1: their sum, mean over tokens.
        dead: share of the features active on none of the tokens.
        densities: for each feature, on what share of the tokens it is active.
    """

    tokens: int
    unexplained: float | None
    explained: float | None
    mse: float
    cosine: float
    length_ratio: float
    l0: float
    l1: float
    dead: float
    densities: tuple[float, ...]

    def histogram(self, bins: int = 20, lowest: float = 1e-6) -> tuple[tuple[float, int], ...]:
        """Return how many living features have a density in each bin, even in log10, as (lower end, count).

        Args:
            bins: how many.
            lowest: densities below it count with the first bin.
        """
        least = math.log10(lowest)
        width = -least / bins
        counts = [0] * bins
        for density in self.densities:
            if density > 0:
                counts[min(bins - 1, max(0, int((math.log10(density) - least) / width)))] += 1
        return tuple((10 ** (least + width * place), count) for place, count in enumerate(counts))

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**dataclasses.asdict(self), "densities": list(self.densities)}

    def table(self) -> str:
        """Return all but the densities as text, one number a line."""
        shown = {name: value for name, value in self.json().items() if name != "densities"}
        return "\n".join(
            f"{name:<13} {'-' if value is None else format(value, '.4g'):>10}" for name, value in shown.items()
        )

    def plot(self) -> Any:
        """Return a matplotlib figure of the densities.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        made = need("matplotlib.figure", extra="plots", why="draw the densities of features")
        figure = made.Figure(figsize=(7.5, 3.2), layout="constrained")
        axes = figure.add_subplot()
        bins = self.histogram()
        ratio = bins[1][0] / bins[0][0]
        axes.bar(
            [low for low, _ in bins], [n for _, n in bins], width=[low * (ratio - 1) for low, _ in bins], align="edge"
        )
        axes.set_xscale("log")
        axes.set_xlabel("share of tokens on which a feature is active")
        axes.set_ylabel("features")
        return figure


@dataclass(frozen=True)
class LossRecovered:
    """What a model loses when it goes on with rebuilt activations.

    Attributes:
        original: mean loss of the model as it is.
        rebuilt: with rebuilt activations.
        ablated: with activations at zero or at their mean.
        recovered: (ablated - rebuilt) / (ablated - original): 1 is no loss, 0 as bad as the ablation; None where the
            ablation does not hurt.
        interval: of ``recovered``, from resampling texts; None for fewer than two.
        texts: how many losses each mean is of.
    """

    original: float
    rebuilt: float
    ablated: float
    recovered: float | None
    interval: Interval | None
    texts: int

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        made = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {**made, "interval": None if self.interval is None else self.interval.json()}


@dataclass(frozen=True)
class Recovery:
    """How much of a known dictionary another one has.

    Attributes:
        best: for each true feature, the largest cosine with a learned one.
        matched: for each true feature, the cosine with its own learned one, of a matching with the largest sum
            (Kuhn, 1955); 0 where there are fewer learned features.
        partners: for each true feature, the learned one that it is matched with; None where there is none.
        threshold: cosine above which a feature counts as found.
        split: true features that two or more learned ones have, by place, with these.
        composed: learned features that are about equally of two or more true ones, by place, with these.
    """

    best: tuple[float, ...]
    matched: tuple[float, ...]
    partners: tuple[int | None, ...]
    threshold: float
    split: dict[int, tuple[int, ...]]
    composed: dict[int, tuple[int, ...]]

    @property
    def mean_max_cosine(self) -> float:
        """Mean of ``best`` (Sharkey et al., 2022)."""
        return math.fsum(self.best) / len(self.best)

    @property
    def found(self) -> float:
        """Share of the true features above the threshold, learned ones counted again and again."""
        return sum(cosine > self.threshold for cosine in self.best) / len(self.best)

    @property
    def found_matched(self) -> float:
        """The same of the matching, where no learned feature counts twice."""
        return sum(cosine > self.threshold for cosine in self.matched) / len(self.matched)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "mean_max_cosine": self.mean_max_cosine,
            "found": self.found,
            "found_matched": self.found_matched,
            "threshold": self.threshold,
            "best": list(self.best),
            "matched": list(self.matched),
            "partners": list(self.partners),
            "split": {str(place): list(others) for place, others in self.split.items()},
            "composed": {str(place): list(others) for place, others in self.composed.items()},
        }


@dataclass(frozen=True)
class Absorption:
    """How a dictionary holds one concept, and where other features have taken it over.

    Attributes:
        mains: features that stand for the concept.
        positives: activations with the concept.
        missed: share of them on which no main feature is active.
        absorbed: share of them on which none is active and another feature writes the concept instead.
        absorbers: these other features with the number of activations each, most first.
    """

    mains: tuple[int, ...]
    positives: int
    missed: float
    absorbed: float
    absorbers: tuple[tuple[int, int], ...]

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "mains": list(self.mains),
            "positives": self.positives,
            "missed": self.missed,
            "absorbed": self.absorbed,
            "absorbers": [list(pair) for pair in self.absorbers],
        }


def mean(values: Sequence[float]) -> float:
    """Return the mean of numbers, exactly summed."""
    return math.fsum(values) / len(values)
