"""Judges: their verdicts, their form, their prompts, what their cache key covers, and panels of them."""

from __future__ import annotations

import json
import math

import pytest

from sdialog import Context, Dialog, Turn
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, OutputParseError, RateLimitError, UnknownNameError, UnsupportedFeatureError
from sdialog.core.settings import use
from sdialog.evaluation.judges.agents import (
    LLMJudgeGoalCompletion,
    LLMJudgeKnowledgeRetention,
    LLMJudgePersonaConsistency,
    LLMJudgeTopicAdherence,
)
from sdialog.evaluation.judges.base import BaseLLMJudge
from sdialog.evaluation.judges.category import LLMJudgeCategory
from sdialog.evaluation.judges.outputs import LLMJudgeScoreOutput, LLMJudgeYesNoOutput
from sdialog.evaluation.judges.panel import JudgePanel
from sdialog.evaluation.judges.rubric import LLMJudgeRubric
from sdialog.evaluation.judges.scores import LLMJudgeRealDialogLikertScore, LLMJudgeRealDialogScore, LLMJudgeScore
from sdialog.evaluation.judges.spec import judge_from_spec
from sdialog.evaluation.judges.yes_no import (
    LLMJudgePersonaAttributes,
    LLMJudgeRealDialog,
    LLMJudgeRefusal,
    LLMJudgeYesNo,
)
from sdialog.evaluation.runner import Running, score_dialogs
from sdialog.evaluation.score_cache import ScoreCache
from sdialog.llm.types import GenerateResult, TokenLogprob

HELLO = Dialog(id="one", turns=[Turn(speaker="Ann", text="Good morning!"), Turn(speaker="Bob", text="Morning, Ann.")])
BYE = Dialog(id="two", turns=[Turn(speaker="Ann", text="Good night!")])


class Heard:
    """A model that keeps what it is asked and answers from a list, over and over."""

    def __init__(self, *replies, **options):
        self.requests, self.replies = [], replies
        self.model = ScriptedModel(self.reply, **options)

    def reply(self, request):
        self.requests.append(request)
        return self.replies[(len(self.requests) - 1) % len(self.replies)]

    @property
    def prompt(self):
        return self.requests[-1].messages[-1].content


# -- published behaviour


def test_a_yes_no_judge_gives_a_typed_verdict_and_a_number():
    heard = Heard('{"reason": "Turn 1.", "positive": true}')
    judge = LLMJudgeYesNo("Does {{ who }} greet?", reason=True, model=heard.model)
    assert judge.judge(HELLO, who="Ann") == LLMJudgeYesNoOutput(reason="Turn 1.", positive=True)
    assert judge.name == "llm-judge-yes-no"
    assert "Does Ann greet?" in judge.prompt() and judge.prompt(system=True) == heard.requests[0].messages[0].content
    config = heard.requests[0].config
    assert (config.temperature, config.seed) == (0.0, 0)
    heard.replies = ('{"positive": false}',)
    assert judge.score(HELLO, who="Ann") == judge(HELLO, who="Ann") == 0


def test_a_list_comes_back_as_long_as_it_went_in():
    heard = Heard('{"score": [4, 2]}')
    assert LLMJudgeScore("How kind?", model=heard.model).judge([HELLO, BYE]).score == [4, 2]
    assert heard.prompt.count("[BEGIN dialog") == 2 and len(heard.requests) == 1
    assert LLMJudgeYesNo("Kind?", model=Heard('{"positive": [true, false]}').model).judge([HELLO, BYE]).positive == [
        True,
        False,
    ]
    short = LLMJudgeYesNo("Kind?", model=Heard('{"positive": [true]}').model)
    with pytest.raises(OutputParseError, match="at least 2 items"):
        short.judge([HELLO, BYE])
    with pytest.raises(ConfigError, match="no dialogs"):
        short.judge([])


def test_a_list_of_one_gives_a_list_of_one():
    assert LLMJudgeYesNo("Kind?", model=Heard('{"positive": true}').model).judge([HELLO]).positive == [True]


@pytest.mark.parametrize(
    ("judge", "reply", "value"),
    [
        (LLMJudgeRealDialog, '{"positive": true}', 1),
        (LLMJudgeRefusal, '{"positive": false}', 0),
        (LLMJudgeRealDialogLikertScore, '{"score": 4}', 4),
        (LLMJudgeRealDialogScore, '{"score": 9}', 9),
        (LLMJudgeKnowledgeRetention, '{"positive": true}', 1),
        (lambda model: LLMJudgeKnowledgeRetention("Bob", model=model), '{"positive": true}', 1),
        (lambda model: LLMJudgePersonaAttributes(Context(location="X"), "Ann", model=model), '{"positive": true}', 1),
        (lambda model: LLMJudgePersonaAttributes("A shy man.", "Bob", model=model), '{"positive": false}', 0),
        (lambda model: LLMJudgePersonaConsistency({"age": 40}, "Bob", model=model), '{"score": 3}', 3),
        (lambda model: LLMJudgeGoalCompletion("Greet.", model=model), '{"positive": true}', 1),
        (lambda model: LLMJudgeTopicAdherence(["weather"], model=model), '{"positive": true}', 1),
        (lambda model: LLMJudgeTopicAdherence("weather", "Bob", model=model), '{"positive": true}', 1),
    ],
)  # fmt: skip
def test_built_in_judges_have_their_own_prompts(judge, reply, value):
    heard = Heard(reply)
    made = judge(model=heard.model)
    assert made.score(HELLO) == value and type(made.score(HELLO)) is int
    assert "{{" not in heard.prompt and "Good morning!" in heard.prompt


def test_the_prompt_of_the_settings_is_used(tmp_path):
    (tmp_path / "mine.j2").write_text("You are a strict judge.")
    with use(prompts={"judge/base": str(tmp_path / "mine.j2")}, llm=Heard('{"positive": true}').model):
        judge = LLMJudgeRefusal()
    assert judge.prompt(system=True) == "You are a strict judge."
    assert judge.score(HELLO) == 1


@pytest.mark.parametrize(
    "model", [lambda messages: '{"positive": true}', type("I", (), {"invoke": lambda self, m: '{"positive": true}'})()]
)
def test_functions_and_objects_with_invoke_are_models(model):
    judge = LLMJudgeYesNo("Kind?", model=model)
    assert judge.score(HELLO) == 1
    assert judge.identity() is None


def test_a_custom_judge_works_alone_and_in_an_evaluation():
    class Kind(BaseLLMJudge):
        def judge(self, dialogs):
            return self(f"How kind is this? {dialogs.prompt()}")

    judge = Kind(Heard('{"reason": "So.", "score": 3}').model, output_format=LLMJudgeScoreOutput)
    assert judge(HELLO) == 3
    (found,) = score_dialogs([judge], [HELLO, BYE], Running(cache=False))
    assert found.values == [3.0, 3.0] and found.items[0].reason == "So."
    assert BaseLLMJudge.__call__(Kind(Heard("Well.").model), "What?") == "Well."


def test_scores_out_of_bounds_are_asked_for_again_and_then_an_error():
    heard = Heard('{"score": 9}', '{"score": 5}')
    assert LLMJudgeScore("How kind?", model=heard.model).score(HELLO) == 5
    assert "at most 5" in heard.requests[1].messages[-1].content
    (found,) = score_dialogs([LLMJudgeScore("How kind?", model=Heard('{"score": 9}').model)], [HELLO])
    assert found.items[0].error.startswith("OutputParseError") and found.values == []


@pytest.mark.parametrize(
    "options",
    [
        {"min_score": 5, "max_score": 1},
        {"score_type": "text"},
        {"max_score": 4.5},
        {"samples": 0},
        {"weighted": True, "max_score": 10},
        {"weighted": True, "score_type": float},
    ],
)
def test_impossible_arguments_are_refused(options):
    with pytest.raises(ConfigError):
        LLMJudgeScore("How kind?", model=Heard("").model, **options)


def test_fields_nobody_asked_for_do_not_spoil_a_verdict():
    heard = Heard('{"reason": ["odd"], "positive": true}')
    assert LLMJudgeYesNo("Kind?", model=heard.model).judge(HELLO) == LLMJudgeYesNoOutput(positive=True)
    assert len(heard.requests) == 1


# -- refusals, abstentions, samples


@pytest.mark.parametrize(
    "reply",
    [
        GenerateResult("I cannot judge this.", finish_reason="content_filter"),
        "I'm sorry, but I can't help with that.",
    ],
)
def test_a_refusal_is_a_missing_value_with_its_reason(reply):
    (found,) = score_dialogs([LLMJudgeYesNo("Kind?", model=Heard(reply).model)], [HELLO])
    (item,) = found.items
    assert item.missing and item.error is None
    assert item.reason.startswith("refused: I") and item.details["refusal"] is True
    assert item.usage.calls > 0
    verdict = LLMJudgeYesNo("Kind?", model=Heard(reply).model).judge(HELLO)
    assert verdict.positive is None and verdict.reason.startswith("refused")


def test_a_judge_may_abstain_only_if_allowed():
    reply = '{"reason": "Too short.", "positive": null}'
    judge = LLMJudgeYesNo("Kind?", reason=True, abstain=True, model=Heard(reply).model)
    assert judge.judge(HELLO) == LLMJudgeYesNoOutput(reason="cannot tell: Too short.", positive=None)
    with pytest.raises(OutputParseError):
        LLMJudgeYesNo("Kind?", reason=True, model=Heard(reply).model).judge(HELLO)


def test_samples_are_asked_with_seeds_of_their_own_and_combined():
    heard = Heard(*('{"positive": true}', '{"positive": false}', '{"positive": true}'))
    (found,) = score_dialogs([LLMJudgeYesNo("Kind?", samples=3, model=heard.model)], [HELLO])
    assert found.values == [1.0] and [vote["value"] for vote in found.items[0].details["votes"]] == [1, 0, 1]
    assert found.items[0].usage.calls == 3
    assert len({request.config.seed for request in heard.requests}) == 3
    assert {request.config.temperature for request in heard.requests} == {1.0}
    split = LLMJudgeYesNo("Kind?", samples=2, model=Heard('{"positive": true}', '{"positive": false}').model)
    assert split.judge(HELLO).positive is None and "split" in split.judge(HELLO).reason
    mean = LLMJudgeScore("How kind?", samples=2, model=Heard('{"score": 2}', '{"score": 5}').model)
    assert mean.score(HELLO) == 3.5


def test_a_failed_sample_does_not_count_but_is_told():
    heard = Heard('{"score": 2}', RateLimitError("slow down", retry_after=1000), '{"score": 4}')
    (found,) = score_dialogs([LLMJudgeScore("How kind?", samples=3, model=heard.model)], [HELLO])
    assert found.values == [3.0]
    assert [("error" in vote) for vote in found.items[0].details["votes"]] == [False, True, False]


# -- weighted, category, rubric, reference


def weighted_reply(*shares):
    top = tuple((str(score), math.log(share)) for score, share in shares)
    tokens = (
        TokenLogprob('{"score', 0.0),
        TokenLogprob('": ', 0.0),
        TokenLogprob(*top[0], top),
        TokenLogprob("}", 0.0),
    )
    return GenerateResult(json.dumps({"score": shares[0][0]}), logprobs=tokens)


def test_weighted_scores_are_means_over_the_tokens_of_scores():
    # 0.6 * 4 + 0.3 * 5 + 0.1 * 3 = 4.2 by hand (G-Eval, Liu et al., 2023, equation 1)
    judge = LLMJudgeScore("How kind?", weighted=True, model=Heard(weighted_reply((4, 0.6), (5, 0.3), (3, 0.1))).model)
    assert judge.score(HELLO) == pytest.approx(4.2)
    # What is no possible score does not count: (0.5 * 2 + 0.25 * 3) / 0.75
    judge = LLMJudgeScore("How kind?", weighted=True, model=Heard(weighted_reply((2, 0.5), (3, 0.25), (9, 0.25))).model)
    (found,) = score_dialogs([judge], [HELLO])
    assert found.values[0] == pytest.approx(1.75 / 0.75)
    assert set(found.items[0].details["distribution"]) == {"2", "3"}


def test_a_weighted_sample_whose_tokens_cannot_be_read_does_not_spoil_the_others():
    no_score = GenerateResult('{"score": 4}', logprobs=(TokenLogprob("four", 0.0),))
    heard = Heard(weighted_reply((4, 1.0)), no_score, weighted_reply((2, 1.0)))
    (found,) = score_dialogs([LLMJudgeScore("How kind?", weighted=True, samples=3, model=heard.model)], [HELLO])
    assert found.values == [3.0] and found.usage.calls == 3
    assert "do not hold its score" in found.items[0].details["votes"][1]["error"]
    alone = LLMJudgeScore("How kind?", weighted=True, model=Heard(no_score).model)
    (found,) = score_dialogs([alone], [HELLO])
    assert found.n_missing == 1 and found.items[0].error is not None


def test_weighted_needs_probabilities():
    with pytest.raises(UnsupportedFeatureError, match="probabilities"):
        LLMJudgeScore("How kind?", weighted=True, model=lambda messages: "")
    with pytest.raises(UnsupportedFeatureError, match="probabilities"):
        LLMJudgeScore("How kind?", weighted=True, model=Heard('{"score": 3}').model).score(HELLO)


def test_a_category_is_a_label_of_the_list():
    heard = Heard('{"category": "rude"}', '{"category": "friendly"}')
    judge = LLMJudgeCategory("What is the tone?", {"friendly": "warm words", "cold": "few words"}, model=heard.model)
    assert judge.score(HELLO) == "friendly"
    assert "friendly: warm words" in heard.requests[0].messages[-1].content
    for wrong in (["one"], "ab", []):
        with pytest.raises(ConfigError, match="categories"):
            LLMJudgeCategory("What?", wrong, model=heard.model)


def rubric_reply(quote, turn=2, score=4):
    return json.dumps({"greets": {"evidence": [{"turn": turn, "quote": quote}], "score": score}})


def test_rubric_evidence_is_checked_against_the_turns():
    heard = Heard(rubric_reply("Good evening"), rubric_reply("morning,  ann"))
    verdict = LLMJudgeRubric(["greets"], model=heard.model).judge(HELLO)
    assert "turn 2 does not say 'Good evening'" in heard.requests[1].messages[-1].content
    assert verdict.scores == {"greets": 4} and verdict.evidence["greets"][0].verified
    (found,) = score_dialogs([LLMJudgeRubric(["greets"], model=Heard(rubric_reply("Hi", 7)).model)], [HELLO])
    assert found.items[0].value == {"greets": 4} and found.items[0].details["unverified"] == 1
    assert found.parts["greets"].values == [4.0]
    several = LLMJudgeRubric(["greets"], model=Heard(rubric_reply("Good", 1)).model).judge([HELLO, BYE])
    assert [one.scores for one in several] == [{"greets": 4}] * 2


def test_a_reference_is_shown_as_data():
    heard = Heard('{"positive": true}')
    judge = LLMJudgeYesNo("As good as the reference?", reference=BYE, model=heard.model)
    judge.score(HELLO)
    assert "[BEGIN reference" in heard.prompt and "Good night!" in heard.prompt
    judge.score(HELLO, reference="Bob says hello.")
    assert "Bob says hello." in heard.prompt and "Good night!" not in heard.prompt
    LLMJudgeScore("How near?", reference=lambda dialog: f"of {dialog.id}", model=Heard('{"score": 1}').model).score(
        HELLO
    )


# -- panels


def yes_no(*replies):
    return LLMJudgeYesNo("Kind?", model=Heard(*replies).model)


def test_a_panel_decides_by_majority_mean_or_median():
    yes, no = '{"positive": true}', '{"positive": false}'
    (found,) = score_dialogs([JudgePanel([yes_no(yes), yes_no(no), yes_no(yes)])], [HELLO])
    assert found.values == [1.0] and len(found.items[0].details["votes"]) == 3 and found.items[0].usage.calls == 3
    assert JudgePanel([yes_no(yes), yes_no(no), yes_no(no), yes_no(yes)], "mean").score(HELLO) == 0.5
    tie = JudgePanel([yes_no(yes), yes_no(no)]).judge(HELLO)
    assert tie.value is None and "split" in tie.reason
    scores = [LLMJudgeScore("?", model=Heard(f'{{"score": {n}}}').model) for n in (1, 2, 5)]
    assert JudgePanel(scores, "median").score(HELLO) == 2.0


def test_a_panel_without_a_majority_of_verdicts_has_none():
    yes, no = '{"positive": true}', "I cannot help with that."
    refused = JudgePanel([yes_no(yes), yes_no(no)]).judge(HELLO)
    assert refused.value is None and refused.details["refusal"] is True
    broken = yes_no(RateLimitError("slow down", retry_after=1000))
    assert JudgePanel([yes_no(yes), broken]).score(HELLO) == 1
    (found,) = score_dialogs([JudgePanel([broken, broken])], [HELLO])
    assert found.items[0].error.startswith("RateLimitError")
    for wrong in ([], ["judge"]):
        with pytest.raises(ConfigError, match="panel"):
            JudgePanel(wrong)


# -- identity


def key(judge):
    return ScoreCache.key(judge, "content")


def test_whatever_decides_a_verdict_changes_the_key_and_nothing_else_does():
    def made(prompt="Kind?", replies=('{"positive": true}',), family=LLMJudgeYesNo, **options):
        return family(prompt, model=ScriptedModel(list(replies)), **options)

    same = [made(), made(), made(name="other")]
    different = [
        made("Rude?"), made(replies=["x"]), made(reason=True), made(temperature=0.5), made(seed=4), made(samples=3),
        made(samples=3, combine="mean"), made(abstain=True), made(reference="x"), made(reference=BYE),
        made(about={"x": "y"}), made(family=LLMJudgeScore), made(family=LLMJudgeScore, max_score=6),
        made(family=LLMJudgeScore, weighted=True), made(family=LLMJudgeScore, score_type=float),
        made(max_tokens=5),
    ]  # fmt: skip
    assert len({key(judge) for judge in same}) == 1
    assert len({key(judge) for judge in [same[0], *different]}) == len(different) + 1
    assert None not in {key(judge) for judge in different}
    assert key(made(reference=lambda dialog: "x")) is None
    with use(prompts={"judge/base": "agent/persona"}):
        assert key(made()) != key(same[0])
    panel = JudgePanel(same)
    assert key(panel) != key(JudgePanel(different)) and key(panel) == key(JudgePanel(same))
    rubrics = [LLMJudgeRubric(names, model=ScriptedModel(["x"])) for names in (["a"], ["b"], {"a": "meaning"})]
    assert len({key(rubric) for rubric in rubrics}) == 3


def test_verdicts_are_kept_and_found_again(tmp_path):
    model = ScriptedModel(['{"reason": "So.", "positive": true}'])
    for cached in (False, True):
        judge = LLMJudgeYesNo("Kind?", reason=True, model=model)
        (found,) = score_dialogs([judge], [HELLO], Running(cache=ScoreCache(tmp_path / "scores.sqlite")))
        (item,) = found.items
        assert (item.value, item.reason, item.cached) == (1, "So.", cached)
        assert item.details["votes"][0]["raw"] == '{"reason": "So.", "positive": true}'


# -- plain data


def test_judges_are_made_from_plain_data(tmp_path):
    (tmp_path / "replies.txt").write_text('{"positive": true}')
    model = f"scripted:{tmp_path / 'replies.txt'}"
    judge = judge_from_spec({"prompt": "Kind?", "model": model, "temperature": 0.3, "samples": 3})
    assert isinstance(judge, LLMJudgeYesNo) and judge.score(HELLO) == 1 and judge.samples == 3
    panel = judge_from_spec({"type": "LLMJudgeRefusal", "models": [model, {"name": model}], "combine": "mean"})
    assert isinstance(panel, JudgePanel) and panel.score(HELLO) == 1.0
    judges = [{"prompt": "Kind?", "model": model}, {"type": "LLMJudgeGoalCompletion", "goal": "Greet.", "model": model}]
    assert judge_from_spec({"type": "JudgePanel", "judges": judges}).score(HELLO) == 1
    assert judge_from_spec({"type": "LLMJudgeRubric", "criteria": ["a"], "model": model}).criteria == {"a": ""}


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        ({"type": "LLMJudgeYesNo"}, ConfigError, "needs the field 'prompt'"),
        ({"type": "LLMJudgeYesNoo"}, UnknownNameError, "LLMJudgeYesNo"),
        ({"prompt": "?", "sampels": 3}, UnknownNameError, "samples"),
        ({"prompt": 7, "model": "scripted:x"}, ConfigError, "LLMJudgeYesNo"),
        ({"type": "LLMJudgeRefusal", "prompt": "?"}, UnknownNameError, "prompt"),
        ({"prompt": "?", "models": "one"}, ConfigError, "models is a list"),
        ({"type": "JudgePanel"}, ConfigError, "needs judges"),
        ({"type": "LLMJudgePairwise", "prompt": "?"}, ConfigError, "make it in Python"),
        ("LLMJudgeYesNo", ConfigError, "mapping"),
    ],
)
def test_wrong_plain_data_is_refused_by_field(spec, error, said):
    with pytest.raises(error, match=said):
        judge_from_spec(spec)
