"""What walls, floor and ceiling are made of, and how much of each octave band they swallow."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need

BANDS = (125, 250, 500, 1000, 2000, 4000, 8000)
"""Middle frequencies of the octave bands of materials, in Hz (IEC 61260-1:2014)."""

SURFACES = ("floor", "ceiling", "left", "right", "front", "back")
"""The six surfaces: left is the wall x = 0, right x = width, front y = 0, back y = length.

In pyroomacoustics these walls are called west, east, south and north.
"""


class WallMaterial(StrEnum):
    """Materials of walls, by their names in the tables of pyroomacoustics."""

    HARD_SURFACE = "hard_surface"
    BRICKWORK = "brickwork"
    ROUGH_CONCRETE = "rough_concrete"
    UNPAINTED_CONCRETE = "unpainted_concrete"
    ROUGH_LIME_WASH = "rough_lime_wash"
    SMOOTH_BRICKWORK_FLUSH_POINTING = "smooth_brickwork_flush_pointing"
    SMOOTH_BRICKWORK_10MM_POINTING = "smooth_brickwork_10mm_pointing"
    BRICK_WALL_ROUGH = "brick_wall_rough"
    CERAMIC_TILES = "ceramic_tiles"
    LIMESTONE_WALL = "limestone_wall"
    REVERB_CHAMBER = "reverb_chamber"
    CONCRETE_FLOOR = "concrete_floor"
    MARBLE_FLOOR = "marble_floor"
    PLASTERBOARD = "plasterboard"
    WOODEN_LINING = "wooden_lining"
    WOOD_1_6CM = "wood_1.6cm"
    PLYWOOD_THIN = "plywood_thin"
    WOOD_16MM = "wood_16mm"
    AUDIENCE_FLOOR = "audience_floor"
    STAGE_FLOOR = "stage_floor"
    WOODEN_DOOR = "wooden_door"


class FloorMaterial(StrEnum):
    """Materials of floors, by their names in the tables of pyroomacoustics."""

    LINOLEUM_ON_CONCRETE = "linoleum_on_concrete"
    CARPET_COTTON = "carpet_cotton"
    CARPET_TUFTED_9_5MM = "carpet_tufted_9.5mm"
    CARPET_THIN = "carpet_thin"
    CARPET_6MM_CLOSED_CELL_FOAM = "carpet_6mm_closed_cell_foam"
    CARPET_6MM_OPEN_CELL_FOAM = "carpet_6mm_open_cell_foam"
    CARPET_TUFTED_9M = "carpet_tufted_9m"
    FELT_5MM = "felt_5mm"
    CARPET_SOFT_10MM = "carpet_soft_10mm"
    CARPET_HAIRY = "carpet_hairy"
    CARPET_RUBBER_5MM = "carpet_rubber_5mm"
    CARPET_1_35_KG_M2 = "carpet_1.35_kg_m2"
    COCOS_FIBRE_ROLL_29MM = "cocos_fibre_roll_29mm"


class CeilingMaterial(StrEnum):
    """Materials of ceilings, by their names in the tables of pyroomacoustics."""

    PLASTERBOARD = "ceiling_plasterboard"
    FIBRE_ABSORBER = "ceiling_fibre_absorber"
    FISSURED_TILE = "ceiling_fissured_tile"
    PERFORATED_GYPSUM_BOARD = "ceiling_perforated_gypsum_board"
    MELAMINE_FOAM = "ceiling_melamine_foam"
    METAL_PANEL = "ceiling_metal_panel"


@dataclass(frozen=True, slots=True)
class Material:
    """A material of one's own: which part of the energy it swallows and scatters.

    Attributes:
        name: what it is called.
        absorption: energy absorption from 0 to 1, one number for all bands or one a band of ``BANDS``.
        scattering: energy scattering from 0 to 1, likewise.

    Raises:
        UserError: if there is another count of numbers, or one is outside 0 to 1.

    Example:
        >>> Material("foam", 0.9).absorption
        (0.9, 0.9, 0.9, 0.9, 0.9, 0.9, 0.9)
    """

    name: str
    absorption: tuple[float, ...]
    scattering: tuple[float, ...] = (0.0,) * len(BANDS)

    def __post_init__(self) -> None:
        for key in ("absorption", "scattering"):
            object.__setattr__(self, key, _by_band(getattr(self, key), f"{key} of material {self.name!r}"))

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {"name": self.name, "absorption": list(self.absorption), "scattering": list(self.scattering)}


AnyMaterial = str | Material
"""The name of a material (also a member of the enumerations here), or a material of one's own."""


@dataclass(frozen=True, slots=True)
class RoomMaterials:
    """The materials of a room.

    Attributes:
        ceiling: of the ceiling.
        walls: of every wall that has none of its own below.
        floor: of the floor.
        left: of the wall x = 0.
        right: of the wall x = width.
        front: of the wall y = 0.
        back: of the wall y = length.

    Example:
        >>> glazed = RoomMaterials(walls=WallMaterial.BRICKWORK, right="glass_window")
        >>> glazed.surfaces()["right"], str(glazed.surfaces()["left"])
        ('glass_window', 'brickwork')
    """

    ceiling: AnyMaterial = CeilingMaterial.FIBRE_ABSORBER
    walls: AnyMaterial = WallMaterial.WOODEN_LINING
    floor: AnyMaterial = FloorMaterial.CARPET_HAIRY
    left: AnyMaterial | None = None
    right: AnyMaterial | None = None
    front: AnyMaterial | None = None
    back: AnyMaterial | None = None

    def __post_init__(self) -> None:
        for key in self.__dataclass_fields__:
            value = getattr(self, key)
            if isinstance(value, Mapping):
                object.__setattr__(self, key, Material(**value))
            elif not isinstance(value, (str, Material)) and not (value is None and key in SURFACES[2:]):
                raise UserError(f"the {key} is made of a material, by name or as a Material, not of {value!r}")

    def surfaces(self) -> dict[str, AnyMaterial]:
        """Return the material of each of the six ``SURFACES``."""
        own = {key: getattr(self, key) for key in SURFACES}
        return {key: self.walls if value is None else value for key, value in own.items()}

    def absorption(self) -> dict[str, tuple[float, ...]]:
        """Return which part of the energy each surface swallows, by octave band of ``BANDS``.

        Named materials are those of the tables of pyroomacoustics (from Vorlaender, Auralization, 2008, annex).

        Raises:
            UnknownNameError: if a named material is not in the tables.
            MissingDependencyError: if a material is named and pyroomacoustics is not installed.
        """
        return {key: material_of(value).absorption for key, value in self.surfaces().items()}

    def scattering(self) -> dict[str, tuple[float, ...]]:
        """Return which part of the reflected energy each surface scatters, by octave band; 0 for named materials."""
        return {key: material_of(value).scattering for key, value in self.surfaces().items()}

    def json(self) -> dict[str, Any]:
        """Return plain data; walls of their own only where there are some."""
        values = {key: getattr(self, key) for key in self.__dataclass_fields__}
        return {
            key: value.json() if isinstance(value, Material) else str(value)
            for key, value in values.items()
            if value is not None
        }

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> RoomMaterials:
        """Return the materials that :meth:`json` described.

        Raises:
            UnknownNameError: if there is no such surface.
        """
        known = cls.__dataclass_fields__
        for key in data:
            if key not in known:
                raise UnknownNameError("surface of a room", str(key), known)
        return cls(**data)


def material_of(value: AnyMaterial) -> Material:
    """Return a material with its numbers.

    Raises:
        UnknownNameError: if it is named and not in the tables; names near ones.
        MissingDependencyError: if it is named and pyroomacoustics is not installed.

    Example:
        >>> material_of("marble_floor").absorption[2]
        0.01
    """
    if isinstance(value, Material):
        return value
    table = _table()
    if str(value) not in table:
        raise UnknownNameError("material", str(value), table, "Or give a Material with its absorption by octave band.")
    numbers = table[str(value)]
    # Some rows of the tables end at 4 kHz; the last value then holds above.
    return Material(str(value), (*numbers, *[numbers[-1]] * (len(BANDS) - len(numbers))))


@lru_cache(maxsize=1)
def _table() -> Mapping[str, tuple[float, ...]]:
    groups = need("pyroomacoustics", extra="audio", why="look up materials").materials_data["absorption"]
    rows = {name: tuple(row["coeffs"]) for group in groups.values() for name, row in group.items()}
    return MappingProxyType(rows)


def _by_band(value: Any, what: str) -> tuple[float, ...]:
    numbers = (value,) * len(BANDS) if isinstance(value, (int, float)) else tuple(value)
    if len(numbers) != len(BANDS) or not all(isinstance(one, (int, float)) and 0 <= one <= 1 for one in numbers):
        raise UserError(
            f"{what} is one number from 0 to 1, or {len(BANDS)} of them for {', '.join(map(str, BANDS))} Hz, "
            f"not {value!r}"
        )
    return tuple(float(one) for one in numbers)
