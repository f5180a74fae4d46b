"""An embedder that needs no model: hashed counts of words and of letters."""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any, Self

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.embeddings.base import WHY, BaseDialogEmbedder
from sdialog.evaluation.metrics.text import utterances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.core.dialog import Dialog

NGRAMS = ("w1", "w2", "c3", "c4")
_KIND = re.compile(r"([wc])([1-9])")
_TOKEN = re.compile(r"\w+|[^\w\s]")
_BATCH = 4096


class HashedNgramEmbedder(BaseDialogEmbedder):
    """Counts of n-grams of words and of letters, hashed into a vector of length 1.

    The same text gives the same vector everywhere: nothing is downloaded, learned or drawn. Each n-gram adds or takes
    away ``(1 + log(count)) * idf`` at one place of the vector (Weinberger et al., 2009, ICML: hashing with signs, so
    that n-grams that meet by chance cancel out on average); a chance cosine of two texts is about 1 / sqrt(dimensions).
    N-grams of letters stay within a word with its edges, and those of words within an utterance. It compares wording,
    not meaning: a paraphrase without common words is far away.

    Args:
        dimensions: length of the vectors.
        ngrams: kinds of n-grams, such as ``w2`` for pairs of words and ``c3`` for three letters.
        ai_speaker: read only what this speaker says; letter case does not matter.
        name: what it is called in tables; default ``hashed-ngrams``, with ``-ai`` for one speaker.

    Raises:
        UserError: if there is no such kind of n-gram, or no dimension.

    Example:
        >>> embedder = HashedNgramEmbedder(dimensions=256)
        >>> near, far = embedder.embed_texts(["Where is my order?", "Where is the order?", "Good night."])[1:]
        >>> own = embedder.embed_texts(["Where is my order?"])[0]
        >>> bool(own @ near > 0.5 > own @ far)
        True
    """

    def __init__(
        self,
        dimensions: int = 512,
        ngrams: Sequence[str] = NGRAMS,
        ai_speaker: str | None = None,
        name: str | None = None,
    ) -> None:
        super().__init__(name or f"hashed-ngrams{'-ai' if ai_speaker else ''}")
        if dimensions < 1:
            raise UserError(f"a vector has at least 1 dimension, not {dimensions}")
        kinds = [_KIND.fullmatch(kind) for kind in ngrams]
        if not kinds or not all(kinds):
            raise UserError(f"ngrams are named w1 to w9 (words) and c1 to c9 (letters), not {tuple(ngrams)}")
        self.dimensions, self.ngrams, self.ai_speaker = dimensions, tuple(ngrams), ai_speaker
        self._word_sizes = [int(kind[2]) for kind in kinds if kind and kind[1] == "w"]
        self._letter_sizes = [int(kind[2]) for kind in kinds if kind and kind[1] == "c"]
        self._known: tuple[NDArray[Any], NDArray[Any]] | None = None
        self._unseen = 1.0
        self._words: dict[str, tuple[int, list[int]]] = {}

    def fit(self, texts: Iterable[str]) -> Self:
        """Take how rare n-grams are from a reference: rare ones count more from now on.

        The weight is ``log((1 + n) / (1 + df)) + 1`` for an n-gram in ``df`` of ``n`` texts. Vectors are comparable
        only between embedders that were fitted to the same texts.

        Example:
            >>> embedder = HashedNgramEmbedder().fit(["the end", "the sea", "the sun"])
            >>> embedder.embed_texts(["the moon"]).shape
            (1, 512)
        """
        numpy = need("numpy", extra="metrics", why=WHY)
        total, seen, frequency = 0, numpy.empty(0, numpy.uint64), numpy.empty(0)
        for batch in _batches(texts):
            ids = self._counts([[text] for text in batch])[1]
            total += len(batch)
            seen, place = numpy.unique(numpy.concatenate([seen, ids]), return_inverse=True)
            frequency = numpy.bincount(place, numpy.concatenate([frequency, numpy.ones(len(ids))]), len(seen))
        if not total:
            raise UserError("there is no text to fit the embedder to")
        self._known = (seen, numpy.log((1 + total) / (1 + frequency)) + 1)
        self._unseen = float(numpy.log(1 + total)) + 1
        return self

    def embed(self, dialog: Dialog) -> NDArray[Any]:
        """Return the vector of one dialog, of shape (dimensions,); of one without words, zeros."""
        return self.embed_dialogs([dialog])[0]  # type: ignore[no-any-return]

    def embed_dialogs(self, dialogs: Iterable[Dialog]) -> NDArray[Any]:
        """Return the vectors of dialogs, of shape (dialogs, dimensions)."""
        return self._embed(utterances(dialog, self.ai_speaker) for dialog in dialogs)

    def embed_texts(self, texts: Iterable[str]) -> NDArray[Any]:
        """Return the vectors of texts, of shape (texts, dimensions), as 32-bit floats."""
        return self._embed([text] for text in texts)

    def _embed(self, groups: Iterable[Sequence[str]]) -> NDArray[Any]:
        numpy = need("numpy", extra="metrics", why=WHY)
        parts = [self._vectors(batch) for batch in _batches(groups)]
        return numpy.concatenate(parts) if parts else numpy.zeros((0, self.dimensions), numpy.float32)  # type: ignore[no-any-return]

    def _vectors(self, groups: Sequence[Sequence[str]]) -> NDArray[Any]:
        numpy = need("numpy", extra="metrics", why=WHY)
        rows, ids, counts = self._counts(groups)
        weights = (1 + numpy.log(counts)) * self._rarity(ids)
        mixed = _mix(numpy, ids)
        signs = 1 - 2.0 * (mixed & numpy.uint64(1)).astype(float)
        columns = ((mixed >> numpy.uint64(1)) % numpy.uint64(self.dimensions)).astype(numpy.int64)
        flat = numpy.bincount(rows * self.dimensions + columns, signs * weights, len(groups) * self.dimensions)
        vectors = flat.reshape(len(groups), self.dimensions)
        lengths = numpy.sqrt((vectors**2).sum(axis=1, keepdims=True))
        return (vectors / numpy.where(lengths > 0, lengths, 1)).astype(numpy.float32)  # type: ignore[no-any-return]

    def _rarity(self, ids: NDArray[Any]) -> Any:
        if self._known is None:
            return 1.0
        numpy = need("numpy", extra="metrics", why=WHY)
        seen, weights = self._known
        if not len(seen):
            return self._unseen
        place = numpy.minimum(numpy.searchsorted(seen, ids), len(seen) - 1)
        return numpy.where(seen[place] == ids, weights[place], self._unseen)

    def _counts(self, groups: Sequence[Sequence[str]]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return rows, ids of n-grams and how often that row has that n-gram."""
        numpy = need("numpy", extra="metrics", why=WHY)
        words, letters, of_word, of_letter = self._read(groups)
        line_rows = numpy.array([row for row, group in enumerate(groups) for _ in group], numpy.int64)
        parts_rows, parts_ids = [line_rows[of_letter]], [letters]
        for size in self._word_sizes:
            starts = max(0, len(words) - size + 1)
            ids, first = numpy.full(starts, size, numpy.uint64), of_word[:starts]
            for offset in range(size):
                ids = _mix(numpy, ids ^ words[offset : offset + starts])
            whole = first == of_word[size - 1 : size - 1 + starts]
            parts_rows.append(line_rows[first[whole]])
            parts_ids.append(ids[whole])
        rows, ids = numpy.concatenate(parts_rows), numpy.concatenate(parts_ids)
        order = numpy.lexsort((ids, rows))
        rows, ids = rows[order], ids[order]
        new = numpy.ones(len(ids), bool)
        new[1:] = (ids[1:] != ids[:-1]) | (rows[1:] != rows[:-1])
        starts = numpy.flatnonzero(new)
        return rows[new], ids[new], numpy.diff(numpy.append(starts, len(ids)))

    def _read(self, groups: Sequence[Sequence[str]]) -> tuple[NDArray[Any], ...]:
        """Return hashes of words and of their letters, each with the number of its utterance."""
        numpy = need("numpy", extra="metrics", why=WHY)
        words: list[int] = []
        letters: list[int] = []
        of_word: list[int] = []
        of_letter: list[int] = []
        for number, line in enumerate(line for group in groups for line in group):
            for token in _TOKEN.findall(line.lower()):
                word, own = self._word(token)
                words.append(word)
                of_word.append(number)
                letters += own
                of_letter += [number] * len(own)
        hashes = (numpy.array(found, numpy.uint64) for found in (words, letters))
        return (*hashes, *(numpy.array(found, numpy.int64) for found in (of_word, of_letter)))

    def _word(self, token: str) -> tuple[int, list[int]]:
        if (found := self._words.get(token)) is None:
            if len(self._words) > 1 << 17:
                self._words.clear()
            edged = f"<{token}>"
            grams = [edged[at : at + n] for n in self._letter_sizes for at in range(len(edged) - n + 1)]
            found = self._words[token] = (_hash(token), [_hash(f"c:{gram}") for gram in grams])
        return found


def _hash(text: str) -> int:
    data = text.encode("utf-8", "surrogatepass")
    return zlib.crc32(data) | zlib.adler32(data) << 32


def _mix(numpy: Any, ids: NDArray[Any]) -> NDArray[Any]:
    """Return 64-bit numbers spread evenly (the finalizer of SplitMix64: Steele et al., 2014)."""
    mixed = ids + numpy.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
    return mixed ^ (mixed >> numpy.uint64(31))  # type: ignore[no-any-return]


def _batches(items: Iterable[Any]) -> Iterable[list[Any]]:
    source = iter(items)
    while batch := list(islice(source, _BATCH)):
        yield batch
