"""Estimators of a direction that separates positive rows from negative ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.fitting.labelled import WHY, Labelled, generator

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.fitting.learners import Learner

METHODS = ("mean_diff", "logistic", "lda", "whitened", "pca_uncentred", "pca_signflip")
_REFUSED = ("pca", "pca_centred", "pca_centered", "lat_pca", "centred_pca", "centered_pca")
_SMALL = 1e-10
_STILL = 1e-6  # what of a gap is more than rounding


@dataclass(frozen=True, eq=False)
class Contrast:
    """Positive and negative rows.

    Attributes:
        positive: shape (n, d).
        negative: shape (m, d); where the rows are paired, row i belongs to row i of ``positive``.
        positive_groups, negative_groups: number of each row's dialog.
        paired: whether they are paired.
    """

    positive: NDArray[Any]
    negative: NDArray[Any]
    positive_groups: NDArray[Any]
    negative_groups: NDArray[Any]
    paired: bool = False

    @property
    def gap(self) -> NDArray[Any]:
        """Mean of the positive rows less that of the negative ones."""
        return self.positive.mean(axis=0) - self.negative.mean(axis=0)  # type: ignore[no-any-return]

    def stacked(self) -> Labelled:
        """Return all rows with labels, the negative ones first."""
        numpy = need("numpy", extra="metrics", why=WHY)
        labels = numpy.repeat([0, 1], [len(self.negative), len(self.positive)])
        groups = numpy.concatenate([self.negative_groups, self.positive_groups])
        return Labelled(numpy.concatenate([self.negative, self.positive]), labels, groups, (False, True))

    def differences(self) -> Labelled:
        """Return the differences of pairs, once as they are and once turned round, with labels that say which."""
        numpy = need("numpy", extra="metrics", why=WHY)
        one = self.positive - self.negative
        labels = numpy.repeat([0, 1], len(one))
        groups = numpy.concatenate([self.positive_groups] * 2)
        return Labelled(numpy.concatenate([-one, one]), labels, groups, (False, True))

    def within(self, groups: NDArray[Any]) -> Contrast:
        """Return only the rows of some dialogs."""
        numpy = need("numpy", extra="metrics", why=WHY)
        first, second = numpy.isin(self.positive_groups, groups), numpy.isin(self.negative_groups, groups)
        return Contrast(
            self.positive[first],
            self.negative[second],
            self.positive_groups[first],
            self.negative_groups[second],
            self.paired,
        )


def check_method(method: str, paired: bool) -> None:
    """Refuse a method that is none, that finds anything but the concept, or that has no pairs to read.

    Raises:
        ConfigError: for principal components of centred, oriented differences.
        UserError: for principal components without pairs.
        UnknownNameError: if there is no such method.
    """
    if method in _REFUSED:
        raise ConfigError(
            f"the method {method!r} is not offered: when all differences are oriented from negative to positive, their "
            "mean is the concept, and centring takes just that away, so the first component is some nuisance. Use "
            "'pca_uncentred' (no centring), 'pca_signflip' (random signs before centring) or 'mean_diff'"
        )
    if method not in METHODS:
        raise UnknownNameError("method", method, METHODS)
    if method.startswith("pca") and not paired:
        raise UserError(f"{method} reads differences of pairs; give paired=True, or use 'mean_diff' or 'logistic'")


def estimate(contrast: Contrast, method: str, learner: Learner, seed: int) -> NDArray[Any]:
    """Return a unit direction along which positive rows lie higher on average than negative ones.

    Raises:
        UserError: if the rows do not differ, or are too few for the method.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    found = _ESTIMATORS[method](numpy, contrast, learner, seed)
    length = float(numpy.linalg.norm(found))
    size = float(numpy.abs(contrast.positive).max() + numpy.abs(contrast.negative).max())
    if float(numpy.linalg.norm(contrast.gap)) <= _SMALL * size or length == 0:
        raise UserError("positive and negative rows have the same mean, so there is no direction between them")
    found = found / length
    return found if found @ contrast.gap >= 0 else -found  # type: ignore[no-any-return]


def _mean_diff(numpy: Any, contrast: Contrast, learner: Learner, seed: int) -> Any:
    return contrast.gap


def _logistic(numpy: Any, contrast: Contrast, learner: Learner, seed: int) -> Any:
    """Return the weights of a logistic regression, of pairs on their differences (Bradley and Terry, 1952)."""
    from sdialog.interpretability.fitting._probe_fitting import tuned

    data = contrast.differences() if contrast.paired else contrast.stacked()
    fitted, _ = tuned(data, learner, seed, "direction")
    return fitted.layers[0][0][:, 0] / fitted.scale


def _lda(numpy: Any, contrast: Contrast, learner: Learner, seed: int) -> Any:
    """Return Fisher's (1936) discriminant: the gap through the inverse covariance within the classes."""
    rows, freedom = _within(numpy, contrast)
    if freedom < rows.shape[1]:
        raise UserError(
            f"lda inverts a covariance of size {rows.shape[1]} and has only {freedom} degrees of freedom for it; "
            "use 'whitened', which shrinks it, or 'mean_diff'"
        )
    return _through_inverse(numpy, rows, contrast.gap, 0.0)


def _whitened(numpy: Any, contrast: Contrast, learner: Learner, seed: int) -> Any:
    """Return the gap through the inverse covariance within the classes, shrunk to a sphere (Ledoit and Wolf, 2004)."""
    covariance = need("sklearn.covariance", extra="metrics", why=WHY)
    rows, _ = _within(numpy, contrast)
    if not rows.any():
        return contrast.gap
    return _through_inverse(numpy, rows, contrast.gap, covariance.ledoit_wolf_shrinkage(rows, assume_centered=True))


def _within(numpy: Any, contrast: Contrast) -> tuple[Any, int]:
    """Return rows less the mean of their class, and the degrees of freedom; of pairs, those of the differences."""
    if contrast.paired:
        differences = contrast.positive - contrast.negative
        return differences - differences.mean(axis=0), len(differences) - 1
    parts = [one - one.mean(axis=0) for one in (contrast.positive, contrast.negative)]
    return numpy.concatenate(parts), len(contrast.positive) + len(contrast.negative) - 2


def _through_inverse(numpy: Any, rows: Any, gap: Any, shrinkage: float) -> Any:
    """Return the inverse of ``(1 - shrinkage) S + shrinkage tr(S) / d`` times the gap, S the covariance of rows.

    Where S does not vary at all and the gap does, it is that part of the gap: the limit when the variance goes to zero.
    """
    _, spread, axes = numpy.linalg.svd(rows, full_matrices=False)
    variances = spread**2 / len(rows)
    floor = shrinkage * variances.sum() / rows.shape[1]
    along = axes @ gap
    kept = variances > _SMALL * variances.max()
    weights = numpy.zeros_like(variances)
    weights[kept] = 1 / ((1 - shrinkage) * variances[kept] + floor)
    if floor == 0:
        still = gap - axes[kept].T @ along[kept]
        found = axes.T @ (weights * along)
        return still if numpy.linalg.norm(still) > _STILL * numpy.linalg.norm(gap) else found
    # Outside the span of the rows the covariance is the floor alone.
    weights[~kept] = 1 / floor
    return axes.T @ (weights * along) + (gap - axes.T @ along) / floor


def _pca_uncentred(numpy: Any, contrast: Contrast, learner: Learner, seed: int) -> Any:
    """Return the first right singular vector of the differences as they are."""
    return numpy.linalg.svd(contrast.positive - contrast.negative, full_matrices=False)[2][0]


def _pca_signflip(numpy: Any, contrast: Contrast, learner: Learner, seed: int) -> Any:
    """Return the first principal component of the differences with random signs (Zou et al., 2023).

    Half of the signs are turned: the nearer their mean is to zero, the less of the concept does centring take away.
    """
    differences = contrast.positive - contrast.negative
    if len(differences) < 2:
        raise UserError("pca_signflip centres the differences and needs at least 2 pairs; use 'mean_diff'")
    signs = numpy.empty(len(differences))
    # Signs follow the lengths, so that they hang neither on the order of the pairs nor on the scale.
    order = numpy.argsort((differences**2).sum(axis=1), kind="stable")
    signs[order] = generator(seed, "signs").permutation(numpy.resize([1.0, -1.0], len(differences)))
    flipped = differences * signs[:, None]
    return numpy.linalg.svd(flipped - flipped.mean(axis=0), full_matrices=False)[2][0]


_ESTIMATORS: dict[str, Callable[..., Any]] = {
    "mean_diff": _mean_diff,
    "logistic": _logistic,
    "lda": _lda,
    "whitened": _whitened,
    "pca_uncentred": _pca_uncentred,
    "pca_signflip": _pca_signflip,
}
