"""Impulse responses of devices, by the published names and ours."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sdialog.audio.files import read_audio, write_audio
from sdialog.audio.impulse_response_database import (
    DeviceImpulseResponseDatabase,
    HuggingFaceImpulseResponseDatabase,
    HuggingfaceImpulseResponseDatabase,
    ImpulseResponseDatabase,
    LocalImpulseResponseDatabase,
    RecordingDevice,
)
from sdialog.audio.processing import AudioProcessor
from sdialog.core.errors import MissingDependencyError, UnknownNameError, UserError

OURS = ["conference", "handset", "headset", "lapel", "laptop", "speakerphone"]


@pytest.fixture
def speech(tmp_path):
    random = np.random.Generator(np.random.PCG64(1))
    samples = np.zeros(16000, np.float32)
    samples[4000:9000] = 0.1 * random.standard_normal(5000)
    return write_audio(tmp_path / "speech.wav", samples, 16000).path, samples


@pytest.mark.parametrize("device", OURS)
def test_a_device_keeps_level_length_and_time(tmp_path, speech, device):
    path, samples = speech
    written = AudioProcessor.apply_microphone_effect(path, tmp_path / "out.wav", device)
    out, rate = read_audio(written.path)
    assert rate == 16000 and out.shape == samples.shape
    assert np.mean(out.astype(float) ** 2) == pytest.approx(np.mean(samples.astype(float) ** 2), rel=0.02)
    lags = np.correlate(out[3000:11000], samples[3000:11000], "full")
    assert abs(int(np.argmax(np.abs(lags))) - 7999) <= 1
    assert not np.allclose(out, samples, atol=1e-3)


def test_published_devices_answer_with_the_nearest_class_and_say_so():
    database = DeviceImpulseResponseDatabase()
    assert sorted(database.get_data()) == OURS
    for device in RecordingDevice:
        with pytest.warns(UserWarning, match=device.name):
            assert database.get_ir(device).endswith(".wav")
    with pytest.warns(UserWarning, match="headset"):
        assert database.get_ir("OD-FBVET30-DYN-57-P05-20").endswith("headset.wav")
    with pytest.raises(UnknownNameError, match=r"'lapl' not found.*lapel"):
        database.get_ir("lapl")


@pytest.mark.parametrize("kind", ["csv", "tsv", "json"])
def test_a_local_database(tmp_path, speech, kind):
    write_audio(tmp_path / "irs/one.wav", np.array([0, 1.0, 0.5, 0]), 8000)
    rows = [
        {"identifier": "mine", "file_name": "one.wav"},
        {"identifier": RecordingDevice.RE_20.value, "file_name": "one.wav"},
    ]
    table = tmp_path / f"table.{kind}"
    if kind == "json":
        table.write_text(json.dumps(rows))
    else:
        mark = "," if kind == "csv" else "\t"
        lines = [mark.join(rows[0]), *(mark.join(row.values()) for row in rows)]
        table.write_text("\n".join(lines))
    database = LocalImpulseResponseDatabase(table, tmp_path / "irs")
    assert isinstance(database, ImpulseResponseDatabase)
    assert database.get_ir("mine") == database.get_ir(RecordingDevice.RE_20) == str(tmp_path / "irs" / "one.wav")
    AudioProcessor.apply_microphone_effect(speech[0], tmp_path / "out.flac", "mine", database)
    assert (tmp_path / "out.flac").is_file()
    with pytest.raises(UnknownNameError, match="Impulse response with identifier 'other' not found"):
        database.get_ir("other")
    (tmp_path / "irs" / "one.wav").unlink()
    with pytest.raises(UserError, match="Impulse response path not found"):
        AudioProcessor.apply_microphone_effect(speech[0], tmp_path / "out.flac", "mine", database)


def test_what_is_wrong_with_a_table_is_said(tmp_path):
    (tmp_path / "t.csv").write_text("identifier,file_name\na,gone.wav\n")
    (tmp_path / "t.txt").write_text("")
    (tmp_path / "half.csv").write_text("identifier\na\n")
    for table, folder, message in (
        ("none.csv", ".", "Metadata file not found"),
        ("t.csv", "none", "Audio directory is not a directory"),
        ("t.txt", ".", "Metadata file is not a csv / tsv / json file"),
        ("t.csv", ".", "Audio file not found at path"),
        ("half.csv", ".", "file_name"),
    ):
        with pytest.raises(UserError, match=message):
            LocalImpulseResponseDatabase(tmp_path / table, tmp_path / folder)


def test_a_saved_data_set(tmp_path, speech):
    datasets = pytest.importorskip("datasets")
    content = open(speech[0], "rb").read()  # noqa: SIM115, PTH123
    rows = {"identifier": ["a/b"], "audio": [{"bytes": content, "path": "x.wav"}]}
    datasets.Dataset.from_dict(rows).save_to_disk(str(tmp_path / "set"))
    database = HuggingFaceImpulseResponseDatabase(str(tmp_path / "set"), cache_dir=tmp_path / "kept")
    assert np.array_equal(read_audio(database.get_ir("a/b"))[0], read_audio(speech[0])[0])
    assert HuggingfaceImpulseResponseDatabase is HuggingFaceImpulseResponseDatabase


def test_a_data_set_needs_its_package(monkeypatch):
    import sys

    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(MissingDependencyError, match=r"sdialog\[datasets\]"):
        HuggingFaceImpulseResponseDatabase("someone/something")
