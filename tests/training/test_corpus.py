"""The corpus grammar: rows the model can be trained on, and prompts that are the toolkit's own."""

from __future__ import annotations

import json
import random
from itertools import pairwise

from hypothesis import example, given, settings
from hypothesis import strategies as st

import sdialog.personas as personas
from sdialog.core.attributes import AttributeModel
from sdialog.llm.prompts import render
from training.cases import draw_cases
from training.dialogs import draw_script
from training.domains import DOMAINS
from training.prompts import DEFAULT_DETAILS, full_prompt, persona_fields, persona_text
from training.rows import draw_row, tool_row, view
from training.script import other
from training.sentences import CHANGE_MIND, FINISH, GIVE, KEEP_GOING


@given(st.integers(0, 2**32))
@example(15839)
@settings(max_examples=150, deadline=None)
def test_a_row_starts_with_the_system_message_and_has_something_to_learn(seed):
    row = draw_row(random.Random(seed))
    assert row[0].role == "system"
    assert {m.role for m in row if m.learn} == {"assistant"}
    assert not any("{" in m.content and m.content.endswith("}") and not m.content.startswith(("<", "{"))
                   for m in row[1:])  # fmt: skip


@given(st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_the_same_seed_draws_the_same_row(seed):
    assert draw_row(random.Random(seed)) == draw_row(random.Random(seed))


def test_one_time_instructions_are_gone_from_later_turns():
    rng = random.Random(5)
    checked = 0
    while checked < 40:
        script = draw_script(rng)
        orders = [s for s in script.steps if s.kind == "order" and s.order and not s.order.persistent]
        if not orders:
            continue
        side = orders[0].side
        whole = view(script, side, "prompt")
        assert not any(m.content == s.text for s in orders if s.side == side for m in whole if m.role == "system")
        shown = view(script, side, "prompt", keep=0)
        assert shown[-1].role == "assistant" and shown[-1].learn
        checked += 1


def test_the_end_marker_is_never_heard():
    rng = random.Random(6)
    for _ in range(60):
        script = draw_script(rng)
        for side in ("I", "R"):
            assert not any("STOP" in m.content for m in view(script, side, "prompt") if m.role == "user")


def test_instructions_of_the_built_in_orchestrators_are_worded_alike():
    assert render("orchestrate/finish") == FINISH
    assert render("orchestrate/keep_going") == KEEP_GOING
    assert render("orchestrate/change_mind", reason=None) == CHANGE_MIND
    assert render("orchestrate/change_mind", reason="it rains") == f"{CHANGE_MIND} Reason: it rains"


def test_prompts_are_the_toolkits_own():
    rng = random.Random(7)
    script = draw_script(rng)
    for side, party in script.parties.items():
        fields = persona_fields(rng, party, script.domain)
        prompt = full_prompt(rng, fields, party, script.parties[other(side)], plain=True)
        assert prompt == render(
            "agent/persona", persona=persona_text(fields), context=None, dialogue_details="",
            response_details=DEFAULT_DETAILS, example_dialogs=[], can_finish=True, stop_word="STOP",
        )  # fmt: skip


def test_personas_of_the_published_shapes_fit_the_published_classes():
    everything = [getattr(personas, name) for name in personas.__all__]
    classes = [c for c in everything if isinstance(c, type) and issubclass(c, AttributeModel)]
    published = fitting = 0
    for case in draw_cases(80, seed=3):
        for fields in case.fields.values():
            if "language" not in fields and "politeness" not in fields:
                continue
            fits = [c for c in classes if set(fields) <= set(c.model_fields)]
            published += 1
            fitting += any(c(**fields).prompt() == persona_text(fields) for c in fits)
    assert fitting > published / 2


def test_tool_calls_only_use_what_was_said_or_is_denied():
    rng = random.Random(8)
    for _ in range(600):
        script = draw_script(rng, tool=True)
        if script.tool is None:  # small talk
            continue
        for values, heard in _calls(view(script, "R", "prompt")):
            _were_heard(values, heard)


def test_tool_drills_only_use_what_was_said_or_is_denied():
    rng = random.Random(9)
    for _ in range(600):
        for values, heard in _calls(tool_row(rng)):
            _were_heard(values, heard)


def _calls(messages):
    """Yield the arguments of every tool call that is learnt, with what was heard before it."""
    heard = []
    for message in messages:
        if message.role == "user":
            heard.append(message.content.lower())
        if message.learn and message.content.startswith("<tool_call>"):
            yield (
                json.loads(message.content.removeprefix("<tool_call>").removesuffix("</tool_call>"))["arguments"],
                heard,
            )


def _were_heard(values, heard):
    """Require that each value was said, or for "unknown" that the caller does not have it."""
    for value in values.values():
        denied = value == "unknown" and any("i do not have that" in text or text == "no." for text in heard)
        assert denied or any(value.lower() in text for text in heard)


def test_callers_say_nothing_their_prompt_does_not_tell():
    rng = random.Random(10)
    withheld = 0
    for _ in range(600):
        script = draw_script(rng, orders=False)
        caller = script.parties["I"]
        said = " ".join(step.text for step in script.steps if step.kind == "say" and step.side == "I")
        for key in set(DOMAINS[script.domain].facts) - set(caller.known):
            withheld += 1
            stated = [t.replace("{" + key + "}", caller.facts[key]) for t in GIVE[key]]
            assert not any(text in said for text in stated)
            assert key != "nights" or f"for {caller.facts[key]} nights" not in said
    assert withheld > 100


def test_a_call_of_an_unknown_tool_is_seen_but_not_learnt():
    rng = random.Random(11)
    seen = 0
    for _ in range(400):
        row = tool_row(rng)
        for before, after in pairwise(row):
            if after.role == "tool" and "there is no tool" in after.content:
                seen += 1
                assert not before.learn and before.content.startswith("<tool_call>")
    assert seen > 10
