"""Many dialogs as sound: the same bytes however they are made, nothing lost, nothing written over, never a hang."""

from __future__ import annotations

import json
import multiprocessing
import os
import random
import signal
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from audio.faulty_engines import FaultyTTS, broken_factory, tone_factory

from sdialog.audio.batch import BatchProgress, dialogs_to_audio, render_dialogs
from sdialog.audio.labels import Labels
from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.turns import Turn

pytest.importorskip("numpy")
pytest.importorskip("soundfile")


def talk(text: str = "Hello!", name: Any = "talk") -> Dialog:
    return Dialog(id=name, turns=[Turn(speaker="Ann", text=text), Turn(speaker="Bob", text="Oh, hi.")])


def talks(count: int) -> list[Dialog]:
    return [talk(f"Hello number {number}.", f"talk-{number}") for number in range(count)]


def rendered(dialogs: Any, folder: Path, **options: Any) -> list[dict[str, Any]]:
    return dialogs_to_audio(dialogs, folder, **{"preset": "call_center", "tts": "tone", "seed": 5, **options})


def contents(folder: Path) -> dict[str, bytes]:
    """Everything in a folder but who is at work there."""
    busy = {"lock", "workers"}
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in busy
    }


def index(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "index.jsonl").read_text(encoding="utf-8").splitlines()]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six dialogs, made in one go in this process."""
    folder = tmp_path_factory.mktemp("whole")
    rendered(talks(6), folder)
    return folder


def test_a_row_a_dialog_with_sound_labels_and_how_it_was_made(tmp_path: Path) -> None:
    rows = rendered(talks(2), tmp_path / "out", labels=["json", "rttm", "ctm"])
    assert [row["index"] for row in rows] == [0, 1]
    row = rows[0]
    assert row["dialog_id"] == "talk-0" and row["speakers"] == ["Ann", "Bob"]
    assert all(Path(row[kind]).is_file() for kind in ("audio", "json", "rttm", "ctm"))
    labels = Labels.from_file(row["json"])
    assert labels.duration == pytest.approx(row["duration"], abs=1e-3)
    assert labels.config["seed"] == row["seed"] != rows[1]["seed"]
    assert labels.config["plan"] == row["plan"]
    stored = index(tmp_path / "out")
    assert stored[0]["audio"] == "talk-0.wav"
    assert [one["plan"] for one in stored] == [one["plan"] for one in rows]
    assert not list((tmp_path / "out").rglob("*.part"))


@pytest.mark.slow
def test_two_workers_give_the_bytes_of_one(tmp_path: Path, whole: Path) -> None:
    rendered(talks(6), tmp_path / "out", workers=2)
    assert contents(tmp_path / "out") == contents(whole)


def test_a_dialog_is_the_same_alone_and_among_others(tmp_path: Path, whole: Path) -> None:
    rendered(talks(2), tmp_path / "out")
    assert (tmp_path / "out" / "talk-1.wav").read_bytes() == (whole / "talk-1.wav").read_bytes()


def test_what_is_there_is_not_made_again_and_what_is_missing_is(tmp_path: Path, whole: Path) -> None:
    out = tmp_path / "out"
    rendered(talks(3), out)
    (out / "talk-1.wav").unlink()
    (out / "talk-2.json").write_text("{")
    before = {path: path.stat().st_mtime_ns for path in out.glob("talk-0.*")}
    seen: list[int] = []
    rendered(talks(6), out, seed=None, progress=lambda progress: seen.append(progress.kept))
    assert seen == [1, 1, 1, 1, 1, 1]
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert contents(out) == contents(whole)


def test_more_labels_may_be_asked_for_later(tmp_path: Path) -> None:
    rendered(talks(1), tmp_path, labels=["rttm"])
    sound = (tmp_path / "talk-0.wav").read_bytes()
    rows = rendered(talks(1), tmp_path, labels=["rttm", "webvtt"])
    assert Path(rows[0]["webvtt"]).read_text().startswith("WEBVTT")
    assert (tmp_path / "talk-0.wav").read_bytes() == sound


def test_manifests_name_the_sound_that_is_there(tmp_path: Path) -> None:
    rows = rendered([talk(name="a/ü")], tmp_path, labels=["nemo", "kaldi"], audio_format="flac")
    manifest = next(path for path in rows[0]["nemo"] if "asr" in path)
    named = json.loads(Path(manifest).read_text(encoding="utf-8").splitlines()[0])["audio_filepath"]
    assert (tmp_path / named) == Path(rows[0]["audio"])


def test_another_plan_is_refused_with_what_changed_or_made_anew(tmp_path: Path) -> None:
    out = tmp_path / "out"
    rendered(talks(3), out, labels=["json", "kaldi"])
    kept = contents(out)
    with pytest.raises(ConfigError, match=r"seed: 5 -> 6\n.*--fresh"):
        rendered(talks(3), out, seed=6)
    with pytest.raises(ConfigError, match=r"scene.noise"):
        rendered(talks(3), out, preset="clean")
    assert contents(out) == kept
    (out / "notes.txt").write_text("mine")
    rendered(talks(1), out, preset="clean", fresh=True)
    assert {path.name for path in out.iterdir()} == {
        "talk-0.wav", "talk-0.json", "talk-0.rttm", "plan.json", "index.jsonl", "notes.txt", ".batch",
    }  # fmt: skip


def test_a_file_that_a_scene_names_is_part_of_the_plan(tmp_path: Path) -> None:
    from sdialog.audio.assets import asset

    noise = tmp_path / "noise.flac"
    noise.write_bytes(asset("noises", "hum.flac").read_bytes())
    options: dict[str, Any] = {"preset": "clean", "noise": {"type": str(noise), "snr": 10}}
    rendered(talks(1), tmp_path / "out", **options)
    noise.write_bytes(asset("noises", "fan.flac").read_bytes())
    with pytest.raises(ConfigError, match=r"noise\.flac"):
        rendered(talks(1), tmp_path / "out", **options)


def test_a_changed_dialog_is_not_written_over(tmp_path: Path) -> None:
    rendered(talks(2), tmp_path)
    sound = (tmp_path / "talk-1.wav").read_bytes()
    rows = rendered([talks(1)[0], talk("Something else.", "talk-1")], tmp_path)
    assert "audio" in rows[0] and "the dialog has changed" in rows[1]["error"]
    assert (tmp_path / "talk-1.wav").read_bytes() == sound


def test_a_file_of_somebody_else_is_kept(tmp_path: Path) -> None:
    (tmp_path / "talk-0.json").write_text("mine")
    rows = rendered(talks(2), tmp_path)
    assert "talk-0.json is there and not of this batch" in rows[0]["error"]
    assert "audio" in rows[1]
    assert (tmp_path / "talk-0.json").read_text() == "mine"
    assert not (tmp_path / "talk-0.wav").exists()


def test_every_dialog_has_files_of_its_own(tmp_path: Path) -> None:
    names = ["a", "a", "A", "a_1", "../up", "x/y", "", "😀", "con", "index", "plan", "call.wav", "call", "a" * 300, 7]
    rows = rendered([talk(name=name) for name in names], tmp_path / "out", preset="clean")
    assert [row["dialog_id"] for row in rows] == names
    assert not [row["error"] for row in rows if "error" in row]
    paths = [row[kind] for row in rows for kind in ("audio", "json", "rttm")]
    assert len({path.casefold() for path in paths}) == len(paths)
    assert all(Path(path).is_file() and Path(path).parent == tmp_path / "out" for path in paths)
    for row in rows:
        assert Path(row["audio"]).with_suffix(".json") == Path(row["json"])
    assert [Path(row["audio"]).name for row in rows[:2]] == ["a.wav", "a_1.wav"]


def test_dialogs_that_cannot_be_heard_are_rows_and_the_rest_goes_on(tmp_path: Path) -> None:
    dialogs = [Dialog(id="none"), talk(), Dialog(id="blank", turns=[Turn(speaker="Ann", text=" ")]), talk("RAISE")]
    rows = rendered(dialogs, tmp_path / "out", tts=FaultyTTS(str(tmp_path)))
    assert ["audio" in row for row in rows] == [False, True, False, False]
    assert "nothing to hear" in rows[0]["error"]
    assert rows[3]["error"].startswith("RuntimeError: no voice today")
    assert rows == [
        one | {key: rows[n][key] for key in one.get("files", ())} for n, one in enumerate(index(tmp_path / "out"))
    ]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"preset": "call_centre"}, "call_center"),
        ({"reverb": "kichen"}, "kitchen"),
        ({"channel": "g7111"}, "g711"),
        ({"noise": {"type": "pinnk"}}, "pink"),
        ({"labels": ["rtm"]}, "rttm"),
        ({"audio_format": "flca"}, "flac"),
        ({"tts": "tome"}, "tone"),
        ({"voices": "bd"}, "db"),
    ],
)
def test_a_wrong_name_comes_up_before_anything_is_made(tmp_path: Path, options: dict[str, Any], said: str) -> None:
    with pytest.raises(UnknownNameError, match=said):
        rendered(talks(2), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_arguments_that_mean_nothing(tmp_path: Path) -> None:
    for options in (
        {"devices": []},
        {"workers": 0},
        {"workers_per_device": 0},
        {"audio_format": "opus", "sample_rate": 22050},
    ):
        with pytest.raises(UserError):
            rendered(talks(2), tmp_path / "out", **options)
    with pytest.raises(TypeError):
        rendered(talks(2), tmp_path / "out", devices=3)
    with pytest.raises(ConfigError, match="top of a module"):
        rendered(talks(2), tmp_path / "out", workers=2, devices="cpu", tts=None, tts_factory=lambda device: None)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        rendered(talks(2), tmp_path / "file")


def test_another_scene_uses_what_is_kept_in_a_cache(tmp_path: Path) -> None:
    def clips() -> set[Path]:
        return set((tmp_path / "cache" / "clips").rglob("*.wav"))

    rendered(talks(2), tmp_path / "call", cache=tmp_path / "cache")
    spoken = clips()
    assert len(spoken) >= 3
    cached = rendered(talks(2), tmp_path / "room", preset="room", cache=tmp_path / "cache")
    assert clips() == spoken
    plain = rendered(talks(2), tmp_path / "plain", preset="room")
    assert Path(cached[0]["audio"]).read_bytes() == Path(plain[0]["audio"]).read_bytes()


def test_no_dialogs_are_no_rows(tmp_path: Path) -> None:
    assert rendered([], tmp_path / "out") == []


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    rows = render_dialogs(talks(3), tmp_path, preset="clean", tts="tone", seed=1)
    next(rows)
    with pytest.raises(ConfigError, match=f"written by process {os.getpid()}"):
        rendered(talks(3), tmp_path, preset="clean", seed=1)
    rows.close()
    assert len(rendered(talks(3), tmp_path, preset="clean", seed=1)) == 3


def test_dialogs_are_read_as_they_are_needed(tmp_path: Path) -> None:
    read = 0

    def many() -> Iterator[Dialog]:
        nonlocal read
        for number in range(100_000):
            read += 1
            yield talk(name=number)

    rows = render_dialogs(many(), tmp_path, preset="clean", tts="tone", seed=1)
    for _ in range(3):
        next(rows)
    rows.close()
    assert read < 100


def test_a_factory_is_given_its_device(tmp_path: Path) -> None:
    rows = rendered(talks(1), tmp_path, tts=None, tts_factory=tone_factory, devices=["cpu"])
    assert Labels.from_file(rows[0]["json"]).config["engine"]["engine"] == "tone"
    rows = rendered(talks(2), tmp_path / "other", tts=None, tts_factory=broken_factory, devices="cuda:1")
    assert [row["error"] for row in rows] == ["RuntimeError: no memory on cuda:1"] * 2


def test_progress_tells_what_is_done_kept_and_failed(tmp_path: Path) -> None:
    last = BatchProgress()

    def tell(progress: BatchProgress) -> None:
        nonlocal last
        last = progress

    rows = rendered([*talks(2), Dialog(id="none")], tmp_path, progress=tell)
    assert (last.total, last.done, last.kept, last.failed) == (3, 2, 0, 1)
    assert last.seconds == pytest.approx(sum(row.get("duration", 0) for row in rows))


# What follows kills processes.


def faulty(folder: Path, texts: list[str], **options: Any) -> list[dict[str, Any]]:
    dialogs = [talk(text, f"talk-{number}") for number, text in enumerate(texts)]
    return rendered(dialogs, folder / "out", tts=FaultyTTS(str(folder)), preset="clean", **options)


@pytest.mark.slow
def test_a_worker_that_dies_is_replaced_and_its_dialog_tried_again(tmp_path: Path) -> None:
    texts = ["DIE ONCE", "fine", "RAISE", "DIE", "also fine"]
    rows = faulty(tmp_path, texts, workers=2, attempts=2)
    assert [row["index"] for row in rows] == [0, 1, 2, 3, 4]
    assert ["audio" in row for row in rows] == [True, True, False, False, True]
    assert "no voice today" in rows[2]["error"]
    assert "tried 2 times, and its worker ended with exit code -9" in rows[3]["error"]
    assert not multiprocessing.active_children()
    again = tmp_path / "again"
    again.mkdir()
    (again / "DIE-ONCE").touch()
    alone = faulty(again, texts[:1])[0]
    assert Path(alone["audio"]).read_bytes() == Path(rows[0]["audio"]).read_bytes()


@pytest.mark.slow
def test_a_worker_that_stops_is_replaced_and_its_dialog_tried_again(tmp_path: Path) -> None:
    rows = faulty(tmp_path, ["STOP ONCE", "fine"], workers=2, timeout=10)
    assert ["audio" in row for row in rows] == [True, True]


@pytest.mark.long
def test_a_dialog_that_always_hangs_is_given_up(tmp_path: Path) -> None:
    rows = faulty(tmp_path, ["HANG", "fine", "STOP", "fine"], workers=2, timeout=10, attempts=2)
    assert ["audio" in row for row in rows] == [False, True, False, True]
    assert rows[0]["error"] == rows[2]["error"] == "AudioError: tried 2 times, and it took more than 10 seconds"


@pytest.mark.slow
def test_workers_that_cannot_start_are_said_to_be_so(tmp_path: Path) -> None:
    rows = rendered(talks(3), tmp_path, tts=None, tts_factory=broken_factory, devices="cpu", workers=2)
    assert [row["error"] for row in rows] == ["RuntimeError: no memory on cpu"] * 3


@pytest.mark.long
def test_workers_killed_at_random_change_no_byte(tmp_path: Path, whole: Path) -> None:
    kills = kill_until_done(tmp_path / "out", talks(6), random.Random(3), pause=(0.3, 5.0), attempts=50)
    assert kills
    assert contents(tmp_path / "out") == contents(whole)


@pytest.mark.long
def test_many_workers_killed_at_random_change_no_byte(tmp_path: Path) -> None:
    dialogs = talks(150)
    rendered(dialogs, tmp_path / "whole")
    kills = kill_until_done(tmp_path / "out", dialogs, random.Random(4), pause=(0.3, 5.0), attempts=50)
    assert kills >= 10
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")


def kill_until_done(
    folder: Path, dialogs: list[Dialog], draw: random.Random, pause: tuple[float, float], attempts: int
) -> int:
    """Render with two workers while another thread kills one of them again and again."""
    done, kills = threading.Event(), 0

    def kill() -> None:
        nonlocal kills
        while not done.wait(draw.uniform(*pause)):
            children = multiprocessing.active_children()
            if children:
                os.kill(draw.choice(children).pid or 0, signal.SIGKILL)
                kills += 1

    killer = threading.Thread(target=kill)
    killer.start()
    try:
        rows = rendered(dialogs, folder, workers=2, attempts=attempts)
    finally:
        done.set()
        killer.join()
    assert [row["error"] for row in rows if "error" in row] == []
    return kills
