"""Utterances as unit vectors: each different text once, in batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, np.dtype[Any]]

_DIGITS = re.compile(r"\d+(?:[.,:]\d+)*")

HASHED = "hashed"
"""Name of the default embedder, which needs no model."""


class Encoder:
    """Turns texts into unit vectors.

    Args:
        spec: None or ``"hashed"`` for hashed n-grams; the name or folder of a sentence-transformers model; an object
            with ``embed_texts`` or ``encode``; or a function from a list of texts to a 2-D array.
        batch_size: how many texts are embedded at a time.

    Attributes:
        name: what it is called in files.

    Raises:
        ConfigError: if ``spec`` is none of these.

    Example:
        >>> encoder = Encoder(lambda texts: [[len(text), 1.0] for text in texts])
        >>> encoder(["a", "bb", "a"]).shape
        (3, 2)
    """

    def __init__(self, spec: Any = None, batch_size: int = 128) -> None:
        if not isinstance(batch_size, int) or batch_size < 1:
            raise ConfigError(f"batch_size is a whole number from 1 up, not {batch_size!r}")
        self.batch_size = batch_size
        self.plain = spec is None or isinstance(spec, str)
        self.name, self._embed = _embedding(spec)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Return an array of shape (n, d), float32, rows of length 1.

        Raises:
            ConfigError: if the embedder gives no such array.
        """
        np = need("numpy", extra="metrics", why="embed utterances")
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.zeros((0, 1), dtype=np.float32)  # type: ignore[no-any-return]
        parts = []
        for start in range(0, len(distinct), self.batch_size):
            batch = distinct[start : start + self.batch_size]
            part = np.asarray(self._embed(batch), dtype=np.float32)
            if part.ndim != 2 or len(part) != len(batch) or not np.isfinite(part).all():
                raise ConfigError(
                    f"the embedder {self.name} should give one row of finite numbers for each of {len(batch)} texts; "
                    f"it gave an array of shape {part.shape}"
                )
            parts.append(part)
        vectors = np.concatenate(parts)
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        # A text of which the embedder knows nothing has no direction of its own; all such texts share one.
        vectors = np.where(lengths > 0, vectors / np.where(lengths > 0, lengths, 1), 1 / vectors.shape[1] ** 0.5)
        if len(distinct) == len(texts):
            return vectors.astype(np.float32, copy=False)  # type: ignore[no-any-return]
        places = {text: place for place, text in enumerate(distinct)}
        return vectors.astype(np.float32, copy=False)[[places[text] for text in texts]]  # type: ignore[no-any-return]


def _embedding(spec: Any) -> tuple[str, Callable[[Sequence[str]], Any]]:
    if spec is None or spec == HASHED:
        return HASHED, _hashed()
    if isinstance(spec, str):
        from sdialog.evaluation.embeddings.sentence_transformer import SentenceTransformerDialogEmbedder

        return spec, SentenceTransformerDialogEmbedder(model_name=spec).embed_texts
    name = str(getattr(spec, "name", None) or getattr(spec, "__name__", None) or type(spec).__name__)
    for method in ("embed_texts", "encode"):
        if callable(getattr(spec, method, None)):
            return name, getattr(spec, method)
    if callable(spec):
        return name, spec
    raise ConfigError(
        f"{type(spec).__name__} cannot embed texts; give the name of a sentence-transformers model, an object with "
        "embed_texts or encode, or a function from texts to an array"
    )


def _hashed() -> Callable[[Sequence[str]], Any]:
    from sdialog.evaluation.embeddings.hashed import HashedNgramEmbedder

    # Not fitted: rare words, such as names, are just what two utterances of the same kind do not share.
    embedder = HashedNgramEmbedder()
    # Two order numbers have no letters in common, but say the same thing.
    return lambda texts: embedder.embed_texts([_DIGITS.sub("0", text) for text in texts])
