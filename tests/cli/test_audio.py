"""``sdialog audio`` as users meet it."""

from __future__ import annotations

import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.test_cli import ROOT, sdialog

from sdialog.cli.main import main

pytest.importorskip("numpy")
pytest.importorskip("soundfile")

TONE = ("--tts", "tone")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run of four dialogs in ``desk``."""
    folder = tmp_path_factory.mktemp("audio")
    done = sdialog("generate", "scripted", "-n", "4", "--out", "desk", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def test_a_run_becomes_sound_labels_a_plan_of_the_room_and_a_report(run: Path) -> None:
    done = sdialog("audio", "desk", "--preset", "room", *TONE, "-n", "2", cwd=run)
    assert done.returncode == 0, done.stderr
    assert "2 of 2 dialogs in desk/audio (2 made now, " in done.stdout
    folder = run / "desk" / "audio"
    rows = [json.loads(line) for line in (folder / "index.jsonl").read_text().splitlines()]
    assert [row["index"] for row in rows] == [0, 1]
    for row in rows:
        assert all((folder / row[kind]).stat().st_size for kind in ("audio", "json", "rttm"))
    assert (folder / rows[0]["room"]).read_bytes()[:4] == b"\x89PNG" and "room" not in rows[1]
    assert "<html" in (folder / "quality.html").read_text() and (folder / "quality.json").exists()

    more = sdialog("audio", "desk", "--preset", "room", *TONE, "--json", cwd=run)
    told = json.loads(more.stdout)
    assert (told["done"], told["kept"], told["failed"], told["total"]) == (4, 2, 0, 4)


def here(*arguments: str) -> int:
    """Run a command in this process, which is quicker, and return its exit code."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["sdialog", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0)


def test_what_there_is_can_be_listed(capsys: pytest.CaptureFixture[str]) -> None:
    def table(*command: str) -> list[list[str]]:
        assert here("audio", *command) == 0
        return list(csv.reader(capsys.readouterr().out.splitlines(), delimiter="\t"))

    assert {"clean", "call_center"} <= {row[0] for row in table("presets")}
    assert {"meeting_room", "kitchen"} <= {row[0] for row in table("rooms")}
    assert {row[1] for row in table("voices", "--gender", "female", "--language", "French")} == {"female"}
    assert {"english", "french"} <= {row[0] for row in table("voices", "--languages")}
    assert here("audio", "rooms", "kitchen", "--json") == 0
    assert json.loads(capsys.readouterr().out)["kitchen"]["rt60"]


def test_a_preview_is_the_dialog_as_in_the_whole_run(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    desk, options = str(run / "desk"), ("--preset", "room", *TONE, "--seed", "3", "--format", "flac")
    assert here("audio", "preview", desk, "--index", "1", *options, "--out", str(tmp_path / "one")) == 0
    assert here("audio", "preview", desk, *TONE, "-p", "call_center", "--out", str(tmp_path / "call")) == 0
    shown = csv.reader(capsys.readouterr().out.splitlines(), delimiter="\t")
    planned = {row[0]: row[1] for row in shown if len(row) == 2}
    assert any(name.startswith("voice of ") for name in planned) and any(
        name.startswith("room of ") for name in planned
    )
    assert here("audio", desk, *options, "-n", "2", "--report", "0", "--out", str(tmp_path / "all")) == 0
    sound = next((tmp_path / "one").glob("*.flac"))
    assert sound.read_bytes() == (tmp_path / "all" / sound.name).read_bytes()
    assert next((tmp_path / "one").glob("*.room.png")).read_bytes()[:4] == b"\x89PNG"


def test_speakers_may_have_voices_noise_and_lines_of_their_own(run: Path, tmp_path: Path) -> None:
    one_each = ("--voices", "0=woman-35a", "--noise", "1=cafe:12", "--channel", "1=g711", "--timing", "meeting")
    output = ("-n", "1", "--labels", "json", "--report", "0", "--out", str(tmp_path / "x"))
    assert here("audio", str(run / "desk"), *one_each, "--room", "off", *TONE, *output) == 0
    config = json.loads(next((tmp_path / "x").glob("[0-9a-f]*.json")).read_text())["config"]
    first, second = config["speakers"]
    assert config["voices"]["voices"][0]["got"]["identifier"] == "woman-35a"
    assert config["by_speaker"][first] == {"noise": None, "channel": None}
    assert (
        config["by_speaker"][second]["noise"]["snr"] == 12 and config["by_speaker"][second]["channel"]["type"] == "g711"
    )


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--preset", "call_centre"), "did you mean 'call_center'"),
        (("--room", "kichen"), "did you mean 'kitchen'"),
        (("--channel", "g7111"), "did you mean 'g711'"),
        (("--noise", "pinnk:10"), "did you mean 'pink'"),
        (("--labels", "rtm"), "did you mean 'rttm'"),
        (("--format", "flca"), "did you mean 'flac'"),
        (("--timing", "meating"), "did you mean 'meeting'"),
        (("--noise", "20", "--noise", "0=10"), "one value for all, or SPEAKER=VALUE"),
        (("--voices", "bd"), "unknown way to choose voices 'bd'"),
    ],
)
def test_a_wrong_name_says_which_and_what_to_do(
    run: Path, tmp_path: Path, options: tuple[str, ...], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert here("audio", str(run / "desk"), *TONE, *options, "--out", str(tmp_path / "x")) == 2
    assert said in capsys.readouterr().err
    assert not (tmp_path / "x").exists()


def test_places_that_are_not_there_or_hold_nothing(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused(*arguments: str) -> str:
        assert here("audio", *arguments, *TONE) == 2
        return capsys.readouterr().err

    desk, empty = str(run / "desk"), tmp_path / "empty.jsonl"
    empty.touch()
    assert "sdialog generate" in refused(str(tmp_path / "nothing"))
    assert "there are no dialogs in" in refused(str(empty))
    assert not (tmp_path / "empty-audio").exists()
    assert "--out" in refused(desk, desk)
    assert "no dialog 9" in refused("preview", desk, "-i", "9")


def test_dialogs_that_fail_are_counted_with_their_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = [{"id": "a", "turns": []}, {"id": "b", "turns": [{"speaker": "Ann", "text": "Hi."}]}]
    (tmp_path / "some.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))
    assert here("audio", str(tmp_path / "some.jsonl"), *TONE, "--report", "0") == 1
    said = capsys.readouterr()
    assert f"1 of 2 dialogs in {tmp_path / 'some-audio'}" in said.out
    assert "1 x UserError: dialog a: no turn has a text" in said.err


def test_another_scene_in_the_same_folder_is_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ("audio", str(run / "desk"), *TONE, "--out", str(tmp_path / "x"), "-n", "1", "--report", "0")
    assert here(*command) == 0
    assert here(*command, "--preset", "conversational") == 2
    said = capsys.readouterr().err
    assert "scene.overlap: null -> 0.15" in said and "--fresh" in said
    assert here(*command, "--preset", "conversational", "--fresh") == 0


# What follows kills processes.


def start(folder: Path, out: str, workers: int) -> subprocess.Popen[str]:
    options = ["desk.jsonl", *TONE, "--preset", "call_center", "--report", "0", "-j", str(workers), "--out", out]
    return subprocess.Popen(
        [sys.executable, "-m", "sdialog.cli.main", "audio", *options],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def write_dialogs(folder: Path, count: int) -> None:
    lines = (
        {"id": f"d{n}", "turns": [{"speaker": "Ann", "text": f"Number {n}."}, {"speaker": "Bob", "text": "Yes."}]}
        for n in range(count)
    )
    (folder / "desk.jsonl").write_text("".join(f"{json.dumps(one)}\n" for one in lines))


def made(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name not in ("lock", "workers")
    }


@pytest.mark.slow
@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_keeps_what_is_done_and_says_how_to_go_on(tmp_path: Path, sent: signal.Signals) -> None:
    write_dialogs(tmp_path, 2000)
    process = start(tmp_path, "out", 1)
    while process.poll() is None and len(list((tmp_path / "out").glob("*.wav"))) < 3:
        time.sleep(0.02)
    process.send_signal(sent)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "run the same command again to go on" in err and "Traceback" not in err
    rows = (tmp_path / "out" / "index.jsonl").read_bytes().splitlines()
    assert [json.loads(row)["index"] for row in rows] == list(range(len(rows)))


@pytest.mark.parametrize(
    ("count", "kills"),
    [pytest.param(12, 1, marks=pytest.mark.slow, id="few"), pytest.param(120, 10, marks=pytest.mark.long, id="many")],
)
def test_kills_of_the_whole_run_change_no_byte(tmp_path: Path, count: int, kills: int) -> None:
    draw, killed = random.Random(22), 0
    write_dialogs(tmp_path, count)
    out, whole = tmp_path / "out", start(tmp_path, "whole", 1)
    assert whole.wait(timeout=500) == 0
    for _ in range(kills):
        process = start(tmp_path, "out", draw.choice([1, 2]))
        there = len(list(out.glob("*.wav"))) if out.exists() else 0
        target = min(count - 2, there + draw.randint(1, max(2, count // kills - 2)))
        while process.poll() is None and len(list(out.glob("*.wav"))) < target:
            time.sleep(0.01)
        time.sleep(draw.random() * 0.05)
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=100)
        killed += process.returncode == -signal.SIGKILL
    assert killed == kills
    assert len(list(out.glob("*.wav"))) < count
    last = start(tmp_path, "out", 2)
    _, err = last.communicate(timeout=500)
    assert last.returncode == 0, err
    assert made(out) == made(tmp_path / "whole")
    assert not (out / ".batch" / "work").exists()
    shutil.rmtree(out)
