"""Texts that say the same again, in the same words or nearly so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.distances.samples import vectors
from sdialog.evaluation.diversity.minhash import bands, signatures

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

SHINGLE = 5
_BLOCK = 1024


class Duplicate(NamedTuple):
    """A text that is nearly the same as an earlier one.

    Attributes:
        place: which text it is, counted from 0.
        earlier: which text it is like.
        similarity: how alike they are, up to 1.
    """

    place: int
    earlier: int
    similarity: float


def near_duplicates(
    texts: Sequence[str], threshold: float = 0.8, *, shingle: int = SHINGLE, seed: int = 0
) -> list[Duplicate]:
    """Return the texts that are nearly the same as an earlier text, each with one such text.

    Texts are alike by the Jaccard index of their shingles, runs of so many characters, without regard to letter case
    and white space. Pairs to compare are found by MinHash and locality-sensitive hashing (Broder, 1997; Indyk and
    Motwani, 1998) and then compared exactly: none that is returned is below the threshold, and one at the threshold
    is missed in fewer than 1 of 100 cases, one above it hardly ever.

    Args:
        texts: one a dialog or utterance.
        threshold: least Jaccard index, above 0 and at most 1.
        shingle: length of the shingles, in characters.
        seed: seed of the hash functions.

    Returns:
        One entry for each text with an earlier one like it, in the order of the texts. Texts without any letter or
        sign are nobody's duplicates.

    Raises:
        UserError: if the threshold or the length is out of range.

    Example:
        >>> near_duplicates(["Where is my order now?", "Good night.", "where is  my order now"], threshold=0.7)
        [Duplicate(place=2, earlier=0, similarity=0.9444444444444444)]
    """
    if not 0 < threshold <= 1 or shingle < 1:
        raise UserError(f"threshold is in (0, 1] and shingle at least 1, not {threshold} and {shingle}")
    plain = [" ".join(text.casefold().split()) for text in texts]
    first: dict[str, int] = {}
    for place, text in enumerate(plain):
        if text:
            first.setdefault(text, place)
    different = list(first.values())
    shingles = _Shingles(plain, shingle)
    found = {} if threshold == 1 else _alike(different, shingles, threshold, seed)
    for place, text in enumerate(plain):
        if text and first[text] != place:
            found[place] = Duplicate(place, first[text], 1.0)
    return [found[place] for place in sorted(found)]


def near_duplicate_rate(
    texts: Sequence[str], threshold: float = 0.8, *, shingle: int = SHINGLE, seed: int = 0
) -> float | None:
    """Return the share of the texts that are nearly the same as an earlier one: what a clean-up would take away.

    Arguments are those of :func:`near_duplicates`. None of nothing.

    Example:
        >>> near_duplicate_rate(["Yes, I do.", "No, never.", "Yes, I do."])
        0.3333333333333333
    """
    return len(near_duplicates(texts, threshold, shingle=shingle, seed=seed)) / len(texts) if texts else None


def near_duplicates_by_embedding(embeddings: ArrayLike, threshold: float = 0.95) -> list[Duplicate]:
    """Return the items whose vector is near an earlier one's, each with the nearest such item, by their cosine.

    Every pair is compared, some rows at a time. What counts as near depends on the embedder: see what cosine items
    have that you know to be the same. Vectors of zeros are nobody's duplicates.

    Args:
        embeddings: vectors, of shape (n, dimensions).
        threshold: least cosine, -1 to 1.

    Raises:
        UserError: if the embeddings are not finite vectors of one length, or the threshold is out of range.

    Example:
        >>> near_duplicates_by_embedding([[1.0, 0.0], [0.0, 1.0], [3.0, 0.0]])
        [Duplicate(place=2, earlier=0, similarity=1.0)]
    """
    numpy = need("numpy", extra="metrics", why="find near duplicates")
    if not -1 <= threshold <= 1:
        raise UserError(f"threshold is a cosine, -1 to 1, not {threshold}")
    data = vectors(embeddings, "embeddings").astype(numpy.float32)
    lengths = numpy.linalg.norm(data, axis=1, keepdims=True)
    kept = numpy.flatnonzero(lengths > 0)
    data = (data / numpy.where(lengths > 0, lengths, 1))[kept]
    found = []
    for start in range(0, len(kept), _BLOCK):
        cosines = data[start : start + _BLOCK] @ data[: start + _BLOCK].T
        own = numpy.arange(start, start + len(cosines))
        cosines[numpy.arange(cosines.shape[1]) >= own[:, None]] = -numpy.inf
        nearest = cosines.argmax(axis=1)
        best = numpy.minimum(cosines[numpy.arange(len(own)), nearest], 1)
        # Cosines are sums of 32-bit numbers: equal vectors may have one slightly below 1.
        for row in numpy.flatnonzero(best >= threshold - 1e-6):
            found.append(Duplicate(int(kept[own[row]]), int(kept[nearest[row]]), round(float(best[row]), 6)))
    return found


class _Shingles:
    """The shingles of texts, those of the texts that are compared kept."""

    def __init__(self, texts: Sequence[str], size: int) -> None:
        self._texts, self._size = texts, size
        self._kept: dict[int, frozenset[str]] = {}

    def of(self, place: int) -> set[str]:
        """Return the shingles of a text; a shorter text is its own."""
        text, size = self._texts[place], self._size
        return {text[at : at + size] for at in range(max(1, len(text) - size + 1))}

    def jaccard(self, one: int, other: int) -> float:
        """Return the share of the shingles of two texts that both have."""
        first, second = self._keep(one), self._keep(other)
        shared = len(first & second)
        return shared / (len(first) + len(second) - shared)

    def _keep(self, place: int) -> frozenset[str]:
        if place not in self._kept:
            self._kept[place] = frozenset(self.of(place))
        return self._kept[place]


def _alike(places: list[int], shingles: _Shingles, threshold: float, seed: int) -> dict[int, Duplicate]:
    """Return for each text an earlier one that is like it, if it shares a bucket with one."""
    found: dict[int, Duplicate] = {}
    buckets: dict[Any, list[int]] = {}
    number, rows = bands(threshold)
    hashed = signatures((shingles.of(place) for place in places), number * rows, seed)
    for place, keys in zip(places, _keys(hashed, number, rows), strict=True):
        own = [buckets.setdefault(key, []) for key in keys]
        tried = set[int]()
        # The first that is like it ends the search, so that many copies of one text take little time.
        for earlier in (earlier for bucket in own for earlier in bucket):
            if earlier not in tried:
                tried.add(earlier)
                similarity = shingles.jaccard(place, earlier)
                if similarity >= threshold:
                    found[place] = Duplicate(place, earlier, similarity)
                    break
        for bucket in own:
            bucket.append(place)
    return found


def _keys(hashed: Iterator[Any], number: int, rows: int) -> Iterator[list[tuple[int, bytes]]]:
    for signature in hashed:
        yield [(band, signature[band * rows : (band + 1) * rows].tobytes()) for band in range(number)]
