"""The published methods of a room: roles, one microphone, sides of furniture, corners and pictures."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sdialog.audio.rooms._reading import directivity_type_of, mic_position_of
from sdialog.audio.rooms._reading import rt60 as wished_rt60
from sdialog.audio.rooms._seating import Seating
from sdialog.audio.rooms.choices import DirectivityType, MicrophonePosition, RoomPosition, SpeakerSide
from sdialog.audio.rooms.geometry import Position3D, position_of
from sdialog.audio.rooms.microphones import Microphone, MicrophoneDirectivity
from sdialog.audio.rooms.mounting import mounting_point
from sdialog.audio.rooms.mouths import Mouth, posture_of
from sdialog.audio.rooms.placement import around_furniture, mouth_height, natural_posture
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from PIL.Image import Image

    from sdialog.audio.rooms.furniture import Furniture


class PublishedRoom(Seating):
    """What published scripts call on a room; a part of :class:`Room`."""

    rt60: float | None

    if TYPE_CHECKING:

        @property
        def furnitures(self) -> Mapping[str, Furniture]: ...
        def json(self) -> dict[str, Any]: ...
        def digest(self) -> str: ...
        def set_microphones(self, microphones: Iterable[Microphone]) -> None: ...

    @property
    def reverberation_time_ratio(self) -> float | None:
        """The published name of ``rt60``, in seconds."""
        return self.rt60

    @reverberation_time_ratio.setter
    def reverberation_time_ratio(self, value: float | None) -> None:
        self.rt60 = wished_rt60(value, None)

    @property
    def speakers_positions(self) -> dict[str, Position3D]:
        """The positions of the mouths by speaker, as a copy."""
        return {name: mouth.position for name, mouth in self._speakers.items()}

    @property
    def mic_position(self) -> MicrophonePosition:
        """Where the first microphone is kept."""
        place = self._microphones[0].place
        return MicrophonePosition(place) if place in list(MicrophonePosition) else MicrophonePosition.CUSTOM

    @property
    def mic_position_3d(self) -> Position3D:
        """The position of the first microphone."""
        return self._microphones[0].position

    @property
    def directivity_type(self) -> DirectivityType:
        """Where the first microphone is aimed."""
        first = self._microphones[0]
        if first.aim.upper() in DirectivityType.__members__:
            return DirectivityType[first.aim.upper()]
        flat = first.directivity == "omnidirectional" and not first.aim
        return DirectivityType.OMNIDIRECTIONAL if flat else DirectivityType.CUSTOM

    @property
    def microphone_directivity(self) -> MicrophoneDirectivity | None:
        """The aim of the first microphone; None for one that hears all directions alike."""
        first = self._microphones[0]
        if first.directivity == "omnidirectional":
            return None
        return MicrophoneDirectivity(first.azimuth, first.colatitude, first.gain)

    def set_mic_position(
        self,
        mic_position: MicrophonePosition | str,
        position_3D: Position3D | Sequence[float] | None = None,  # noqa: N803
    ) -> None:
        """Keep the first microphone elsewhere.

        Args:
            mic_position: where; ``CUSTOM`` takes the position given.
            position_3D: metres, for ``CUSTOM``.

        Raises:
            UserError: if a custom position is missing, or furniture that the place needs.
        """
        place = mic_position_of(mic_position)
        first, rest = self._first()
        name = place.value if place is not MicrophonePosition.CUSTOM or not first else first.name
        if place is MicrophonePosition.CUSTOM:
            if position_3D is None:
                raise UserError("Microphone position 3D is required for MicrophonePosition.CUSTOM: give x, y and z")
            moved = Microphone(name, position_of(position_3D, "the position of the microphone"))
        else:
            moved = Microphone(name, mounting_point(self._room, place.value), place=place.value)
        if first is not None:
            moved = replace(first, name=name, position=moved.position, place=moved.place)
        self.set_microphones([moved, *rest])

    def set_directivity(
        self, direction: DirectivityType | str, directivity: MicrophoneDirectivity | None = None
    ) -> None:
        """Aim the first microphone.

        Args:
            direction: where; ``CUSTOM`` takes the directivity given.
            directivity: for ``CUSTOM``; with any other direction it is ignored with a warning.

        Raises:
            UserError: if a custom directivity is missing.
        """
        kind = directivity_type_of(direction)
        first, rest = self._first()
        assert first is not None
        if kind is DirectivityType.CUSTOM:
            if directivity is None:
                raise UserError(
                    "Microphone directivity is required for custom directivity type: give MicrophoneDirectivity(...)"
                )
            azimuth, colatitude = float(directivity.azimuth), float(directivity.colatitude)
            turned = replace(first, azimuth=azimuth, colatitude=colatitude, gain=directivity.gain)
            aimed = replace(turned, directivity="cardioid", aim="")
        else:
            if directivity is not None:
                warnings.warn(
                    f"the microphone directivity given is ignored, since the type is {kind.name.lower()}, not custom",
                    stacklevel=2,
                )
            if kind is DirectivityType.OMNIDIRECTIONAL:
                aimed = replace(first, directivity="omnidirectional", aim="", azimuth=0.0, colatitude=90.0)
            else:
                aimed = replace(first, directivity="cardioid", aim=kind.name.lower())
        self.set_microphones([aimed, *rest])

    def place_speaker(
        self,
        speaker_name: str,
        position: Position3D | Sequence[float] | str,
        *,
        posture: str | None = None,
        facing: str | float | None = None,
        directivity: str | None = None,
    ) -> Mouth:
        """Move a speaker.

        Args:
            speaker_name: of somebody in the room, or a role.
            position: of the mouth, or the name of a place or a piece of furniture.
            posture: a name of ``POSTURES``; None keeps it, or takes the place's.
            facing: whom or what the mouth points at by name, or degrees; None for the others.
            directivity: a name of ``PATTERNS``; None keeps it.

        Raises:
            UnknownNameError: if nobody has that name.
            UserError: if the position is in a wall or in furniture.
        """
        return self._put(self._named(speaker_name, adding=True), position, posture, facing, directivity, 0)

    def place_speaker_around_furniture(
        self,
        speaker_name: str,
        furniture_name: str = "center",
        max_distance: float = 0.3,
        side: SpeakerSide | str | None = None,
        seed: int | None = None,
        *,
        posture: str | None = None,
    ) -> Mouth:
        """Move a speaker to a random free point beside a piece of furniture.

        Args:
            speaker_name: of somebody in the room, or a role.
            furniture_name: of the furniture.
            max_distance: metres from its edge at most.
            side: on which side; None for any.
            seed: chooses the point; None is 0.
            posture: a name of ``POSTURES``; None sits down at what is as high as a table, else stands.

        Raises:
            UnknownNameError: if there is no such speaker, furniture or side.
            UserError: if no point there is free.
        """
        name = self._named(speaker_name, adding=True)
        if furniture_name not in self.furnitures:
            raise UnknownNameError(f"furniture in room {self.name!r}", str(furniture_name), self.furnitures)
        thing = self.furnitures[furniture_name]
        room = self._room
        how = posture_of(posture) if posture else natural_posture(thing)
        people = list(self._speakers)
        order = people.index(name) if name in people else len(people)
        position = around_furniture(
            room,
            thing,
            max_distance=max_distance,
            side=side,
            height=mouth_height(room, how),
            draw=rng(seed or 0, "around", furniture_name, order),
            others=[mouth.position for other, mouth in self._speakers.items() if other != name],
        )
        return self._put(name, position, how, None, None, 0)

    def add_furnitures(self, furnitures: Mapping[str, Any]) -> None:
        """Put more furniture into the room, by name; what has the same name is replaced.

        Raises:
            UserError: if somebody is where it would stand.
        """
        from sdialog.audio.rooms._reading import furniture
        from sdialog.audio.rooms.placement import check_mouth

        before = self._furniture
        self._furniture = {**before, **furniture(furnitures)}
        try:
            for name, mouth in self._speakers.items():
                check_mouth(self._room, name, mouth.position)
            self.set_microphones(self._microphones)
        except UserError:
            self._furniture = before
            raise

    def get_furnitures(self) -> dict[str, Furniture]:
        """Return what stands in the room, by name, as a copy."""
        return dict(self._furniture)

    def get_speaker_distances_to_microphone(self, dimensions: int = 3) -> dict[str, float]:
        """Return the distance of each mouth to the first microphone in metres.

        Args:
            dimensions: 3, or 2 for the distance on the floor plan.
        """
        first = self._microphones[0].position
        return {name: mouth.position.distance_to(first, dimensions) for name, mouth in self._speakers.items()}

    def get_square_meters(self) -> float:
        """Return the floor area."""
        return self.dimensions.floor_area

    def get_volume(self) -> float:
        """Return the volume in cubic metres."""
        return self.dimensions.volume

    def room_position_to_position3d(self, position: RoomPosition | str) -> Position3D:
        """Return the point that a ``RoomPosition`` means: half a metre under the ceiling.

        Raises:
            UnknownNameError: if it means none.
        """
        known = [each.value for each in RoomPosition]
        if position not in known:
            raise UnknownNameError("position in a room", str(position), known)
        size, height = self.dimensions, max(0.0, self.dimensions.height - 0.5)
        if position == RoomPosition.CENTER:
            return Position3D(size.width / 2, size.length / 2, height)
        x = 0.01 * size.width if str(position).endswith("left") else 0.99 * size.width
        y = 0.01 * size.length if "top_" in str(position) else 0.99 * size.length
        return Position3D(x, y, height)

    def get_roof_center(self) -> Position3D:
        """Return the point in the middle, half a metre under the ceiling."""
        return self.room_position_to_position3d(RoomPosition.CENTER)

    def get_top_left_corner(self) -> Position3D:
        """Return the corner at small x and small y."""
        return self.room_position_to_position3d(RoomPosition.TOP_LEFT)

    def get_top_right_corner(self) -> Position3D:
        """Return the corner at large x and small y."""
        return self.room_position_to_position3d(RoomPosition.TOP_RIGHT)

    def get_bottom_left_corner(self) -> Position3D:
        """Return the corner at small x and large y."""
        return self.room_position_to_position3d(RoomPosition.BOTTOM_LEFT)

    def get_bottom_right_corner(self) -> Position3D:
        """Return the corner at large x and large y."""
        return self.room_position_to_position3d(RoomPosition.BOTTOM_RIGHT)

    def get_info(self) -> dict[str, Any]:
        """Return plain data of the room, with its floor area and volume."""
        return {**self.json(), "floor_area": self.get_square_meters(), "volume": self.get_volume()}

    def get_hash(self) -> str:
        """Return the digest of the room."""
        return self.digest()

    def to_image(
        self,
        show_speakers: bool = True,
        show_furnitures: bool = True,
        show_microphones: bool = True,
        show_anchors: bool = True,
        show_walls: bool = True,
        width: int = 512,
        height: int = 512,
    ) -> Image:
        """Return a plan of the room, seen from above, as a Pillow image.

        Args:
            show_speakers: draw the mouths and where they point.
            show_furnitures: draw the furniture.
            show_microphones: draw the microphones, their patterns, and the distances to the speakers.
            show_anchors: draw the corner points that sounds can be put at.
            show_walls: draw the walls.
            width: pixels.
            height: pixels.

        Raises:
            MissingDependencyError: if Pillow is not installed.
        """
        from sdialog.audio.rooms.pictures.plan import Shown, plan

        shown = Shown(show_speakers, show_furnitures, show_microphones, show_anchors, show_walls)
        return plan(self._room, shown, width, height)

    def to_figure_3d(self) -> Any:
        """Return the room in perspective, as a matplotlib figure.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.audio.rooms.pictures.perspective import perspective

        return perspective(self._room)

    def _first(self) -> tuple[Microphone | None, list[Microphone]]:
        return (self._microphones[0], self._microphones[1:]) if self._microphones else (None, [])
