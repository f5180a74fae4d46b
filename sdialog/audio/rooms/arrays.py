"""Microphone arrays and microphones worn by people."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from sdialog.audio.rooms.geometry import Position3D, position_of, toward
from sdialog.audio.rooms.microphones import Microphone
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import rng


def linear_array(
    center: Position3D | Sequence[float],
    count: int = 4,
    spacing: float = 0.05,
    *,
    azimuth: float = 0.0,
    name: str = "linear",
    directivity: str = "omnidirectional",
) -> list[Microphone]:
    """Return microphones in a level line, called ``name-1`` and so on.

    Args:
        center: of the line.
        count: how many.
        spacing: metres between neighbours.
        azimuth: degrees the line runs along; it looks to its left, azimuth + 90.
        name: of the array.
        directivity: a name of ``PATTERNS``.

    Raises:
        UserError: if the count is not positive, or a microphone would be left of a wall.

    Example:
        >>> [each.position.x for each in linear_array((2, 2, 1), 3, 0.5)]
        [1.5, 2.0, 2.5]
    """
    _check(count, spacing)
    x, y, _ = toward(azimuth)
    steps = [(number - (count - 1) / 2) * spacing for number in range(count)]
    offsets = [(step * x, step * y, 0.0) for step in steps]
    return _array(name, center, offsets, [(azimuth + 90.0, 90.0)] * count, directivity)


def circular_array(
    center: Position3D | Sequence[float],
    count: int = 6,
    radius: float = 0.0425,
    *,
    middle: bool = True,
    azimuth: float = 0.0,
    name: str = "circular",
    directivity: str = "omnidirectional",
) -> list[Microphone]:
    """Return microphones on a level circle and one in its middle, seven as in common smart speakers.

    Args:
        center: of the circle.
        count: how many on the circle.
        radius: metres.
        middle: whether one more is in the middle; it comes first.
        azimuth: degrees at which the circle begins.
        name: of the array.
        directivity: a name of ``PATTERNS``; those on the circle look outwards.

    Raises:
        UserError: if the count is not positive, or a microphone would be left of a wall.

    Example:
        >>> len(circular_array((2, 2, 1)))
        7
    """
    _check(count, radius)
    turns = [azimuth + 360.0 * number / count for number in range(count)]
    ring = [(radius * toward(turn)[0], radius * toward(turn)[1], 0.0) for turn in turns]
    inner = [(0.0, 0.0, 0.0)] if middle else []
    aims = [(azimuth, 0.0)] * len(inner) + [(turn, 90.0) for turn in turns]
    return _array(name, center, [*inner, *ring], aims, directivity)


def tetrahedral_array(
    center: Position3D | Sequence[float],
    radius: float = 0.0147,
    *,
    azimuth: float = 0.0,
    name: str = "tetrahedral",
    directivity: str = "cardioid",
) -> list[Microphone]:
    """Return four capsules on a tetrahedron that look outwards: left front up, right front down, and so on.

    The layout of the first-order sound-field microphone (Gerzon, The design of precisely coincident microphone
    arrays, AES 50th convention, 1975).

    Args:
        center: of the four.
        radius: metres from the middle to each capsule.
        azimuth: degrees of the front.
        name: of the array.
        directivity: a name of ``PATTERNS``.

    Raises:
        UserError: if the radius is not positive.

    Example:
        >>> [each.name for each in tetrahedral_array((2, 2, 1))][:2]
        ['tetrahedral-1', 'tetrahedral-2']
    """
    _check(4, radius)
    up = math.degrees(math.acos(1 / math.sqrt(3)))
    aims = [(azimuth + 45, up), (azimuth - 45, 180 - up), (azimuth + 135, 180 - up), (azimuth - 135, up)]
    directions = (toward(*aim) for aim in aims)
    offsets = [(radius * x, radius * y, radius * z) for x, y, z in directions]
    return _array(name, center, offsets, aims, directivity)


def scattered_microphones(
    center: Position3D | Sequence[float],
    count: int = 4,
    radius: float = 0.5,
    *,
    seed: int = 0,
    apart: float = 0.1,
    name: str = "phone",
    directivity: str = "omnidirectional",
) -> list[Microphone]:
    """Return microphones strewn over a table, as telephones lie there.

    Args:
        center: of the part of the table that they lie on, at the height of its top.
        count: how many.
        radius: metres that they are from the centre at most.
        seed: chooses the points.
        apart: metres between two of them at least.
        name: what their names begin with.
        directivity: a name of ``PATTERNS``.

    Raises:
        UserError: if so many do not fit.

    Example:
        >>> len(scattered_microphones((2, 2, 0.75), 3, seed=1))
        3
    """
    _check(count, radius)
    draw = rng(seed, "scattered")
    spots: list[tuple[float, float, float]] = []
    for _ in range(2000):
        turn, far = draw.uniform(0, 360), radius * math.sqrt(draw.random())
        x, y, _z = toward(turn)
        if all(math.dist((far * x, far * y), spot[:2]) >= apart for spot in spots):
            spots.append((far * x, far * y, 0.0))
        if len(spots) == count:
            return _array(name, center, spots, [(0.0, 0.0)] * count, directivity)
    raise UserError(f"{count} microphones do not fit {apart:g} m apart on {radius:g} m: widen radius or lower apart")


def worn_by(speaker: str, way: str = "lapel", *, name: str = "", directivity: str = "omnidirectional") -> Microphone:
    """Return a microphone that a speaker wears; the room puts it where the speaker is.

    Args:
        speaker: name of the speaker.
        way: ``lapel``, ``headset`` or ``handset``.
        name: of the microphone; empty makes it of way and speaker.
        directivity: a name of ``PATTERNS``; it looks at the mouth.

    Raises:
        UnknownNameError: if there is no such way.

    Example:
        >>> worn_by("Ann").name
        'lapel-Ann'
    """
    ways = ("lapel", "headset", "handset")
    if way not in ways:
        raise UnknownNameError("way to wear a microphone", way, ways)
    return Microphone(name or f"{way}-{speaker}", Position3D(), directivity, place=f"{way}:{speaker}", aim=speaker)


LAYOUTS = {
    "linear": linear_array,
    "circular": circular_array,
    "tetrahedral": tetrahedral_array,
    "scattered": scattered_microphones,
}
"""The arrays by the name that ``layout`` has in the data of a room."""


def from_layout(data: Mapping[str, Any]) -> list[Microphone]:
    """Return the array that data describe: ``layout`` and the arguments of its function.

    Raises:
        UnknownNameError: if there is no such layout.
        UserError: if an argument is wrong.

    Example:
        >>> len(from_layout({"layout": "circular", "center": [2, 2, 1]}))
        7
    """
    options = dict(data)
    layout = str(options.pop("layout"))
    if layout not in LAYOUTS:
        raise UnknownNameError("layout of microphones", layout, LAYOUTS)
    make: Any = LAYOUTS[layout]
    try:
        made: list[Microphone] = make(**options)
    except TypeError as error:
        raise UserError(f"microphones with layout {layout!r}: {error}") from error
    return made


def _check(count: int, size: float) -> None:
    if not isinstance(count, int) or count < 1:
        raise UserError(f"an array has a whole number of microphones, at least 1, not {count!r}")
    if not size > 0:
        raise UserError(f"spacing and radius are metres, more than 0, not {size!r}")


def _array(
    name: str,
    center: Position3D | Sequence[float],
    offsets: Sequence[tuple[float, float, float]],
    aims: Sequence[tuple[float, float]],
    directivity: str,
) -> list[Microphone]:
    middle = position_of(center, f"the centre of array {name!r}").to_list()
    made = []
    for number, (offset, (azimuth, colatitude)) in enumerate(zip(offsets, aims, strict=True), start=1):
        x, y, z = (here + step for here, step in zip(middle, offset, strict=True))
        if min(x, y, z) < 0:
            raise UserError(f"array {name!r} at {middle} reaches through a wall: move its centre inwards")
        each = Microphone(
            f"{name}-{number}", Position3D(x, y, z), directivity, azimuth=azimuth, colatitude=colatitude, array=name
        )
        made.append(each)
    return made
