"""The report: one page, nothing from outside, everything escaped, every value accounted for."""

from __future__ import annotations

import random
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from sdialog import Dialog, Turn
from sdialog.evaluation import (
    BaseDatasetEvaluator,
    BaseDialogScore,
    Measured,
    ReferenceCentroidEmbeddingEvaluator,
)
from sdialog.evaluation.compare import Comparator, compare
from sdialog.evaluation.report.page import page, write_report

NASTY = "<script>alert('x')</script> & <b>5 > 3</b>"


class Length(BaseDialogScore):
    """Words of the first turn, with a reason."""

    def score(self, dialog: Dialog) -> Any:
        return len(dialog[0].text.split()) if len(dialog) else None

    async def measure(self, dialog: Dialog, scoring: Any) -> Measured:
        value = self.score(dialog)
        return Measured(value, reason=f"<i>{value} words</i>" if value else "no turns")


def corpus(seed: int, longest: int, name: str = "") -> list[Dialog]:
    draw = random.Random(seed)
    return [
        Dialog(
            id=f"{name}{place}",
            annotations={"topic": draw.choice(["a & b", "c"])},
            turns=[Turn(speaker="<Ann>", text=NASTY + " word" * draw.randint(1, longest))] * 3,
        )
        for place in range(30)
    ]


@pytest.fixture(scope="module")
def comparison() -> Any:
    sets = {"old <1>": corpus(1, 9, "o"), "new & fine": [*corpus(2, 40, "n"), Dialog(id="empty", turns=[])]}
    scores = [Length("length"), ReferenceCentroidEmbeddingEvaluator("hashed", corpus(3, 9))]
    sets["new & fine"][-1].annotations = {"topic": "c"}
    return compare(sets, scores, by="topic")


class Reader(HTMLParser):
    """Checks that elements close in order, and gathers ids, targets of links and addresses."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.targets: list[str] = []
        self.outside: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ("meta", "br", "link", "img"):
            self.open.append(tag)
        for name, value in attrs:
            if name == "id":
                self.ids.append(value or "")
            elif name in ("href", "xlink:href") and (value or "").startswith("#"):
                self.targets.append((value or "")[1:])
            elif name in ("href", "xlink:href", "src", "srcset", "action"):
                self.outside.append(value or "")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()


def read(text: str) -> Reader:
    reader = Reader()
    reader.feed(text)
    assert not reader.open
    return reader


def test_the_page_is_sound_and_needs_nothing_else(comparison: Any) -> None:
    text = page(comparison, "Old & new")
    reader = read(text)
    assert not reader.outside and "url(http" not in text and "@import" not in text
    assert len(set(reader.ids)) == len(reader.ids), "ids come twice"
    assert set(reader.targets) <= set(reader.ids), "links that lead nowhere"
    assert reader.tags.count("script") == 1 and reader.tags.count("svg") >= 2
    assert text == page(comparison, "Old & new")


def test_what_people_wrote_is_shown_and_not_obeyed(comparison: Any) -> None:
    text = page(comparison, NASTY)
    assert "<script>alert" not in text and "<b>5" not in text and "<i>" not in text.replace("<i>Nobody", "")
    assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &lt;b&gt;5 &gt; 3&lt;/b&gt;" in text
    assert "&lt;Ann&gt;" in text and "old &lt;1&gt;" in text and "topic = a &amp; b" in text


def test_it_says_what_was_found_and_how(comparison: Any) -> None:
    text = re.sub(r"\s+", " ", page(comparison))
    one = comparison.differences[0]
    assert f"{one.difference:.2f}" in text and "“new &amp; fine” is higher than “old &lt;1&gt;” in length" in text
    for name in comparison.about.datasets:
        assert comparison.about.hashes[name] in text
    for words in ("Methods", "permutation", "Holm&#39;s correction", "Seed of all that is random: 0", "Noise floor"):
        assert words in text, words
    assert "1 of 31" in text and "no turns (1)" in text


def test_the_ends_of_each_metric_can_be_read(comparison: Any) -> None:
    text = page(comparison)
    values = comparison.samples("length", "new & fine").by_dialog()
    dialogs = list(comparison.about.datasets["new & fine"])
    for place in (max(values, key=lambda at: (values[at], at)), min(values, key=lambda at: (values[at], at))):
        assert f">{dialogs[place].id}</a>" in text
        assert f"<summary>new &amp; fine, {dialogs[place].id}</summary>" in text
    assert "&lt;i&gt;" in text  # the reason of a score


def test_nothing_to_compare_is_a_page_too(tmp_path: Path) -> None:
    alone = write_report(compare({"one": corpus(1, 9)}, Length("length")), tmp_path / "deep" / "r.html")
    empty = page(compare({"none": [], "some": corpus(1, 9)}, Length("length")))
    assert "nothing to compare" in alone.read_text(encoding="utf-8")
    assert "none has no value" in empty
    read(empty)


class Flag(BaseDialogScore):
    """A rate that is the same for every dialog."""

    def score(self, dialog: Dialog) -> float:
        return 2.5


class Size(BaseDatasetEvaluator):
    """How many dialogs there are."""

    def __call__(self, dialogues: Any, dataset_name: Any = None, **options: Any) -> Any:
        return len(dialogues)


def test_only_what_is_so_is_said() -> None:
    some, others = corpus(1, 9), corpus(2, 9, "o")
    wholes = page(Comparator(Size())({"a": some, "b": others}, output="dict"))
    empty = page(compare({"a": [], "b": []}, Length("length")))
    for text in (wholes, empty):
        assert "one set" not in text and "Nothing could be tested" in text
        assert "Brackets" not in text and "differences tested" not in text and "Marked rows" not in text
    assert "a, b: 1 metric.</p>" in wholes
    constant = page(compare({"a": some, "b": others}, [Flag("flag"), Length("length")]))
    assert "An interval without width means that nothing varies" in constant
    assert "Not drawn, because all values are the same or there are too many figures: flag." in constant
    assert "An interval without width" not in page(compare({"a": some, "b": others}, Length("length")))


def test_many_differences_are_drawn_in_parts_and_told_in_short() -> None:
    class Many(BaseDialogScore):
        def score(self, dialog: Dialog) -> Any:
            return {f"x{place}": len(dialog[0].text) + place for place in range(60)}

    found = compare({"a": corpus(1, 9), "b": corpus(2, 90, "o")}, Many("m"), ci="t")
    text = page(found)
    read(text)
    assert text.count("part 3 of 3") == 1 and text.count("is higher than") == 12
    assert "48 more differences are significant" in text
    assert text.count("<figure>") == 48 and "too many figures: x48, x49," in text
    assert text.count("permutation tests of the difference") == 1


def test_distances_are_drawn_over_their_floor(comparison: Any) -> None:
    text = page(comparison)
    assert "distance of each set from the reference, and its noise floor" in text
    assert re.search(
        r"“old &lt;1&gt;” is (within|beyond) the noise floor in centroid-similarity-[a-z-]* \([01]\.\d+\)", text
    )


def test_pairs_of_clusters_are_called_so() -> None:
    sets = {name: corpus(seed, 9 * seed, name) for seed, name in ((1, "a"), (9, "b"))}
    for own in sets.values():
        for place, one in enumerate(own):
            one.annotations = {"task": place % 10}
    text = page(compare(sets, Length("length"), cluster_by="task"))
    assert ">10 pairs of clusters<" in text and "difference over 10 pairs of clusters" in text


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("chromium") is None, reason="needs chromium")
def test_a_browser_prints_it_on_paper_and_loads_nothing(comparison: Any, tmp_path: Path) -> None:
    report, printed = write_report(comparison, tmp_path / "r.html"), tmp_path / "r.pdf"
    options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
    command = ["chromium", *options, f"--print-to-pdf={printed}", "--no-pdf-header-footer", report.as_uri()]
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    content = printed.read_bytes()
    assert content.startswith(b"%PDF") and re.search(rb"/MediaBox \[0 0 59[45]", content)  # A4
