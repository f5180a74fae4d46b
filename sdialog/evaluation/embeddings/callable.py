"""Any function as an embedder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.embeddings.base import WHY, BaseDialogEmbedder
from sdialog.evaluation.metrics.text import utterances

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sdialog.core.dialog import Dialog


class CallableDialogEmbedder(BaseDialogEmbedder):
    """An embedder made of a function from texts to vectors; a dialog is the mean of its turns.

    Args:
        function: takes a list of texts and returns their vectors, of shape (texts, dimensions).
        ai_speaker: read only what this speaker says; letter case does not matter.
        name: what it is called in tables; default the function's name, with ``-ai`` for one speaker.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> def sizes(texts):
        ...     return [[len(text), text.count("?")] for text in texts]
        >>> CallableDialogEmbedder(sizes)(Dialog(turns=[Turn(text="Who?"), Turn(text="Me")])).tolist()
        [3.0, 0.5]
    """

    def __init__(
        self, function: Callable[[list[str]], ArrayLike], ai_speaker: str | None = None, name: str | None = None
    ) -> None:
        own = getattr(function, "__name__", type(function).__name__)
        super().__init__(name or f"{own}{'-ai' if ai_speaker else ''}")
        self.function, self.ai_speaker = function, ai_speaker
        self._dimensions: int | None = None

    def embed(self, dialog: Dialog) -> NDArray[Any]:
        """Return the mean vector of the turns; of none, zeros.

        Raises:
            UserError: if the function does not return one vector a text.
        """
        texts = utterances(dialog, self.ai_speaker)
        if not texts:
            numpy = need("numpy", extra="metrics", why=WHY)
            return numpy.zeros(self._width())  # type: ignore[no-any-return]
        return self.embed_texts(texts).mean(axis=0)  # type: ignore[no-any-return]

    def embed_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the vectors of texts, of shape (texts, dimensions)."""
        numpy = need("numpy", extra="metrics", why=WHY)
        if not len(texts):
            return numpy.zeros((0, self._width()))  # type: ignore[no-any-return]
        vectors = numpy.asarray(self.function(list(texts)), dtype=float)
        if vectors.ndim != 2 or len(vectors) != len(texts):
            raise UserError(f"{self.name} returned shape {vectors.shape} for {len(texts)} texts, not one vector each")
        self._dimensions = vectors.shape[1]
        return vectors  # type: ignore[no-any-return]

    def _width(self) -> int:
        if self._dimensions is None:
            self.embed_texts(["a"])
        return self._dimensions or 0
