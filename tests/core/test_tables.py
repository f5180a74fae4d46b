from __future__ import annotations

import csv
import io
import re

import pytest
from core.strategies import turns
from hypothesis import example, given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import DialogFormatError, UserError
from sdialog.core.tables import read_table, read_tables, write_table

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


@given(st.lists(st.text(alphabet='ab" ,', max_size=8).filter(lambda s: '""' not in s and '",' not in s), min_size=1))
@example(['"', "a"])
def test_quotes_within_quotes_need_not_be_doubled(texts):
    texts = [text for text in texts if not re.search('" *,|" *$|^ *"', text)]
    table = "speaker,text\n" + "".join(f'Ann,"{text}"\n' for text in texts)
    assert [turn.text for turn in read_table(table)] == texts


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


@pytest.mark.parametrize(
    ("row", "text"),
    [
        ('Ann, "Hi, you" ', "Hi, you"),
        ('Ann,"He said "no" to me"', 'He said "no" to me'),
        (r'Ann,"He said \"no, never\", so"', 'He said "no, never", so'),
        ('Ann,"the 5"" disk, "old""', 'the 5" disk, "old"'),
        ('Ann,the 5" disk', 'the 5" disk'),
        ('Ann,"Hi",', "Hi"),
        ('"Ann" ,"C:\\"', "C:\\"),
    ],
)
def test_odd_quotes_that_can_mean_one_thing_only_are_read(row, text):
    assert read_table(f"speaker,text\n{row}\nBob,ok\n") == [
        Turn(speaker="Ann", text=text),
        Turn(speaker="Bob", text="ok"),
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("Ann,Hi, there, you", "has 4 cells, and the first line 2"),
        ("Ann,'Hi, there'", "has 3 cells"),
        ('Ann,"He said "no", twice"', "has 3 cells"),
        ('Ann,"Hi" he said', "a quote opens here"),
    ],
)
def test_text_that_would_be_lost_is_an_error(row, says):
    for columns in (("speaker", "text"), (0, 1)):
        with pytest.raises(DialogFormatError, match=says) as caught:
            read_table(f"speaker,text\n{row}\nBob,ok\n", ",", *columns)
        assert caught.value.line == 2


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [("speaker", "text"), ("Speaker", "TEXT"), ("role", "content"), ("from", "value")])
def test_delimiters_and_names_of_columns_that_others_use(delimiter, header):
    rows = [header, ("Ann", "Hi!"), ("Bob", "Oh, hello.")]
    text = "\ufeff\r\n" + "".join(delimiter.join(f'"{cell}"' for cell in row) + "\r\n" for row in rows)
    assert read_table(text) == [Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Oh, hello.")]


def test_the_first_line_of_a_spreadsheet_may_tell_the_delimiter():
    assert read_table("sep=;\r\nspeaker;text\r\nAnn;Hi, you\r\n") == [Turn(speaker="Ann", text="Hi, you")]
    with pytest.raises(DialogFormatError, match="row 0 has 1 cells") as caught:
        read_table("sep=;\nspeaker;text\nAnn\n")
    assert caught.value.line == 3


@pytest.mark.parametrize("name", ["dialog_id", "Dialogue ID", "conversationId", "SESSION_ID"])
def test_a_column_says_which_dialog_a_row_belongs_to(name):
    assert {*read_tables(f"{name},speaker,text\n1,Ann,Hi\n2,Bob,Oh\n,,\n")} == {"1", "2"}


def test_a_row_that_belongs_to_no_dialog_is_an_error():
    with pytest.raises(DialogFormatError, match="row 1 does not say which dialog") as caught:
        read_tables("dialog_id,speaker,text\n1,Ann,Hi\n,Bob,Oh\n")
    assert caught.value.line == 3


def test_a_column_that_is_not_there_is_named_with_a_cure():
    with pytest.raises(DialogFormatError, match=r"no column 'text'; the header has 'speaker', 'x'.*csv_text_col"):
        read_table("speaker,x\nAnn,Hi\n")
