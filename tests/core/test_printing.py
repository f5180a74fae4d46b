from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from sdialog import Dialog, Event, Turn
from sdialog.core.printing import SPEAKER_COLOURS


@pytest.fixture
def dialog():
    def event(action, content, label=None, agent="Bob"):
        return Event(agent=agent, action=action, actionLabel=label, content=content, timestamp=0)

    return Dialog(
        id=7, seed=0, complete=False, model={"name": "the-model", "temperature": 1}, stopReason="max_turns",
        scenario={"topic": "weather"},
        turns=[Turn(speaker="Ann", text="Hi!"), Turn(text="A bell."), Turn(speaker="Bob", text="Sunny.")],
        events=[
            event("utter", "Hi!", agent="Ann"), event("instruct", "be short", "Len"), event("think", "hmm"),
            event("tool", {"name": "wx", "args": {"city": "Zürich"}, "id": "1"}, "call"),
            event("tool", {"name": "wx", "output": {"sky": "sunny"}, "call_id": "1"}, "output"),
            event("utter", "Sunny."), event("pick_suggestion", ["a"], "x"),
        ],
    )  # fmt: skip


def test_turns_are_shown_with_the_head(dialog, capsys):
    dialog.print()
    shown = capsys.readouterr().out
    assert shown.splitlines() == [
        "id: 7", "complete: false", "model: the-model", "seed: 0", "--- Dialogue Begins ---", "[Ann] Hi!", "A bell.",
        "[Bob] Sunny.", "--- Dialogue Ends (max_turns) ---",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("flags", "seen", "unseen"),
    [
        ({"orchestration": True}, ["[Ann] Hi!", "[instruct-Len] (Bob) be short", "[Bob] Sunny."], ["hmm", "wx"]),
        ({"think": True}, ["[think] (Bob) hmm"], ["be short", "wx"]),
        ({"scenario": True}, ["weather", "A bell."], ["hmm"]),
        ({"all": True}, ['[tool-call] (Bob) wx(city="Zürich")', '[tool-output] (Bob) wx -> {"sky": "sunny"}', "weather",
                         "hmm", "be short", '[pick_suggestion-x] (Bob) ["a"]'], []),
    ],
)  # fmt: skip
def test_what_the_flags_show(dialog, capsys, flags, seen, unseen):
    dialog.print(**flags)
    shown = capsys.readouterr().out
    assert all(part in shown for part in seen) and not any(part in shown for part in unseen)


def test_without_events_the_turns_are_shown(capsys):
    Dialog(turns=[Turn(speaker="A", text="hi")]).print(all=True)
    assert "[A] hi" in capsys.readouterr().out


def test_speakers_have_their_own_colours(dialog, capsys, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    dialog.print(all=True)
    shown = capsys.readouterr().out
    assert f"\x1b[1;{SPEAKER_COLOURS[0]}m[Ann]\x1b[0m Hi!" in shown
    assert f"\x1b[1;{SPEAKER_COLOURS[1]}m[Bob]\x1b[0m Sunny." in shown
    styles = {re.search(rf"\x1b\[([\d;]+)m\(Bob\) {what}", shown)[1] for what in (r"be", r"hmm", r"wx\(", r"wx ->")}
    assert len(styles) == 4, "instructions, thoughts, calls and outputs look different"
    monkeypatch.setenv("NO_COLOR", "1")
    dialog.print(all=True)
    assert "\x1b" not in capsys.readouterr().out


def test_words_cannot_steer_the_terminal(capsys):
    Dialog(turns=[Turn(speaker="A\x1b[2J", text="\x1b]0;title\x07 \x9b1m line\nnext\ttab")]).print()
    shown = capsys.readouterr().out
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", shown)
    assert r"[A\x1b[2J] \x1b]0;title\x07" in shown and "line\nnext\ttab" in shown


def test_nor_can_the_names_and_data_of_what_went_on_behind(capsys):
    evil = "\x9b2J\x1b[2J"
    call = {"name": evil, "args": {evil: {"deep": evil}}, "id": "1"}
    output = {"name": evil, "output": [evil], "call_id": "1"}
    events = [
        Event(agent=evil, action=action, actionLabel=label, content=content, timestamp=0)
        for action, label, content in [
            ("utter", None, evil), ("think", None, evil), ("instruct", evil, evil), (evil, evil, {evil: evil}),
            ("tool", "call", call), ("tool", "output", output), ("tool", "call", {"name": "x", "args": evil}),
        ]
    ]  # fmt: skip
    Dialog(id=evil, model=evil, scenario={"a": evil}, stopReason=evil, events=events).print(all=True)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", capsys.readouterr().out)


def test_with_no_events_recorded_the_turns_are_shown(capsys):
    Dialog(turns=[Turn(speaker="A", text="hi")], events=[]).print(think=True)
    assert "[A] hi" in capsys.readouterr().out


def test_a_console_without_unicode_shows_escapes(root):
    code = "from sdialog import Turn; Turn(speaker='Zoé', text='日').print()"
    env = {**os.environ, "PYTHONIOENCODING": "ascii"}
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root, env=env)
    assert shown.stdout == "[Zo\\xe9] \\u65e5\n"


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
def test_a_terminal_gets_colour_by_itself(root):
    import pty

    ours, theirs = pty.openpty()
    env = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    code = "from sdialog import Turn; Turn(speaker='A', text='hi').print()"
    subprocess.run([sys.executable, "-c", code], stdout=theirs, check=True, cwd=root, env={**env, "TERM": "xterm"})
    os.close(theirs)
    shown = os.read(ours, 1000)
    os.close(ours)
    assert shown.startswith(b"\x1b[1;31m[A]\x1b[0m hi")
