from __future__ import annotations

import csv
import io

import pytest
from core.strategies import turns
from hypothesis import example, given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import DialogFormatError, UserError
from sdialog.core.tables import read_table, write_table

delimiters = st.sampled_from([",", "\t"])


@given(turns, delimiters)
@example([Turn(speaker=None, text=""), Turn(speaker="", text=" x ")], ",")
@example([Turn(speaker=None, text='"'), Turn(text="a\r\nb"), Turn(text="\r")], "\t")
def test_what_is_written_reads_back_exactly(said, delimiter):
    assert read_table(write_table(said, delimiter), delimiter) == said


@given(turns, delimiters)
def test_other_programs_read_what_is_written(said, delimiter):
    rows = list(csv.reader(io.StringIO(write_table(said, delimiter), newline=""), delimiter=delimiter))
    assert rows == [["speaker", "text"], *([turn.speaker or "", turn.text] for turn in said)]


@given(
    st.lists(st.tuples(*[st.text(alphabet='ab",\n\r ', min_size=1, max_size=5).filter(lambda s: s == s.strip())] * 2))
)
def test_what_other_programs_write_is_read(rows):
    shown = io.StringIO(newline="")
    csv.writer(shown).writerows([("speaker", "text"), *rows])
    assert [(turn.speaker, turn.text) for turn in read_table(shown.getvalue())] == rows


def test_an_empty_cell_is_missing_and_quotes_make_it_empty():
    said = read_table('speaker,text\n,one\n"",two\nAnn,\nAnn,""\n\n')
    assert said == [Turn(text="one"), Turn(speaker="", text="two"), Turn(speaker="Ann", text="")]


def test_columns_by_name_and_by_number():
    assert read_table("\ufeffwho,when,said\r\nAnn , 1,  Hi! \r\n", speaker_column="who", text_column="said") == [
        Turn(speaker="Ann", text="Hi!")
    ]
    assert read_table("1\tAnn\tHi!", "\t", 1, 2) == [Turn(speaker="Ann", text="Hi!")]


@pytest.mark.parametrize(
    ("text", "columns", "line", "says"),
    [
        ("who,text\nAnn,Hi\n", ("speaker", "text"), 1, "no column 'speaker'; the header has 'who', 'text'"),
        ('speaker,text\nAnn,"a\nb"\nBob\n', ("speaker", "text"), 4, "row 1 has 1 cells"),
        ('speaker,text\nAnn,Hi\nBob,"never ends\n', ("speaker", "text"), 3, "a quote opens"),
        ("", ("speaker", "text"), 1, "no header line"),
    ],
)
def test_faults_are_named_with_their_line(text, columns, line, says):
    with pytest.raises(DialogFormatError, match=says) as caught:
        read_table(text, ",", *columns)
    assert caught.value.line == line


@pytest.mark.parametrize("columns", [("speaker", 1), (0, "text"), (-1, 1)])
def test_mixed_or_negative_columns_are_refused(columns):
    with pytest.raises(UserError, match="columns"):
        read_table("a,b", ",", *columns)


def test_a_cell_of_a_megabyte(tmp_path):
    dialog = Dialog(turns=[Turn(speaker="A", text='"line\n' * 200_000)])
    dialog.to_file(tmp_path / "big.csv")
    assert Dialog.from_file(tmp_path / "big.csv").turns == dialog.turns
