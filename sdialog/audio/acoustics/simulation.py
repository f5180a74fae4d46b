"""From a room to its impulse responses."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from sdialog.audio.acoustics._boxes import LONGEST, Box, simulate
from sdialog.audio.acoustics.air import SOUND_SPEED
from sdialog.audio.acoustics.calibration import Calibration, calibrate, even_absorption, stronger
from sdialog.audio.acoustics.measures import measure
from sdialog.audio.acoustics.responses import RoomResponses
from sdialog.audio.rooms.materials import BANDS, SURFACES
from sdialog.audio.rooms.mouths import Mouth
from sdialog.audio.rooms.room import Room
from sdialog.core.errors import AcousticsError, UnknownNameError, UserError
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.acoustics.cache import RirCache

Method = Literal["ism", "hybrid"]
METHODS = ("ism", "hybrid")

Surfaces = Literal["even", "materials"]
SURFACE_KINDS = ("even", "materials")

_NEAREST = 0.01
_CALIBRATED_MOUTHS = 4


def impulse_responses(
    room: Room,
    rate: int = 16_000,
    *,
    method: Method = "ism",
    seed: int = 0,
    cache: RirCache | None = None,
    surfaces: Surfaces = "even",
    air: bool = True,
    reference: str | None = None,
) -> RoomResponses:
    """Return the impulse responses of a room from every mouth to every microphone.

    If the room asks for an RT60, its surfaces are made to swallow what gives that time: the room is simulated, its
    T30 measured, the logarithm of what every surface reflects scaled, until it is within 2 %. Otherwise its materials
    count as they are.

    Args:
        room: with its speakers and microphones.
        rate: samples a second.
        method: ``ism`` takes image sources (Allen and Berkley, J. Acoust. Soc. Am. 65, 1979) as long as they can be
            counted, at most 44 reflections, and random ones from then on, a diffuse field that falls as they did.
            ``hybrid`` takes images up to three reflections, and rays from then on (D. Schroeder, Physically based
            real-time auralization, 2011), which know of scattering; its late sound is independent from microphone to
            microphone, so take ``ism`` for arrays.
        seed: of the diffuse field, or of the rays.
        cache: where the responses are looked up and kept.
        surfaces: with an RT60, ``even`` lets all surfaces swallow alike in all bands, ``materials`` keeps the
            differences between the materials of the room, at several times the cost.
        air: whether the air swallows high sounds (20 degrees Celsius, 50 % humidity).
        reference: the microphone whose time the labels keep; None is the first.

    Returns:
        The responses, what was asked for and what they measure. A time that cannot be reached is told in ``notes``.

    Raises:
        UnknownNameError: if there is no such method or reference.
        UserError: if nobody speaks in the room, or a mouth is in a microphone.
        AcousticsError: if the simulation fails.
        MissingDependencyError: if pyroomacoustics is not installed.

    Example:
        >>> room = Room(dimensions=(5, 4, 3), rt60=0.3, speakers={"Ann": (1, 1, 1.2)})
        >>> found = impulse_responses(room).measured["Ann"]["ceiling_centered"]
        >>> 0.27 < found.rt60 < 0.33
        True
    """
    _check(room, rate, method, surfaces, reference)
    if cache is not None:
        return cache.get(room, rate, method=method, seed=seed, surfaces=surfaces, air=air, reference=reference)
    box = first_box(room, rate, method=method, seed=seed, surfaces=surfaces, air=air)
    found: Calibration | None = None
    if room.rt60 is not None:
        found = calibrate(lambda strength: _mean_time(box, strength), room.rt60)
        box = replace(box, absorption=stronger(box.absorption, found.strength))
    stack, lead = run(box)
    asked = {
        "rt60": room.rt60,
        "method": method,
        "surfaces": surfaces if room.rt60 is not None else "materials",
        "air": air,
        "seed": seed,
        "room": room.digest(),
        "order": box.order,
        "complete_seconds": round(box.complete, 4) if method == "ism" else None,
        "absorption": {key: _told(values) for key, values in box.absorption.items()},
        "calibration": found.json() if found else None,
    }
    return named(room, box, stack, lead, asked, reference, notes=_notes(found, box))


def responses_from(
    room: Room,
    rate: int,
    mouths: Mapping[str, Mouth],
    *,
    method: Method = "ism",
    seed: int = 0,
    cache: RirCache | None = None,
    surfaces: Surfaces = "even",
    air: bool = True,
    reference: str | None = None,
    stream: int | None = None,
) -> RoomResponses:
    """Return the impulse responses from other mouths than those of the people in a room, with its walls.

    Args:
        room: whose walls are calibrated with its own people, if it asks for an RT60.
        rate: samples a second.
        mouths: by name; they may be anywhere inside the room.
        method: as in :func:`impulse_responses`, with ``seed``, ``cache``, ``surfaces``, ``air`` and ``reference``.
        seed: of what is random.
        cache: where the walls are looked up.
        surfaces: how the walls differ.
        air: whether the air swallows high sounds.
        reference: the microphone whose time the labels keep.
        stream: number of the diffuse field that all mouths share, as one person who moves; None gives each its own.

    Raises:
        UserError: if a mouth is outside the room or in a microphone.
        AcousticsError: if the simulation fails.
    """
    _check(room, rate, method, surfaces, reference)
    for name, mouth in mouths.items():
        check_inside(room, name, mouth)
    box = first_box(room, rate, method=method, seed=seed, surfaces=surfaces, air=air)
    asked: dict[str, Any] = {"rt60": None, "method": method, "seed": seed}
    notes: Sequence[str] = ()
    if room.rt60 is not None:
        still = impulse_responses(room, rate, method=method, seed=seed, cache=cache, surfaces=surfaces, air=air)
        asked, notes = dict(still.requested), still.notes
        box = replace(box, absorption=stronger(box.absorption, asked["calibration"]["strength"]))
    box = replace(box, mouths=list(mouths.values()), streams=() if stream is None else (stream,) * len(mouths))
    stack, lead = run(box)
    return named(room, box, stack, lead, asked, reference, notes, tuple(mouths))


def first_box(room: Room, rate: int, *, method: str, seed: int, surfaces: str, air: bool) -> Box:
    """Return what is simulated, before its absorption is calibrated."""
    materials = room.materials
    if room.rt60 is not None and surfaces == "even":
        size = room.dimensions
        value = even_absorption(size.volume, size.surface, room.rt60)
        absorption: dict[str, tuple[float, ...]] = dict.fromkeys(SURFACES, (value,))
    else:
        absorption = materials.absorption()
    scattering: dict[str, tuple[float, ...]] = dict.fromkeys(SURFACES, (0.0,))
    return Box(
        size=room.dimensions.to_list(),
        absorption=absorption,
        scattering=materials.scattering() if method == "hybrid" else scattering,
        mouths=list(room.speakers.values()),
        microphones=room.microphones,
        rate=rate,
        seconds=_length(room, absorption),
        rays=method == "hybrid",
        air=air,
        seed=derive_seed(seed, "room acoustics", method),
    )


def run(box: Box) -> tuple[Any, int]:
    """Simulate a box; whatever goes wrong inside is told as an error of ours.

    Raises:
        AcousticsError: if the simulation fails, or its samples are not numbers.
    """
    try:
        stack, lead = simulate(box)
    except (ValueError, RuntimeError, IndexError, MemoryError) as error:
        raise AcousticsError(f"the room of {box.size} m could not be simulated: {error}") from error
    if not abs(float(stack.sum())) < float("inf"):
        raise AcousticsError(f"the simulation of the room of {box.size} m made samples that are not numbers")
    return stack, lead


def named(
    room: Room,
    box: Box,
    stack: Any,
    lead: int,
    asked: dict[str, Any],
    reference: str | None,
    notes: Sequence[str] = (),
    speakers: Sequence[str] = (),
) -> RoomResponses:
    """Return simulated arrays with the names of a room, and the direct sound by geometry."""
    distances = tuple(
        tuple(mouth.position.distance_to(each.position) for each in box.microphones) for mouth in box.mouths
    )
    return RoomResponses(
        rate=box.rate,
        speakers=tuple(speakers or room.speakers),
        microphones=tuple(each.name for each in box.microphones),
        stack=stack,
        arrivals=tuple(tuple(lead + metres / SOUND_SPEED * box.rate for metres in row) for row in distances),
        reference=reference or box.microphones[0].name,
        lead=lead,
        distances=distances,
        requested=asked,
        notes=tuple(notes),
    )


def _mean_time(box: Box, strength: float) -> float | None:
    """Return the mean RT60 of the first mouths at the first microphone, or None where one has none."""
    mouths = box.mouths[:_CALIBRATED_MOUTHS]
    tried = replace(box, absorption=stronger(box.absorption, strength), mouths=mouths, microphones=box.microphones[:1])
    stack, lead = run(tried)
    times = []
    for mouth, response in zip(mouths, stack[:, 0], strict=True):
        metres = mouth.position.distance_to(box.microphones[0].position)
        time = measure(response, box.rate, lead + metres / SOUND_SPEED * box.rate).rt60
        if time is None:
            return None
        times.append(time)
    return sum(times) / len(times)


def _length(room: Room, absorption: dict[str, tuple[float, ...]]) -> float:
    """Return how many seconds a response needs: the fall by 60 dB and a tenth, and the longest way in the room."""
    way = math.hypot(*room.dimensions.to_list()) / SOUND_SPEED
    if room.rt60 is not None:
        return min(LONGEST, 1.1 * room.rt60 + way)
    areas = _areas(room)
    total = sum(areas.values())
    times = []
    for band in range(len(BANDS)):
        mean = sum(areas[key] * absorption[key][band] for key in SURFACES) / total
        # Sabine's formula, which errs on the long side; the air helps where walls swallow nothing.
        times.append(0.161 * room.dimensions.volume / (total * max(mean, 0.003)))
    return min(LONGEST, 1.1 * max(times) + way)


def _areas(room: Room) -> dict[str, float]:
    width, length, height = room.dimensions.to_list()
    side, front, flat = length * height, width * height, width * length
    return {"left": side, "right": side, "front": front, "back": front, "floor": flat, "ceiling": flat}


def _notes(found: Calibration | None, box: Box) -> list[str]:
    notes = []
    if found is not None and not found.met:
        reached = "none that can be measured" if found.reached is None else f"{found.reached:.2f} s"
        long = found.reached is not None and found.reached < found.wanted
        why = (
            "the air and the size of the room let sound die sooner, whatever its walls are made of"
            if long and found.strength < 0.05
            else "walls that swallow still more would leave only the direct sound and a few echoes"
            if not long
            else "sound falls unevenly there, and no strength of the walls gives that time"
        )
        notes.append(f"an RT60 of {found.wanted:g} s was asked for and {reached} was reached: {why}")
    if box.seconds >= LONGEST:
        notes.append(f"the responses are cut at {LONGEST:g} s")
    return notes


def _told(values: tuple[float, ...]) -> float | list[float]:
    rounded = [round(value, 5) for value in values]
    return rounded[0] if len(set(rounded)) == 1 else rounded


def _check(room: Room, rate: int, method: str, surfaces: str, reference: str | None) -> None:
    if method not in METHODS:
        raise UnknownNameError("method of room acoustics", str(method), METHODS)
    if surfaces not in SURFACE_KINDS:
        raise UnknownNameError("kind of surfaces", str(surfaces), SURFACE_KINDS)
    if isinstance(rate, bool) or not isinstance(rate, int) or rate < 4000:
        raise UserError(f"a sample rate is a whole number, at least 4000, such as 16000, not {rate!r}")
    if not room.speakers:
        raise UserError(f"nobody speaks in room {room.name!r}: give it speakers, such as Room(speakers=['Ann'])")
    names = [each.name for each in room.microphones]
    if reference is not None and reference not in names:
        raise UnknownNameError(f"microphone in room {room.name!r}", reference, names)
    for name, mouth in room.speakers.items():
        check_inside(room, name, mouth)


def check_inside(room: Room, name: str, mouth: Mouth) -> None:
    """Make sure that a mouth is in its room, and not in a microphone.

    Raises:
        UserError: if it is not; says who.
    """
    place = mouth.position
    if not all(0 < at < side for at, side in zip(place.to_list(), room.dimensions.to_list(), strict=True)):
        raise UserError(f"the mouth of {name!r} is not inside room {room.name!r}: {place}, room {room.dimensions}")
    for each in room.microphones:
        if place.distance_to(each.position) < _NEAREST:
            raise UserError(
                f"in room {room.name!r} the mouth of {name!r} is in microphone {each.name!r}: move one of them"
            )
