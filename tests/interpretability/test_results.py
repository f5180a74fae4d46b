"""Results as data and pages: what is written is read back, means are as sure as they say, pages stand alone."""

from __future__ import annotations

import json
import math
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability import LabelledArray
from sdialog.interpretability.figures.array_files import arrays_in
from sdialog.interpretability.figures.labelled_arrays import Axis
from sdialog.interpretability.figures.page import page, write_page
from sdialog.interpretability.figures.spread import Spread, spread_of
from sdialog.statistics.hypotheses import paired_permutation_test

NUMBERS = st.floats(allow_nan=True, allow_infinity=True)
TEXT = st.text(max_size=6)


@st.composite
def arrays(draw: Any) -> LabelledArray:
    shape = tuple(draw(st.lists(st.integers(0, 3), min_size=1, max_size=3)))

    def numbers() -> Any:
        size = math.prod(shape)
        return np.array(draw(st.lists(NUMBERS, min_size=size, max_size=size)), dtype=float).reshape(shape)

    axes = []
    for number, length in enumerate(shape):
        labels = tuple(draw(st.lists(TEXT, min_size=length, max_size=length)))
        groups = tuple(draw(st.lists(TEXT, min_size=length, max_size=length))) if draw(st.booleans()) else ()
        axes.append(Axis(f"axis {number}", labels, groups))
    spread = None
    if draw(st.booleans()):
        counts = np.array(draw(st.lists(st.integers(0, 99), min_size=math.prod(shape), max_size=math.prod(shape))))
        counts = counts.astype(int).reshape(shape)
        spread = Spread(numbers(), numbers(), counts, numbers(), draw(TEXT), 0.9, "bootstrap", "holm")
    values = numbers()
    controls = {"other": LabelledArray(numbers(), tuple(axes))} if draw(st.booleans()) else {}
    notes = tuple(draw(st.lists(TEXT, max_size=2)))
    return LabelledArray(values, tuple(axes), draw(TEXT), notes, draw(TEXT), draw(TEXT), draw(TEXT), spread, controls)


def _same(one: Any, other: Any) -> None:
    assert np.asarray(one).tobytes() == np.asarray(other).tobytes() or np.array_equal(one, other, equal_nan=True)


@settings(max_examples=80)
@given(array=arrays())
def test_what_is_written_is_read_back(array: LabelledArray) -> None:
    text = json.dumps(array.json(), allow_nan=False)
    back = LabelledArray.from_json(json.loads(text))
    _same(back.values, array.values)
    assert back.axes == array.axes and back.notes == array.notes
    assert [getattr(back, name) for name in ("name", "unit", "metric", "model")] == [
        getattr(array, name) for name in ("name", "unit", "metric", "model")
    ]
    assert (back.spread is None) == (array.spread is None) and set(back.controls) == set(array.controls)
    if array.spread is not None and back.spread is not None:
        for name in ("low", "high", "n", "p_values"):
            _same(getattr(back.spread, name), getattr(array.spread, name))
        assert (back.spread.over, back.spread.level) == (array.spread.over, array.spread.level)
    assert json.dumps(back.json()) == json.dumps(array.json())


def test_what_is_damaged_is_told(tmp_path: Path) -> None:
    good = LabelledArray.of([[1.0, 2.0]], "effect", layer=["0"], token=["a", "b"]).json()
    path = tmp_path / "array.json"
    path.write_text(json.dumps(good))
    assert LabelledArray.from_json(path).values.tolist() == [[1.0, 2.0]]
    for change, match in (
        ({"format": "other"}, "no labelled array"),
        ({"version": 2}, "version 2; this release reads 1"),
        ({"values": [[1.0]]}, r"does not fit axes of the lengths \(1, 2\)"),
        ({"values": [[1.0, "x"]]}, "'x' where a number"),
        ({"axes": [{"name": "layer"}]}, "is damaged: KeyError"),
        ({"spread": {"over": "pair"}}, "is damaged"),
    ):
        with pytest.raises(UserError, match=match):
            LabelledArray.from_json({**good, **change})
    with pytest.raises(UserError, match="there is no file"):
        LabelledArray.from_json(tmp_path / "nothing.json")
    path.write_text("[1]")
    with pytest.raises(UserError, match="results are JSON objects"):
        LabelledArray.from_json(path)


# -- how sure


def _each(values: Any) -> LabelledArray:
    return LabelledArray.of(values, "effect", pair=range(len(values)), cell=range(np.shape(values)[1]))


def test_uncorrected_p_values_are_those_of_the_sign_flip_test() -> None:
    """Student's t orders turnings as the mean does."""
    values = np.random.default_rng(3).normal(0.4, 1, size=(9, 5))
    found = spread_of(values, "pair", correction="none")
    assert found is not None
    for cell in range(5):
        test = paired_permutation_test([0.0] * 9, values[:, cell].tolist())
        assert test is not None and found.p_values[cell] == pytest.approx(test.p_value)


def test_noise_is_seldom_sure_and_an_effect_is() -> None:
    draw = np.random.default_rng(5)
    false = 0
    for _ in range(60):
        noise = draw.normal(size=(8, 30))
        found = spread_of(noise, "pair", resamples=20)
        assert found is not None
        false += bool(found.sure.any())
    assert false <= 8  # 3 are expected at 5 %
    noise[:, 4] += 4
    for correction, hit in (("max_t", True), ("holm", False), ("bh", False), ("none", True)):
        found = spread_of(noise, "pair", correction=correction)  # type: ignore[arg-type]
        # Eight pairs turn round in 128 ways: too few for Holm's method over 30 cells.
        assert found is not None and bool(found.sure[4]) == hit


def test_many_units_can_be_sure_under_every_correction() -> None:
    values = np.random.default_rng(6).normal(size=(20, 400))
    values[:, 7] += 4
    for correction in ("max_t", "holm", "bh"):
        found = spread_of(values, "pair", correction=correction, resamples=20)  # type: ignore[arg-type]
        assert found is not None and found.sure[7] and found.sure.sum() < 5


def test_units_are_groups_and_missing_values_do_not_count() -> None:
    values = np.random.default_rng(1).normal(1, 1, size=(6, 3))
    doubled = _each(np.repeat(values, 2, axis=0)).over("pair", groups=np.repeat(range(6), 2).tolist())
    plain = _each(values).over("pair")
    assert plain.spread is not None and doubled.spread is not None
    np.testing.assert_allclose(doubled.values, plain.values)
    np.testing.assert_allclose(doubled.spread.low, plain.spread.low)
    np.testing.assert_array_equal(doubled.spread.n, 6)
    values[:5, 0] = np.nan
    holes = _each(values).over("pair")
    assert holes.values[0] == values[5, 0] and holes.spread is not None
    assert holes.spread.n.tolist() == [1, 6, 6] and np.isnan(holes.spread.low[0]) and np.isnan(holes.spread.p_values[0])
    assert not holes.spread.sure[0] and holes.strongest(3, sure=False)[0].n in (1, 6)
    assert _each(values[:1]).over("pair").spread is None
    with pytest.raises(UserError, match="6 places of pair have 2 groups"):
        _each(values).over("pair", groups=[0, 1])
    with pytest.raises(UnknownNameError, match="correction"):
        _each(values).over("pair", correction="bonferroni")  # type: ignore[arg-type]


def test_parts_keep_how_sure_they_are() -> None:
    values = np.random.default_rng(2).normal(size=(7, 2, 3))
    each = LabelledArray.of(values, "effect", pair=range(7), layer=range(2), token=range(3))
    whole = each.over("pair")
    part = whole.at(layer=1)
    assert whole.spread is not None and part.spread is not None
    np.testing.assert_array_equal(part.spread.low, whole.spread.low[1])
    assert whole.at(layer=1, token=2) == whole.values[1, 2]
    np.testing.assert_array_equal(np.asarray(whole), whole.values)
    assert whole.plot().axes


# -- pages


class _Reader(HTMLParser):
    """Collects what a page has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def _result() -> dict[str, Any]:
    values = np.random.default_rng(2).normal(size=(7, 2, 3)) + np.array([2, 0, 0])
    token = Axis("token", ("Hi", " <b>", "\n"), ("0 Ann", "0 Ann", "1 </script>"))
    each = LabelledArray.of(values, "effect", pair=range(7), layer=range(2), token=token)
    missing = [{"what": "d3", "cell": None, "why": "too <long>"}]
    return {
        "kind": "patching", "model": "tiny & co", "metric": "logit", "missing": missing,
        "effects": each.over("pair").json(), "each": each.json(), "ratio": 0.25, "agreement": None,
    }  # fmt: skip


def test_a_page_stands_alone_and_holds_its_data(tmp_path: Path) -> None:
    result = _result()
    path = tmp_path / "result.json"
    path.write_text(json.dumps(result))
    text = write_page(path, tmp_path / "made" / "page.html").read_text()
    assert text == page(result)
    read = _Reader(text)
    assert not [one for _, one in read.tags if "src" in one or "href" in one] and "http" not in text
    cells = read.all("td")
    assert len(cells) == 2 * 3 + 7 * 2 * 3
    assert all(one["title"] and one["tabindex"] in ("0", "-1") for one in cells)
    tables = len(read.all("table"))
    assert tables == 8 and sum(one["tabindex"] == "0" for one in cells) == tables
    assert re.search(r"layer 0, token Hi: [\d.]+, [\d.]+ to [\d.]+, p = [\d.]+, n = 7", text)
    assert "Patching in tiny &amp; co" in text and "too &lt;long&gt;" in text and "<b>" not in text
    assert "prefers-color-scheme: dark" in text
    data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None and json.loads(data[1]) == result
    assert [name for name, _ in arrays_in(json.loads(data[1]))] == ["effects", "each"]


def test_arrays_of_all_shapes_have_pages(tmp_path: Path) -> None:
    one = LabelledArray.of([1.0, math.nan, -2.0], "effect", layer=range(3))
    assert len(_Reader(page(one)).all("td")) == 3
    large = LabelledArray.of(np.zeros((150, 150)), "effect", layer=range(150), token=range(150))
    assert "22,500 cells are too many" in page(large) and not _Reader(page(large)).all("td")
    four = LabelledArray.of(np.ones((2, 2, 2, 2)), "share", layer=range(2), head=range(2), a=range(2), b=range(2))
    assert len(_Reader(four.page(tmp_path / "four.html").read_text()).all("table")) == 4
    with pytest.raises(UserError, match="no labelled array"):
        page({"kind": "nothing"})
