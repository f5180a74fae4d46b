"""Plans and views of rooms: the right size, the same each time, with everything that is asked for in them."""

from __future__ import annotations

import numpy
import pytest

from sdialog.audio.rooms import Room
from sdialog.audio.rooms.pictures import palette
from sdialog.audio.rooms.pictures.lettering import Lettering, around
from sdialog.core.errors import UserError


def pixels(room, **options):
    return numpy.asarray(room.to_image(**options), dtype=int)


def has(image, color):
    """Whether some pixels have about this colour."""
    wanted = [int(color[at : at + 2], 16) for at in (1, 3, 5)]
    return int((numpy.abs(image - wanted).max(axis=2) <= 3).sum()) > 20


def test_size_and_sameness():
    room = Room.load("meeting_room")
    image = room.to_image()
    assert image.size == (512, 512)
    assert room.to_image(width=300, height=200).size == (300, 200)
    assert image.tobytes() == Room.load("meeting_room").to_image().tobytes()
    with pytest.raises(UserError, match="at least 64"):
        room.to_image(width=20)


def test_what_is_switched_off_is_not_drawn():
    room = Room.load("meeting_room")
    whole = pixels(room)
    assert has(whole, palette.person(0))
    assert has(whole, palette.WALL)
    assert not has(pixels(room, show_speakers=False), palette.person(0))
    assert not has(pixels(room, show_walls=False), palette.WALL)
    for part in ("show_furnitures", "show_microphones", "show_anchors"):
        assert (pixels(room, **{part: False}) != whole).any()


def test_people_are_where_the_plan_says():
    room = Room(dimensions=(4, 4, 3), speakers={"$Ann_1": (1, 1, 1.2), "Bo": (3, 3, 1.6)})
    image = pixels(room, show_microphones=False, show_anchors=False)
    color = [int(palette.person(0)[at : at + 2], 16) for at in (1, 3, 5)]
    down, across = numpy.nonzero(numpy.abs(image - color).max(axis=2) <= 3)
    assert across.mean() < 256, "small x is left"
    assert down.mean() < 256, "small y is at the top"


def test_a_view_in_perspective(tmp_path):
    figure = Room.load("living_room").with_speakers(["Ann", "b$o$"]).to_figure_3d()
    figure.savefig(tmp_path / "view.png")
    words = [each.get_text() for each in figure.axes[0].texts]
    assert any(word.startswith("Ann") for word in words)
    assert any("smart speaker" in word for word in words)


def test_labels_keep_off_each_other():
    plan = Lettering(400, 400)
    spots = [plan.place("the same words", 10, around(200, 200, 20, 40, (0, -1))) for _ in range(4)]
    assert len(set(spots)) == 4
    plan.keep_off(100, 100, 50)
    assert not plan.is_free((90, 90, 95, 95))
