"""What scripts written for the published rooms call, with its published values."""

from __future__ import annotations

import pytest

from sdialog.audio import room as published_room
from sdialog.audio.jsalt import MedicalRoomGenerator, RoomRole
from sdialog.audio.room import Room, microphone_to_position
from sdialog.audio.room_generator import BasicRoomGenerator
from sdialog.audio.rooms.materials import material_of
from sdialog.audio.utils import (
    BodyPosture,
    CaseInsensitiveDict,
    CeilingMaterial,
    FloorMaterial,
    Furniture,
    RGBAColor,
    Role,
    RoomMaterials,
    SourceVolume,
    SpeakerSide,
    WallMaterial,
)

Dimensions3D, Position3D = published_room.Dimensions3D, published_room.Position3D
DirectivityType, MicrophonePosition = published_room.DirectivityType, published_room.MicrophonePosition
MicrophoneDirectivity, RoomPosition = published_room.MicrophoneDirectivity, published_room.RoomPosition


def furnished(**options):
    desk = Furniture(name="desk", x=1.0, y=1.0, width=1.2, height=0.75, depth=0.6)
    monitor = Furniture(name="monitor", x=1.1, y=1.1, z=0.75, width=0.5, height=0.4, depth=0.1)
    return Room(dimensions=Dimensions3D(6, 5, 3), furnitures={"desk": desk, "monitor": monitor}, **options)


def test_positions():
    point = Position3D(1.0, 2.0, 3.0)
    assert str(point) == "pos: [1.0, 2.0, 3.0]"
    assert point.to_list() == list(point.to_array()) == [1, 2, 3]
    assert Position3D.from_list([1, 2, 3]) == point
    assert Position3D().distance_to(Position3D(3, 4, 12)) == 13
    assert Position3D().distance_to(Position3D(3, 4, 12), dimensions=2) == 5
    for wrong, said in (
        (lambda: Position3D(-1, 0, 0), "Coordinates must be non-negative"),
        (lambda: point.distance_to(point, dimensions=4), "Invalid dimensions"),
        (lambda: Position3D.from_list([1, 2]), "exactly 3"),
        (lambda: Dimensions3D(0, 1, 1), "All dimensions must be positive"),
    ):
        with pytest.raises(ValueError, match=said):
            wrong()


def test_dimensions_iterate_length_first():
    size = Dimensions3D(width=2, length=3, height=4)
    assert list(size) == [3, 2, 4]
    assert size.to_list() == [2, 3, 4]
    assert (len(size), size[0], size.volume, size.floor_area) == (3, 3, 24, 6)


def test_values_of_the_lists():
    assert (len(WallMaterial), len(FloorMaterial), len(CeilingMaterial)) == (21, 13, 6)
    assert WallMaterial.WOOD_1_6CM == "wood_1.6cm"
    assert CeilingMaterial.FIBRE_ABSORBER == "ceiling_fibre_absorber"
    assert all(
        len(material_of(each).absorption) == 7
        for kind in (WallMaterial, FloorMaterial, CeilingMaterial)
        for each in kind
    )
    assert RoomMaterials() == RoomMaterials(
        CeilingMaterial.FIBRE_ABSORBER, WallMaterial.WOODEN_LINING, FloorMaterial.CARPET_HAIRY
    )
    assert (BodyPosture.SITTING.value, BodyPosture.STANDING.value) == (0.5, 1.7)
    assert [each.value for each in SourceVolume] == [1e-7, 0.01, 0.02, 0.05, 0.07, 0.10]
    assert DirectivityType.NORTH.value == (0, 90)
    assert DirectivityType.SOUTH_WEST.value == (-135, 90)
    assert len(RGBAColor) == 11
    assert all(color.value[3] == 50 for color in RGBAColor)
    assert str(Role.SPEAKER_1) == "speaker_1"
    assert [each.value for each in SpeakerSide] == ["front", "back", "left", "right"]
    held = CaseInsensitiveDict({"Doctor": 1})
    assert "DOCTOR" in held
    assert held.get("doctor") == held.pop("dOctor") == 1  # fmt: skip


@pytest.mark.parametrize(
    ("position", "point"),
    [
        (MicrophonePosition.DESK_SMARTPHONE, (1.3, 1.2, 0.75)),
        (MicrophonePosition.MONITOR, (1.2, 1.1, 1.15)),
        (MicrophonePosition.WALL_MOUNTED, (0.1, 2.5, 1.7)),
        (MicrophonePosition.CEILING_CENTERED, (3.0, 2.5, 2.9)),
        (MicrophonePosition.CHEST_POCKET_SPEAKER_1, (2.0, 3.0, 1.4)),
        (MicrophonePosition.CHEST_POCKET_SPEAKER_2, (4.0, 4.0, 1.0)),
        (MicrophonePosition.MIDDLE_SPEAKERS, (3.0, 3.5, 1.4)),
    ],
)
def test_microphone_positions(position, point):
    room = furnished(speakers_positions={Role.SPEAKER_1: Position3D(2, 3, 1.6), Role.SPEAKER_2: Position3D(4, 4, 1.2)})
    room.set_mic_position(position)
    assert room.mic_position_3d.to_list() == pytest.approx(point)
    assert room.mic_position is position
    assert microphone_to_position(room, position) == room.mic_position_3d
    assert Room.from_data(room.json()).mic_position is position


def test_microphone_positions_that_lack_something():
    for position, missing in ((MicrophonePosition.MONITOR, "monitor"), (MicrophonePosition.DESK_SMARTPHONE, "desk")):
        with pytest.raises(ValueError, match=f"called '{missing}'"):
            Room(mic_position=position)
    with pytest.raises(ValueError, match=r"3D is required for MicrophonePosition\.CUSTOM"):
        Room(mic_position=MicrophonePosition.CUSTOM)
    custom = Room(mic_position=MicrophonePosition.CUSTOM, mic_position_3d=Position3D(0.05, 1, 1))
    assert custom.mic_position_3d.x == 0.05, "a custom position is not moved off the wall"


def test_the_microphone_between_the_speakers_moves_with_them():
    room = furnished(mic_position=MicrophonePosition.MIDDLE_SPEAKERS)
    room.place_speaker(Role.SPEAKER_1, Position3D(3, 3, 1.6))
    room.place_speaker(Role.SPEAKER_2, Position3D(5, 3, 1.6))
    assert room.mic_position_3d == Position3D(4, 3, 1.4)


def test_aimed_microphones_look_at_whom_they_are_aimed_at():
    level = {Role.SPEAKER_1: Position3D(4, 2.5, 1.6), Role.SPEAKER_2: Position3D(1, 4, 1.6)}
    room = Room(
        dimensions=(6, 5, 3),
        mic_position=MicrophonePosition.CUSTOM,
        mic_position_3d=Position3D(3, 2.5, 1.6),
        directivity_type=DirectivityType.SPEAKER_1,
        speakers_positions=level,
    )
    assert (room.microphone_directivity.azimuth, room.microphone_directivity.colatitude) == (0, 90)
    room.set_mic_position(MicrophonePosition.CEILING_CENTERED)
    # 1.3 m below and 1 m beside: 90 + atan(1.3 / 1) degrees from straight up.
    assert room.microphone_directivity.colatitude == pytest.approx(142.43, abs=0.01)
    assert room.directivity_type is DirectivityType.SPEAKER_1
    room.set_directivity(DirectivityType.EAST)
    assert (room.microphone_directivity.azimuth, room.microphone_directivity.colatitude) == (90, 90)
    room.set_directivity(DirectivityType.OMNIDIRECTIONAL)
    assert room.microphone_directivity is None


def test_custom_directivity():
    room = Room()
    with pytest.raises(ValueError, match="Microphone directivity is required for custom directivity type"):
        room.set_directivity(DirectivityType.CUSTOM)
    room.set_directivity(DirectivityType.CUSTOM, MicrophoneDirectivity(azimuth=30, colatitude=100))
    assert room.directivity_type is DirectivityType.CUSTOM
    assert room.microphone_directivity == MicrophoneDirectivity(30, 100)
    with pytest.warns(UserWarning, match="ignored"):
        room.set_directivity(DirectivityType.NORTH, MicrophoneDirectivity(1, 2))
    assert type(MicrophoneDirectivity(30, 100).to_pyroomacoustics()).__name__ == "Cardioid"


def test_anchors():
    room = Room(dimensions=(10, 20, 3))
    assert room.get_roof_center() == Position3D(5, 10, 2.5)
    assert room.get_top_left_corner().to_list() == pytest.approx([0.1, 0.2, 2.5])
    assert room.get_bottom_right_corner().to_list() == pytest.approx([9.9, 19.8, 2.5])
    assert room.get_top_right_corner().x > 9
    assert room.get_bottom_left_corner().y > 19
    assert room.room_position_to_position3d(RoomPosition.CENTER) == room.get_roof_center()


def test_places_of_speakers():
    room = furnished()
    with pytest.raises(ValueError, match=r"Position pos: .* is not valid, the speaker wasn't placed"):
        room.place_speaker(Role.SPEAKER_1, Position3D(1.2, 1.2, 1.6))
    with pytest.raises(ValueError, match="unknown role in speakers_positions 'speaker_3'"):
        Room(speakers_positions={"speaker_3": Position3D(1, 1, 1)})
    with pytest.raises(ValueError, match="unknown speaker in room"):
        room.place_speaker("somebody", Position3D(3, 3, 1))
    with pytest.raises(ValueError, match="unknown furniture"):
        room.place_speaker_around_furniture(Role.SPEAKER_1, "dsek")
    with pytest.raises(ValueError, match="unknown side"):
        room.place_speaker_around_furniture(Role.SPEAKER_1, "desk", side="top")


@pytest.mark.parametrize("side", [*SpeakerSide, None])
@pytest.mark.parametrize("seed", range(5))
def test_around_furniture(side, seed):
    room = furnished()
    room.place_speaker_around_furniture(Role.SPEAKER_1, "desk", max_distance=0.5, side=side, seed=seed)
    point, desk = room.speakers_positions[Role.SPEAKER_1], room.furnitures["desk"]
    assert 0 < desk.edge_distance(point.x, point.y) <= 0.5
    assert point.z == 1.2, "people sit at a desk"
    if side is SpeakerSide.FRONT:
        assert point.y < desk.y
        assert desk.x <= point.x <= desk.x + desk.width
    if side is SpeakerSide.LEFT:
        assert point.x < desk.x
        assert desk.y <= point.y <= desk.y + desk.depth


def test_a_side_without_space_is_an_error_with_a_cure():
    with pytest.raises(ValueError, match="take another side, a larger max_distance"):
        room = Room(
            dimensions=(3, 3, 2.5), furnitures={"bar": {"x": 0.5, "y": 0.0, "width": 1, "depth": 1, "height": 1}}
        )
        room.place_speaker_around_furniture("speaker_1", "bar", side="front")


def test_information_and_names():
    room = furnished(id="7", reverberation_time_ratio=0.3)
    assert room.name == "Room_7"
    assert room.get_info()["volume"] == room.get_volume() == 90
    assert room.get_square_meters() == 30
    assert room.get_hash() == furnished(reverberation_time_ratio=0.3).get_hash()
    assert room.rt60 == room.reverberation_time_ratio == 0.3
    assert set(room.get_furnitures()) == {"desk", "monitor", "center"}
    room.add_furnitures({"plant": Furniture(name="plant", x=5, y=4, width=0.3, depth=0.3, height=1)})
    assert "plant" in room.furnitures
    far = room.get_speaker_distances_to_microphone(dimensions=2)
    assert far["speaker_1"] < room.get_speaker_distances_to_microphone()["speaker_1"]


def test_basic_generator():
    generator = BasicRoomGenerator(seed=123)
    room = generator.generate({"room_size": 20})
    assert room.get_square_meters() == pytest.approx(20)
    assert room.dimensions.height in (2.5, 3.0, 3.5)
    assert room.dimensions.width / room.dimensions.length == pytest.approx(
        round(2 * room.dimensions.width / room.dimensions.length) / 2
    )
    assert "door" in room.furnitures
    for wrong in ({}, {"room_size": 20, "other": 1}, {"size": 20}):
        with pytest.raises(ValueError, match="room_size"):
            generator.generate(wrong)


@pytest.mark.parametrize(
    ("role", "area", "ratio"),
    [
        ("consultation", 4.5, 1.5), ("examination", 6, 1.5), ("treatment", 8, 1.6), ("patient_room", 9.5, 1.7),
        ("surgery", 12, 1.8), ("waiting_room", 15, 2.0), ("emergency", 18, 2.2), ("office", 20, 2.5),
    ],
)  # fmt: skip
def test_medical_generator(role, area, ratio):
    room = MedicalRoomGenerator(seed=1).generate({"room_type": RoomRole(role)})
    assert room.get_square_meters() == pytest.approx(area)
    assert room.dimensions.width / room.dimensions.length == pytest.approx(ratio)
    assert room.dimensions.height == 2.5
    assert room.name.startswith(role)
    assert {"desk", "monitor", "bench", "sink", "cupboard", "door"} <= set(room.furnitures)
    assert min(mouth.position.z for mouth in room.speakers.values()) >= 1.2


def test_medical_generator_refuses():
    generator = MedicalRoomGenerator(seed=1)
    for wrong, said in (
        ({}, "room_type is required"),
        ({"room_type": "random", "x": 1}, "Only room_type is allowed"),
        ({"room_type": "garage"}, "Unsupported room size"),
    ):
        with pytest.raises(ValueError, match=said):
            generator.generate(wrong)
    assert MedicalRoomGenerator().seed != MedicalRoomGenerator().seed
    first, second = (MedicalRoomGenerator(seed=3).generate({"room_type": "random"}) for _ in range(2))
    assert first == second
