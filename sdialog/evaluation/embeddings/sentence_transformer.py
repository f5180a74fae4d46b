"""Embeddings from the models of sentence-transformers."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.evaluation.embeddings.base import WHY, BaseDialogEmbedder
from sdialog.evaluation.metrics.text import joined, utterances

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.core.dialog import Dialog

MODEL = "sentence-transformers/LaBSE"

_models: dict[str, Any] = {}
_loading = threading.Lock()


class SentenceTransformerDialogEmbedder(BaseDialogEmbedder):
    """The vector of a dialog from a sentence-transformers model, without speakers' names.

    The model is loaded when it is first used, and shared by all embedders of the process that use it. A path to a
    folder works without a network.

    Args:
        model_name: name on the Hugging Face hub, or path of a folder. Its weights must be safetensors.
        mean: take the mean of the turns' vectors; False embeds all turns at once, one a line, as far as the model
            reads.
        ai_speaker: read only what this speaker says; letter case does not matter.
        name: what it is called in tables; default the model's, after ``mean-``, and ``-ai`` for one speaker.
        verbose: show progress.

    Raises:
        MissingDependencyError: when used, if sentence-transformers is not installed.
        UserError: when used, if the model cannot be loaded.

    Example:
        >>> SentenceTransformerDialogEmbedder(ai_speaker="Ava").name
        'mean-LaBSE-ai'
    """

    def __init__(
        self,
        model_name: str = MODEL,
        mean: bool = True,
        ai_speaker: str | None = None,
        name: str | None = None,
        verbose: bool = False,
    ) -> None:
        own = f"{'mean-' if mean else ''}{Path(model_name).name}{'-ai' if ai_speaker else ''}"
        super().__init__(name or own)
        self.model_name, self.mean, self.ai_speaker, self.verbose = str(model_name), mean, ai_speaker, verbose

    def embed(self, dialog: Dialog, **options: Any) -> NDArray[Any]:
        """Return the vector of one dialog, of shape (dimensions,); of one without text, zeros.

        Args:
            dialog: what to embed.
            options: passed on to the model's ``encode``, such as ``batch_size``.
        """
        return self.embed_dialogs([dialog], **options)[0]  # type: ignore[no-any-return]

    def embed_dialogs(self, dialogs: Iterable[Dialog], **options: Any) -> NDArray[Any]:
        """Return the vectors of dialogs, of shape (dialogs, dimensions): all texts go through the model together."""
        numpy = need("numpy", extra="metrics", why=WHY)
        groups = [[text for text in utterances(dialog, self.ai_speaker) if text.strip()] for dialog in dialogs]
        if not self.mean:
            groups = [[joined(group)] if group else [] for group in groups]
        vectors = self.embed_texts([text for group in groups for text in group], **options)
        found = numpy.zeros((len(groups), vectors.shape[1]), vectors.dtype)
        start = 0
        for row, group in enumerate(groups):
            if group:
                found[row] = vectors[start : start + len(group)].mean(axis=0)
            start += len(group)
        return found  # type: ignore[no-any-return]

    def embed_texts(self, texts: Sequence[str], **options: Any) -> NDArray[Any]:
        """Return the vectors of texts, of shape (texts, dimensions)."""
        numpy = need("numpy", extra="metrics", why=WHY)
        model = _model(self.model_name)
        if not len(texts):
            return numpy.zeros((0, _dimensions(model)), numpy.float32)  # type: ignore[no-any-return]
        chosen = {"show_progress_bar": self.verbose, **options, "convert_to_numpy": True}
        return numpy.asarray(model.encode(list(texts), **chosen))  # type: ignore[no-any-return]


def _model(name: str) -> Any:
    with _loading:
        if name not in _models:
            package = need("sentence_transformers", extra="embeddings", why="embed texts with a trained model")
            try:
                # Pickled weights can run any code when they are read.
                _models[name] = package.SentenceTransformer(name, model_kwargs={"use_safetensors": True})
            except (OSError, ValueError) as error:
                raise UserError(
                    f"the model {name!r} cannot be loaded: {error} Name a model of the hub, or a folder that holds one."
                ) from error
        return _models[name]


def _dimensions(model: Any) -> int:
    # The name of this method is another one in older versions.
    method = getattr(model, "get_embedding_dimension", None) or model.get_sentence_embedding_dimension
    return int(method())
