"""Simulated rooms: what was asked for is measured, distance and direction are kept, the same room gives the same."""

from __future__ import annotations

import json
import math

import numpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from sdialog.audio.acoustics import direct_sample, impulse_responses, measure, octave_decay_times
from sdialog.audio.rooms import Material, Microphone, Mouth, Position3D, Room, RoomMaterials, circular_array
from sdialog.core.errors import UnknownNameError, UserError

FOAM = Material("foam", 1.0)
DEAD = RoomMaterials(FOAM, FOAM, FOAM)


def table(*position, **options):
    return Microphone(options.pop("name", "table"), Position3D(*position), **options)


def room(**options):
    start = {"dimensions": (5, 4, 3), "speakers": {"Ann": (1, 1, 1.2), "Bo": (4, 3, 1.6)}, "rt60": 0.4}
    return Room(**{**start, "microphones": [table(2.2, 2.1, 1.1)], **options})


def free_field(distance, **mouth):
    where = Mouth(Position3D(2, 4, 4), **mouth)
    return Room(dimensions=(9, 9, 9), materials=DEAD, speakers={"Ann": where}, microphones=[table(2 + distance, 4, 4)])


def only(responses):
    return responses.measured["Ann"]["table"]


@pytest.mark.parametrize("distance", [0.5, 1.0, 2.0, 4.0])
def test_free_field_falls_with_distance(distance):
    """6 dB less at twice the distance, 0 dB at 1 m."""
    found = only(impulse_responses(free_field(distance)))
    assert found.direct_db == pytest.approx(-20 * math.log10(distance), abs=0.25)
    assert found.distance == pytest.approx(distance)
    assert found.delay == pytest.approx(distance / 343)
    assert found.rt60 is None


@pytest.mark.parametrize(("azimuth", "gain"), [(0, 1.0), (90, 0.75), (180, 0.5)])
def test_a_mouth_is_louder_where_it_points(azimuth, gain):
    ahead = only(impulse_responses(free_field(1.0))).direct_db
    found = only(impulse_responses(free_field(1.0, azimuth=azimuth, directivity="subcardioid")))
    assert found.direct_db - ahead == pytest.approx(20 * math.log10(gain), abs=0.05)


def test_a_microphone_hears_where_it_is_aimed():
    box = free_field(1.0)
    toward, away = (table(3, 4, 4, name=name, directivity="cardioid", azimuth=turn)
                    for name, turn in (("toward", 180), ("away", 0)))  # fmt: skip
    box.set_microphones([table(3, 4, 4), toward, away, table(3, 4, 4, name="louder", gain=2.0)])
    found = impulse_responses(box).measured["Ann"]
    assert found["toward"].direct_db == pytest.approx(found["table"].direct_db, abs=0.01)
    assert found["away"].direct_db is None or found["away"].direct_db < -60
    assert found["louder"].direct_db - found["table"].direct_db == pytest.approx(6.02, abs=0.01)


@settings(max_examples=6, deadline=None, derandomize=True)
@given(
    sides=some.tuples(some.floats(3, 15), some.floats(3, 15), some.floats(2.4, 5)),
    rt60=some.floats(0.2, 1.2),
    seed=some.integers(0, 99),
)
def test_the_reverberation_time_is_the_one_asked_for(sides, rt60, seed):
    box = Room(
        dimensions=sides, rt60=rt60, speakers=["Ann"], seed=seed, microphones=[table(sides[0] / 3, sides[1] / 2, 1)]
    )
    responses = impulse_responses(box)
    assert responses.requested["calibration"]["met"]
    assert only(responses).rt60 == pytest.approx(rt60, rel=0.1)


def test_hybrid_rooms_are_calibrated_and_reproducible():
    made = [impulse_responses(room(), method="hybrid", seed=seed) for seed in (3, 3, 4)]
    assert made[0].digest() == made[1].digest() != made[2].digest()
    assert [one.rt60 for row in made[0].measured.values() for one in row.values()] == pytest.approx([0.4] * 2, rel=0.1)
    # Images and rays agree on how much reverberation there is.
    images = impulse_responses(room())
    for speaker in ("Ann", "Bo"):
        other = images.measured[speaker]["table"].drr_db
        assert made[0].measured[speaker]["table"].drr_db == pytest.approx(other, abs=2.5)


def test_the_same_room_gives_the_same_samples():
    one, other = impulse_responses(room(), seed=1), impulse_responses(room(), seed=1)
    assert numpy.array_equal(one.stack, other.stack)
    assert one.json() == other.json()
    assert json.loads(json.dumps(one.json())) == one.json()


def test_threads_and_global_generators_change_nothing(monkeypatch):
    import pyroomacoustics

    before = pyroomacoustics.constants.get("num_threads")
    one = impulse_responses(room())
    assert pyroomacoustics.constants.get("num_threads") == before
    pyroomacoustics.constants.set("num_threads", 3)
    try:
        assert impulse_responses(room()).digest() == one.digest()
        assert pyroomacoustics.constants.get("num_threads") == 3
        assert pyroomacoustics.constants.get("rir_hpf_enable") is True
    finally:
        pyroomacoustics.constants.set("num_threads", before)


def test_materials_count_where_no_time_is_asked_for():
    stone = impulse_responses(room(rt60=None, materials=RoomMaterials("marble_floor", "brickwork", "marble_floor")))
    soft = impulse_responses(room(rt60=None))
    assert only(stone).rt60 > 2 * only(soft).rt60
    assert soft.requested["calibration"] is None
    # A fibre ceiling swallows high sounds more than low ones.
    assert soft.requested["absorption"]["ceiling"][0] < soft.requested["absorption"]["ceiling"][-1]


def test_the_differences_of_materials_can_be_kept():
    found = impulse_responses(room(), surfaces="materials")
    assert only(found).rt60 == pytest.approx(0.4, rel=0.1)
    walls = found.requested["absorption"]
    assert walls["ceiling"][3] > 2 * walls["left"][3]


def test_the_air_swallows_high_sounds():
    big = room(dimensions=(12, 9, 5), rt60=None, materials=RoomMaterials(*[Material("plaster", 0.08)] * 3))
    with_air, without = (impulse_responses(big, air=air) for air in (True, False))
    times = [octave_decay_times(one.stack[0, 0], 16_000, one.arrivals[0][0]) for one in (with_air, without)]
    assert times[0][4000] < 0.9 * times[1][4000]
    assert times[0][500] == pytest.approx(times[1][500], rel=0.05)


def test_random_images_carry_on_as_the_counted_ones(monkeypatch):
    """With order 130, every reflection of this room within its reverberation time is an image."""
    from sdialog.audio.acoustics import _boxes

    box = room(rt60=None, materials=RoomMaterials(*[Material("plain", 0.3)] * 3))
    short = only(impulse_responses(box))
    monkeypatch.setattr(_boxes, "MAX_ORDER", 130)
    long = only(impulse_responses(box))
    assert short.rt60 == pytest.approx(long.rt60, rel=0.1)
    assert short.drr_db == pytest.approx(long.drr_db, abs=0.3)


@pytest.mark.parametrize("rt60", [0.02, 30.0])
def test_a_time_that_cannot_be_reached_is_told(rt60):
    found = impulse_responses(room(dimensions=(12, 9, 5), rt60=rt60), 8000)
    assert found.requested["calibration"]["met"] is False
    assert f"{rt60:g} s was asked for" in found.notes[0]


@pytest.mark.parametrize("rate", [8000, 16000, 44100])
def test_nothing_comes_before_the_direct_sound(rate):
    responses = impulse_responses(room(), rate)
    for speaker, row in responses.responses.items():
        at = responses.direct[speaker]["table"]
        assert abs(direct_sample(row["table"], rate) - at) <= 1.5
        energy = numpy.square(row["table"])
        assert energy[: round(at - 0.001 * rate)].sum() < 1e-3 * energy.sum()


def test_the_near_speaker_is_louder():
    levels = impulse_responses(room(speakers={"near": (2.2, 1.6, 1.2), "far": (4.7, 3.7, 1.2)})).measured
    near, far = levels["near"]["table"], levels["far"]["table"]
    assert near.direct_db - far.direct_db > 10
    assert near.drr_db > far.drr_db


def test_the_ratio_of_direct_sound_can_be_set():
    before = impulse_responses(room())
    after = before.with_drr(5.0)
    for speaker in ("Ann", "Bo"):
        found = after.measured[speaker]["table"]
        assert found.drr_db == pytest.approx(5.0, abs=0.01)
        assert found.direct_db == pytest.approx(before.measured[speaker]["table"].direct_db, abs=0.1)
    assert after.requested["drr_db"] == 5.0
    with pytest.raises(UserError, match="no direct sound or no reverberation"):
        impulse_responses(free_field(1.0)).with_drr(5.0)


def test_arrays_hear_a_wave_pass_and_share_the_diffuse_field():
    array = circular_array((2.5, 2, 0.8), 6, 0.05)
    responses = impulse_responses(room(microphones=array, rt60=0.8))
    assert responses.stack.shape[:2] == (2, 7)
    delays = responses.direct["Ann"]
    assert 0 < max(delays.values()) - min(delays.values()) <= 0.1 / 343 * 16_000 + 1e-6
    # 5 cm apart, a diffuse field is alike up to about 1.5 kHz (sinc of wave number times distance).
    from scipy.signal import butter, sosfilt

    low = butter(4, 600, fs=16_000, output="sos")
    middle, edge = (sosfilt(low, responses.stack[0, place, 8000:]) for place in (0, 1))
    assert numpy.corrcoef(middle, edge)[0, 1] > 0.8


def test_pieces_of_responses():
    whole = impulse_responses(room())
    assert numpy.array_equal(whole.early(50).stack + whole.late(50).stack, whole.stack)
    assert whole.direct_part().measured["Ann"]["table"].drr_db is None
    assert whole.with_snr({"table": 12.0}).json()["measured"]["Ann"]["table"]["snr_db"] == 12.0
    other = impulse_responses(room(microphones=[table(1, 2, 1), table(3, 2, 1, name="second")]), reference="second")
    assert other.at(["table"]).reference == "table"
    assert other.shift("Ann") == round(other.direct["Ann"]["second"])


def test_measured_is_what_the_samples_say():
    responses = impulse_responses(room())
    at = responses.direct["Bo"]["table"]
    again = measure(responses.responses["Bo"]["table"], 16_000, at, lead=responses.lead)
    assert again.rt60 == responses.measured["Bo"]["table"].rt60


def test_errors_name_the_cure():
    with pytest.raises(UnknownNameError, match="hybrid"):
        impulse_responses(room(), method="hybryd")
    with pytest.raises(UnknownNameError, match="even"):
        impulse_responses(room(), surfaces="evn")
    with pytest.raises(UserError, match="sample rate"):
        impulse_responses(room(), 0)
    with pytest.raises(UserError, match="nobody speaks"):
        impulse_responses(room(speakers=[]))
    with pytest.raises(UserError, match="is in microphone 'table'"):
        impulse_responses(room(microphones=[table(1, 1, 1.2)]))
    with pytest.raises(UnknownNameError, match="table"):
        impulse_responses(room(), reference="tabel")
