"""Samples as the distances read them: numbers and vectors, none of them missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

WHY = "compare samples"


def numbers(sample: ArrayLike, name: str) -> NDArray[Any]:
    """Return a sample as an array of shape (n,).

    Raises:
        UserError: if it holds something else than finite numbers, such as a missing value.
    """
    found = _array(sample, name, "numbers")
    if found.ndim != 1:
        raise UserError(f"{name} must be a flat list of numbers, not of shape {found.shape}")
    return found


def vectors(sample: ArrayLike, name: str) -> NDArray[Any]:
    """Return a sample as an array of shape (n, dimensions).

    Raises:
        UserError: if it holds something else than finite vectors of one length.
    """
    found = _array(sample, name, "vectors of one length")
    if found.ndim == 1 and not len(found):
        return found.reshape(0, 0)
    if found.ndim != 2:
        raise UserError(f"{name} must be vectors, of shape (n, dimensions), not of shape {found.shape}")
    return found


def pair(reference: ArrayLike, candidate: ArrayLike) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two samples of vectors.

    Raises:
        UserError: if they are not of one dimension.
    """
    first, second = vectors(reference, "the reference"), vectors(candidate, "the candidate")
    if len(first) and len(second) and first.shape[1] != second.shape[1]:
        raise UserError(
            f"the reference has {first.shape[1]} dimensions and the candidate {second.shape[1]}: "
            "embed both with the same embedder"
        )
    return first, second


def matched(first: NDArray[Any], second: NDArray[Any], seed: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Return two samples of one size: of the larger one, rows drawn without putting back."""
    size = min(len(first), len(second))
    return drawn(first, size, seed, "reference"), drawn(second, size, seed, "candidate")


def drawn(sample: NDArray[Any], size: int, seed: int, *path: str | int) -> NDArray[Any]:
    """Return so many rows drawn without putting back, in their order; the sample itself if it is no larger."""
    if len(sample) <= size:
        return sample
    picks = generator(seed, "draw", *path).choice(len(sample), size, replace=False)
    picks.sort()
    return sample[picks]  # type: ignore[no-any-return]


def different(sample: NDArray[Any]) -> int:
    """Return how many different rows there are."""
    return len({row.tobytes() for row in sample})


def generator(seed: int, *path: str | int) -> Any:
    """Return a private numpy generator for the part that the path names."""
    numpy = need("numpy", extra="metrics", why=WHY)
    return numpy.random.default_rng(derive_seed(seed, *path))


def _array(sample: ArrayLike, name: str, what: str) -> NDArray[Any]:
    numpy = need("numpy", extra="metrics", why=WHY)
    try:
        found = numpy.asarray(sample, dtype=float)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name} must be {what}; leave missing values out: {error}") from error
    if not numpy.isfinite(found).all():
        raise UserError(f"{name} must be finite {what}; leave missing values out")
    return found  # type: ignore[no-any-return]
