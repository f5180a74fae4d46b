"""Scenes: presets, values that are drawn, values for each speaker, and what is said of mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.audio import Room, Studio, list_presets, register_preset
from sdialog.audio.scene import Scene, by_speaker, drawn, resolve_scene, scene_from, told, within
from sdialog.audio.surroundings import channels_of, noise_plan, noises_of, spaces_of
from sdialog.core.errors import ConfigError, UnknownNameError, UserError

SPEAKERS = ["Ann", "Bob", "Cy"]


def test_every_preset_can_be_drawn_and_is_a_copy() -> None:
    presets = list_presets()
    assert {"clean", "conversational", "room", "call_center", "far_field", "hard"} <= set(presets)
    for name, told_of in presets.items():
        scene = resolve_scene(name)
        assert told(scene) == told_of
        noises_of(scene.noise, SPEAKERS, 1)
        channels_of(scene.channel, SPEAKERS, 1)
        spaces_of(scene.reverb, SPEAKERS, 1)
    presets["hard"]["noise"]["snr"] = 99
    assert list_presets()["hard"]["noise"]["snr"] != 99


def test_arguments_change_a_preset_and_false_switches_off() -> None:
    scene = resolve_scene("hard", noise=False, overlap=0.1, reverb=None, true_peak_db=-3)
    assert scene.noise is None and scene.overlap == 0.1 and scene.reverb == "large" and scene.true_peak_db == -3
    assert resolve_scene(None, reverb=False) == Scene()


def test_presets_are_named_registered_read_from_files_or_given(tmp_path: Path) -> None:
    register_preset("my kitchen", reverb="small")
    assert resolve_scene("my kitchen").reverb == "small" and "my kitchen" in list_presets()
    file = tmp_path / "hall.yaml"
    file.write_text("reverb: large\nnoise: {type: hum, snr: {between: [3, 4]}}\n")
    assert resolve_scene(file).reverb == "large" == resolve_scene(str(file)).reverb
    assert resolve_scene({"loudness": -23}).loudness == -23
    broken = tmp_path / "broken.yaml"
    broken.write_text("reverb: [\n")
    with pytest.raises(ConfigError, match="not YAML"):
        resolve_scene(broken)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: resolve_scene("call_centre"), "did you mean 'call_center'"),
        (lambda: scene_from({"revreb": "small"}), "did you mean 'reverb'"),
        (lambda: resolve_scene("clean", reverbb=1), "did you mean 'reverb'"),
        (lambda: noise_plan("pink") and noise_plan(["a"]), "noise is a ratio in dB"),
        (lambda: noise_plan({"snr": True}), "noise is a ratio in dB"),
        (lambda: noise_plan("pinkk"), "did you mean 'pink'"),
        (lambda: noise_plan("no_such.wav"), "there is no sound file or folder no_such.wav"),
        (lambda: noise_plan({"type": "pink", "colour": 3}), "'pink' has no such option"),
        (lambda: spaces_of("offise_meeting", SPEAKERS, 1), "unknown room 'offise_meeting'"),
        (lambda: spaces_of(3.5, SPEAKERS, 1), "reverb is small, medium or large"),
        (lambda: channels_of("g7111", SPEAKERS, 1), "did you mean"),
        (lambda: by_speaker({"Ann": 1, "Dan": 2}, SPEAKERS), "unknown speaker 'Dan'"),
        (lambda: drawn({"between": [3, 1]}, None), "'between' takes the lowest and the highest"),
        (lambda: drawn([], None), "this one is empty"),
        (lambda: register_preset("x", pause=1), "did you mean 'pauses'"),
    ],
)
def test_mistakes_are_named(call: object, says: str) -> None:
    with pytest.raises((UserError, FileNotFoundError), match=says):
        call()  # type: ignore[operator]


def test_values_for_each_speaker() -> None:
    assert by_speaker({0: "a", "Bob": "b"}, SPEAKERS) == ["a", "b", None]
    assert by_speaker({"type": "pink", "snr": 3}, SPEAKERS) is None
    with pytest.raises(UnknownNameError, match="unknown speaker '3'"):
        by_speaker({3: "a"}, SPEAKERS)
    whole, each = noises_of({1: {"type": "pink", "snr": 5}}, SPEAKERS, 1)
    assert whole is None and each[0] is None and each[1] is not None and each[1].json() == {"type": "pink", "snr": 5.0}


def test_a_preset_for_two_suits_one_speaker_and_an_argument_for_two_does_not() -> None:
    alone = within("call_center", 1)
    assert (
        alone.channel is None and list(alone.noise) == [0] and within("call_center", 2) == resolve_scene("call_center")
    )
    studio, words = Studio("tone"), Dialog(turns=[Turn(speaker="Ann", text="Hello?")])
    assert studio.plan(words, "call_center", seed=1).speaker_channels == [None]
    with pytest.raises(UnknownNameError, match="unknown speaker '1'"):
        studio.plan(words, channel={1: "g711"}, seed=1)


def test_every_number_of_a_scene_may_be_drawn() -> None:
    ranges = {
        "overlap": (0.1, 0.2),
        "level_jitter_db": (2, 3),
        "drr": (3, 4),
        "loudness": {"between": [-25, -20]},
        "true_peak_db": [-2, -3],
        "acoustics": ["hybrid"],
    }
    words = Dialog(turns=[Turn(speaker=who, text="Hello there.") for who in "AB"])
    plans = [Studio("tone").plan(words, ranges, seed=seed) for seed in (1, 2, 1)]
    first, second, third = (plan.json() for plan in plans)
    assert first == third and first["loudness"] != second["loudness"] and first["drr"] != second["drr"]
    for plan in plans:
        assert -25 <= (plan.loudness or 0) <= -20 and plan.true_peak_db in (-2, -3) and plan.acoustics == "hybrid"
        assert 0.1 <= plan.timing.overlap_share <= 0.2 and 3 <= (plan.drr_db or 0) <= 4
    polite = Studio("tone").plan(words, timing=["polite", "polite"], seed=1)
    assert polite.timing.name == "polite"


def test_a_room_may_be_given_as_data_and_one_of_a_list_is_drawn() -> None:
    room = Room(dimensions=(6, 5, 3), rt60=0.4, speakers={"Ann": (1, 1, 1.2)})
    words = Dialog(turns=[Turn(speaker="Ann", text="Hello there.")])
    one, two = (Studio("tone").plan(words, reverb=value, seed=1) for value in (room, room.json()))
    assert one.spaces[0].room == two.spaces[0].room
    among = Studio("tone").plan(words, reverb=[room.json(), room.json()], seed=1)
    assert among.spaces[0].room == one.spaces[0].room


def test_responses_given_as_arrays_are_told_apart() -> None:
    words = Dialog(turns=[Turn(speaker="Ann", text="Hello there.")])
    near, far = numpy.zeros(800, dtype=numpy.float32), numpy.zeros(800, dtype=numpy.float32)
    near[[10, 60]], far[[10, 300]] = (1, 0.3), (1, 0.5)
    plans = [Studio("tone").plan(words, reverb=one, seed=1) for one in (near, far, near)]
    assert plans[0].digest() == plans[2].digest() != plans[1].digest()
    heard = Studio("tone").render(words, reverb=near, seed=1)
    assert json.loads(heard.to_json())["config"]["rooms"][0]["response"].startswith("array ")


@given(st.integers(0, 2**40), st.integers(0, 2))
def test_what_is_drawn_for_one_speaker_does_not_depend_on_the_others(seed: int, who: int) -> None:
    value = {"type": ["pink", "brown", "white"], "snr": (0, 30)}
    alone = noises_of({who: value}, SPEAKERS, seed)[1][who]
    together = noises_of(dict.fromkeys(range(3), value), SPEAKERS, seed)[1][who]
    assert alone == together


@given(st.integers(0, 2**40), st.floats(-10, 10), st.floats(0, 20))
def test_what_is_drawn_lies_in_its_range(seed: int, low: float, width: float) -> None:
    draw = numpy.random.Generator(numpy.random.PCG64(seed))
    for value in ((low, low + width), {"between": [low, low + width]}):
        assert low - 1e-6 <= drawn(value, draw) <= low + width + 1e-6
    assert drawn({"a": [1, 2], "b": {"c": [3]}}, draw)["b"] == {"c": 3}
