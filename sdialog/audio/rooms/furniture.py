"""Furniture: boxes that people sit at, stand around and put microphones on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdialog.audio.rooms.choices import RGBAColor
from sdialog.audio.rooms.geometry import Position3D
from sdialog.audio.rooms.materials import WallMaterial
from sdialog.core.errors import UnknownNameError, UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Furniture:
    """A box in a room. It takes part in placement and in pictures, not in the acoustics.

    Attributes:
        name: what it is.
        x: metres, its left edge.
        y: metres, its front edge.
        z: metres, its underside.
        width: metres along x.
        height: metres along z.
        depth: metres along y.
        color: in plans.
        material: what it is made of, the name of a material.
        seat: whether people sit or lie on it, so that a mouth may be above it.

    Raises:
        UserError: if a number is negative.

    Example:
        >>> Furniture(name="desk", x=1, y=1, width=1.2, height=0.75, depth=0.6).get_top_z()
        0.75
    """

    name: str
    x: float
    y: float
    z: float = 0.0
    width: float
    height: float
    depth: float
    color: RGBAColor = RGBAColor.RED
    material: str = WallMaterial.WOODEN_LINING
    seat: bool = False

    def __post_init__(self) -> None:
        for key in ("x", "y", "z", "width", "height", "depth"):
            value = getattr(self, key)
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not value >= 0:
                raise UserError(f"furniture {self.name!r}: {key} is metres, zero or more, not {value!r}")
            object.__setattr__(self, key, float(value))
        object.__setattr__(self, "color", _color(self.color))

    def get_top_z(self) -> float:
        """Return the height of its top above the floor, in metres."""
        return self.z + self.height

    @property
    def center(self) -> Position3D:
        """The middle of its top."""
        return Position3D(self.x + self.width / 2, self.y + self.depth / 2, self.get_top_z())

    def covers(self, x: float, y: float) -> bool:
        """Tell whether a point of the floor plan is within it; a thing without area covers nothing."""
        if self.width == 0 or self.depth == 0:
            return False
        return self.x <= x <= self.x + self.width and self.y <= y <= self.y + self.depth

    def edge_distance(self, x: float, y: float) -> float:
        """Return the distance in metres on the floor plan from a point to its nearest edge; 0 inside."""
        beside = max(self.x - x, 0.0, x - self.x - self.width)
        before = max(self.y - y, 0.0, y - self.y - self.depth)
        return float((beside**2 + before**2) ** 0.5)

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        numbers = {key: getattr(self, key) for key in ("x", "y", "z", "width", "height", "depth")}
        color, material = self.color.name.lower(), str(self.material)
        return {"name": self.name, **numbers, "color": color, "material": material, "seat": self.seat}

    @classmethod
    def from_data(cls, data: Mapping[str, Any], name: str = "") -> Furniture:
        """Return the piece that :meth:`json` described.

        Args:
            data: as :meth:`json` returns it; the numbers may lack ``z``.
            name: used if the data hold none.

        Raises:
            UserError: if a key is unknown or missing.
        """
        known = cls.__dataclass_fields__
        for key in data:
            if key not in known:
                raise UnknownNameError(f"key of furniture {name!r}", str(key), known)
        missing = [key for key in ("x", "y", "width", "height", "depth") if key not in data]
        if missing:
            raise UserError(f"furniture {data.get('name', name)!r} lacks {', '.join(missing)}, in metres")
        return cls(**{"name": name, **data})


def _color(value: Any) -> RGBAColor:
    if isinstance(value, RGBAColor):
        return value
    names = [color.name.lower() for color in RGBAColor]
    if isinstance(value, str) and value.lower() in names:
        return RGBAColor[value.upper()]
    raise UnknownNameError("colour", str(value), names)
