"""Groups of utterances that say alike: average-linkage clustering under the cosine distance, at any size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

EXACT_UP_TO = 4000
"""How many different utterances are clustered one by one; of more, groups of near ones are."""

# Radius of a leader's circle, as a share of the threshold: at first, and at most.
_TIGHT, _WIDE = 0.25, 0.6
_LOOSEN = 1.3
_SPARE = 4
_BLOCK = 512


def cluster(
    vectors: Array, weights: Array, threshold: float, *, seed: int = 0, exact_up_to: int = EXACT_UP_TO
) -> Array:
    """Cluster unit vectors by average linkage under the cosine distance.

    The mean similarity between two groups of unit vectors is the dot product of their mean vectors, so a vector may
    stand for many: weights count as copies, and beyond ``exact_up_to`` vectors near ones are first gathered around
    leaders, in one pass, and the gathered groups are clustered exactly; if there are too many of these, the largest
    are, and each other one joins the nearest cluster or stays alone. Time then grows with the number of vectors, not
    with its square.

    Args:
        vectors: shape (n, d), rows of length 1.
        weights: shape (n,), how often each row counts.
        threshold: merge groups up to this mean cosine distance, from 0 to 1; a whole number above 1 asks for that many
            clusters.
        seed: seed of the order in which leaders are found.
        exact_up_to: see above.

    Returns:
        Shape (n,): the cluster of each row, numbered from 0 by weight, largest first.

    Raises:
        ConfigError: if the threshold is neither.

    Sources:
        Sokal and Michener (1958) for average linkage; Zhang, Ramakrishnan and Livny (1996) for clustering the groups
        of a first pass.

    Example:
        >>> import numpy
        >>> vectors = numpy.array([[1.0, 0.0], [0.96, 0.28], [0.0, 1.0]])
        >>> cluster(vectors, numpy.array([1, 1, 5]), 0.5).tolist()
        [1, 1, 0]
    """
    np = need("numpy", extra="metrics", why="cluster utterances")
    if isinstance(threshold, bool) or not (0 <= threshold <= 1 or (threshold > 1 and float(threshold).is_integer())):
        raise ConfigError(
            f"a threshold is a cosine distance from 0 to 1, or a whole number of clusters above 1, not {threshold!r}"
        )
    count = int(threshold) if threshold > 1 else None
    most = max(exact_up_to, count or 0)
    if len(vectors) <= most:
        groups = np.arange(len(vectors))
    else:
        reach = threshold if count is None else 0.5
        groups = _gathered(np, vectors, (_TIGHT * reach, _WIDE * reach), most, seed)
    sizes = np.bincount(groups, weights=weights)
    means = np.zeros((len(sizes), vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(vectors), 8192):
        part = slice(start, start + 8192)
        np.add.at(means, groups[part], vectors[part] * np.asarray(weights[part], dtype=np.float32)[:, None])
    means /= np.maximum(sizes, 1e-12)[:, None].astype(np.float32)
    heavy = np.sort(np.argsort(-sizes, kind="stable")[:most])
    joined = np.full(len(sizes), -1, dtype=np.int64)
    merges = linkage(means[heavy], sizes[heavy])
    joined[heavy] = _cut(np, merges, len(heavy), None if count else threshold, count)
    if len(heavy) < len(sizes):
        _join_rest(np, joined, means, sizes, None if count else threshold)
    return _by_weight(np, joined[groups], weights)


def linkage(means: Array, sizes: Array) -> list[tuple[float, int, int]]:
    """Return all merges of average linkage, as (distance, one member, another member), in no particular order.

    Args:
        means: shape (n, d), the mean of each starting group of unit vectors.
        sizes: shape (n,), how many vectors each starting group has.

    Sources:
        Murtagh (1983): chains of nearest neighbours find every merge in time of order n squared.
    """
    np = need("numpy", extra="metrics", why="cluster utterances")
    n = len(sizes)
    far = np.float32(np.inf)
    distances = 1 - means @ means.T
    np.fill_diagonal(distances, far)
    size = np.asarray(sizes, dtype=np.float64).copy()
    alive = np.ones(n, dtype=bool)
    merges: list[tuple[float, int, int]] = []
    chain: list[int] = []
    first = 0
    while len(merges) < n - 1:
        if not chain:
            while not alive[first]:
                first += 1
            chain.append(first)
        tip = chain[-1]
        row = distances[tip]
        nearest = int(row.argmin())
        if len(chain) > 1 and row[chain[-2]] <= row[nearest]:
            nearest = chain[-2]  # of equally near ones the one before, or a chain could run in a circle
        if len(chain) > 1 and nearest == chain[-2]:
            del chain[-2:]
            merges.append((float(row[nearest]), tip, nearest))
            total = size[tip] + size[nearest]
            merged = ((size[tip] * row + size[nearest] * distances[nearest]) / total).astype(distances.dtype)
            merged[tip] = far
            distances[tip, :] = distances[:, tip] = merged
            distances[nearest, :] = distances[:, nearest] = far
            size[tip], alive[nearest] = total, False
        else:
            chain.append(nearest)
    return merges


def _cut(np: Any, merges: list[tuple[float, int, int]], n: int, threshold: float | None, count: int | None) -> Array:
    """Return the label of each starting group once all merges up to a height, or down to a number, are made."""
    parent = list(range(n))

    def root(place: int) -> int:
        while parent[place] != place:
            parent[place] = parent[parent[place]]
            place = parent[place]
        return place

    left = n
    for height, one, other in sorted(merges):
        if (threshold is not None and height > threshold + 1e-6) or (count is not None and left <= count):
            break
        parent[root(other)] = root(one)
        left -= 1
    return np.array([root(place) for place in range(n)], dtype=np.int64)  # type: ignore[no-any-return]


def _gathered(np: Any, vectors: Array, radii: tuple[float, float], most: int, seed: int) -> Array:
    """Return the group of each vector: those near a leader are one group, those near none are alone.

    The circle around leaders widens, from the first radius to the second, as long as there are too many of them. If
    there still are, some more are allowed; what is near none of these is alone.
    """
    radius, widest = radii
    order = np.random.default_rng(derive_seed(seed, "flow", "leaders")).permutation(len(vectors))
    groups = np.full(len(vectors), -1, dtype=np.int64)
    leaders = np.empty((0, vectors.shape[1]), dtype=np.float32)
    for start in range(0, len(order), _BLOCK):
        block = order[start : start + _BLOCK]
        leaders, groups[block] = _led(np, leaders, vectors[block], radius, _SPARE * most)
        while len(leaders) > most and radius < widest:
            radius = min(widest, radius * _LOOSEN)
            fewer = np.empty((0, vectors.shape[1]), dtype=np.float32)
            moved = np.empty(len(leaders), dtype=np.int64)
            for place in range(0, len(leaders), _BLOCK):
                part = slice(place, place + _BLOCK)
                fewer, moved[part] = _led(np, fewer, leaders[part], radius, len(leaders))
            done = order[: start + len(block)]
            leaders, groups[done] = fewer, np.where(groups[done] < 0, -1, moved[groups[done]])
    alone = groups < 0
    groups[alone] = len(leaders) + np.arange(alone.sum())
    return groups  # type: ignore[no-any-return]


def _led(np: Any, leaders: Array, block: Array, radius: float, most: int) -> tuple[Array, Array]:
    """Give each vector of a block its nearest leader; one that has none near becomes one, up to so many, or has -1."""
    labels = np.full(len(block), -1, dtype=np.int64)
    if len(leaders):
        similar = block @ leaders.T
        nearest = similar.argmax(axis=1)
        near = similar[np.arange(len(block)), nearest] >= 1 - radius
        labels[near] = nearest[near]
    among = block @ block.T >= 1 - radius
    fresh: list[int] = []
    for place in np.flatnonzero(labels < 0):
        if labels[place] < 0 and len(leaders) + len(fresh) < most:
            unled = (labels < 0) & among[place]
            unled[place] = True
            labels[unled] = len(leaders) + len(fresh)
            fresh.append(int(place))
    return (np.concatenate([leaders, block[fresh]]) if fresh else leaders), labels


def _join_rest(np: Any, joined: Array, means: Array, sizes: Array, threshold: float | None) -> None:
    """Put groups that have no label into the nearest cluster, or, if that is too far, each into one of its own."""
    done = np.flatnonzero(joined >= 0)
    labels, inverse = np.unique(joined[done], return_inverse=True)
    totals = np.bincount(inverse, weights=sizes[done])
    centres = np.zeros((len(labels), means.shape[1]), dtype=np.float32)
    np.add.at(centres, inverse, means[done] * sizes[done].astype(np.float32)[:, None])
    centres /= totals[:, None].astype(np.float32)
    rest = np.flatnonzero(joined < 0)
    for start in range(0, len(rest), _BLOCK):
        part = rest[start : start + _BLOCK]
        similar = means[part] @ centres.T
        nearest = similar.argmax(axis=1)
        far = np.zeros(len(part), dtype=bool) if threshold is None else similar.max(axis=1) < 1 - threshold
        joined[part] = np.where(far, len(joined) + part, labels[nearest])


def _by_weight(np: Any, labels: Array, weights: Array) -> Array:
    """Number labels anew, those of most weight first, of equal ones the one that comes first."""
    found, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    totals = np.bincount(inverse, weights=weights)
    ranks = np.empty(len(found), dtype=np.int64)
    ranks[np.lexsort((first, -totals))] = np.arange(len(found))
    return ranks[inverse]  # type: ignore[no-any-return]
