"""How many different items a sample holds, so to say."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import vectors
from sdialog.evaluation.embeddings.base import without_empty

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

WHY = "measure diversity"


def vendi_score(embeddings: ArrayLike) -> float | None:
    """Return the effective number of different items: 1 when all are the same, n when no two are alike.

    Friedman and Dieng (2023), TMLR: the exponential of the entropy of the eigenvalues of K / n, where K holds the
    cosines between the items. It grows with the sample: compare samples of one size. It cannot exceed the number of
    dimensions. Vectors of zeros, which stand for dialogs without text, are left out.

    Args:
        embeddings: vectors, of shape (n, dimensions).

    Returns:
        The score, 1 to n; None of nothing.

    Raises:
        UserError: if they are not finite vectors of one length.

    Example:
        >>> round(vendi_score([[1, 0], [2, 0], [3, 0]]), 6), round(vendi_score([[1, 0], [0, 1]]), 6)
        (1.0, 2.0)
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    data = without_empty(vectors(embeddings, "embeddings"))
    if not len(data):
        return None
    data = data / numpy.linalg.norm(data, axis=1, keepdims=True)
    # Both products have the same eigenvalues above 0; the smaller one is faster.
    product = data @ data.T if len(data) <= data.shape[1] else data.T @ data
    shares = numpy.linalg.eigvalsh(product / len(data))
    shares = shares[shares > 1e-15]
    shares /= shares.sum()
    return float(numpy.exp(-(shares * numpy.log(shares)).sum()))
