"""pass^k and pass@k: worked examples, what they mean by enumeration, missing trials, intervals."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import UserError
from sdialog.evaluation import EvalResult, ItemResult
from sdialog.evaluation.pass_k import PassK, pass_at_k, pass_hat_k, pass_k
from sdialog.evaluation.validators.callable import CallableValidator


def trials(values: dict[str, list[Any]], **options: Any) -> PassK:
    items = [ItemResult(None, "", value, details={"task": task}) for task in values for value in values[task]]
    return PassK(EvalResult("state", items), **options)


@pytest.mark.parametrize(
    ("n", "c", "k", "at", "hat"),
    [
        # by hand from 1 - C(n-c, k)/C(n, k) (Chen et al., 2021) and C(c, k)/C(n, k) (Yao et al., 2024)
        (10, 3, 1, 0.3, 0.3),
        (10, 3, 2, 1 - 21 / 45, 3 / 45),
        (10, 3, 5, 1 - 21 / 252, 0.0),
        (200, 1, 100, 0.5, 0.0),
        (8, 6, 4, 1.0, 15 / 70),
        (4, 4, 4, 1.0, 1.0),
        (4, 0, 4, 0.0, 0.0),
    ],
)
def test_worked_examples(n: int, c: int, k: int, at: float, hat: float) -> None:
    assert pass_at_k(n, c, k) == pytest.approx(at)
    assert pass_hat_k(n, c, k) == pytest.approx(hat)


@given(st.lists(st.booleans(), min_size=1, max_size=7), st.data())
def test_they_are_the_shares_of_all_draws_of_k_trials(passed: list[bool], data: st.DataObject) -> None:
    k = data.draw(st.integers(1, len(passed)))
    draws = list(itertools.combinations(passed, k))
    n, c = len(passed), sum(passed)
    assert pass_hat_k(n, c, k) == pytest.approx(sum(map(all, draws)) / len(draws))
    assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws))
    assert 0 <= pass_hat_k(n, c, k) <= c / n <= pass_at_k(n, c, k) <= 1 + 1e-12


@given(st.integers(1, 40), st.data())
def test_more_tries_never_lower_the_one_nor_raise_the_other(n: int, data: st.DataObject) -> None:
    c = data.draw(st.integers(0, n))
    hats, ats = ([f(n, c, k) for k in range(1, n + 1)] for f in (pass_hat_k, pass_at_k))
    assert hats == sorted(hats, reverse=True)
    assert all(one <= other + 1e-12 for one, other in itertools.pairwise(ats))


@pytest.mark.parametrize(("n", "c", "k"), [(4, 5, 1), (4, -1, 1), (4, 2, 0), (4, 2, 5), (0, 0, 1), (4, 2, 1.5)])
def test_numbers_that_do_not_fit(n: int, c: int, k: int) -> None:
    for estimate in (pass_at_k, pass_hat_k):
        with pytest.raises(UserError):
            estimate(n, c, k)


def test_tasks_count_alike_however_many_trials_they_have() -> None:
    found = trials({"a": [1, 1], "b": [1, 0, 0, 0, 0, 0]})
    assert found.hat(1) == pytest.approx((1 + 1 / 6) / 2)
    assert found.hat(2) == pytest.approx(0.5)
    assert found.at(2) == pytest.approx((1 + 1 / 3) / 2)
    assert found.most == 2
    with pytest.raises(UserError, match="'a' has 2; make more trials, or take k up to 2"):
        found.hat(3)


def test_missing_trials() -> None:
    values = {"a": [1, 1, None, float("nan")], "b": [1, 1, 1, 1]}
    excluded, failed = trials(values), trials(values, missing="fail")
    assert (excluded.n_missing, excluded.most, excluded.hat(2)) == (2, 2, 1.0)
    assert (failed.n_missing, failed.most) == (2, 4)
    assert failed.hat(2) == pytest.approx((1 / 6 + 1) / 2)
    with pytest.raises(UserError, match=r"'a' has 2 \(2 more are missing\)"):
        excluded.hat(3)
    expected = trials({"a": [1, 1, 1], "b": [1, 1, 1, 1]}, trials=4, missing="fail")
    assert expected.n_missing == 1
    assert expected.hat(4) == 0.5
    with pytest.raises(UserError, match="task 'b' has 4 trials, more than the 3"):
        trials({"a": [1], "b": [1, 1, 1, 1]}, trials=3)


def test_tasks_of_which_no_trial_was_made_count_when_they_are_named() -> None:
    found = trials({"a": [1, 1]}, trials={"a": 2, "b": 2}, missing="fail")
    assert (found.hat(1), found.n_missing) == (0.5, 2)
    with pytest.raises(UserError, match="does not say how many trials task 'c'"):
        trials({"c": [1]}, trials={"a": 2})


def test_intervals_draw_whole_tasks() -> None:
    same = trials({str(n): [1, 0] * 4 for n in range(12)})
    interval = same.ci(1)
    assert interval is not None
    assert (interval.low, interval.high) == (0.5, 0.5)  # all tasks are alike, whatever their trials do
    sure = trials({str(n): [1, 1] for n in range(4)}).ci(2)
    assert sure is not None and sure.low == pytest.approx(0.510, abs=1e-3)  # Wilson's interval of 4 of 4
    mixed = trials({str(n): [n % 2] * 8 for n in range(12)})
    spread = mixed.ci(4)
    assert spread is not None
    assert spread.low < 0.5 < spread.high
    assert spread == trials({str(n): [n % 2] * 8 for n in range(12)}).ci(4)
    assert trials({"a": [1, 0]}).ci(1) is None


def test_what_it_tells() -> None:
    found = trials({"a": [1, 1], "b": [1, 0]})
    assert found.json()["tasks"] == {"a": {"n": 2, "passed": 2, "missing": 0}, "b": {"n": 2, "passed": 1, "missing": 0}}
    assert [(row["k"], row["hat"], row["at"]) for row in found.json()["passK"]] == [(1, 0.75, 0.75), (2, 0.5, 1.0)]
    assert "pass^2 0.500 [" in str(found)
    assert str(trials({"a": [None]})) == "state: 1 tasks, 1 trials missing"


def test_mistakes() -> None:
    with pytest.raises(UserError, match="does not say which task"):
        PassK(EvalResult("x", [ItemResult(1, "", 1)]))
    with pytest.raises(UserError, match=r"x is 0\.5"):
        PassK(EvalResult("x", [ItemResult(1, "", 0.5)]), ["a"])
    with pytest.raises(UserError, match="one task an item"):
        PassK(EvalResult("x", [ItemResult(1, "", 1)]), [])
    with pytest.raises(UserError, match="no trials"):
        PassK(EvalResult("x", [])).hat(1)
    with pytest.raises(UserError, match="exclude"):
        trials({}, missing="drop")


def test_dialogs_are_grouped_by_the_task_they_record() -> None:
    texts = {"greet": ["Hi", "Hi", "Hey"], "leave": ["Bye", "Hi", "Hi"]}
    dialogs = (
        Dialog(turns=[Turn(text=text)], scenario={"task": {"id": task}}) for task in texts for text in texts[task]
    )
    found = pass_k(CallableValidator(lambda dialog: dialog[0].text == "Hi"), dialogs, trials=3)
    assert [(t.task, t.n, t.passed) for t in found.tasks] == [("greet", 3, 2), ("leave", 3, 2)]
    assert found.hat(2) == pytest.approx(1 / 3)
    with pytest.raises(UserError, match="does not say which task"):
        pass_k(CallableValidator(lambda dialog: True), [Dialog()])
