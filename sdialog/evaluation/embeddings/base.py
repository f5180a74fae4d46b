"""What turns dialogs into vectors."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnsupportedFeatureError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from sdialog.core.dialog import Dialog

WHY = "compute embeddings"


class BaseDialogEmbedder(ABC):
    """From a dialog to a vector. Subclasses write :meth:`embed`, and :meth:`embed_texts` where they can.

    Args:
        name: what it is called in tables; default the class's name.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> class Lengths(BaseDialogEmbedder):
        ...     def embed(self, dialog):
        ...         return [len(dialog), sum(len(turn.text) for turn in dialog)]
        >>> Lengths().embed_dialogs([Dialog(turns=[Turn(text="Hi!")]), Dialog()]).tolist()
        [[1, 3], [0, 0]]
    """

    def __init__(self, name: str | None = None) -> None:
        self.name = name or type(self).__name__

    def __call__(self, dialog: Dialog, **options: Any) -> NDArray[Any]:
        """Return the vector of one dialog; options go to :meth:`embed`."""
        return self.embed(dialog, **options)

    @abstractmethod
    def embed(self, dialog: Dialog) -> NDArray[Any]:
        """Return the vector of one dialog, of shape (dimensions,); of one without text, zeros."""

    def embed_texts(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return the vectors of texts, of shape (texts, dimensions).

        Raises:
            UnsupportedFeatureError: if it embeds whole dialogs only.
        """
        raise UnsupportedFeatureError(f"{self.name} embeds dialogs, not texts: it has no embed_texts()")

    def embed_dialogs(self, dialogs: Iterable[Dialog]) -> NDArray[Any]:
        """Return the vectors of dialogs, of shape (dialogs, dimensions)."""
        return stack(self.embed(dialog) for dialog in dialogs)


def stack(vectors: Iterable[ArrayLike]) -> NDArray[Any]:
    """Return vectors as the rows of one array.

    Raises:
        UserError: if there is none, or they are not vectors of one length.
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    rows = [numpy.asarray(vector) for vector in vectors]
    if not rows:
        raise UserError("there is no dialog to embed")
    shapes = {row.shape for row in rows}
    if len(shapes) > 1 or rows[0].ndim != 1:
        shown = ", ".join(str(shape) for shape in sorted(shapes)[:5])
        raise UserError(f"embeddings are vectors of one length; these have the shapes {shown}")
    return numpy.stack(rows)  # type: ignore[no-any-return]


def without_empty(embeddings: ArrayLike) -> NDArray[Any]:
    """Return the rows that are not all zeros: zeros stand for a dialog without text, which is nowhere.

    Example:
        >>> without_empty([[1.0, 2.0], [0.0, 0.0]]).tolist()
        [[1.0, 2.0]]
    """
    numpy = need("numpy", extra="metrics", why=WHY)
    rows = numpy.asarray(embeddings, dtype=float)
    return rows[rows.any(axis=-1)]  # type: ignore[no-any-return]
