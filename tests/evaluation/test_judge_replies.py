"""What replies are taken for: refusals, quotes, and votes that go together."""

from __future__ import annotations

import pytest

from sdialog import Dialog, Turn
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError
from sdialog.evaluation.judges.agents import (
    LLMJudgeGoalCompletion,
    LLMJudgeKnowledgeRetention,
    LLMJudgePersonaConsistency,
    LLMJudgeTopicAdherence,
)
from sdialog.evaluation.judges.asking import declines
from sdialog.evaluation.judges.category import LLMJudgeCategory
from sdialog.evaluation.judges.pairwise import LLMJudgePairwise
from sdialog.evaluation.judges.panel import JudgePanel
from sdialog.evaluation.judges.rubric import LLMJudgeRubric, quoted
from sdialog.evaluation.judges.yes_no import LLMJudgePersonaAttributes, LLMJudgeYesNo
from sdialog.evaluation.runner import score_dialogs

HELLO = Dialog(id="one", turns=[Turn(speaker="Ann", text="Good morning!")])


@pytest.mark.parametrize(
    "reply",
    [
        "Sorry, but that's not something I can help with.",
        "I apologize, but this content goes against my guidelines.",
        "Unable to comply with this request.",
        "I'd rather not judge this conversation.",
        "I'm not going to evaluate this.",
        "I must respectfully decline.",
        "I’m declining to answer.",
        "I am not permitted to do this.",
        "As an AI language model, I do not judge people.",
        "This request violates our usage policies.",
        "My guidelines do not allow me to rate this.",
    ],
)
def test_refusals_come_in_many_words(reply):
    assert declines(reply)


@pytest.mark.parametrize(
    "reply",
    [
        "The answer is yes.",
        "Positive: the agent says sorry and helps.",
        "The agent cannot help.",
        '{"positive": "maybe"}',
        "I think the dialog is polite.",
        "I would say 4, as the policy of returns is explained.",
    ],
)
def test_what_is_only_in_the_wrong_form_is_no_refusal(reply):
    assert not declines(reply)


@pytest.mark.parametrize(
    ("said", "quote", "held"),
    [
        ("I don’t know … “maybe” – later", 'I don\'t know ... "maybe" - later', True),
        ("cafe\u0301", "caf\u00e9", True),
        ("Ｙｅｓ,  of\ncourse", "yes, of course", True),
        ("I don’t know", "I do know", False),
        ("anything", "  ", False),
    ],
)
def test_a_quote_is_one_whatever_marks_it_is_written_with(said, quote, held):
    assert quoted(Dialog(turns=[Turn(text=said)]), 1, quote) is held


def test_reasons_of_a_mixed_panel_go_with_its_verdict():
    yes = [LLMJudgeYesNo("Kind?", True, model=ScriptedModel(['{"reason": "r", "positive": true}'])) for _ in range(2)]
    label = ScriptedModel(['{"reason": "s", "category": "a"}'])
    found = JudgePanel([*yes, LLMJudgeCategory("Which?", ["a", "b"], True, model=label)]).judge(HELLO)
    assert (found.value, found.reason) == (1, "r")


def test_a_panel_in_a_panel_gets_seeds_too():
    seeds = []

    def reply(request):
        seeds.append(request.config.seed)
        return '{"positive": true}'

    panel = JudgePanel([JudgePanel([LLMJudgeYesNo("Kind?", model=ScriptedModel(reply))])])
    panel.with_seed(3)(HELLO)
    assert seeds == [3]


def test_labels_have_no_mean():
    with pytest.raises(ConfigError, match="combine='majority'"):
        LLMJudgeCategory("Which?", ["a", "b"], samples=3, combine="mean", model=ScriptedModel(["x"]))


def test_a_dialog_that_lacks_what_it_is_judged_by_has_no_verdict():
    other = Dialog(id="two", turns=[Turn(speaker="Bob", text="Good night!")])
    prompts = []

    def reply(request):
        prompts.append(request.messages[-1].content)
        return '{"positive": true}'

    model = ScriptedModel(reply)
    goal = LLMJudgeGoalCompletion(lambda dialog: "Greet." if dialog.id == "one" else None, model=model)
    (found,) = score_dialogs([goal], [HELLO, other])
    assert [item.value for item in found.items] == [1, None]
    assert found.items[1].reason == "there is no goal of this dialog" and len(prompts) == 1
    verdict = goal.judge([other, HELLO])
    assert verdict.positive == [None, True] and "Good night" not in prompts[-1]
    reference = LLMJudgeYesNo("Right?", reference=lambda dialog: None, model=model)
    assert reference.judge(HELLO).reason == "there is no reference of this dialog" and len(prompts) == 2


def test_a_speaker_who_is_not_there_is_not_judged():
    model = ScriptedModel(['{"positive": true}'])
    for judge in (
        LLMJudgePersonaAttributes({"name": "Zoe"}, "Zoe", model=model),
        LLMJudgeKnowledgeRetention("Zoe", model=model),
        LLMJudgeTopicAdherence("greetings", "Zoe", model=model),
        LLMJudgePersonaConsistency({"name": "Zoe"}, "Zoe", model=model),
    ):
        (found,) = score_dialogs([judge], [HELLO])
        assert found.items[0].value is None and found.items[0].reason == "Zoe says nothing in this dialog"
    assert LLMJudgePersonaAttributes({"name": "Ann"}, "ann", model=model)(HELLO) == 1


def test_impossible_questions_are_refused():
    with pytest.raises(ConfigError, match="topics are needed"):
        LLMJudgeTopicAdherence(["orders", " "], model=ScriptedModel(["x"]))
    with pytest.raises(ConfigError, match="llm-judge-yes-no is one judge"):
        JudgePanel(LLMJudgeYesNo("Kind?", model=ScriptedModel(["x"])))
    with pytest.raises(ConfigError, match="compares dialogs, not str"):
        LLMJudgePairwise("Which?", model=ScriptedModel(['{"better": 0}'])).judge(HELLO, "two.json")
    reply = '{"additionalProperties": {"evidence": [], "score": 4}}'
    rubric = LLMJudgeRubric(["additionalProperties"], model=ScriptedModel([reply]))
    assert rubric.judge(HELLO).scores == {"additionalProperties": 4}
