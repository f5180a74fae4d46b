"""Names of people as names of files and as fields of lines."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.audio.names import field, file_stem, file_stems, from_field, one_line


@pytest.mark.parametrize("name", ["Ann", "ann-2", "Dr.Ann", "speaker_1", "a" * 80])
def test_plain_names_stay(name):
    assert file_stem(name) == name


@given(st.text())
def test_a_stem_is_safe_everywhere(name):
    stem = file_stem(name)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}", stem)
    assert not stem.endswith(".")
    assert file_stem(name) == stem


@pytest.mark.parametrize("name", ["con", "NUL.txt", "LPT1", "..", ".", "a/b", "../x", "a.", "a" * 300, "😀", "-rf"])
def test_awkward_names_get_a_digest(name):
    assert re.search(r"-[0-9a-f]{8}$", file_stem(name))


@given(st.lists(st.text(max_size=6), unique=True))
def test_stems_differ_also_without_regard_to_capitals(names):
    stems = file_stems(names)
    assert list(stems) == names
    assert len({stem.casefold() for stem in stems.values()}) == len(names)


def test_a_name_cannot_pass_for_the_stem_of_another():
    stem = file_stem("a b")
    assert file_stem(stem) != stem


@given(st.text(), st.sampled_from(["%", "="]), st.sampled_from(["", "+", '!"#$%&()*+=']))
def test_fields_are_undone(text, sign, also):
    written = field(text, sign, also)
    assert len(written.split()) == 1
    assert written.isprintable() and not written.startswith(";")
    assert not set(also) - {sign} & set(written)
    assert from_field(written, sign) == text


@given(st.text())
def test_one_line_is_one_line_of_utf_8(text):
    line = one_line(text)
    assert len(line.splitlines()) <= 1
    assert line.encode("utf-8").decode("utf-8") == line == one_line(line)
