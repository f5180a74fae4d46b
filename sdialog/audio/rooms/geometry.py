"""Points, boxes and directions in a room: metres, degrees, x along the width, y along the length, z up."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    import numpy
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Position3D:
    """A point in a room.

    Attributes:
        x: metres from the wall at the left.
        y: metres from the wall at the front.
        z: metres above the floor.

    Raises:
        UserError: if a coordinate is negative or not a number.

    Example:
        >>> Position3D(0, 0, 1).distance_to(Position3D(3, 4, 1))
        5.0
        >>> str(Position3D(1, 2, 3))
        'pos: [1.0, 2.0, 3.0]'
    """

    x: float = 0.0
    y: float = 0.0
    z: float = 0.0

    def __post_init__(self) -> None:
        for name, value in zip("xyz", _numbers((self.x, self.y, self.z), "a position"), strict=True):
            if value < 0:
                raise UserError(
                    f"Coordinates must be non-negative, and {name} is {value:g}: a room begins at (0, 0, 0), its "
                    f"left front floor corner"
                )
            object.__setattr__(self, name, value)

    def __str__(self) -> str:
        return f"pos: [{self.x}, {self.y}, {self.z}]"

    def to_list(self) -> list[float]:
        """Return x, y and z."""
        return [self.x, self.y, self.z]

    def to_array(self) -> NDArray[numpy.float64]:
        """Return x, y and z as a numpy array of shape (3,)."""
        array: NDArray[numpy.float64] = need("numpy", extra="audio", why="work with arrays").array(self.to_list())
        return array

    def distance_to(self, other: Position3D, dimensions: int = 3) -> float:
        """Return the distance to another point in metres.

        Args:
            other: the other point.
            dimensions: 3, or 2 for the distance on the floor plan.

        Raises:
            UserError: if ``dimensions`` is neither.
        """
        if dimensions not in (2, 3):
            raise UserError(f"Invalid dimensions {dimensions!r}: a distance is taken in 2 or in 3 dimensions")
        return math.dist(self.to_list()[:dimensions], other.to_list()[:dimensions])

    @classmethod
    def from_list(cls, position_list: Sequence[float]) -> Position3D:
        """Return the point with these three coordinates.

        Raises:
            UserError: if there are not exactly three.
        """
        if len(position_list) != 3:
            raise UserError(f"Position must have exactly 3 coordinates, x, y and z, not {len(position_list)}")
        return cls(*position_list)


@dataclass(frozen=True)
class Dimensions3D:
    """The size of a box-shaped room.

    Iterating and indexing give length, width and height, as published; :meth:`to_list` gives width, length, height,
    the order of x, y and z.

    Attributes:
        width: metres along x.
        length: metres along y.
        height: metres along z.

    Raises:
        UserError: if one is not a positive number.

    Example:
        >>> box = Dimensions3D(width=5, length=4, height=3)
        >>> box.volume, box.floor_area, list(box)
        (60.0, 20.0, [4.0, 5.0, 3.0])
    """

    width: float
    length: float
    height: float

    def __post_init__(self) -> None:
        names = ("width", "length", "height")
        for name, value in zip(names, _numbers((self.width, self.length, self.height), "a size"), strict=True):
            if value <= 0:
                raise UserError(f"All dimensions must be positive, and {name} is {value:g}: give metres")
            object.__setattr__(self, name, value)

    @property
    def volume(self) -> float:
        """Cubic metres."""
        return self.width * self.length * self.height

    @property
    def floor_area(self) -> float:
        """Square metres."""
        return self.width * self.length

    @property
    def surface(self) -> float:
        """Square metres of floor, ceiling and the four walls together."""
        return 2 * (self.floor_area + self.height * (self.width + self.length))

    def to_list(self) -> list[float]:
        """Return width, length and height."""
        return [self.width, self.length, self.height]

    def __len__(self) -> int:
        return 3

    def __iter__(self) -> Iterator[float]:
        return iter((self.length, self.width, self.height))

    def __getitem__(self, index: int) -> float:
        return (self.length, self.width, self.height)[index]

    def __str__(self) -> str:
        return f"dim: [{self.width}, {self.length}, {self.height}]"


def position_of(value: Any, what: str = "a position") -> Position3D:
    """Return a point from what callers write for one: a :class:`Position3D` or three numbers.

    Raises:
        UserError: if it is neither.

    Example:
        >>> position_of([1, 2, 0.5]).z
        0.5
    """
    if isinstance(value, Position3D):
        return value
    return Position3D(*_three(value, what, "x, y and z in metres"))


def dimensions_of(value: Any) -> Dimensions3D:
    """Return a size from what callers write for one: a :class:`Dimensions3D`, or width, length and height.

    Raises:
        UserError: if it is neither.

    Example:
        >>> dimensions_of((5, 4, 3)).length
        4.0
    """
    if isinstance(value, Dimensions3D):
        return value
    if isinstance(value, dict) and set(value) == {"width", "length", "height"}:
        return Dimensions3D(**value)
    return Dimensions3D(*_three(value, "dimensions", "width, length and height in metres"))


def direction_to(source: Position3D, target: Position3D) -> tuple[float, float]:
    """Return azimuth and colatitude, in degrees, of the direction from one point to another.

    Azimuth 0 is along x and 90 along y; colatitude 0 is up, 90 level, 180 down (ISO 80000-2:2019, 2-17.3).

    Example:
        >>> direction_to(Position3D(1, 1, 1), Position3D(1, 3, 1))
        (90.0, 90.0)
        >>> direction_to(Position3D(1, 1, 1), Position3D(1, 1, 1))
        (0.0, 90.0)
    """
    x, y, z = (there - here for here, there in zip(source.to_list(), target.to_list(), strict=True))
    flat = math.hypot(x, y)
    if flat == 0 and z == 0:
        return 0.0, 90.0
    return math.degrees(math.atan2(y, x)), math.degrees(math.atan2(flat, z))


def toward(azimuth: float, colatitude: float = 90.0) -> tuple[float, float, float]:
    """Return the unit vector of a direction given in degrees; see :func:`direction_to`.

    Example:
        >>> [round(part, 6) for part in toward(90)]
        [0.0, 1.0, 0.0]
    """
    around, down = math.radians(azimuth), math.radians(colatitude)
    return math.sin(down) * math.cos(around), math.sin(down) * math.sin(around), math.cos(down)


def angle_between(one: tuple[float, float], other: tuple[float, float]) -> float:
    """Return the angle in degrees between two directions, each an azimuth and a colatitude.

    Example:
        >>> round(angle_between((0, 90), (180, 90)), 6)
        180.0
    """
    product = sum(a * b for a, b in zip(toward(*one), toward(*other), strict=True))
    return math.degrees(math.acos(max(-1.0, min(1.0, product))))


def _three(value: Any, what: str, meaning: str) -> tuple[float, float, float]:
    try:
        parts = list(value)
    except TypeError:
        parts = []
    if isinstance(value, (str, dict)) or len(parts) != 3:
        raise UserError(f"{what} is three numbers, {meaning}, not {value!r}")
    one, two, three = _numbers(parts, what)
    return one, two, three


def _numbers(values: Sequence[Any], what: str) -> list[float]:
    made = []
    for value in values:
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if isinstance(value, (bool, str)) or not math.isfinite(number):
            raise UserError(f"{what} is made of numbers in metres, and {value!r} is none")
        made.append(number)
    return made
