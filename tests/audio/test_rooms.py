"""Rooms as data: speakers by name, what follows whom, errors with their cure, and the round trip."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sdialog.audio.rooms import (
    POSTURES,
    BodyPosture,
    Furniture,
    Material,
    Microphone,
    Mouth,
    Place,
    Position3D,
    Room,
    RoomMaterials,
    WallMaterial,
    circular_array,
    worn_by,
)
from sdialog.core.errors import UnknownNameError, UserError

TABLE = Furniture(name="table", x=2, y=1.5, width=1.5, depth=1, height=0.74)


def stool(name, x, y):
    return Furniture(name=name, x=x, y=y, width=0.3, depth=0.3, height=0.4, seat=True)


def five_by_four(**options):
    return Room(**{"dimensions": (5, 4, 3), **options})


def test_default_mouths_are_where_people_speak():
    room = Room()
    assert [mouth.position.z for mouth in room.speakers.values()] == [1.6, 1.6]
    assert list(room.speakers) == ["speaker_1", "speaker_2"]


@pytest.mark.parametrize("count", [0, 1, 2, 3, 8])
def test_any_number_of_speakers(count):
    names = [f"someone / {number} 😀" for number in range(count)]
    room = five_by_four(speakers=names, seed=4)
    assert list(room.speakers) == names
    points = [mouth.position for mouth in room.speakers.values()]
    assert all(one.distance_to(other) >= 0.3 for one in points for other in points if one is not other)


def test_one_more_speaker_moves_nobody():
    few, many = (five_by_four(speakers=names, seed=4) for names in (["a", "b"], ["a", "b", "c"]))
    assert [few.speakers[name].position for name in "ab"] == [many.speakers[name].position for name in "ab"]
    assert five_by_four(speakers=["a", "b"], seed=5).speakers["a"] != few.speakers["a"]


def test_roles_mean_the_first_two():
    room = five_by_four(speakers={"Ann": (1, 1, 1.2), "Bo": (4, 3, 1.6)})
    assert room.speaker("speaker_2") == room.speakers["Bo"]
    room.place_speaker("speaker_1", (1, 2, 1.2))
    assert room.speakers["Ann"].position.y == 2
    with pytest.raises(UnknownNameError, match=r"did you mean 'Ann'.*add_speaker"):
        room.place_speaker("Anna", (1, 1, 1))


def test_people_look_at_each_other_and_turn_when_one_moves():
    room = five_by_four(speakers={"Ann": (1, 1, 1.2), "Bo": (4, 1, 1.6)})
    assert room.speakers["Ann"].azimuth == 0
    assert abs(room.speakers["Bo"].azimuth) == 180
    room.place_speaker("Bo", (1, 3, 1.6))
    assert room.speakers["Ann"].azimuth == 90
    room.place_speaker("Ann", (1, 1, 1.2), facing=45)
    room.place_speaker("Bo", (4, 3, 1.6))
    assert room.speakers["Ann"].azimuth == 45


def test_facing_a_thing_that_enters_later():
    data = {"Ann": {"position": [1, 1, 1.2], "facing": "Bo"}, "Bo": {"position": [1, 3, 1.2], "facing": "table"}}
    room = five_by_four(speakers=data, furnitures={"table": TABLE})
    assert room.speakers["Ann"].azimuth == 90
    assert -45 < room.speakers["Bo"].azimuth < 0


def test_named_places_give_position_posture_and_direction():
    places = {"driver's seat": Place(Position3D(1, 1, 1.1), "seated", "table")}
    room = five_by_four(places=places, furnitures={"table": TABLE}, speakers={"Ann": "driver's seat", "Bo": "table"})
    assert room.speakers["Ann"].position == Position3D(1, 1, 1.1)
    assert room.speakers["Ann"].facing == "table"
    assert room.speakers["Bo"].posture == "seated"
    assert 0 < TABLE.edge_distance(room.speakers["Bo"].position.x, room.speakers["Bo"].position.y) <= 0.6
    with pytest.raises(UnknownNameError, match='did you mean "driver\'s seat"'):
        room.place_speaker("Ann", "drivers seat")


def test_a_seat_may_be_sat_on_and_a_table_not():
    sofa = Furniture(name="sofa", x=1, y=1, width=2, depth=1, height=0.45, seat=True)
    room = five_by_four(furnitures={"sofa": sofa}, speakers={"Ann": "sofa"})
    assert room.speakers["Ann"].position.x == 2
    with pytest.raises(UserError, match=r"Position pos: \[2\.5, 2\.0, 1\.2\] is not valid.*'table'.*seat=True"):
        five_by_four(furnitures={"table": TABLE}, speakers={"Ann": (2.5, 2, 1.2)})


def test_published_postures_are_understood():
    assert Mouth(Position3D(1, 1, 1), posture=BodyPosture.SITTING).posture == "seated"
    room = five_by_four()
    room.place_speaker_around_furniture("speaker_1", posture="lying", max_distance=1.0)
    assert room.speakers["speaker_1"].position.z == POSTURES["lying"]
    assert room.speakers["speaker_1"].colatitude < 90


def test_worn_microphones_follow_their_wearers():
    room = five_by_four(speakers={"Ann": (1, 1, 1.6), "Bo": (4, 3, 1.6)}, microphones=[worn_by("Ann"), worn_by("Bo")])
    before = room.microphones[0].position
    room.place_speaker("Ann", (2, 2, 1.2))
    after = room.microphones[0].position
    assert before.distance_to(Position3D(1, 1, 1.6)) < 0.3
    assert after.distance_to(Position3D(2, 2, 1.2)) < 0.3
    room.remove_speaker("Bo")
    assert [each.name for each in room.microphones] == ["lapel-Ann"]


def test_speakers_of_a_dialog_take_the_mouths_of_the_room():
    room = five_by_four(
        speakers={"speaker_1": (1, 1, 1.2), "speaker_2": (4, 3, 1.6)},
        microphones=[worn_by("speaker_1"), Microphone("table", Position3D(2, 2, 1), aim="speaker_2")],
        places={"door": Place(Position3D(4, 0.5, 1.6))},
    )
    cast = room.with_speakers(["Zoë", "Al", "Mo", "Jo"], seed=3)
    assert list(cast.speakers) == ["Zoë", "Al", "Mo", "Jo"]
    assert cast.speakers["Zoë"].position == room.speakers["speaker_1"].position
    assert cast.speakers["Mo"].position == Position3D(4, 0.5, 1.6)
    assert cast.microphones[0].place == "lapel:Zoë"
    assert cast.with_speakers(["Al", "Zoë"]).speakers["Zoë"].position == room.speakers["speaker_1"].position
    assert list(room.speakers) == ["speaker_1", "speaker_2"], "the room itself is unchanged"
    assert len(room.with_speakers(["solo"]).speakers) == 1
    with pytest.raises(UserError, match="two speakers are called 'x'"):
        room.with_speakers(["x", "x"])


def test_a_room_whose_only_microphones_leave_with_their_wearers():
    room = five_by_four(speakers={"Ann": (1, 1, 1.2), "Bo": (4, 3, 1.6)}, microphones=[worn_by("Bo")])
    with pytest.raises(UserError, match=r"worn by a speaker who is not in the dialog .'Bo'.*stands in the room"):
        room.with_speakers(["Ann"])


def test_scatter_keeps_its_distances_or_moves_nobody():
    room = five_by_four(speakers=["a", "b", "c"], microphones=[Microphone("m", Position3D(2.5, 2, 1))])
    room.scatter(seed=9, apart=1.0, distance=(1.0, 2.0))
    points = [mouth.position for mouth in room.speakers.values()]
    assert all(one.distance_to(other) >= 1.0 for one in points for other in points if one is not other)
    assert all(1.0 <= far <= 2.0 for far in room.get_speaker_distances_to_microphone().values())
    before = room.json()
    with pytest.raises(UserError, match="larger room, fewer speakers"):
        room.scatter(seed=9, apart=4.5)
    assert room.json() == before


def test_a_refused_move_changes_nothing():
    room = five_by_four()
    before = room.json()
    for attempt in (
        lambda: room.place_speaker("speaker_1", (0.01, 1, 1.6)),
        lambda: room.place_speaker("speaker_1", (1, 1, 3.5)),
        lambda: room.place_speaker("speaker_1", (1, 1, 1.6), facing="nobody"),
        lambda: room.add_microphones(Microphone("m", Position3D(9, 1, 1))),
        lambda: room.add_microphones(Microphone("ceiling_centered", Position3D(1, 1, 1))),
        lambda: room.add_furnitures({"block": {"x": 0, "y": 0, "width": 5, "depth": 4, "height": 1}}),
    ):
        with pytest.raises(UserError):
            attempt()
        assert room.json() == before


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"dimensions": (5, 4)}, "three numbers, width, length and height"),
        ({"dimensions": (5, 0, 3)}, "All dimensions must be positive"),
        ({"rt60": 0}, "rt60 is seconds, more than 0"),
        ({"rt60": 0.4, "reverberation_time_ratio": 0.5}, "one setting"),
        ({"microphones": []}, "at least one"),
        ({"speakers": {"Ann": {"position": [1, 1, 1], "postur": "seated"}}}, "did you mean 'posture'"),
        ({"speakers": {"Ann": {"position": [1, 1, 1], "posture": "seatd"}}}, "did you mean 'seated'"),
        ({"furnitures": {"desk": {"x": 1, "y": 1, "width": 1}}}, "lacks height, depth"),
        ({"materials": {"cieling": "felt_5mm"}}, "did you mean 'ceiling'"),
        ({"microphones": [{"name": "a", "position": [1, 1, 1], "directivity": "cardiod"}]}, "did you mean 'cardioid'"),
        ({"microphones": [{"name": "a", "place": "lapel:Ann"}]}, "unknown speaker in room"),
    ],
)
def test_errors_name_the_cure(wrong, said):
    with pytest.raises(UserError, match=said):
        five_by_four(**wrong)


def test_each_wall_has_its_own_material():
    mine = Material("mine", (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7), 0.1)
    materials = RoomMaterials(walls=WallMaterial.BRICKWORK, right="glass_window", front=mine)
    absorbed = five_by_four(materials=materials).materials.absorption()
    assert absorbed["left"] == absorbed["back"] == (0.01, 0.02, 0.02, 0.03, 0.03, 0.04, 0.04)  # the table's brickwork
    assert absorbed["front"] == mine.absorption
    assert absorbed["right"][0] == 0.1
    assert materials.scattering()["front"] == (0.1,) * 7
    assert all(len(values) == 7 for values in RoomMaterials().absorption().values()), "rows that end at 4 kHz"
    with pytest.raises(UnknownNameError, match="did you mean 'glass_window'"):
        RoomMaterials(left="glas_window").absorption()


def test_digest_is_of_what_is_heard():
    room = five_by_four(rt60=0.5)
    assert room.digest() == five_by_four(rt60=0.5, name="other", description="said", id="x").digest()
    assert room.digest() != five_by_four(rt60=0.6).digest()
    assert room.id == five_by_four(rt60=0.5).id
    moved = room.copy()
    moved.place_speaker("speaker_1", (1, 1, 1.6))
    assert moved.digest() != room.digest()
    assert moved != room


names = some.text(min_size=1, max_size=8).filter(lambda name: "\x00" not in name)
metres = some.floats(0.6, 3.4, allow_nan=False)


@settings(max_examples=40, deadline=None)
@given(
    size=some.tuples(some.floats(4, 9), some.floats(4, 9), some.floats(2.2, 5)),
    rt60=some.none() | some.floats(0.1, 2),
    people=some.dictionaries(names, some.tuples(metres, metres, some.floats(0.5, 1.9)), max_size=5),
    things=some.dictionaries(names, some.tuples(some.floats(0, 3), some.floats(0, 3)), max_size=3),
    way=some.sampled_from(["lapel", "headset", "handset"]),
)
def test_round_trip(size, rt60, people, things, way):
    room = Room(
        dimensions=size,
        rt60=rt60,
        materials=RoomMaterials(left=Material("own", 0.3)),
        furnitures={name: stool(name, *corner) for name, corner in things.items()},
        speakers=people,
        microphones=[*circular_array((2, 2, 1)), *(worn_by(name, way) for name in people)],
        places={"here": Place(Position3D(1, 1, 1))},
    )
    again = Room.from_data(json.loads(json.dumps(room.json())))
    assert again == room
    assert again.json() == room.json()
    assert again.digest() == room.digest()
    assert repr(again) == repr(room)
