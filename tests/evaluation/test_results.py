"""Results: a number with its uncertainty, missing values counted, turns of one dialog kept together."""

from __future__ import annotations

import asyncio
import json
import math
from collections.abc import Iterator
from typing import Any

import pytest

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, EvaluationError, UserError
from sdialog.evaluation import (
    BaseDialogScore,
    ConversationalFeatures,
    EvalResult,
    ItemResult,
    Measured,
    Running,
    TurnLength,
    score_dialogs,
)
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.overview import overview
from sdialog.statistics.intervals import mean_interval, standard_error, wilson_interval


def result(*values: Any) -> EvalResult:
    return EvalResult("score", [ItemResult(place, "", value) for place, value in enumerate(values)])


def dialogs(count: int) -> Iterator[Dialog]:
    for number in range(count):
        turns = [Turn(speaker="A", text="word " * (number % 5 + 1)), Turn(speaker="B", text="yes")]
        yield Dialog(id=number, turns=turns)


def test_a_result_is_a_sequence_and_a_number() -> None:
    import numpy

    found = result(1.0, 2.0, None, 6.0, math.nan)
    assert (list(found), float(found), len(found), found[-1]) == ([1.0, 2.0, 6.0], 3.0, 3, 6.0)
    assert (found.n, found.n_missing) == (3, 2)
    assert numpy.asarray(found).tolist() == [1.0, 2.0, 6.0]
    assert found.json()["items"][4] == {"dialogId": 4, "contentHash": "", "value": None}


def test_the_interval_of_a_mean_worked_by_hand() -> None:
    found = result(2.0, 4.0, 6.0, 8.0)
    assert found.se == pytest.approx(math.sqrt(20 / 3) / 2)
    interval = found.ci()
    assert interval is not None and interval.method == "t"
    assert interval.low == pytest.approx(5 - 3.182446 * found.se, abs=1e-5)  # t of 3 degrees of freedom
    assert result(2.0).ci() is None and result(2.0).se is None


def test_wilsons_interval_as_published() -> None:
    # Newcombe (1998), Statistics in Medicine 17, table I: 81 of 263 and 0 of 20
    assert wilson_interval(81, 263)[:2] == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson_interval(0, 20)[:2] == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson_interval(1, 29)[:2] == pytest.approx((0.0061, 0.1718), abs=5e-5)
    assert wilson_interval(29, 29)[:2] == pytest.approx((0.8830, 1.0), abs=5e-5)
    assert result(1, 0, 1, 1).ci().method == "wilson"  # type: ignore[union-attr]
    with pytest.raises(UserError):
        mean_interval([0.5, 1.0], method="wilson")


def test_turns_of_one_dialog_belong_together() -> None:
    (lengths,) = score_dialogs([TurnLength()], dialogs(10))
    assert len(lengths) == 20 and lengths.n == 10
    alone = standard_error(list(lengths))
    assert alone is not None and lengths.se is not None and lengths.se != pytest.approx(alone)
    twice = EvalResult("x", [ItemResult(0, "", [1.0, 1.0]), ItemResult(1, "", [3.0, 3.0])])
    assert twice.se == pytest.approx(result(1.0, 3.0).se)


def test_nothing_measured_is_no_zero() -> None:
    empty = EvalResult("fog", [ItemResult(1, "", None, "no words"), ItemResult(2, "", None, "no words")])
    with pytest.raises(EvaluationError, match="fog has no value for any of 2 dialogs: no words"):
        float(empty)
    assert empty.missing_reasons == {"no words": 2} and empty.json()["mean"] is None


def test_a_score_of_many_features_has_a_result_for_each() -> None:
    (found,) = score_dialogs([ConversationalFeatures()], [*dialogs(5), Dialog(id=9)])
    lengths = found.parts["mean-turn-length"]
    assert lengths.name == "conversational_features-mean-turn-length"
    assert (float(lengths), lengths.n, lengths.n_missing) == (2.0, 5, 1)
    assert len(found) == 0


class Gives(BaseDialogScore):
    def __init__(self, value: Any, name: str = "gives") -> None:
        super().__init__(name)
        self.value = value

    def score(self, dialog: Dialog) -> Any:
        return self.value


@pytest.mark.parametrize("value", ["number", "array", "float32", "whole", "set"])
def test_numbers_of_other_libraries_become_pythons(value: str) -> None:
    import numpy

    given, kept = {
        "number": (numpy.array(3.0), 3.0),
        "array": (numpy.array([1.0, math.nan]), [1.0, None]),
        "float32": (numpy.float32(2.0), 2.0),
        "whole": (numpy.int64(1), 1),
        "set": ({2}, [2]),
    }[value]
    (found,) = score_dialogs([Gives(given)], dialogs(1))
    assert found.items[0].value == kept and type(found.items[0].value) is type(kept)
    json.dumps(found.json(), allow_nan=False)


@pytest.mark.parametrize("value", [["a", "b"], [[1, 2], [3]], [{"a": 1}], 1j, object(), math.inf])
def test_what_is_no_number_is_an_error_of_its_dialog(value: Any) -> None:
    (found,) = score_dialogs([Gives(value)], dialogs(2))
    assert found.n_missing == 2 and "the score gave" in str(found.items[0].error)


@pytest.mark.parametrize("value", [[], [None], math.nan])
def test_a_list_without_a_number_is_missing(value: Any) -> None:
    (found,) = score_dialogs([Gives(value)], dialogs(2))
    assert (found.n, found.n_missing, len(found)) == (0, 2, 0)


def test_named_values_and_labels_say_so() -> None:
    (named,) = score_dialogs([ConversationalFeatures(["question-rate", "mean-turn-length"])], dialogs(4))
    assert "conversational_features-question_rate: 0 [" in str(named) and "no value" not in str(named)
    with pytest.raises(EvaluationError, match=r"several values by name .*question_rate.* see its parts"):
        float(named)
    labels = result("kind", "cold", "kind", None)
    assert str(labels) == "score: kind 2, cold 1, n = 3, 1 missing"
    with pytest.raises(EvaluationError, match="gives labels"):
        float(labels)


def test_what_cannot_be_scored_says_what_to_give_instead() -> None:
    one = Dialog(turns=[Turn(text="Hi")])
    for given, words in (
        (one, "put it into a list"),
        ("runs/x", "read_dialogs"),
        ([one, "x"], "number 1 is of type str"),
    ):
        with pytest.raises(UserError, match=words):
            score_dialogs([TurnLength()], given)  # type: ignore[arg-type]
    for scores in (TurnLength(), [len]):
        with pytest.raises(UserError, match="list of score objects"):
            score_dialogs(scores, [one])  # type: ignore[arg-type]
    for options in ({"concurrency": 0}, {"errors": "rais"}):
        with pytest.raises(ConfigError):
            Running(**options)  # type: ignore[arg-type]


def test_scores_of_one_name_keep_their_results() -> None:
    found = overview(dialogs(2), [Gives(1.0), Gives(2.0)])
    assert {name: one.mean for name, one in found.items()} == {"gives": 1.0, "gives-2": 2.0}


class Fails(BaseDialogScore):
    def score(self, dialog: Dialog) -> float:
        if dialog.id == 2:
            raise ZeroDivisionError("no turns")
        return 1.0


class Waits(BaseDialogScore):
    awaits = True
    most = now = 0

    def score(self, dialog: Dialog) -> Any:
        raise NotImplementedError

    async def measure(self, dialog: Dialog, scoring: Any) -> Measured:
        self.now += 1
        self.most = max(self.most, self.now)
        await asyncio.sleep(0.001 * (5 - int(dialog.id or 0) % 5))
        self.now -= 1
        return Measured(float(dialog.id or 0), reason=f"dialog {dialog.id}")


def test_a_failure_is_a_value_with_its_error_or_raised() -> None:
    (found,) = score_dialogs([Fails()], dialogs(4))
    assert (found.n, found.n_missing, found.items[2].error) == (3, 1, "ZeroDivisionError: no turns")
    with pytest.raises(EvaluationError, match="Fails failed on dialog 2: no turns"):
        score_dialogs([Fails()], dialogs(4), Running(errors="raise"))


def test_what_must_be_mended_first_is_raised() -> None:
    class Unset(BaseDialogScore):
        def score(self, dialog: Dialog) -> float:
            raise ConfigError("no key")

    with pytest.raises(ConfigError, match="no key"):
        score_dialogs([Unset()], dialogs(1))


def test_scores_that_wait_run_side_by_side_in_order_and_no_more_than_allowed() -> None:
    waits, seen = Waits(), list[int]()
    plain, found = score_dialogs([TurnLength(), waits], dialogs(40), Running(concurrency=7, on_item=seen.append))
    assert list(found) == [float(number) for number in range(40)]
    assert found.items[3].reason == "dialog 3" and plain.n == 40
    assert 2 <= waits.most <= 7 and seen == list(range(1, 41))


def test_dialogs_are_read_as_they_are_needed() -> None:
    read = 0

    def endless() -> Iterator[Dialog]:
        nonlocal read
        for dialog in dialogs(1000):
            read += 1
            if read > 60:
                raise OSError("enough")
            yield dialog

    with pytest.raises(OSError, match="enough"):
        score_dialogs([Waits()], endless(), Running(concurrency=5))
    assert read == 61


def test_the_hash_of_a_dialog_is_that_of_its_content() -> None:
    one = Dialog(id=1, turns=[Turn(speaker="A", text="Hi")])
    for same in (one.model_copy(update={"id": 2}), one.model_copy(update={"timestamp": None, "version": "0"})):
        assert dialog_hash(same) == dialog_hash(one)
    changes: list[dict[str, Any]] = [
        {"turns": [Turn(speaker="A", text="Hi!")]},
        {"turns": [Turn(speaker="B", text="Hi")]},
        {"notes": "x"},
        {"personas": {"A": {"name": "Ann"}}},
        {"annotations": {"good": True}},
    ]
    hashes = {dialog_hash(one.model_copy(update=change)) for change in changes}
    assert len(hashes | {dialog_hash(one)}) == len(changes) + 1


def test_any_dialog_has_a_hash() -> None:
    halves = [Dialog(turns=[Turn(text=f"Hi {half}")]) for half in ("\ud83d", "\ud83e")]
    assert dialog_hash(halves[0]) != dialog_hash(halves[1]) == dialog_hash(halves[1].model_copy(update={"id": 1}))
    assert dialog_hash(Dialog(notes=complex(1))) != dialog_hash(Dialog(notes=complex(2)))
    (found,) = score_dialogs([TurnLength()], halves)
    assert list(found) == [2.0, 2.0]


def test_a_score_says_what_decides_its_values() -> None:
    assert TurnLength().identity() == TurnLength("other name").identity() != TurnLength(speaker="A").identity()
    assert ConversationalFeatures("question-rate").identity() != ConversationalFeatures().identity()

    class Inner(BaseDialogScore):
        def score(self, dialog: Dialog) -> int:
            return 1

    assert Inner().identity() is None
