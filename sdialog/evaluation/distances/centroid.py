"""How alike the directions of two samples' means are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, pair
from sdialog.evaluation.embeddings.base import without_empty

if TYPE_CHECKING:
    from numpy.typing import ArrayLike


def centroid_similarity(reference: ArrayLike, candidate: ArrayLike) -> float | None:
    """Return the cosine of the mean vectors of two samples, -1 to 1.

    It says little of how the samples are spread: half of a corpus may be far off while the means agree. Vectors of
    zeros, which stand for dialogs without text, are left out.

    Args:
        reference: vectors, of shape (n, dimensions).
        candidate: vectors, of shape (m, dimensions).

    Returns:
        The cosine; None if a sample is empty or its mean has no direction.

    Raises:
        UserError: if the samples are not finite vectors of one length.

    Example:
        >>> centroid_similarity([[1.0, 0.0], [0.0, 0.0]], [[2.0, 0.0]]), centroid_similarity([[1.0]], [[0.0]])
        (1.0, None)
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    samples = [without_empty(sample) for sample in pair(reference, candidate)]
    if not all(len(sample) for sample in samples):
        return None
    first, second = (sample.mean(axis=0) for sample in samples)
    norms = float(numpy.linalg.norm(first) * numpy.linalg.norm(second))
    return float(numpy.clip(first @ second / norms, -1, 1)) if norms > 0 else None
