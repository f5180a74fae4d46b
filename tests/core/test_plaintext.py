from __future__ import annotations

import pytest
from core.strategies import turns
from hypothesis import example, given

from sdialog import Dialog, Turn
from sdialog.core.errors import DialogFormatError, UserError
from sdialog.core.plaintext import read_turns, write_turns


@given(turns)
@example([Turn(speaker=None, text=""), Turn(speaker="", text="a: b"), Turn(speaker="x: y", text="z\nw")])
@example([Turn(speaker="A", text="\ud83d")])
@example([Turn(speaker="", text='\\{"speaker": null, "text": "x"}')])
@example([Turn(speaker='\\{"speaker"', text='null, "text": "x"}')])
def test_what_is_written_reads_back_exactly(said):
    assert read_turns(write_turns(said)) == said


@given(turns)
def test_a_file_with_windows_line_ends_reads_the_same(said):
    assert read_turns(write_turns(said).replace("\n", "\r\n")) == said


def test_ordinary_turns_stay_ordinary_lines():
    said = [Turn(speaker="Ann", text="Hi: there"), Turn(speaker="Bob", text='{"a": "\\n"}')]
    assert write_turns(said) == 'Ann: Hi: there\nBob: {"a": "\\n"}\n'


@pytest.mark.parametrize(
    ("text", "template", "speakers", "expected"),
    [
        ("A: one\n\n  B: two  \r\n", "{speaker}: {text}", None, [("A", "one"), ("B", "two")]),
        ("[1:02] @ann: Hi!", "[{when}] @{speaker}: {text}", None, [("ann", "Hi!")]),
        ("[1:03] @bob: Yes: no", "[{when}] @{speaker}: {text}", None, [("bob", "Yes: no")]),
        ("[ann] Hi!", "[{speaker}] {text}", None, [("ann", "Hi!")]),
        ("Hi!\nYes\nBye", "{text}", ["A", "B"], [("A", "Hi!"), ("B", "Yes"), ("A", "Bye")]),
        ("Hi!", "{text}", None, [(None, "Hi!")]),
        ("ann: Hi! (12 s)", "{speaker}: {text} ({time})", None, [("ann", "Hi!")]),
        ("\ufeffA:\tone", "{speaker}: {text}", None, [("A", "one")]),
        ("C:\\new\\table: done", "{speaker}: {text}", None, [("C:\\new\\table", "done")]),
    ],
)  # fmt: skip
def test_plain_files_of_others_read_by_template(text, template, speakers, expected):
    dialog = Dialog.from_str(text, template=template, default_speakers=speakers)
    assert [(turn.speaker, turn.text) for turn in dialog] == expected


def test_a_line_of_another_shape_is_named():
    with pytest.raises(DialogFormatError, match=r"line 3: 'no speaker here'") as caught:
        Dialog.from_str("A: one\n\nno speaker here")
    assert caught.value.line == 3


@pytest.mark.parametrize("template", ["{speaker}", "{text", "no placeholder"])
def test_a_broken_template_is_refused(template):
    with pytest.raises(UserError, match="template"):
        Dialog.from_str("A: one", template=template)


def test_default_speakers_must_be_a_list():
    with pytest.raises(ValueError, match="default_speakers"):
        Dialog.from_str("one", template="{text}", default_speakers="AB")


def test_an_id_can_be_given():
    assert Dialog.from_str("A: one", id="mine").id == "mine"
    assert len(Dialog.from_str("A: one").id) == 36
