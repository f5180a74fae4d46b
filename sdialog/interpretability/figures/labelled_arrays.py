"""Arrays whose axes say what they are: layers, heads, tokens with their words, turns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHY = "hold what was measured"
_ROWS = 40


@dataclass(frozen=True)
class Axis:
    """One axis of an array.

    Attributes:
        name: what it counts, such as ``layer`` or ``token``.
        labels: one for each place on it; those of tokens are their texts and can occur twice.
    """

    name: str
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.labels)

    def place(self, which: int | str) -> int:
        """Return the place of a label or of a number, from the end below 0.

        Raises:
            UnknownNameError: if there is no such label.
            UserError: if there is no such place, or the label occurs twice.
        """
        if isinstance(which, str):
            found = [place for place, label in enumerate(self.labels) if label == which]
            if not found:
                raise UnknownNameError(self.name, which, self.labels)
            if len(found) > 1:
                raise UserError(f"the {self.name} {which!r} occurs at the places {found}; name it by its place")
            return found[0]
        if not -len(self) <= which < len(self):
            raise UserError(f"there is no {self.name} {which}; there are {len(self)}, 0 to {len(self) - 1}")
        return which % len(self)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {"name": self.name, "labels": list(self.labels)}


class Cell(NamedTuple):
    """A value and where it is.

    Attributes:
        labels: one an axis.
        value: the value.
    """

    labels: tuple[str, ...]
    value: float


@dataclass(frozen=True, eq=False)
class LabelledArray:
    """Numbers with the names of their axes.

    Attributes:
        values: array of floats, nan where there is no value.
        axes: one for each axis of the array.
        name: what the numbers are.
        notes: what has to be known to read them.

    Raises:
        UserError: if the axes do not fit the array.

    Example:
        >>> effects = LabelledArray.of([[0.0, 1.0], [0.5, 0.1]], "effect", layer=["0", "1"], token=["Hi", "!"])
        >>> effects.at(layer=1, token="Hi"), effects.at(layer=0).values.tolist()
        (0.5, [0.0, 1.0])
        >>> effects.top(1)
        [Cell(labels=('0', '!'), value=1.0)]
    """

    values: NDArray[Any]
    axes: tuple[Axis, ...]
    name: str = "value"
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        shape = tuple(len(axis) for axis in self.axes)
        if tuple(self.values.shape) != shape:
            raise UserError(f"an array of shape {tuple(self.values.shape)} does not fit axes of the lengths {shape}")

    @classmethod
    def of(cls, values: Any, name: str, notes: Sequence[str] = (), **axes: Sequence[str]) -> LabelledArray:
        """Return an array of numbers, or of a tensor, with axes in the order given."""
        numpy = need("numpy", extra="local", why=_WHY)
        plain = values.detach().cpu().double().numpy() if hasattr(values, "detach") else values
        named = tuple(Axis(axis, tuple(str(one) for one in labels)) for axis, labels in axes.items())
        return cls(numpy.array(plain, dtype=float), named, name, tuple(notes))

    @property
    def shape(self) -> tuple[int, ...]:
        """Length of each axis."""
        return tuple(len(axis) for axis in self.axes)

    def axis(self, name: str) -> Axis:
        """Return an axis by its name.

        Raises:
            UnknownNameError: if there is none.
        """
        for axis in self.axes:
            if axis.name == name:
                return axis
        raise UnknownNameError("axis", name, [axis.name for axis in self.axes])

    def at(self, **where: int | str) -> Any:
        """Return a value, where each axis is told, or what is left of the array where not.

        Args:
            where: by name of the axis, a label or a place.

        Raises:
            UserError: if there is no such axis, label or place.
        """
        known = {name: self.axis(name).place(which) for name, which in where.items()}
        found = self.values[tuple(known.get(axis.name, slice(None)) for axis in self.axes)]
        left = tuple(axis for axis in self.axes if axis.name not in known)
        return LabelledArray(found, left, self.name, self.notes) if left else float(found)

    def cells(self) -> list[Cell]:
        """Return all values with their labels."""
        labels = product(*(axis.labels for axis in self.axes))
        return [Cell(one, float(value)) for one, value in zip(labels, self.values.reshape(-1), strict=True)]

    def top(self, count: int = 10) -> list[Cell]:
        """Return the values largest in size, largest first."""
        known = [cell for cell in self.cells() if cell.value == cell.value]
        return sorted(known, key=lambda cell: -abs(cell.value))[:count]

    def mean(self, axis: str) -> LabelledArray:
        """Return the mean over an axis, of the values that there are."""
        numpy = need("numpy", extra="local", why=_WHY)
        place = self.axes.index(self.axis(axis))
        there = ~numpy.isnan(self.values)
        with numpy.errstate(invalid="ignore"):
            values = numpy.where(there, self.values, 0).sum(axis=place) / there.sum(axis=place)
        axes = (*self.axes[:place], *self.axes[place + 1 :])
        return LabelledArray(numpy.asarray(values), axes, f"mean {self.name}", self.notes)

    def json(self) -> dict[str, Any]:
        """Return a plain dict: axes with their labels and values as nested lists, None where there is none."""
        return {
            "name": self.name,
            "axes": [axis.json() for axis in self.axes],
            "values": _nested(self.values.tolist()),
            "notes": list(self.notes),
        }

    def table(self, rows: int = _ROWS) -> str:
        """Return a Markdown table: two axes as rows and columns, others as the largest values one a line."""
        from sdialog.interpretability.figures.heat_maps import markdown

        if len(self.axes) == 2 and len(self.axes[1]) <= 16:
            head = [f"{self.axes[0].name} / {self.axes[1].name}", *self.axes[1].labels]
            body = [
                [label, *(_number(one) for one in line)]
                for label, line in zip(self.axes[0].labels, self.values.tolist(), strict=True)
            ]
        else:
            head = [*(axis.name for axis in self.axes), self.name]
            body = [[*cell.labels, _number(cell.value)] for cell in self.top(rows)]
        return "\n".join([markdown(head, body), *(f"\n{note}" for note in self.notes)])

    def plot(self) -> Any:
        """Return a matplotlib figure: bars of one axis, a heat map of two, one map for each place on a third.

        Raises:
            UserError: if there are more axes.
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.heat_maps import draw

        return draw(self)


def _nested(values: Any) -> Any:
    if isinstance(values, list):
        return [_nested(one) for one in values]
    return values if values - values == 0 else None


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}"
