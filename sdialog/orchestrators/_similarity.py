"""Which of a few sentences is most like another one, with or without a neural encoder."""

from __future__ import annotations

import itertools
import math
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

from sdialog.core.errors import ConfigError, MissingDependencyError
from sdialog.core.optional import available

Embedder = Callable[[list[str]], Any]
"""Takes texts, returns one vector (a sequence of numbers) for each."""

_WORD = re.compile(r"\w+")
_CHARACTER_WEIGHT = 0.5

# Conversations share a ranker and use it from threads; only one of them may load the encoder and embed the stock.
_first_use = threading.Lock()


class Ranker(Protocol):
    """Scores a fixed list of texts against a query."""

    def scores(self, query: str) -> list[float]:
        """Return the similarity of each text to the query, 1 for the same direction, 0 for nothing in common."""
        ...


class NgramRanker:
    """Cosine similarity of TF-IDF weighted words, word pairs and pieces of words.

    Weights are ``(1 + ln tf) * (ln((1 + N) / (1 + df)) + 1)`` over the fixed texts (Salton and Buckley, 1988,
    smoothed); pieces of 3 and 4 characters count half, so that "refunded" is near "refund". Needs no model and no
    download.

    Args:
        texts: the texts to choose from.

    Example:
        >>> near = NgramRanker(["What is your order number?", "Goodbye!"]).scores("Could I have the order number?")
        >>> near[0] > 0.3 > near[1]
        True
    """

    def __init__(self, texts: Sequence[str]) -> None:
        counts = [_features(text) for text in texts]
        found_in = Counter(feature for count in counts for feature in count)
        self._weights = {name: math.log((1 + len(texts)) / (1 + found)) + 1 for name, found in found_in.items()}
        self._unseen = math.log(1 + len(texts)) + 1
        self._vectors = [self._vector(count) for count in counts]

    def scores(self, query: str) -> list[float]:
        """Return the cosine similarity of each text to the query, 0 to 1."""
        asked = self._vector(_features(query))
        return [sum(weight * asked.get(name, 0.0) for name, weight in vector.items()) for vector in self._vectors]

    def _vector(self, counts: Counter[str]) -> dict[str, float]:
        raw = {
            name: (1 + math.log(count))
            * self._weights.get(name, self._unseen)
            * (_CHARACTER_WEIGHT if name.startswith("#") else 1.0)
            for name, count in counts.items()
        }
        norm = math.sqrt(sum(weight * weight for weight in raw.values())) or 1.0
        return {name: weight / norm for name, weight in raw.items()}


class EmbeddingRanker:
    """Cosine similarity of vectors that an embedder makes; it is first called when first needed.

    Args:
        texts: the texts to choose from.
        embedder: makes the vectors.
    """

    def __init__(self, texts: Sequence[str], embedder: Embedder) -> None:
        self._texts, self._embedder = list(texts), embedder
        self._vectors: list[list[float]] | None = None

    def scores(self, query: str) -> list[float]:
        """Return the cosine similarity of each text to the query, -1 to 1.

        Raises:
            ConfigError: if the embedder does not return one vector for each text.
        """
        with _first_use:
            if self._vectors is None:
                self._vectors = self._embed(self._texts)
        (asked,) = self._embed([query])
        return [sum(a * b for a, b in zip(asked, vector, strict=True)) for vector in self._vectors]

    def _embed(self, texts: list[str]) -> list[list[float]]:
        vectors = [_unit(vector) for vector in self._embedder(texts)]
        if len(vectors) != len(texts):
            raise ConfigError(f"the embedder made {len(vectors)} vectors of {len(texts)} texts; each text needs one")
        return vectors


def sentence_transformer(model_name: str) -> Embedder:
    """Return an embedder that loads a sentence-transformers model when first called.

    Raises:
        MissingDependencyError: if the package is not installed.
    """
    if not available("sentence_transformers"):
        raise MissingDependencyError(
            f"sentence-transformers is needed to embed with {model_name!r} and is not installed. Install it with: "
            "pip install sentence-transformers. Without sbert_model the responses are compared offline."
        )
    loaded: list[Any] = []

    def embed(texts: list[str]) -> Any:
        if not loaded:
            from importlib import import_module

            loaded.append(import_module("sentence_transformers").SentenceTransformer(model_name))
        return loaded[0].encode(texts)

    return embed


def top(scores: Sequence[float], count: int) -> list[int]:
    """Return the positions of the highest scores, best first; equal ones in their order."""
    return sorted(range(len(scores)), key=lambda at: -scores[at])[:count]


def _features(text: str) -> Counter[str]:
    words = _WORD.findall(text.casefold())
    pairs = (f"{first} {second}" for first, second in itertools.pairwise(words))
    return Counter([*words, *pairs, *_pieces(words)])


def _pieces(words: Iterable[str]) -> Iterable[str]:
    for word in words:
        padded = f"<{word}>"
        for size in (3, 4):
            for at in range(len(padded) - size + 1):
                yield f"#{padded[at : at + size]}"


def _unit(vector: Iterable[Any]) -> list[float]:
    numbers = [float(number) for number in vector]
    norm = math.sqrt(sum(number * number for number in numbers)) or 1.0
    return [number / norm for number in numbers]
