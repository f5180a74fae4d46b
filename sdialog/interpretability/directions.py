"""Directions in activation space: fitted to positive and negative rows, saved, and read off or added elsewhere."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.fitting.labelled import Label, Source, feature_rows, group_numbers, labelled
from sdialog.interpretability.fitting.outcomes import Score

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from sdialog.interpretability.direction_effects import Effect

DIRECTION_L2 = 0.1


@dataclass(frozen=True, eq=False)
class Direction:
    """A direction of activations that stands for something, from what is negative to what is positive.

    A fitted one is as long as the classes lie apart along it: added once, it moves the mean reading of the negative
    rows to that of the positive ones.

    Attributes:
        vector: shape (d,), float64.
        method: how it was found; empty for one that was given.
        positive, negative: what its two ends stand for.
        source: which activations it was fitted to.
        train: how well it separates the rows it was fitted to: AUC, or of pairs the share with the positive row
            higher.
        held_out: the same for dialogs that it was not fitted to, by cross-validation; None where the dialogs are not
            known.
        rows: how many positive and negative rows it was fitted to.
        seed: seed of the folds and of random signs.

    Example:
        >>> direction = Direction([3.0, 4.0], positive="polite", negative="rude")
        >>> direction.norm, direction.unit.vector.tolist(), (-direction).positive
        (5.0, [0.6, 0.8], 'rude')
        >>> direction.project([[1.0, 2.0]]).tolist()
        [2.2]
    """

    vector: NDArray[Any]
    method: str = ""
    positive: str = "positive"
    negative: str = "negative"
    source: Source = field(default_factory=Source)
    train: Score | None = None
    held_out: Score | None = None
    rows: tuple[int, int] = (0, 0)
    seed: int = 0

    __array_ufunc__ = None  # a numpy number times a direction is a direction, not an array of objects

    def __post_init__(self) -> None:
        given: Any = self.vector
        rows = given if len(getattr(given, "shape", "1")) == 2 else given[None] if hasattr(given, "shape") else [given]
        found = feature_rows(rows, name="a direction")
        if len(found) != 1:
            raise UserError(f"a direction is one vector, not {len(found)}")
        object.__setattr__(self, "vector", found[0].copy())

    @classmethod
    def fit(
        cls,
        positive: Any,
        negative: Any,
        *,
        method: str = "logistic",
        paired: bool = False,
        groups: Any = None,
        split: str = "dialogs",
        names: tuple[str, str] = ("positive", "negative"),
        source: Source | None = None,
        l2: float | Sequence[float] = DIRECTION_L2,
        folds: int = 5,
        level: float = 0.95,
        seed: int = 0,
    ) -> Direction:
        """Fit a direction from negative rows to positive ones.

        Args:
            positive: numpy array or torch tensor of shape (n, d).
            negative: shape (m, d).
            method: ``mean_diff`` (best to steer with), ``logistic`` (best to rank with), ``lda`` (Fisher, 1936),
                ``whitened`` (the same with a shrunk covariance: Ledoit and Wolf, 2004), or of pairs
                ``pca_uncentred`` and ``pca_signflip`` (Zou et al., 2023). Principal components of centred differences
                are refused, because centring takes away the mean that is the concept.
            paired: whether row i of the one belongs to row i of the other, such as two answers to one question. Then
                only their differences count.
            groups: the dialog of each row: a pair of lists, for positive and negative rows, or of pairs one list.
            split: ``dialogs``; ``rows`` if each row, or pair, stands alone; see
                :func:`~sdialog.interpretability.fitting.folds.split_groups`.
            names: what the two ends are called.
            source: which activations the rows are.
            l2: strength of the penalty of ``logistic``, or some to choose from by inner folds.
            folds: how many folds the held-out score is measured with.
            level: of the intervals.
            seed: seed of the folds and of random signs.

        Raises:
            ConfigError: for centred principal components.
            UserError: if the rows cannot be compared, or do not differ.

        Example:
            >>> rows = [[0.0, 1.0], [0.2, 2.0], [0.1, 3.0], [1.0, 1.0], [1.2, 2.0], [1.1, 3.0]]
            >>> found = Direction.fit(rows[3:], rows[:3], method="mean_diff")
            >>> found.vector.round(3).tolist(), found.train.value, found.held_out
            ([1.0, 0.0], 1.0, None)
        """
        from sdialog.interpretability.fitting._contrast_fitting import contrast_of, fit_direction

        contrast, known = contrast_of(positive, negative, paired, groups, split)
        return fit_direction(
            contrast, known, method, names, source or Source(), l2, folds=folds, level=level, seed=seed
        )

    @classmethod
    def from_labels(
        cls,
        features: Any,
        labels: Any,
        groups: Sequence[Hashable] | None = None,
        *,
        pairs: Sequence[Hashable] | None = None,
        positive: Label | None = None,
        **options: Any,
    ) -> Direction:
        """Fit a direction to rows with labels of two classes.

        Args:
            features: shape (n, d).
            labels: one a row.
            groups: the dialog that each row comes from.
            pairs: name of the pair that each row belongs to, one positive and one negative row each; None for rows
                without partners.
            positive: the positive class; default the last in order, such as True.
            options: arguments of :meth:`fit`.

        Raises:
            UserError: if there are not two classes, or a pair is not complete.
        """
        from sdialog.interpretability.fitting._contrast_fitting import pair_rows

        data = labelled(features, labels, groups, task="classes", positive=positive)
        if len(data.classes) != 2:
            raise UserError(f"a direction is between two classes; these labels have {len(data.classes)}")
        options.setdefault("names", (str(data.classes[1]), str(data.classes[0])))
        if pairs is None:
            high = data.labels == 1
            apart = None if groups is None else (data.groups[high], data.groups[~high])
            return cls.fit(data.features[high], data.features[~high], groups=apart, **options)
        names = group_numbers(len(data), pairs)
        first, second, together = pair_rows(data.labels, names, None if groups is None else data.groups)
        return cls.fit(data.features[first], data.features[second], paired=True, groups=together, **options)

    @property
    def site(self) -> str:
        """Place in the model."""
        return self.source.site

    @property
    def span(self) -> str:
        """Of which tokens the rows were."""
        return self.source.span

    @property
    def norm(self) -> float:
        """Length of the vector."""
        return math.sqrt(float(self.vector @ self.vector))

    @property
    def unit(self) -> Direction:
        """The same direction with length 1.

        Raises:
            UserError: if it has no length.
        """
        if self.norm == 0:
            raise UserError("this direction is zero everywhere: it points nowhere")
        return replace(self, vector=self.vector / self.norm)

    def __mul__(self, number: float) -> Direction:
        strength = float(number)
        turned = replace(self, positive=self.negative, negative=self.positive, rows=self.rows[::-1])
        return replace(self if strength >= 0 else turned, vector=self.vector * strength)

    __rmul__ = __mul__

    def __neg__(self) -> Direction:
        return self * -1.0

    def cosine(self, other: Direction | Sequence[float] | NDArray[Any]) -> float:
        """Return the cosine of the angle to another direction or vector.

        Raises:
            UserError: if one of them is zero, or they differ in size.
        """
        second = other if isinstance(other, Direction) else Direction(other)  # type: ignore[arg-type]
        if len(second.vector) != len(self.vector):
            raise UserError(f"directions of sizes {len(self.vector)} and {len(second.vector)} have no angle")
        return max(-1.0, min(1.0, float(self.unit.vector @ second.unit.vector)))

    def project(self, features: Any) -> NDArray[Any]:
        """Return how far each row lies along the direction, in units of the activations.

        Args:
            features: numpy array or torch tensor of shape (n, d).

        Returns:
            Array of shape (n,).
        """
        return feature_rows(features, len(self.vector)) @ self.unit.vector  # type: ignore[no-any-return]

    def evaluate(self, agent: Any, prompts: Sequence[Any] | None = None, **options: Any) -> Effect:
        """Steer an agent by this direction with several strengths and measure what it says.

        The arguments are those of :func:`~sdialog.interpretability.direction_effects.evaluate_direction`.

        Raises:
            UserError: if it is not known where the direction belongs.
        """
        from sdialog.interpretability.direction_effects import evaluate_direction

        return evaluate_direction(self, agent, prompts, **options)

    def as_numpy(self) -> NDArray[Any]:
        """Return a copy of the vector."""
        return self.vector.copy()

    def as_tensor(self, dtype: torch.dtype | None = None, device: str | torch.device = "cpu") -> torch.Tensor:
        """Return the vector as a torch tensor; default float32."""
        tensors = need("torch", extra="local", why="make tensors")
        return tensors.tensor(self.vector, dtype=dtype or tensors.float32, device=device)

    def json(self) -> dict[str, Any]:
        """Return all but the vector as a plain dict."""
        return {
            "method": self.method,
            "positive": self.positive,
            "negative": self.negative,
            **self.source.json(),
            "size": len(self.vector),
            "norm": self.norm,
            "train": None if self.train is None else self.train.json(),
            "held_out": None if self.held_out is None else self.held_out.json(),
            "rows": list(self.rows),
            "seed": self.seed,
        }

    def save(self, path: str | Path) -> Path:
        """Write the vector as safetensors and the rest as JSON beside it; returns the path of the first."""
        from sdialog.interpretability.files.saved_arrays import save_arrays

        return save_arrays(path, "direction", {"vector": self.vector}, self.json())

    @classmethod
    def load(cls, path: str | Path) -> Direction:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: if there is no such file, or it holds no direction.
        """
        from sdialog.interpretability.files.saved_arrays import load_arrays

        arrays, facts = load_arrays(path, "direction")
        return cls(
            arrays["vector"],
            facts["method"],
            facts["positive"],
            facts["negative"],
            Source(facts["site"], facts["span"], facts["model"], facts["fingerprint"]),
            Score.of(facts["train"]),
            Score.of(facts["held_out"]),
            tuple(facts["rows"]),
            facts["seed"],
        )
