"""The embedder that a name, a function or nothing stands for."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdialog.core.errors import UserError
from sdialog.evaluation.embeddings.base import BaseDialogEmbedder
from sdialog.evaluation.embeddings.callable import CallableDialogEmbedder
from sdialog.evaluation.embeddings.hashed import HashedNgramEmbedder
from sdialog.evaluation.embeddings.sentence_transformer import SentenceTransformerDialogEmbedder

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

HASHED = "hashed"


def get_embedder(
    spec: BaseDialogEmbedder | Callable[[list[str]], ArrayLike] | str | None = None, *, ai_speaker: str | None = None
) -> BaseDialogEmbedder:
    """Return the embedder that is meant.

    Args:
        spec: an embedder (taken as it is), a function from texts to vectors, ``hashed`` or None for hashed n-grams,
            or the name or folder of a sentence-transformers model.
        ai_speaker: read only what this speaker says; for what is not yet an embedder.

    Raises:
        UserError: if it is none of these.

    Example:
        >>> get_embedder().name, get_embedder("sentence-transformers/LaBSE", ai_speaker="Ava").name
        ('hashed-ngrams', 'mean-LaBSE-ai')
    """
    if isinstance(spec, BaseDialogEmbedder):
        return spec
    if spec is None or spec == HASHED:
        return HashedNgramEmbedder(ai_speaker=ai_speaker)
    if isinstance(spec, str):
        return SentenceTransformerDialogEmbedder(spec, ai_speaker=ai_speaker)
    if callable(spec):
        return CallableDialogEmbedder(spec, ai_speaker=ai_speaker)
    raise UserError(f"an embedder is '{HASHED}', the name of a model, a function of texts or an embedder, not {spec!r}")
