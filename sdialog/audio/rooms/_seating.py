"""Who is where in a room: people enter, move and leave, and all that depends on them follows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from sdialog.audio.rooms.choices import Role, RoomPosition, SpeakerSide
from sdialog.audio.rooms.geometry import Dimensions3D, Position3D, direction_to, position_of
from sdialog.audio.rooms.mounting import mounted
from sdialog.audio.rooms.mouths import OTHERS, Mouth, posture_of
from sdialog.audio.rooms.placement import at_random, check_mouth, mouth_height
from sdialog.audio.rooms.places import Place
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from sdialog.audio.rooms.furniture import Furniture
    from sdialog.audio.rooms.microphones import Microphone
    from sdialog.audio.rooms.room import Room

_DEFAULT_REACH = 2.0


class Seating:
    """The people of a room and their places; a part of :class:`Room`."""

    name: str
    dimensions: Dimensions3D
    _speakers: dict[str, Mouth]
    _furniture: dict[str, Furniture]
    _places: dict[str, Place]
    _microphones: list[Microphone]

    def speaker(self, name: str) -> Mouth:
        """Return a mouth; the two roles mean the first and the second speaker, unless somebody has that name.

        Raises:
            UnknownNameError: if nobody has that name.
        """
        return self._speakers[self._named(name)]

    def point(self, name: str) -> Position3D:
        """Return the position of what has this name.

        Args:
            name: of a speaker, a role, ``middle_speakers``, a ``RoomPosition``, a piece of furniture (the middle of
                its top), a place, or a microphone.

        Raises:
            UnknownNameError: if nothing has that name.
        """
        if name == "middle_speakers":
            return self._middle(list(self._speakers.values()))
        if name in self._speakers or (name in list(Role) and self._role(name) is not None):
            return self.speaker(name).position
        if name in self._furniture:
            return self._furniture[name].center
        if name in self._places:
            return self._places[name].position
        if name in list(RoomPosition):
            return self._room.room_position_to_position3d(name)
        for microphone in self._microphones:
            if microphone.name == name:
                return microphone.position
        known = [*self._speakers, *self._furniture, *self._places, *RoomPosition, "middle_speakers"]
        raise UnknownNameError(f"thing in room {self.name!r}", str(name), known)

    def add_speaker(
        self,
        name: str,
        position: Position3D | Sequence[float] | str | None = None,
        *,
        posture: str | None = None,
        facing: str | float | None = None,
        directivity: str | None = None,
        seed: int = 0,
    ) -> Mouth:
        """Put one more speaker into the room.

        Args:
            name: any text.
            position: of the mouth, the name of a place or a piece of furniture, or None for a random free point.
            posture: a name of ``POSTURES``; None takes the place's, else ``standing``.
            facing: whom or what the mouth points at by name, or an azimuth in degrees; None for the others.
            directivity: a name of ``PATTERNS``; None is ``omnidirectional``.
            seed: of a random point.

        Returns:
            The mouth.

        Raises:
            UserError: if there is a speaker of that name, or the position is not free.
        """
        if name in self._speakers:
            raise UserError(f"room {self.name!r} already has a speaker {name!r}; move them with place_speaker")
        return self._put(name, position, posture, facing, directivity, seed)

    def remove_speaker(self, name: str) -> None:
        """Take a speaker out, with the microphones they wear."""
        name = self._named(name)
        del self._speakers[name]
        self._microphones = [each for each in self._microphones if each.place.partition(":")[2] != name]
        self._settle()

    def scatter(
        self,
        names: Iterable[str] | None = None,
        *,
        seed: int = 0,
        apart: float | None = None,
        distance: tuple[float, float] | None = None,
    ) -> None:
        """Move speakers to random free points; each has random numbers of its own.

        Args:
            names: who moves, or enters; None moves everybody.
            seed: of the points.
            apart: metres between two mouths at least; None keeps 0.6, and in a crowded room 0.3.
            distance: least and most metres to the nearest microphone; None keeps 0.2.

        Raises:
            UserError: if there is no space for somebody; nobody has moved then.
        """
        moving = list(self._speakers if names is None else names)
        before = dict(self._speakers)
        staying = [mouth.position for name, mouth in before.items() if name not in moving]
        options = {"apart": apart, "from_microphones": distance}
        try:
            for number, name in enumerate(moving):
                how = before[name].posture if name in before else "standing"
                point = at_random(self._room, how, rng(seed, "scatter", number), others=staying, **options)  # type: ignore[arg-type]
                staying.append(point)
                self._put(name, point, None, None, None, seed)
        except UserError:
            self._speakers = before
            self._settle()
            raise

    def _seat(self, speakers: Any, positions: Mapping[Any, Any] | None, seed: int) -> None:
        """Put the first speakers into a new room."""
        if isinstance(speakers, str):
            raise UserError(f"speakers is a mapping or a list of names, such as [{speakers!r}], not one name")
        if speakers is not None:
            people = speakers if isinstance(speakers, Mapping) else dict.fromkeys(speakers)
            for name, where in people.items():
                self._enter(str(name), where, seed)
            return
        given = {str(key): value for key, value in (positions or {}).items()}
        for name in given:
            if name not in list(Role):
                cure = "Name anybody else in speakers={...}."
                raise UnknownNameError("role in speakers_positions", name, [*Role], cure)
        for role in Role:
            if str(role) in given:
                self._room.place_speaker(role, given[role])
            else:
                self._seat_by_default(role, seed)

    def _enter(self, name: str, where: Any, seed: int) -> None:
        if isinstance(where, Mapping) and "position" in where and "place" not in where:
            where = Mouth.from_data(where)
        if isinstance(where, Mouth):
            check_mouth(self._room, name, where.position)
            self._speakers[name] = where
        elif isinstance(where, Mapping):
            options = dict(where)
            spot = options.pop("place", None)
            unknown = set(options) - {"posture", "facing", "directivity"}
            if unknown:
                raise UnknownNameError("key of a speaker", sorted(unknown)[0], Mouth.__dataclass_fields__)
            wished = {key: options.get(key) for key in ("posture", "facing", "directivity")}
            self._put(name, spot, **wished, seed=seed)
        else:
            self._put(name, where, None, None, None, seed)

    def _seat_by_default(self, role: Role, seed: int) -> None:
        """Put speaker 1 before and speaker 2 behind the middle, or where there is space."""
        side = SpeakerSide.FRONT if role is Role.SPEAKER_1 else SpeakerSide.BACK
        try:
            self._room.place_speaker_around_furniture(role, "center", _DEFAULT_REACH, side, seed)
        except UserError:
            self.add_speaker(role, None, seed=seed)

    def _put(
        self,
        name: str,
        where: Any,
        posture: str | None,
        facing: str | float | None,
        directivity: str | None,
        seed: int,
    ) -> Mouth:
        """Place somebody, new or not; what is None stays as it was."""
        old = self._speakers.get(name)
        place = self._place(where) if isinstance(where, str) else None
        how = posture_of(posture) if posture else place.posture if place else old.posture if old else "standing"
        people = [each.position for other, each in self._speakers.items() if other != name]
        if place is not None:
            position = place.position
        elif where is None:
            order = list(self._speakers).index(name) if old else len(self._speakers)
            position = at_random(self._room, how, rng(seed, "speaker", order), others=people)
        else:
            position = position_of(where, f"the position of {name!r}")
        check_mouth(self._room, name, position)
        mouth = Mouth(
            position,
            azimuth=float(facing) if isinstance(facing, (int, float)) else 0.0,
            posture=how,
            directivity=directivity or (old.directivity if old else "omnidirectional"),
            facing=facing if isinstance(facing, str) else "" if facing is not None else OTHERS,
        )
        return self._keep(name, replace(mouth, facing=place.facing) if place and facing is None else mouth)

    def _keep(self, name: str, mouth: Mouth) -> Mouth:
        before = dict(self._speakers)
        self._speakers[name] = mouth
        try:
            self._settle()
        except Exception:
            self._speakers = before
            self._settle()
            raise
        return self._speakers[name]

    def _place(self, name: str) -> Place:
        if name in self._places:
            return self._places[name]
        if name in self._furniture:
            return Place.beside(self._room, self._furniture[name])
        raise UnknownNameError(f"place in room {self.name!r}", name, [*self._places, *self._furniture])

    def _settle(self) -> None:
        """Turn the mouths and set the microphones anew, since somebody or something moved."""
        if not self._microphones:
            return  # the room is still being filled, and not everybody is there yet
        people = self._speakers
        for name, mouth in people.items():
            if mouth.facing:
                azimuth = direction_to(mouth.position, self._looked_at(name, mouth))[0]
                people[name] = replace(mouth, azimuth=azimuth, colatitude=45.0 if mouth.posture == "lying" else 90.0)
        self._microphones = [mounted(self._room, each) for each in self._microphones]

    def _looked_at(self, name: str, mouth: Mouth) -> Position3D:
        if mouth.facing != OTHERS:
            return self.point(mouth.facing)
        others = [each for other, each in self._speakers.items() if other != name]
        return self._middle(others)

    def _middle(self, mouths: Sequence[Mouth]) -> Position3D:
        if not mouths:
            return Position3D(
                self.dimensions.width / 2, self.dimensions.length / 2, mouth_height(self._room, "standing")
            )
        points = [each.position.to_list() for each in mouths]
        return Position3D(*(sum(values) / len(points) for values in zip(*points, strict=True)))

    def _role(self, name: str) -> str | None:
        """Return the speaker that a role means, if there are so many."""
        number = list(Role).index(Role(name))
        people = list(self._speakers)
        return people[number] if number < len(people) else None

    def _named(self, name: str, adding: bool = False) -> str:
        """Return the name of the speaker that a name or a role means; with ``adding``, a role nobody has is itself."""
        if name in self._speakers:
            return str(name)
        if name in list(Role):
            found = self._role(name)
            if found is not None or adding:
                return str(found or name)
        cure = f"Add somebody with room.add_speaker({str(name)!r}, ...)."
        raise UnknownNameError(f"speaker in room {self.name!r}", str(name), [*self._speakers, *Role], cure)

    @property
    def _room(self) -> Room:
        return cast("Room", self)
