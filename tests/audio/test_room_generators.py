"""Generated rooms, shoeboxes, arrays and the rooms that ship: everything is inside, kept apart, and by seed."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from sdialog.audio.rooms import Position3D, Room, circular_array, linear_array, scattered_microphones, tetrahedral_array
from sdialog.audio.rooms.arrays import from_layout
from sdialog.audio.rooms.generators.base import generators
from sdialog.audio.rooms.placement import check_mouth
from sdialog.audio.rooms.shoeboxes import SIZES, shoebox
from sdialog.core.errors import ConfigError, UnknownNameError, UserError

OURS = ["car", "church", "classroom", "hall", "kitchen", "living_room", "office", "phone_booth"]


def check(room):
    size = room.dimensions
    for thing in room.furnitures.values():
        assert thing.x + thing.width <= size.width + 1e-6, thing
        assert thing.y + thing.depth <= size.length + 1e-6, thing
        assert thing.get_top_z() < size.height, thing
    for name, place in room.places.items():
        check_mouth(room, name, place.position)
    points = [mouth.position for mouth in room.speakers.values()]
    assert all(one.distance_to(other) > 0.25 for one in points for other in points if one is not other)
    assert all(each.position.distance_to(point) > 0.02 for each in room.microphones for point in points)
    assert Room.from_data(room.json()) == room
    assert len(room.materials.absorption()) == 6


def test_all_are_listed():
    assert set(generators.names()) == {*OURS, "basic", "medical"}
    with pytest.raises(UnknownNameError, match="did you mean 'kitchen'"):
        generators.get("kitchn")


@pytest.mark.parametrize("name", OURS)
def test_generated_rooms_are_sound_and_reproducible(name):
    for seed in range(12):
        room = generators.get(name)(seed).generate()
        check(room)
        assert generators.get(name)(seed).generate() == room
    maker = generators.get(name)(1)
    assert maker.generate() != maker.generate()
    assert maker.generate({"rt60": 0.33}).rt60 == 0.33


@pytest.mark.parametrize("name", [name for name in OURS if name != "phone_booth"])
def test_many_people_fit(name):
    people = [f"p{number}" for number in range(8 if name != "car" else 5)]
    room = generators.get(name)(3).generate({"speakers": people})
    assert list(room.speakers) == people
    check(room)
    assert list(room.with_speakers(["only"]).speakers) == ["only"]


def test_office_styles_and_wrong_options():
    office = generators.get("office")(2)
    assert {office.generate({"style": style}).name for style in ("meeting_room", "cubicle", "open_plan")} == {
        "meeting_room",
        "cubicle",
        "open_plan_office",
    }
    with pytest.raises(UnknownNameError, match="did you mean 'cubicle'"):
        office.generate({"style": "cubical"})
    with pytest.raises(UnknownNameError, match="did you mean 'speakers'"):
        office.generate({"speaker": ["Ann"]})
    with pytest.raises(UserError, match="a list of names"):
        office.generate({"speakers": "Ann"})


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("count", [1, 2, 8])
def test_shoeboxes_keep_their_ranges(size, count):
    names = [str(number) for number in range(count)]
    kind = SIZES[size]
    for seed in range(40):
        room = shoebox(size, seed, names)
        box = room.dimensions
        for value, (low, high) in ((box.width, kind.width), (box.length, kind.length), (box.height, kind.height)):
            assert low <= value <= high
        assert kind.rt60[0] <= room.rt60 <= kind.rt60[1]
        low, high = kind.distance
        assert all(low <= far <= high for far in room.get_speaker_distances_to_microphone().values())
        points = [mouth.position for mouth in room.speakers.values()]
        assert all(one.distance_to(other) >= 0.5 for one in points for other in points if one is not other)
        for point in points:
            assert min(point.x, point.y, box.width - point.x, box.length - point.y) >= 0.4999
    assert shoebox(size, 7, names) == shoebox(size, 7, names)


def test_a_third_speaker_leaves_the_shoebox_as_it_was():
    two, three = shoebox("medium", 5, ["a", "b"]), shoebox("medium", 5, ["a", "b", "c"])
    assert (two.dimensions, two.rt60, two.microphones) == (three.dimensions, three.rt60, three.microphones)
    assert [two.speakers[name].position for name in "ab"] == [three.speakers[name].position for name in "ab"]


def test_shoebox_errors():
    with pytest.raises(UnknownNameError, match="did you mean 'medium'"):
        shoebox("medum")
    with pytest.raises(UserError, match=r"do not fit.*larger size"):
        shoebox("small", 0, [str(number) for number in range(9)], apart=1.5)
    with pytest.raises(UserError, match="one name"):
        shoebox("large", 0, ["a", "a"])


def test_named_rooms():
    assert len(Room.names()) >= 8
    for name in Room.names():
        room = Room.load(name)
        assert room.name == name
        assert room.description
        check(room)
        check(room.with_speakers(["Ann", "Bo"]))
    assert Room.load("meeting_array").with_speakers(["Ann", "Bo"]).microphones[-1].place == "lapel:Bo"


def test_room_files(tmp_path):
    with pytest.raises(UnknownNameError, match="did you mean 'kitchen'"):
        Room.load("kichen")
    with pytest.raises(UnknownNameError, match="no such file"):
        Room.load(tmp_path / "none.yaml")
    file = tmp_path / "attic.yaml"
    for text, said in (
        ("dimensions: [4, 4, 3", "not YAML"),
        ("- 1", "is a mapping"),
        ("name: x", "needs dimensions"),
        ("dimensions: [4, 4, 3]\nrt6: 1", "did you mean 'rt60'"),
        ("dimensions: [4, 4, 3]\nfurniture: [desk]", "given as a mapping"),
        ("dimensions: [4, 4, 3]\nmicrophones: {a: 1}", "a list of them"),
        ("dimensions: [4, 4, 3]\nspeakers: {Ann: [5, 1, 1]}", "from the walls"),
        ("dimensions: [4, 4, 3]\nmicrophones: [{layout: circle, center: [2, 2, 1]}]", "did you mean 'circular'"),
        ("dimensions: [4, 4, 3]\nmicrophones: [{layout: linear}]", "center"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=said) as told:
            Room.load(file)
        assert str(file) in str(told.value)
    file.write_text("dimensions: [4, 4, 3]\nspeakers: [Ann, 'Bö']\n", encoding="utf-8")
    assert list(Room.load(file).speakers) == ["Ann", "Bö"]
    assert Room.load(file).name == "attic"


def test_arrays_have_their_shape():
    center = Position3D(2, 2, 1)
    ring = circular_array(center, 6, 0.05)
    assert ring[0].position == center
    assert [round(each.position.distance_to(center), 9) for each in ring[1:]] == [0.05] * 6
    neighbours = [one.position.distance_to(other.position) for one, other in pairwise(ring[1:])]
    assert neighbours == pytest.approx([0.05] * 5), "a hexagon's side is its radius"
    line = linear_array(center, 4, 0.1, azimuth=90)
    assert [round(each.position.y, 9) for each in line] == [1.85, 1.95, 2.05, 2.15]
    corners = [each.position for each in tetrahedral_array(center, 0.1)]
    sides = [one.distance_to(other) for number, one in enumerate(corners) for other in corners[number + 1 :]]
    assert sides == pytest.approx([0.1 * math.sqrt(8 / 3)] * 6), "all edges of a tetrahedron are alike"
    phones = scattered_microphones(center, 5, 0.5, seed=3)
    assert phones == scattered_microphones(center, 5, 0.5, seed=3)
    assert all(each.position.distance_to(center) <= 0.5 for each in phones)
    assert from_layout({"layout": "linear", "center": [2, 2, 1], "count": 2})[1].array == "linear"


def test_array_errors():
    with pytest.raises(UserError, match="through a wall"):
        linear_array((0.05, 1, 1), 5, 0.1)
    with pytest.raises(UserError, match="widen radius"):
        scattered_microphones((1, 1, 1), 30, 0.2)
    with pytest.raises(UserError, match="at least 1"):
        circular_array((1, 1, 1), 0)
