"""Erasing a concept from activations by the smallest affine change, so that no linear probe can read it."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need
from sdialog.interpretability.fitting.labelled import WHY, Source, feature_rows, labelled

if TYPE_CHECKING:
    from numpy.typing import NDArray

_SMALL = 1e-10


@dataclass(frozen=True, eq=False)
class Eraser:
    """An affine map after which labels and activations have no covariance.

    LEACE (Belrose et al., 2023): ``x - W+ P W (x - mean)``, W the whitening by the inverse square root of the
    covariance, P the projection on what W leaves of the covariance with the labels. Of all affine maps that do so it
    changes the activations least. On the rows it was fitted to, no linear probe does better than a constant; on
    others, as nearly as they are enough to tell the covariance. That is shrunk to a sphere (Ledoit and Wolf, 2004), the
    more the fewer rows there are: else with about as many rows as features others would be moved at random and far.

    Attributes:
        mean: shape (d,).
        read: shape (d, k): what is read of an activation.
        write: shape (k, d): what is taken out for it.
        source: which activations it was fitted to.
        rows: how many.

    Example:
        >>> rows = [[0.0, 1.0], [1.0, 1.0], [0.0, 3.0], [1.0, 3.0]]
        >>> Eraser.fit(rows, [False, True, False, True]).transform(rows).round(6).tolist()
        [[0.5, 1.0], [0.5, 1.0], [0.5, 3.0], [0.5, 3.0]]
    """

    mean: NDArray[Any]
    read: NDArray[Any]
    write: NDArray[Any]
    source: Source = field(default_factory=Source)
    rows: int = 0

    @classmethod
    def fit(
        cls, features: Any, labels: Any, *, task: str = "auto", shrink: bool = True, source: Source | None = None
    ) -> Eraser:
        """Fit an eraser.

        Args:
            features: numpy array or torch tensor of shape (n, d).
            labels: one a row: classes or numbers, told apart as by
                :meth:`~sdialog.interpretability.probes.Probe.fit`.
            task: ``classes`` or ``numbers``, to say what the labels are.
            shrink: whether the covariance is shrunk. Without, it is that of the rows, of which the map then is the
                one that changes least; for many times more rows than features.
            source: which activations the rows are.

        Raises:
            UserError: if the rows are not sound.
        """
        numpy = need("numpy", extra="metrics", why=WHY)
        data = labelled(features, labels, None, task=task)
        targets = numpy.eye(len(data.classes))[data.labels] if data.classes else data.labels[:, None]
        targets = targets - targets.mean(axis=0)
        mean = data.features.mean(axis=0)
        _, spread, axes = numpy.linalg.svd(data.features - mean, full_matrices=False)
        kept = spread > _SMALL * spread.max()
        if not kept.any():
            return cls(mean, numpy.zeros((len(mean), 0)), numpy.zeros((0, len(mean))), source or Source(), len(data))
        axes, variances = axes[kept], spread[kept] ** 2 / len(data)
        if shrink:
            estimators = need("sklearn.covariance", extra="metrics", why=WHY)
            part = estimators.ledoit_wolf_shrinkage(data.features - mean, assume_centered=True)
            variances = (1 - part) * variances + part * variances.sum() / len(mean)
        deviations = variances**0.5
        # In the whitened coordinates along the axes: the covariance with the labels, and a basis of what it spans.
        shared = ((data.features - mean) @ axes.T / deviations).T @ targets / len(data)
        basis, sizes, _ = numpy.linalg.svd(shared, full_matrices=False)
        basis = basis[:, sizes > _SMALL * max(float(numpy.abs(targets).max()), 1e-300)]
        read = axes.T @ (basis / deviations[:, None])
        write = (basis * deviations[:, None]).T @ axes
        return cls(mean, read, write, source or Source(), len(data))

    @property
    def rank(self) -> int:
        """How many dimensions are taken out: at most one less than there are classes."""
        return int(self.read.shape[1])

    def transform(self, features: Any) -> NDArray[Any]:
        """Return activations without the concept.

        Args:
            features: numpy array or torch tensor of shape (n, d).
        """
        rows = feature_rows(features, len(self.mean))
        return rows - (rows - self.mean) @ self.read @ self.write  # type: ignore[no-any-return]

    def json(self) -> dict[str, Any]:
        """Return all but the arrays as a plain dict."""
        return {**self.source.json(), "size": len(self.mean), "rank": self.rank, "rows": self.rows}

    def save(self, path: str | Path) -> Path:
        """Write the arrays as safetensors and the rest as JSON beside it; returns the path of the first."""
        from sdialog.interpretability.files.saved_arrays import save_arrays

        return save_arrays(path, "eraser", {"mean": self.mean, "read": self.read, "write": self.write}, self.json())

    @classmethod
    def load(cls, path: str | Path) -> Eraser:
        """Read what :meth:`save` wrote.

        Raises:
            UserError: if there is no such file, or it holds no eraser.
        """
        from sdialog.interpretability.files.saved_arrays import load_arrays

        arrays, facts = load_arrays(path, "eraser")
        source = Source(facts["site"], facts["span"], facts["model"], facts["fingerprint"])
        return cls(arrays["mean"], arrays["read"], arrays["write"], source, facts["rows"])
