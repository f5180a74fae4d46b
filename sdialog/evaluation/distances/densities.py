"""Divergences between the densities of two samples of numbers, each estimated by a Gaussian kernel."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import WHY, numbers

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

RESOLUTION = 512
PADDING = 3.0
"""How many bandwidths the grid reaches beyond the samples."""

FLOOR = 1e-12
"""Share of a uniform density in each estimate, so that no ratio is infinite."""

_STEPS_A_BANDWIDTH = 4
_MOST_POINTS = 1 << 18


def kl_divergence(
    reference: ArrayLike, candidate: ArrayLike, *, resolution: int = RESOLUTION, bandwidth: str | float | None = None
) -> float | None:
    """Return the divergence of Kullback and Leibler (1951) of the candidate from the reference, in nats.

    It is large where the reference has values that the candidate does not have; it is not symmetric. Both densities
    are normalised on one grid, so it is never negative. For scores of a few values, such as 1 to 5, densities are a
    poor picture: use :func:`sdialog.evaluation.distances.one_dimensional.ks_statistic`.

    Args:
        reference: numbers.
        candidate: numbers.
        resolution: least number of points of the grid; there are more where a bandwidth is narrow.
        bandwidth: ``scott`` (the same as None) or ``silverman``, or a factor of the sample's spread. The spread is
            the smaller of the standard deviation and the interquartile range over 1.349 (Silverman, 1986), so that
            one outlier does not widen the kernel; that of a constant sample is the spread of both samples together.

    Returns:
        The divergence; None if a sample has fewer than two numbers.

    Raises:
        UserError: if a sample holds missing values, or the bandwidth or resolution is none.

    Example:
        >>> kl_divergence([1, 2, 3, 4], [1, 2, 3, 4]), kl_divergence([1.0], [1.0, 2.0])
        (0.0, None)
        >>> kl_divergence([1, 2, 3, 4], [5, 6, 7, 8]) > kl_divergence([1, 2, 3, 4], [2, 3, 4, 5]) > 0
        True
    """
    densities = _densities(reference, candidate, resolution, bandwidth)
    return None if densities is None else _kl(*densities)


def js_divergence(
    reference: ArrayLike, candidate: ArrayLike, *, resolution: int = RESOLUTION, bandwidth: str | float | None = None
) -> float | None:
    """Return the divergence of Jensen and Shannon (Lin, 1991), in nats: 0 for equal densities to log 2 for disjoint.

    It is the same in both directions. Arguments are those of :func:`kl_divergence`.

    Example:
        >>> js_divergence([1, 2, 3], [1, 2, 3]), round(js_divergence([1, 2, 3], [901, 902, 903]), 4)
        (0.0, 0.6931)
    """
    densities = _densities(reference, candidate, resolution, bandwidth)
    if densities is None:
        return None
    middle = (densities[0] + densities[1]) / 2
    return (_kl(densities[0], middle) + _kl(densities[1], middle)) / 2


def cauchy_schwarz_divergence(
    reference: ArrayLike, candidate: ArrayLike, *, resolution: int = RESOLUTION, bandwidth: str | float | None = None
) -> float | None:
    """Return minus the logarithm of the cosine of two densities (Principe, 2010): 0 for equal ones.

    It is the same in both directions. Arguments are those of :func:`kl_divergence`.

    Example:
        >>> cauchy_schwarz_divergence([1, 2, 3], [1, 2, 3])
        0.0
    """
    densities = _densities(reference, candidate, resolution, bandwidth)
    if densities is None:
        return None
    p, q = densities
    cosine = float((p * q).sum()) / math.sqrt(float((p * p).sum()) * float((q * q).sum()))
    return max(0.0, -math.log(cosine))


def _kl(p: NDArray[Any], q: NDArray[Any]) -> float:
    numpy = need("numpy", extra="metrics", why=WHY)
    return max(0.0, float((p * numpy.log(p / q)).sum()))


def _densities(
    reference: ArrayLike, candidate: ArrayLike, resolution: int, bandwidth: str | float | None
) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Return both densities on one grid, each with sum 1; None if a sample is too small for one."""
    numpy = need("numpy", extra="metrics", why=WHY)
    if resolution < 2:
        raise UserError(f"a grid has at least 2 points, not {resolution}")
    # Sums in another order end in other digits, and may ask for another grid: the order must play no part.
    first = numpy.sort(numbers(reference, "the reference"))
    second = numpy.sort(numbers(candidate, "the candidate"))
    if min(len(first), len(second)) < 2:
        return None
    pooled = _spread(numpy, numpy.sort(numpy.concatenate([first, second])))
    widths = [_factor(len(one), bandwidth) * (_spread(numpy, one) or pooled) for one in (first, second)]
    if not pooled:  # one and the same number
        point = numpy.ones(1)
        return point, point
    low = min(first.min(), second.min()) - PADDING * max(widths)
    high = max(first.max(), second.max()) + PADDING * max(widths)
    points = min(_MOST_POINTS, max(resolution, math.ceil((high - low) / min(widths) * _STEPS_A_BANDWIDTH)))
    p, q = (_density(numpy, one, width, low, high, points) for one, width in zip((first, second), widths, strict=True))
    return p, q


def _density(numpy: Any, sample: NDArray[Any], width: float, low: float, high: float, points: int) -> NDArray[Any]:
    """Return the estimate from shares at the points of the grid, smoothed by the kernel (Wand, 1994)."""
    signal = need("scipy.signal", extra="metrics", why=WHY)
    step = (high - low) / (points - 1)
    place = (sample - low) / step
    below = numpy.minimum(place.astype(int), points - 2)
    shares = numpy.bincount(below, 1 - (place - below), points) + numpy.bincount(below + 1, place - below, points)
    reach = min(points, math.ceil(8 * width / step))
    kernel = numpy.exp(-0.5 * (numpy.arange(-reach, reach + 1) * step / width) ** 2)
    found = numpy.maximum(signal.fftconvolve(shares, kernel)[reach : reach + points], 0)
    return (1 - FLOOR) * found / found.sum() + FLOOR / points  # type: ignore[no-any-return]


def _spread(numpy: Any, sample: NDArray[Any]) -> float:
    deviation = float(sample.std(ddof=1)) if numpy.ptp(sample) else 0.0
    quarter, three_quarters = numpy.quantile(sample, [0.25, 0.75])
    middle = float(three_quarters - quarter) / 1.349
    return min(deviation, middle) if middle > 0 else deviation


def _factor(size: int, bandwidth: str | float | None) -> float:
    if bandwidth is None or bandwidth == "scott":
        return float(size**-0.2)
    if bandwidth == "silverman":
        return float((size * 0.75) ** -0.2)
    if isinstance(bandwidth, (int, float)) and 0 < bandwidth < math.inf:
        return float(bandwidth)
    raise UserError(f"a bandwidth is 'scott', 'silverman' or a factor above 0, not {bandwidth!r}")
