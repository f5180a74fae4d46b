"""What a cache of activations holds, in plain data, and what each of its rows is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.optional import need
from sdialog.interpretability.tokens.fillings import PARTS

if TYPE_CHECKING:
    from numpy.typing import NDArray

WHY = "keep activations"
COLUMNS = ("dialog", "turn", "position", "token", "speaker", "role", "part", "tokens")
"""Numbers that are kept of each row."""

ROLES = ("", "system", "user", "assistant", "tool")
DTYPES = ("float16", "float32", "float64")
REDUCTIONS: Mapping[str, tuple[str, ...]] = {"turn": ("turn", "role"), "speaker": ("speaker",), "dialog": ()}
"""For each reduction the columns that rows of one mean have in common, beside the dialog."""
NONE = -1


@dataclass(frozen=True)
class Recipe:
    """What was recorded.

    Attributes:
        sites: the places, one by one.
        span: of which tokens.
        dtype: numpy type of the activations.
        reduce: None for a row a token; ``turn``, ``speaker`` or ``dialog`` for the mean over each within its dialog.
        model: name of the model.
        fingerprint: digest of its weights; None where it is not known.
        speaker: whose view of the dialogs; None for that of the second speaker of each.

    Raises:
        ConfigError: if the type is none of those that are kept.
        UnknownNameError: if there is no such reduction.
    """

    sites: tuple[str, ...]
    span: str = "content"
    dtype: str = "float32"
    reduce: str | None = None
    model: str = ""
    fingerprint: str | None = None
    speaker: str | None = None

    def __post_init__(self) -> None:
        if self.dtype not in DTYPES:
            why = "; numpy has no bfloat16, and float32 holds it exactly" if self.dtype == "bfloat16" else ""
            raise ConfigError(f"activations are kept as {', '.join(DTYPES)}, not {self.dtype!r}{why}")
        if self.reduce is not None and self.reduce not in REDUCTIONS:
            raise UnknownNameError("reduction", str(self.reduce), REDUCTIONS)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**asdict(self), "sites": list(self.sites)}

    @classmethod
    def of(cls, facts: Mapping[str, Any]) -> Recipe:
        """Return what :meth:`json` wrote."""
        return cls(**{**facts, "sites": tuple(facts["sites"])})


@dataclass(frozen=True)
class Names:
    """What the numbers in the columns stand for.

    Attributes:
        dialogs: ids of the dialogs.
        speakers: all speakers, in the order in which they came.
        tokens: text of each token, by its id.
    """

    dialogs: tuple[str, ...] = ()
    speakers: tuple[str, ...] = ()
    tokens: Mapping[int, str] = field(default_factory=dict)


class Labels(Mapping[str, Any]):
    """What each row is, as columns: arrays of shape (rows,).

    | column | what |
    |---|---|
    | ``dialog`` | number of the dialog, from 0 in the order of recording |
    | ``dialog_id`` | its id |
    | ``turn`` | number of the turn in the dialog, -1 for tokens of none |
    | ``position`` | place of the token in the whole conversation; -1 for means |
    | ``token``, ``text`` | id of the token, and its text; -1 and empty for means |
    | ``speaker``, ``role``, ``part`` | of the token's message and itself, empty for none; of means that of the first |
    | ``tokens`` | over how many tokens the mean is; 1 for tokens |

    Args:
        columns: array of shape (rows, columns) of whole numbers.
        names: what they stand for.
    """

    def __init__(self, columns: NDArray[Any], names: Names) -> None:
        self.columns, self.names = columns, names

    def __getitem__(self, name: str) -> NDArray[Any]:
        numpy = need("numpy", extra="metrics", why=WHY)
        if name == "dialog_id":
            return _named(numpy, self.names.dialogs, self.number("dialog"))
        if name == "text":
            ids, inverse = numpy.unique(self.number("token"), return_inverse=True)
            texts = numpy.array([self.names.tokens.get(one, "") for one in ids.tolist()], dtype=object)
            return texts[inverse]  # type: ignore[no-any-return]
        table = {"speaker": self.names.speakers, "role": ROLES, "part": PARTS}.get(name)
        found = self.number(name)
        return found if table is None else _named(numpy, table, found)

    def number(self, name: str) -> NDArray[Any]:
        """Return a column as it is kept: a view.

        Raises:
            UnknownNameError: if there is none.
        """
        if name not in COLUMNS:
            raise UnknownNameError("column", name, list(self))
        return self.columns[:, COLUMNS.index(name)]

    def __iter__(self) -> Iterator[str]:
        yield from ("dialog", "dialog_id", "turn", "position", "token", "text", "speaker", "role", "part", "tokens")

    def __len__(self) -> int:
        return len(COLUMNS) + 2

    def __repr__(self) -> str:
        return f"<Labels of {len(self.columns)} rows: {', '.join(self)}>"


def _named(numpy: Any, table: tuple[str, ...], numbers: NDArray[Any]) -> NDArray[Any]:
    # The last entry is what -1 means.
    return numpy.array([*table, ""], dtype=object)[numbers]  # type: ignore[no-any-return]
