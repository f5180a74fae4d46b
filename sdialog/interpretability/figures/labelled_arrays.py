"""Arrays whose axes say what they are: layers, heads, tokens with their words, turns."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.interpretability.figures.spread import Correction, Spread

_WHY = "hold what was measured"
_ROWS = 40


@dataclass(frozen=True)
class Axis:
    """One axis of an array.

    Attributes:
        name: what it counts, such as ``layer`` or ``token``.
        labels: one for each place on it; those of tokens are their texts and can occur twice.
        groups: what each place belongs to, such as the turn of a token; none where nothing is to be told.

    Raises:
        UserError: if there are groups, but not one for each place.
    """

    name: str
    labels: tuple[str, ...]
    groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.groups and len(self.groups) != len(self.labels):
            raise UserError(f"the {self.name} axis has {len(self.labels)} places and {len(self.groups)} groups")

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
        groups = {"groups": list(self.groups)} if self.groups else {}
        return {"name": self.name, "labels": list(self.labels), **groups}


class Cell(NamedTuple):
    """A value and where it is.

    Attributes:
        labels: one an axis.
        value: the value.
    """

    labels: tuple[str, ...]
    value: float


class SureCell(NamedTuple):
    """A mean, where it is, and how sure it is.

    Attributes:
        labels: one an axis.
        value: the mean.
        low, high: its interval; None where there is none.
        n: of how many independent units; 1 where nothing is known.
        p_value: of no effect, corrected for the number of cells; None where it cannot be told.
        sure: whether it differs from 0 after the correction.
    """

    labels: tuple[str, ...]
    value: float
    low: float | None
    high: float | None
    n: int
    p_value: float | None
    sure: bool


@dataclass(frozen=True, eq=False)
class LabelledArray:
    """Numbers with the names of their axes.

    Attributes:
        values: array of floats, nan where there is no value.
        axes: one for each axis of the array.
        name: what the numbers are.
        notes: what has to be known to read them.
        unit: of the numbers, such as ``nats``; empty for plain numbers.
        metric: what was measured in the model.
        model: name of the model.
        spread: of means, how sure they are; None where nothing was averaged.
        controls: by name, what the same cells give where nothing should be found; each has the same axes.

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
    unit: str = ""
    metric: str = ""
    model: str = ""
    spread: Spread | None = None
    controls: Mapping[str, LabelledArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        shape = tuple(len(axis) for axis in self.axes)
        if tuple(self.values.shape) != shape:
            raise UserError(f"an array of shape {tuple(self.values.shape)} does not fit axes of the lengths {shape}")
        others = {name: one.shape for name, one in self.controls.items()}
        if self.spread is not None:
            others["spread"] = tuple(self.spread.n.shape)
        for name, other in others.items():
            if other != shape:
                raise UserError(f"{name} of shape {other} does not fit an array of shape {shape}")

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        """Return the values, for functions of numpy."""
        numpy = need("numpy", extra="local", why=_WHY)
        found: NDArray[Any] = numpy.array(self.values, dtype=dtype) if copy else numpy.asarray(self.values, dtype=dtype)
        return found

    @classmethod
    def of(cls, values: Any, name: str, notes: Sequence[str] = (), **axes: Sequence[Any] | Axis) -> LabelledArray:
        """Return an array of numbers, or of a tensor, with axes in the order given, by their labels."""
        numpy = need("numpy", extra="local", why=_WHY)
        plain = values.detach().cpu().double().numpy() if hasattr(values, "detach") else values
        named = tuple(
            labels if isinstance(labels, Axis) else Axis(axis, tuple(str(one) for one in labels))
            for axis, labels in axes.items()
        )
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
        index = tuple(known.get(axis.name, slice(None)) for axis in self.axes)
        left = tuple(axis for axis in self.axes if axis.name not in known)
        if not left:
            return float(self.values[index])
        return replace(
            self,
            values=self.values[index],
            axes=left,
            spread=None if self.spread is None else self.spread.part(index),
            controls={name: one.at(**where) for name, one in self.controls.items()},
        )

    def cells(self) -> list[Cell]:
        """Return all values with their labels."""
        labels = product(*(axis.labels for axis in self.axes))
        return [Cell(one, float(value)) for one, value in zip(labels, self.values.reshape(-1), strict=True)]

    def top(self, count: int = 10) -> list[Cell]:
        """Return the values largest in size, largest first."""
        known = [cell for cell in self.cells() if cell.value == cell.value]
        return sorted(known, key=lambda cell: -abs(cell.value))[:count]

    def strongest(self, count: int = 10, sure: bool = True) -> list[SureCell]:
        """Return the cells largest in size, largest first, with how sure they are.

        Args:
            count: how many at most.
            sure: only those that differ from 0 after the correction; what was not averaged has none.

        Example:
            >>> each = LabelledArray.of([[1.0, 0.2]] * 6 + [[1.0, -0.2]], "effect", pair=range(7), layer=["0", "1"])
            >>> [(cell.labels, cell.value, cell.n) for cell in each.over("pair").strongest()]
            [(('0',), 1.0, 7)]
        """
        size, spread = self.values.size, self.spread
        known: list[list[Any]] = [[None] * size, [None] * size, [1] * size, [None] * size, [False] * size]
        if spread is not None:
            arrays = (spread.low, spread.high, spread.n, spread.p_values, spread.sure)
            known = [[None if one != one else one for one in array.reshape(-1).tolist()] for array in arrays]
        found = [SureCell(*cell, *more) for cell, *more in zip(self.cells(), *known, strict=True)]
        there = [cell for cell in found if cell.value == cell.value and (cell.sure or not sure)]
        return sorted(there, key=lambda cell: -abs(cell.value))[:count]

    def over(
        self,
        axis: str,
        groups: Sequence[Hashable] | None = None,
        *,
        level: float = 0.95,
        correction: Correction = "max_t",
        seed: int = 0,
    ) -> LabelledArray:
        """Return the mean over an axis of independent things, such as pairs, with how sure it is in each cell.

        Args:
            axis: such as ``pair`` or ``conversation``.
            groups: which of its places belong together, such as the conversations of one dialog; default: those of
                the axis, if it has some; else none do.
            level: of the intervals.
            correction: for the number of cells; see :func:`~sdialog.interpretability.figures.spread.spread_of`.
            seed: of the bootstrap.

        Raises:
            UserError: if there is no such axis, or groups do not fit.
        """
        from sdialog.interpretability.figures.spread import spread_of

        numpy = need("numpy", extra="metrics", why=_WHY)
        place = self.axes.index(self.axis(axis))
        told = groups if groups is not None else self.axes[place].groups or None
        values = numpy.moveaxis(self.values, place, 0)
        spread = spread_of(values, axis, told, level=level, correction=correction, seed=seed)
        controls = {
            name: one.over(axis, groups, level=level, correction=correction, seed=seed)
            for name, one in self.controls.items()
        }
        return replace(self.mean(axis), name=self.name, spread=spread, controls=controls)

    def mean(self, axis: str) -> LabelledArray:
        """Return the mean over an axis, of the values that there are."""
        numpy = need("numpy", extra="local", why=_WHY)
        place = self.axes.index(self.axis(axis))
        there = ~numpy.isnan(self.values)
        with numpy.errstate(invalid="ignore"):
            values = numpy.where(there, self.values, 0).sum(axis=place) / there.sum(axis=place)
        axes = (*self.axes[:place], *self.axes[place + 1 :])
        named = f"mean {self.name}"
        return replace(self, values=numpy.asarray(values), axes=axes, name=named, spread=None, controls={})

    def json(self) -> dict[str, Any]:
        """Return a plain dict in the format that ``docs/interpretability/results.md`` describes."""
        from sdialog.interpretability.figures.array_files import array_to_data

        return array_to_data(self)

    @classmethod
    def from_json(cls, given: Mapping[str, Any] | str | Path) -> LabelledArray:
        """Return what :meth:`json` wrote, equal in every bit of its numbers.

        Args:
            given: the plain dict, or a file that holds it.

        Raises:
            UserError: if it is none, with the place of what is wrong.

        Example:
            >>> array = LabelledArray.of([[1.0, float("nan")]], "effect", layer=["0"], token=["Hi", "!"])
            >>> LabelledArray.from_json(array.json()).values.tolist()
            [[1.0, nan]]
        """
        from sdialog.interpretability.figures.array_files import array_from_data, read_data

        return array_from_data(read_data(given) if isinstance(given, (str, Path)) else given)

    def page(self, path: str | Path, title: str = "") -> Path:
        """Write it as one HTML page, a heat map with its words that needs no other file; returns the path."""
        from sdialog.interpretability.figures.page import write_page

        return write_page(self, path, title)

    def table(self, rows: int = _ROWS) -> str:
        """Return a Markdown table: two axes as rows and columns, others as the largest values one a line."""
        from sdialog.interpretability.figures.heat_maps import markdown

        marks = [""] * self.values.size
        notes = list(self.notes)
        if self.spread is not None:
            marks = ["*" if one else "" for one in self.spread.sure.reshape(-1).tolist()]
            notes.append(self.spread.says())
        if len(self.axes) == 2 and len(self.axes[1]) <= 16:
            head = [f"{self.axes[0].name} / {self.axes[1].name}", *self.axes[1].labels]
            shown = [f"{_number(one)}{mark}" for one, mark in zip(self.values.reshape(-1).tolist(), marks, strict=True)]
            wide = len(self.axes[1])
            body = [[label, *shown[row * wide : (row + 1) * wide]] for row, label in enumerate(self.axes[0].labels)]
        else:
            sure = self.spread is not None
            head = [*(axis.name for axis in self.axes), self.name, *(["interval", "p", "n"] if sure else [])]
            body = [
                [*cell.labels, _number(cell.value) + "*" * cell.sure, *(_sureness(cell) if sure else [])]
                for cell in self.strongest(rows, sure=False)
            ]
        return "\n".join([markdown(head, body), *(f"\n{note}" for note in notes)])

    def plot(self) -> Any:
        """Return a matplotlib figure: bars of one axis, a heat map of two, one map for each place on a third.

        Of means over conversations, cells of a single heat map that are sure have a star.

        Raises:
            UserError: if there are more axes.
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.heat_maps import draw

        if self.spread is not None and len(self.axes) == 2:
            return draw(self, [["*" if one else "" for one in row] for row in self.spread.sure.tolist()])
        return draw(self)


def _sureness(cell: SureCell) -> list[str]:
    ends = "-" if cell.low is None or cell.high is None else f"{cell.low:.3f} to {cell.high:.3f}"
    return [ends, "-" if cell.p_value is None else f"{cell.p_value:.3g}", str(cell.n)]


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3f}".replace("-0.000", "0.000")
