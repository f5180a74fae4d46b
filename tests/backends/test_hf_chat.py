"""Conversations in a model's own format, also when its chat template refuses them or leaves parts out."""

from __future__ import annotations

import pytest
from backends import tiny_models

from sdialog.backends._hf_chat import TemplateRefusedError, render
from sdialog.llm.types import Message, ToolCall, ToolSpec

SYSTEM = Message("system", "You are Ann.")
TALK = (SYSTEM, Message("user", "Hello."), Message("assistant", "Hi."), Message("user", "Why?"))
INSTRUCTION = Message("system", "Be brief.", persist=False)
TOOL = ToolSpec("refund", "Refund an order.", {"type": "object", "properties": {"order": {"type": "string"}}})
CALL = (
    Message("assistant", tool_calls=(ToolCall("1", "refund", {"order": "7"}),)),
    Message("tool", '{"ok": true}', name="refund", tool_call_id="1"),
)
STRICT = (
    "{% for m in messages %}"
    "{% if m.role == 'system' and not loop.first %}{{ raise_exception('system must be first') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}<end>{% endfor %}<assistant>"
)
NO_SYSTEM = (
    "{% for m in messages %}"
    "{% if (m.role == 'user') != (loop.index0 % 2 == 0) %}{{ raise_exception('roles must alternate') }}{% endif %}"
    "<{{ m.role }}>{{ m.content }}<end>{% endfor %}<assistant>"
)
FORGETFUL = (
    "<system>{{ messages[0].content }}<end>"
    "{% for m in messages if m.role != 'system' %}<{{ m.role }}>{{ m.content }}<end>{% endfor %}<assistant>"
)


def text_of(template, *messages, **options):
    return render(tiny_models.tokenizer(template), messages, **options).text


def test_a_willing_template_gets_the_conversation_as_it_is():
    text = text_of(tiny_models.TEMPLATE, *TALK, INSTRUCTION)
    assert text == (
        "<system>You are Ann.<end><user>Hello.<end><assistant>Hi.<end><user>Why?<end><system>Be brief.<end><assistant>"
    )


def test_tokens_are_those_of_the_text():
    prompt = render(tiny_models.tokenizer(), TALK)
    assert tiny_models.tokenizer().decode(prompt.ids) == prompt.text


@pytest.mark.parametrize("template", [STRICT, FORGETFUL], ids=["refuses", "forgets"])
def test_a_late_system_message_is_folded_into_the_user_message(template):
    text = text_of(template, *TALK, INSTRUCTION)
    assert text.endswith("<user>Why?\n\nBe brief.<end><assistant>")
    between = text_of(template, SYSTEM, TALK[1], TALK[2], INSTRUCTION, TALK[3])
    assert between.endswith("<user>Be brief.\n\nWhy?<end><assistant>")
    assert between.startswith("<system>You are Ann.<end>")


def test_roles_are_made_to_alternate():
    text = text_of(NO_SYSTEM, *TALK, INSTRUCTION)
    assert text.startswith("<user>You are Ann.\n\nHello.<end><assistant>Hi.<end>")
    assert text.endswith("<user>Why?\n\nBe brief.<end><assistant>")
    opening = text_of(NO_SYSTEM, Message("assistant", "Hi."), Message("user", "Hello."))
    assert opening.startswith("<user>(The conversation begins.)<end><assistant>Hi.<end><user>Hello.<end>")
    assert text_of(NO_SYSTEM, SYSTEM) == "<user>You are Ann.<end><assistant>"


def test_tool_calls_and_results_become_text_where_they_must():
    text = text_of(NO_SYSTEM, *TALK, *CALL)
    assert '<assistant><tool_call>{"name": "refund", "arguments": {"order": "7"}}</tool_call><end>' in text
    assert '<user>Result of refund: {"ok": true}<end>' in text


def test_tools_are_described_where_the_template_does_not():
    text = text_of(tiny_models.TEMPLATE, *TALK, tools=[TOOL])
    assert text.startswith("<system>You are Ann.\n\nYou can call these tools:\n- refund: Refund an order.")
    alone = text_of(tiny_models.TEMPLATE, Message("user", "Hello."), tools=[TOOL])
    assert alone.startswith("<system>You can call these tools:")


def test_a_template_that_knows_tools_gets_them():
    template = "{% for t in tools or [] %}[{{ t.function.name }}]{% endfor %}" + tiny_models.TEMPLATE
    assert text_of(template, *TALK, tools=[TOOL]).startswith("[refund]<system>You are Ann.<end>")


def test_a_tool_whose_name_somebody_says_is_still_described():
    """A template that knows no tools wrote "refund" all the same, and the tool was taken for described."""
    text = text_of(tiny_models.TEMPLATE, SYSTEM, Message("user", "I want a refund."), tools=[TOOL])
    assert "- refund: Refund an order." in text


def test_a_system_message_is_missed_although_another_message_has_its_words():
    said = (SYSTEM, Message("user", "Be brief. Hello."), Message("assistant", "Hi."), Message("user", "Why?"))
    text = text_of(FORGETFUL, *said, INSTRUCTION)
    assert text.count("Be brief.") == 2


def test_thinking_and_variables_reach_the_template():
    template = "{{ enable_thinking }} {{ mood }}{{ messages[0].content }}"
    assert text_of(template, Message("user", "Hi"), think=False, variables={"mood": "calm"}) == "False calmHi"


def test_a_template_that_refuses_everything_is_an_error():
    with pytest.raises(TemplateRefusedError, match="refuses"):
        text_of("{{ raise_exception('no') }}", *TALK)


def test_without_a_template_a_plain_one_is_used():
    prompt = render(tiny_models.tokenizer(None), TALK)
    assert prompt.text == "System: You are Ann.\nUser: Hello.\nAssistant: Hi.\nUser: Why?\nAssistant:"
    assert "\nUser:" in prompt.stops
