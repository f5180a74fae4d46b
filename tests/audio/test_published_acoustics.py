"""The published classes of room acoustics, on real files."""

from __future__ import annotations

from types import SimpleNamespace

import numpy
import pytest
import soundfile

from sdialog.audio.acoustics_simulator import AcousticsSimulator
from sdialog.audio.room_acoustics_backends import (
    BaseRoomAcousticsBackend,
    PyroomAcousticsBackend,
    RoomAcousticsConfig,
    resolve_room_acoustics_backend,
)
from sdialog.audio.rooms import AudioSource, Role, Room, RoomPosition, SourceVolume
from sdialog.core.errors import UnknownNameError, UserError


@pytest.fixture
def sources(tmp_path):
    draw = numpy.random.Generator(numpy.random.PCG64(0))
    made = []
    for name, position in (("one", Role.SPEAKER_1), ("two", Role.SPEAKER_2), ("hum", RoomPosition.TOP_RIGHT)):
        path = tmp_path / f"{name}.wav"
        soundfile.write(path, 0.1 * draw.standard_normal(8000), 16_000)
        made.append(AudioSource(name=name, position=str(position.value), source_file=str(path)))
    return made


def quiet_room():
    return Room(dimensions=(4, 4, 3), rt60=0.2)


def test_sources_become_one_signal_and_again(sources):
    simulator = AcousticsSimulator(quiet_room(), 16_000, {"air_absorption": True})
    first = simulator.simulate(sources)
    assert first.ndim == 1 and abs(first).max() == pytest.approx(10 ** (-0.03 / 20), rel=1e-5)
    assert numpy.array_equal(first, simulator.simulate(sources))
    simulator.reset()
    assert numpy.array_equal(first, simulator.simulate(sources, reset=True))


def test_volumes_and_mixing_by_hand(sources):
    simulator = AcousticsSimulator(quiet_room(), 16_000)
    seen = []

    def first_only(premix, part):
        seen.append((premix.shape[:2], float(abs(premix[2]).max())))
        return premix[part]

    alone = simulator.simulate(sources, callback_mix_fn=first_only, callback_mix_kwargs={"part": 0})
    loud = {"hum": SourceVolume.EXTREMELY_HIGH}
    simulator.simulate(sources, loud, callback_mix_fn=first_only, callback_mix_kwargs={"part": 0})
    assert seen[0][0] == (3, 1) and seen[1][1] > 1.5 * seen[0][1]
    assert not numpy.allclose(alone, simulator.simulate(sources))


def test_unknown_places_and_options_are_told(sources):
    with pytest.raises(UserError, match="Room is required"):
        AcousticsSimulator()
    with pytest.warns(UserWarning, match="max_order"):
        simulator = AcousticsSimulator(quiet_room(), 16_000, {"max_order": 3})
    with pytest.raises(UserError, match="nothing to simulate"):
        simulator.simulate()
    sources[2].position = "moon"
    with pytest.warns(UserWarning, match="middle of the room"):
        simulator.simulate(sources)


def test_backends_are_found():
    assert isinstance(resolve_room_acoustics_backend("pyroom"), PyroomAcousticsBackend)
    own = SimpleNamespace(simulate=lambda **options: options)
    assert resolve_room_acoustics_backend(own) is own
    assert issubclass(PyroomAcousticsBackend, BaseRoomAcousticsBackend)
    assert isinstance(resolve_room_acoustics_backend(PyroomAcousticsBackend), PyroomAcousticsBackend)
    with pytest.raises(UnknownNameError, match="pyroom"):
        resolve_room_acoustics_backend("pyrom")
    with pytest.raises(UserError, match="simulate"):
        resolve_room_acoustics_backend(3)


def test_a_backend_writes_the_file(sources, tmp_path):
    dialog = SimpleNamespace(get_audio_sources=lambda: sources, audio_dir_path=str(tmp_path), audio_step_3_filepaths={})
    PyroomAcousticsBackend().simulate(dialog, quiet_room(), "dialog_1", "my room", sampling_rate=16_000)
    config = dialog.audio_step_3_filepaths["my room"]
    samples, rate = soundfile.read(config.audio_path)
    assert rate == 16_000 and len(samples) > 8000
    assert config.audio_path.endswith("dialog_1/rooms/audio_pipeline_step3-my room.wav")
    with pytest.raises(UserError, match="needs a Room"):
        PyroomAcousticsBackend().simulate(dialog, None, "dialog_1", "none")


def test_none_in_a_configuration_is_the_default():
    config = RoomAcousticsConfig(background_effect=None, foreground_effect_position=None, source_volumes=None)
    assert config.background_effect == "white_noise"
    assert config.foreground_effect_position is RoomPosition.TOP_RIGHT
    assert config.source_volumes == {}
