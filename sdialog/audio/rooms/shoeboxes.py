"""Empty rooms of three sizes, drawn at random: one microphone and mouths at distances that are kept."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

from sdialog.audio.rooms.choices import Role
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D
from sdialog.audio.rooms.microphones import Microphone
from sdialog.audio.rooms.mouths import POSTURES, Mouth
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import rng

Range = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Size:
    """What a kind of shoebox is drawn from; each a least and a most.

    Attributes:
        width: metres.
        length: metres.
        height: metres.
        rt60: seconds.
        distance: metres from the microphone to a mouth.
    """

    width: Range
    length: Range
    height: Range
    rt60: Range
    distance: Range


SIZES: Mapping[str, Size] = MappingProxyType(
    {
        "small": Size((3.0, 4.5), (2.5, 4.0), (2.4, 2.8), (0.2, 0.4), (0.5, 1.5)),
        "medium": Size((5.0, 8.0), (4.0, 6.0), (2.7, 3.2), (0.4, 0.7), (1.0, 3.0)),
        "large": Size((10.0, 20.0), (8.0, 15.0), (3.5, 6.0), (0.7, 1.2), (2.0, 6.0)),
    }
)

_WALL = 0.5
_APART = 0.5
_TRIES = 4000


def shoebox(
    size: str = "medium",
    seed: int = 0,
    speakers: Sequence[str] = (Role.SPEAKER_1, Role.SPEAKER_2),
    *,
    distance: Range | None = None,
    apart: float = _APART,
) -> Room:
    """Return an empty room of a size, drawn by seed.

    Size, RT60, microphone and each mouth have random numbers of their own, so that one more speaker moves nobody.

    Args:
        size: ``small``, ``medium`` or ``large``; see ``SIZES``.
        seed: of everything.
        speakers: their names, any number.
        distance: least and most metres from the microphone to each mouth; None takes the size's.
        apart: metres between two mouths at least.

    Returns:
        A room with one microphone called ``microphone``. Mouths are 0.5 m from the walls at least, seated or
        standing.

    Raises:
        UnknownNameError: if there is no such size.
        UserError: if so many speakers do not fit.

    Example:
        >>> room = shoebox("small", seed=7, speakers=["Ann", "Bo", "Cy"])
        >>> all(0.5 <= far <= 1.5 for far in room.get_speaker_distances_to_microphone().values())
        True
    """
    if size not in SIZES:
        raise UnknownNameError("size of a room", str(size), SIZES)
    kind = SIZES[size]
    draw = rng(seed, "room", size)
    box = Dimensions3D(*(round(draw.uniform(*each), 3) for each in (kind.width, kind.length, kind.height)))
    rt60 = round(rng(seed, "rt60", size).uniform(*kind.rt60), 3)
    near, far = distance or kind.distance
    if not 0 < near <= far:
        raise UserError(f"distance is the least and the most metres to the microphone, not {distance!r}")
    for attempt in range(20):
        point = _microphone(box, rng(seed, "microphone", size, attempt))
        mouths = _mouths(box, point, (near, far), apart, seed, speakers)
        if mouths is not None:
            return Room(
                name=f"{size} room",
                description=f"an empty {size} room drawn with seed {seed}",
                dimensions=box,
                rt60=rt60,
                speakers=mouths,
                microphones=[Microphone("microphone", point)],
            )
    raise UserError(
        f"{len(speakers)} speakers do not fit into a {size} room of {box.width:g} x {box.length:g} m, {near:g} to "
        f"{far:g} m from its microphone and {apart:g} m apart: take a larger size, a wider distance or a smaller apart"
    )


def _microphone(box: Dimensions3D, draw: random.Random) -> Position3D:
    x, y = draw.uniform(_WALL, box.width - _WALL), draw.uniform(_WALL, box.length - _WALL)
    return Position3D(round(x, 3), round(y, 3), round(draw.uniform(0.8, 1.5), 3))


def _mouths(
    box: Dimensions3D, microphone: Position3D, distance: Range, apart: float, seed: int, speakers: Sequence[str]
) -> dict[str, Mouth] | None:
    """Return a mouth a speaker, or None if from this microphone not all find a place."""
    found: dict[str, Mouth] = {}
    for number, name in enumerate(speakers):
        draw = rng(seed, "mouth", number)
        for _ in range(_TRIES):
            mouth = _mouth(box, microphone, distance, draw)
            if mouth and all(mouth.position.distance_to(each.position) >= apart for each in found.values()):
                found[str(name)] = mouth
                break
        else:
            return None
    if len(found) < len(speakers):
        raise UserError(f"two speakers have one name in {list(speakers)}; give each its own")
    return found


def _mouth(box: Dimensions3D, microphone: Position3D, distance: Range, draw: random.Random) -> Mouth | None:
    posture = draw.choice(("seated", "standing"))
    # People are not all of one height; a normal spread of the mouth of 6 cm is that of adults' stature.
    height = POSTURES[posture] + max(-0.15, min(0.15, draw.gauss(0, 0.06)))
    wished, turn = draw.uniform(*distance), draw.uniform(0, 2 * math.pi)
    rise = height - microphone.z
    if wished <= abs(rise):
        return None
    flat = math.sqrt(wished**2 - rise**2)
    x, y = microphone.x + flat * math.cos(turn), microphone.y + flat * math.sin(turn)
    inside = _WALL <= x <= box.width - _WALL and _WALL <= y <= box.length - _WALL and height < box.height - 0.3
    if not inside:
        return None
    point = Position3D(round(x, 4), round(y, 4), round(height, 4))
    kept = distance[0] <= point.distance_to(microphone) <= distance[1]  # also after rounding
    return Mouth(point, posture=posture, facing="others") if kept else None
