"""Results are found again exactly when everything that decides them is the same."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Context, Dialog, Event, Turn
from sdialog.core import settings
from sdialog.core.errors import ConfigError
from sdialog.core.sync import run
from sdialog.evaluation import (
    BaseDialogScore,
    ConversationalFeatures,
    LexicalFeatures,
    MeanTurnLengthScore,
    Measured,
    ReadabilityScore,
    Running,
    ScoreCache,
    ToolSequenceValidator,
    ascore_dialogs,
    score_dialogs,
)
from sdialog.evaluation.base import Scoring
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.score_cache import CacheDialogScore


class Counted(BaseDialogScore):
    """Counts its calls, as if each one cost money."""

    costly = True

    def __init__(self, name: str | None = None, weight: Any = 1, fail: bool = False) -> None:
        super().__init__(name)
        self.weight, self._calls, self._fail = weight, 0, fail

    def score(self, dialog: Dialog) -> Any:
        self._calls += 1
        if self._fail:
            raise RuntimeError("no")
        return len(dialog) * self.weight if len(dialog) else None


class Waiting(Counted):
    """One that waits, and draws on the seed."""

    awaits = seeded = True

    async def measure(self, dialog: Dialog, scoring: Scoring) -> Measured:
        await asyncio.sleep(0)
        return Measured(self.score(dialog), f"seed {scoring.seed}", {"turns": [1, 2]})


def dialog(**fields: Any) -> Dialog:
    return Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello.")], **fields)


def key(score: BaseDialogScore, of: Dialog | None = None, seed: int = 0) -> str | None:
    return ScoreCache.key(score, dialog_hash(of or dialog()), seed)


def test_whatever_a_score_may_read_changes_the_key() -> None:
    score = Counted()
    variants = [
        dialog(),
        Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello!")]),
        Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bo", text="Hello.")]),
        Dialog(turns=[Turn(speaker="Ann", text="Hi!")]),
        Dialog(turns=[*dialog().turns[::-1]]),
        dialog(events=[Event(agent="Bob", action="tool", actionLabel="call", content={"name": "x"}, timestamp=0)]),
        dialog(context=Context(location="shop")),
        dialog(seed=7),
        dialog(model="scripted:list"),
        dialog(personas={"Ann": {"name": "Ann", "age": 33}}),
        dialog(notes="about lamps"),
    ]
    keys = [key(score, variant) for variant in variants]
    assert None not in keys and len(set(keys)) == len(variants)


def test_ids_names_and_the_time_it_was_made_do_not() -> None:
    variants = [dialog(), dialog(id="other"), dialog(timestamp="2001-01-01T00:00:00"), dialog(parentId="p")]
    assert len({key(Counted(), variant) for variant in variants}) == 1
    assert key(Counted("one")) == key(Counted("two"))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (MeanTurnLengthScore(), MeanTurnLengthScore(speaker="Ann")),
        (ConversationalFeatures(), ConversationalFeatures("question-rate")),
        (ConversationalFeatures("question-rate"), ReadabilityScore("gunning-fog")),
        (ToolSequenceValidator(["a", "b"]), ToolSequenceValidator(["b", "a"])),
        (LexicalFeatures(), LexicalFeatures(speaker="Ann")),
        (Counted(weight=1), Counted(weight=2)),
        (Counted(weight=[1]), Counted(weight=[1, 1])),
    ],
    ids=lambda score: type(score).__name__,
)
def test_options_are_part_of_the_key(one: BaseDialogScore, other: BaseDialogScore) -> None:
    assert key(one) != key(other)


def test_the_version_of_a_score_is_part_of_its_key() -> None:
    before = key(Counted())
    Counted.version = 2
    try:
        assert key(Counted()) != before
    finally:
        del Counted.version


def test_the_seed_counts_for_scores_that_draw_on_it_only() -> None:
    assert key(Waiting(), seed=1) != key(Waiting(), seed=2)
    assert key(Counted(), seed=1) == key(Counted(), seed=2)


def test_a_score_whose_options_have_no_plain_form_has_no_key() -> None:
    class Local(BaseDialogScore):
        def score(self, dialog: Dialog) -> int:
            return 1

    assert key(Counted(weight=lambda: 1)) is None
    assert key(Local()) is None


@pytest.mark.parametrize("kind", [Counted, Waiting])
def test_what_was_scored_is_not_scored_again(kind: type[Counted], tmp_path: Path) -> None:
    dialogs = [Dialog(id=str(n), turns=[Turn(text="x")] * n) for n in range(5)]
    first, second = kind(), kind("another name")
    cache = ScoreCache(tmp_path / "deep" / "scores.sqlite")
    (fresh,) = score_dialogs([first], dialogs, Running(cache=cache))
    (kept,) = score_dialogs([second], reversed(dialogs), Running(cache=ScoreCache(cache.path)))
    assert (first._calls, second._calls) == (5, 0)
    assert kept.values == fresh.values[::-1]
    assert [item.dialog_id for item in kept.items] == list("43210")
    assert all(item.cached for item in kept.items) and not any(item.cached for item in fresh.items)
    assert [item.reason for item in kept.items] == [item.reason for item in fresh.items]
    assert [item.details for item in kept.items] == [item.details for item in fresh.items]
    assert cache.stats() == {first.name: 5} and len(cache) == 5
    cache.clear()
    assert len(cache) == 0
    cache.close()


def test_cheap_scores_are_not_kept(tmp_path: Path) -> None:
    score_dialogs([MeanTurnLengthScore()], [dialog()], Running(cache=ScoreCache(tmp_path / "c")))
    assert not (tmp_path / "c").exists()


def test_errors_are_tried_again(tmp_path: Path) -> None:
    cache = ScoreCache(tmp_path / "c")
    (failed,) = score_dialogs([Counted(fail=True)], [dialog()], Running(cache=cache))
    (found,) = score_dialogs([Counted()], [dialog()], Running(cache=cache))
    assert failed.items[0].error == "RuntimeError: no" and found.values == [2.0]


@pytest.mark.parametrize(
    ("value", "plain"),
    [((1, 2), [1, 2]), ({1: 2}, {"1": 2}), (math.nan, None), ({1, 2}, [1, 2])],
    ids=["tuple", "dict", "nan", "set"],
)
def test_values_that_json_would_change_are_the_same_fresh_and_kept(value: Any, plain: Any, tmp_path: Path) -> None:
    class Same(BaseDialogScore):
        costly = True

        def score(self, dialog: Dialog) -> Any:
            return value

        def identity(self) -> dict[str, Any]:
            return {"score": "same"}

    cache = ScoreCache(tmp_path / "c")
    for kept in (False, True):
        item = score_dialogs([Same()], [dialog()], Running(cache=cache))[0].items[0]
        assert item.value == plain and type(item.value) is type(plain) and item.cached is kept


PLAIN = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()


@given(st.recursive(PLAIN, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_all_other_values_come_back_as_they_were(value: Any) -> None:
    import tempfile

    from sdialog.evaluation import ItemResult

    with tempfile.TemporaryDirectory() as folder:
        cache = ScoreCache(Path(folder) / "c")
        assert cache.keep("k", "score", ItemResult("a", "h", value, "why", details={"seen": value}))
        found = cache.find("k", "b", "h")
        cache.close()
    assert found == ItemResult("b", "h", value, "why", details={"seen": value}, cached=True)


def test_a_broken_off_evaluation_goes_on_where_it_was(tmp_path: Path) -> None:
    dialogs = [Dialog(id=str(n), turns=[Turn(text="x")] * (n + 1)) for n in range(20)]

    def stop(done: int) -> None:
        if done == 12:
            raise KeyboardInterrupt

    first, second = Counted(), Counted()
    with pytest.raises(KeyboardInterrupt):
        score_dialogs([first], dialogs, Running(cache=ScoreCache(tmp_path / "c"), on_item=stop))
    (result,) = score_dialogs([second], dialogs, Running(cache=ScoreCache(tmp_path / "c")))
    assert first._calls == 12 and second._calls == 8
    assert result.values == [float(n + 1) for n in range(20)]


def test_the_settings_turn_it_on(tmp_path: Path) -> None:
    scores = [Counted() for _ in range(4)]
    for score, on in zip(scores, (False, True, True, True), strict=True):
        with settings.use(cache=on, cache_path=tmp_path):
            score_dialogs([score], [dialog()], Running(cache=False) if score is scores[3] else None)
    assert [score._calls for score in scores] == [1, 1, 0, 1]


def test_the_published_face_of_the_cache(tmp_path: Path) -> None:
    class Decorated(Counted):
        @CacheDialogScore.cache
        def score(self, dialog: Dialog) -> Any:
            return super().score(dialog)

        def identity(self) -> dict[str, Any]:
            return {"score": "decorated"}

    score = Decorated()
    try:
        assert not CacheDialogScore.is_cache_enabled()
        assert [score(dialog()) for _ in range(2)] == [2, 2] and score._calls == 2
        CacheDialogScore.init(tmp_path)
        assert CacheDialogScore.is_cache_enabled()
        assert [score(dialog()) for _ in range(3)] == [2, 2, 2] and score._calls == 3
        assert CacheDialogScore.get_cache() == {"Decorated": 1}
        assert Path(CacheDialogScore.get_cache_path()).parent == tmp_path
        CacheDialogScore.clear()
        assert CacheDialogScore.get_cache() == {}
    finally:
        settings.reset_base()


def test_a_file_that_is_no_cache_is_an_error_with_a_cure(tmp_path: Path) -> None:
    (tmp_path / "c").write_bytes(b"no database" * 100)
    with pytest.raises(ConfigError, match="delete it"):
        score_dialogs([Counted()], [dialog()], Running(cache=ScoreCache(tmp_path / "c")))


def test_dialogs_of_the_same_content_in_one_loop(tmp_path: Path) -> None:
    result = run(ascore_dialogs([Waiting()], [dialog()] * 50, Running(cache=ScoreCache(tmp_path / "c"))))[0]
    assert result.values == [2.0] * 50


def test_a_value_that_is_no_value_is_an_error_of_its_dialog() -> None:
    (result,) = score_dialogs([Counted(weight=1)], [dialog()], Running(cache=False))
    assert result.values == [2.0]

    class Odd(BaseDialogScore):
        def score(self, dialog: Dialog) -> Any:
            return object() if dialog.id == "1" else 1

    (result,) = score_dialogs([Odd()], [dialog(id="0"), dialog(id="1")])
    assert result.values == [1.0]
    assert (
        result.items[1].error
        == "EvaluationError: the score gave a value of type object, which is no number and no label"
    )
