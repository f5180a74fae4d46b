"""Pairwise judges and the probes of judges' habits, on models whose habits are known."""

from __future__ import annotations

import json

import pytest

from sdialog import Dialog, Turn
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, RateLimitError
from sdialog.evaluation.judges.category import LLMJudgeCategory
from sdialog.evaluation.judges.pairwise import LLMJudgePairwise
from sdialog.evaluation.judges.probes import order_probe, retest_probe, self_preference_probe, verbosity_probe
from sdialog.evaluation.judges.scores import LLMJudgeScore
from sdialog.evaluation.judges.yes_no import LLMJudgeYesNo
from sdialog.evaluation.runner import Running, score_dialogs


def said(text, number=0):
    return Dialog(id=f"{text}-{number}", turns=[Turn(speaker="Ann", text=f"{text} {number}")])


PAIRS = [(said("good", n), said("bad", n)) for n in range(20)]


def pairwise(function, **options):
    return LLMJudgePairwise("Which is better?", model=ScriptedModel(lambda request: function(request)), **options)


def better(number):
    return json.dumps({"better": number})


def likes_good(request):
    prompt = request.messages[-1].content
    return better(1 if prompt.index("good") < prompt.index("bad") else 2)


def likes_longer(request):
    first, second = (part for part in request.messages[-1].content.split("[BEGIN dialog ")[1:])
    first, second = (len(part.partition("[END")[0]) for part in (first, second))
    return better(0 if first == second else 1 if first > second else 2)


def test_the_better_one_wins_in_both_orders():
    judge = pairwise(likes_good)
    verdict = judge.judge(*PAIRS[0])
    assert (verdict.winner, verdict.consistent) == ("a", True)
    assert judge.judge(PAIRS[0][1], PAIRS[0][0]).winner == "b"
    assert {entry["winner"] for entry in verdict.details["orders"].values()} == {"a"}


def test_a_judge_that_goes_by_place_gives_ties():
    verdict = pairwise(lambda request: '{"better": 2}').judge(*PAIRS[0])
    assert (verdict.winner, verdict.consistent) == ("tie", False)


def test_as_a_score_it_holds_dialogs_against_others():
    judge = pairwise(likes_good, against={good.id: bad for good, bad in PAIRS} | {bad.id: good for good, bad in PAIRS})
    (found,) = score_dialogs([judge], [PAIRS[0][0], PAIRS[1][1]], Running(cache=False))
    assert found.values == [1.0, 0.0] and found.items[0].usage.calls == 2
    with pytest.raises(ConfigError, match="against"):
        pairwise(likes_good).score(PAIRS[0][0])


def test_a_refusal_in_one_order_is_a_refusal():
    replies = iter(['{"better": 1}', "I'm sorry, I can't compare these.", "I'm sorry, I can't compare these."])
    verdict = pairwise(lambda request: next(replies)).judge(*PAIRS[0])
    assert verdict.winner is None and verdict.reason.startswith("refused")


def test_identity_covers_what_it_is_held_against():
    def key(**options):
        return LLMJudgePairwise("Which?", model=ScriptedModel(["x"]), **options).identity()

    assert key(against=said("a")) != key(against=said("b"))
    assert key(against=said("a")) == key(against=said("a"), name="other")
    assert key(against={"x": said("a")}) is None and key(against=lambda dialog: said("a")) is None


def test_the_order_probe_tells_place_from_content():
    fair, biased = order_probe(pairwise(likes_good), PAIRS), order_probe(pairwise(lambda r: '{"better": 1}'), PAIRS)
    assert (fair.rate, fair.details["first"], fair.n) == (0.0, 0.5, 20)
    assert (biased.rate, biased.details["first"]) == (1.0, 1.0)
    assert biased.interval.low > 0.8 and fair.interval.high < 0.2


def test_the_verbosity_probe_finds_a_liking_for_length():
    dialogs = [good for good, _ in PAIRS]
    assert verbosity_probe(pairwise(likes_longer), dialogs).rate == 1.0
    assert verbosity_probe(pairwise(lambda r: '{"better": 0}'), dialogs).rate == 0.0
    counts = ScriptedModel(lambda r: json.dumps({"score": min(5, r.messages[-1].content.count("good"))}))
    long = LLMJudgeScore("How nice?", model=counts)
    assert verbosity_probe(long, dialogs).rate == 1.0
    flat = LLMJudgeScore("How fine?", model=ScriptedModel(['{"score": 3}']))
    assert verbosity_probe(flat, dialogs).rate == 0.0


def test_the_self_preference_probe_compares_with_people():
    assert self_preference_probe(pairwise(likes_good), PAIRS).rate == 1.0
    same = self_preference_probe(pairwise(likes_good), PAIRS, ["a"] * 20)
    assert (same.rate, same.neutral) == (0.0, 0.0)
    assert self_preference_probe(pairwise(likes_good), PAIRS, ["a", "b"] * 10).rate == 0.5
    with pytest.raises(ConfigError):
        self_preference_probe(pairwise(likes_good), PAIRS, ["a"])


def test_the_retest_probe_measures_changes_of_mind():
    dialogs = [good for good, _ in PAIRS]
    steady = LLMJudgeYesNo("Kind?", model=ScriptedModel(['{"positive": true}']))
    assert retest_probe(steady, dialogs, 3).rate == 0.0
    # With seeds 0 to 3 the verdicts are yes, no, yes, no: 4 of 6 pairs differ.
    by_seed = ScriptedModel(lambda request: json.dumps({"positive": request.config.seed % 2 == 0}))
    found = retest_probe(LLMJudgeYesNo("Kind?", model=by_seed), dialogs, 4)
    assert found.rate == pytest.approx(4 / 6)


def test_what_cannot_be_judged_is_counted_as_missing():
    def failing(request):
        return (
            RateLimitError("slow", retry_after=1000)
            if "good 7" in request.messages[-1].content
            else likes_good(request)
        )

    found = order_probe(pairwise(failing), PAIRS)
    assert (found.n, found.n_missing) == (19, 1)
    assert str(found).endswith("n = 19, 1 missing")


def test_probes_refuse_judges_they_do_not_fit():
    dialogs = [good for good, _ in PAIRS]
    label = LLMJudgeCategory("Which?", ["a", "b"], model=ScriptedModel(['{"category": "a"}']))
    with pytest.raises(ConfigError, match="the probe needs numbers"):
        verbosity_probe(label, dialogs)
    for probe in (order_probe, self_preference_probe):
        with pytest.raises(ConfigError, match="judges that compare two dialogs, not LLMJudgeCategory"):
            probe(label, PAIRS)
