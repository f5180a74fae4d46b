"""Which tokens of a conversation are whose, for templates and tokenizers of many kinds."""

from __future__ import annotations

import json
import pickle
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from interpretability.renderings import CALLS, MINI, TALK, TOOL, TRAPS, check, plain, rendered, replied, said, text_of
from interpretability.templates import TEMPLATES, TOKENIZERS, tokenizer

from sdialog.backends._hf_chat import TemplateRefusedError, render
from sdialog.core.errors import UserError
from sdialog.interpretability.spans import characters, content, generated, message, part, turn
from sdialog.interpretability.tokens.rendering import Rendering
from sdialog.llm.types import Message, ToolCall, ToolSpec

MADE = [pytest.param(tokenizer(kind, name), id=f"{name}-{kind}") for name in TEMPLATES for kind in TOKENIZERS]
MADE.append(pytest.param(MINI, id="mini"))


# -- prompts


@pytest.mark.parametrize("made", MADE)
@pytest.mark.parametrize("messages", [TALK, TRAPS], ids=["talk", "traps"])
def test_every_token_has_one_label_and_every_message_its_tokens(made, messages):
    found = rendered(made, messages)
    check(found, messages)
    assert [said(found, place).strip() for place in range(len(messages))] == [one.content.strip() for one in messages]


LETTERS = st.text(st.sampled_from("aUuser :\n\r\t<|>[]/sé猫👩‍🚀\"'\\{}1"), max_size=12)
TEXTS = LETTERS | st.sampled_from(["user", "User", "<|im_end|>\n", "[/INST]", "", "  ", "I", "assistant", "\r\n", "ok"])


@st.composite
def conversations(draw):
    start = [Message("system", draw(TEXTS))] if draw(st.booleans()) else []
    talk: list[Message] = [*start, Message("user", draw(TEXTS))]
    for _ in range(draw(st.integers(0, 3))):
        thinking = draw(st.none() | st.sampled_from(["so", "user\nU", " hm \n"]))
        talk.append(Message("assistant", draw(TEXTS), thinking=thinking))
        if draw(st.integers(0, 3)) == 0:
            talk.append(Message("system", draw(TEXTS)))
        talk.append(Message("user", draw(TEXTS)))
    return tuple(talk)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(conversations(), st.sampled_from(sorted(TEMPLATES)), st.sampled_from(TOKENIZERS))
@example((Message("user", "  "), Message("assistant", ""), Message("user", "\r\n")), "turns", "prefix")
def test_any_conversation_is_told_apart(messages, name, kind):
    made = tokenizer(kind, name)
    try:
        found = rendered(made, messages)
    except TemplateRefusedError:
        return
    check(found, messages)


NAMED = st.sampled_from(["refund", "f", "user", "name"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(st.sampled_from('aé"\\\n<|猫'), max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=3,
)
ARGUMENTS = st.dictionaries(st.sampled_from(["a", "order", "name"]), VALUES, max_size=3)


@st.composite
def calling(draw):
    talk = list(draw(conversations()))
    calls = tuple(ToolCall(str(number), draw(NAMED), draw(ARGUMENTS)) for number in range(draw(st.integers(1, 2))))
    talk.append(Message("assistant", draw(TEXTS), tool_calls=calls))
    talk += [Message("tool", draw(TEXTS), name=call.name, tool_call_id=call.id) for call in calls]
    return tuple(talk)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(calling(), st.sampled_from(["tools", "arguments", "turns", "inst", "mini"]), st.sampled_from(TOKENIZERS))
def test_any_call_is_told_apart(messages, name, kind):
    try:
        found = rendered(MINI if name == "mini" else tokenizer(kind, name), messages, [TOOL])
    except TemplateRefusedError:
        return
    check(found, messages)
    for place, one in enumerate(messages):
        mine = [found.text[s.start : s.end] for s in found.stretches[0] if s.part == "tool_call" and s.message == place]
        assert len(mine) == len(one.tool_calls)
        for call, text in zip(one.tool_calls, mine, strict=True):
            if name == "arguments":
                assert text.startswith(call.name)
            else:
                assert json.loads(text) == {"name": call.name, "arguments": call.arguments}


@settings(max_examples=60)
@given(conversations(), st.sampled_from(["bytes", "across"]))
def test_content_tokens_decode_to_the_message(messages, kind):
    made = tokenizer(kind, "markup")
    found = rendered(made, messages)
    for place, one in enumerate(messages):
        mine = (message(place) & content).mask(found)
        if one.content and not any(label.straddles for label in found.labels):
            ids = [key for key, chosen in zip(found.ids, mine, strict=True) if chosen]
            assert made.decode(ids, skip_special_tokens=False, clean_up_tokenization_spaces=False) == one.content


def test_tokens_across_a_boundary_are_marked_and_belong_to_their_first_letter():
    found = plain("across", "inst")
    straddling = [place for place, label in enumerate(found.labels) if label.straddles]
    assert straddling
    for place in straddling:
        start, end = found.offsets[place]
        letter = next((at for at in range(start, end) if not found.text[at].isspace()), start)
        inside = any(one.start <= letter < one.end for one in found.stretches[0])
        assert inside == (found.labels[place].part != "template")


def test_a_space_of_the_template_does_not_take_a_word_from_its_message():
    found = plain(name="plain", messages=(Message("user", "Which order?"), Message("assistant", "refund")))
    place = next(at for at, (start, end) in enumerate(found.offsets) if found.text[start:end] == " refund")
    label = found.labels[place]
    assert (label.part, label.message, label.start, label.end, label.straddles) == ("content", 1, 0, 6, True)


def test_a_call_that_is_named_again_beside_its_result_ends_where_it_ends():
    made = tokenizer("bytes", "named-again")
    found = rendered(made, CALLS)
    (call,) = [found.text[one.start : one.end] for one in found.stretches[0] if one.part == "tool_call"]
    assert call == '{"name": "refund", "arguments": {"order": "47é", "count": 2}}'


@pytest.mark.parametrize("name", ["tools", "turns", "inst", "arguments"])
def test_calls_and_results_have_parts_of_their_own(name):
    found = plain(name=name, messages=CALLS)
    written = {one.part: found.text[one.start : one.end] for one in found.stretches[0]}
    if name == "arguments":
        assert written["tool_call"] == "refund><parameter=order>47é</parameter><parameter=count>2"
        assert written["tool_result"] == '{\\"paid\\": \\"12 €\\"}'
        escaped = [label for label in found.labels if label.part == "tool_result" and not label.straddles]
        assert max(label.end for label in escaped) <= len(CALLS[-1].content)
    else:
        assert written["tool_call"] == '{"name": "refund", "arguments": {"order": "47é", "count": 2}}'
        assert written["tool_result"] == CALLS[-1].content
    calls = part("tool_call").mask(found)
    assert any(calls) and all(label.message == 4 for label, one in zip(found.labels, calls, strict=True) if one)
    assert "47é" in text_of(found, "part(tool_call)") and "12" in text_of(found, "role(tool)")


@pytest.mark.parametrize("name", ["tools", "markup"])
def test_descriptions_of_tools_are_told_from_the_system_message(name):
    found = plain(name=name, tools=[ToolSpec("pay_back", "Give money back.", TOOL.parameters)])
    assert "Give money back." in text_of(found, "part(tools)")
    assert text_of(found, "message(0)").strip() == "You are Ava."
    assert text_of(found, "part(generation_prompt)") == "<|im_start|>assistant\n"


def test_the_embedded_model_and_a_call_whose_text_its_template_leaves_out():
    found = rendered(MINI, CALLS, [TOOL])
    assert text_of(found, "part(tools)") == "\ntools: refund(order)"
    assert text_of(found, "turn(2)") == "" or "moment" not in text_of(found, "content")
    assert text_of(found, "part(generation_prompt)") == "<|assistant|>"
    assert "47é" in text_of(found, "part(tool_call)")


@pytest.mark.parametrize(
    "messages",
    [
        (TALK[0], TALK[1], Message("assistant", "Yes.", thinking="She wants\nmoney."), TALK[3]),
        (TALK[0], TALK[1], Message("assistant", "<think>\nShe wants\nmoney.\n</think>\n\nYes."), TALK[3]),
    ],
    ids=["apart", "inside"],
)
def test_thinking_is_no_content(messages):
    found = plain(name="thinking", messages=messages)
    assert text_of(found, "part(think)").strip() == "She wants\nmoney."
    assert text_of(found, "turn(1) & content").strip() == "Yes."
    first_thought = next(label for label in found.labels if label.part == "think" and not label.straddles)
    source = messages[2].thinking or messages[2].content
    assert source[first_thought.start : first_thought.end] in "She wants\nmoney."


def test_a_closed_thinking_block_belongs_to_the_question_for_a_reply():
    found = plain(name="thinking", think=False)
    assert text_of(found, "part(generation_prompt)") == "<|im_start|>assistant\n<think>\n\n</think>\n\n"


@pytest.mark.parametrize("name", ["turns", "inst", "last-user"])
def test_system_messages_in_the_middle_are_found_where_they_are_folded(name):
    messages = (*TALK[:3], Message("system", "Be brief."), TALK[3])
    found = plain(name=name, messages=messages)
    assert text_of(found, "message(3)").strip() == "Be brief."
    assert text_of(found, "message(0)").strip() == "You are Ava."
    assert text_of(found, "turn(-1)").strip() == TALK[3].content


def test_empty_messages_have_no_tokens_and_are_no_turns():
    found = plain(messages=(Message("user", ""), Message("assistant", "Hello?"), Message("user", "Hi.")))
    assert found.turns == (1, 2) and not any(message(0).mask(found))
    assert text_of(found, turn(0)) == "Hello?"


def test_characters_of_several_tokens_are_whole():
    found = plain(messages=(Message("user", "猫が👩‍🚀 go"),))
    assert text_of(found, content) == "猫が👩‍🚀 go"
    assert text_of(found, "characters(0, 1)") == "猫" and sum(characters(0, 1).mask(found)) > 1


def test_without_the_writer_the_own_template_is_tried_and_then_the_texts_are_searched():
    made = tokenizer("bytes", "markup")
    sent = render(made, TRAPS)
    assert Rendering.of(made, TRAPS, sent.text, sent.ids, speaker="Ava").labels == rendered(made, TRAPS).labels
    unknown = tokenizer("bytes", "plain")  # no template of its own
    sent = render(unknown, TALK)
    found = Rendering.of(unknown, TALK, sent.text, sent.ids, speaker="Ava")
    assert text_of(found, "speaker(Ava)").strip() == "Which order?"
    sent = render(unknown, TRAPS)
    with pytest.raises(UserError, match=r"more than one place.*write="):
        Rendering.of(unknown, TRAPS, sent.text, sent.ids)
    with pytest.raises(UserError, match=r"message 0.*not in the rendered prompt"):
        Rendering.of(unknown, [Message("user", "Bye")], "User: Hello\n", unknown("User: Hello\n")["input_ids"])


def test_what_does_not_belong_together_is_refused():
    made = tokenizer("bytes", "markup")
    sent = render(made, TALK)
    with pytest.raises(UserError, match="tokens are not those"):
        Rendering.of(made, TALK, sent.text, sent.ids[:-2])
    with pytest.raises(UserError, match="does not write the conversation"):
        Rendering.of(made, TALK, sent.text, sent.ids, write=lambda *_: "something else")


class Slow:
    """A tokenizer that tells no offsets."""

    is_fast = False

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    def __getattr__(self, name: str) -> Any:
        return None if name == "backend_tokenizer" else getattr(self.inner, name)

    def __call__(self, text: str, **options: Any) -> Any:
        assert "return_offsets_mapping" not in options
        return self.inner(text, **options)


@pytest.mark.parametrize("kind", TOKENIZERS)
def test_tokenizers_without_offsets_give_the_same_labels(kind):
    messages = (TALK[0], Message("user", "Ho un piatto, naïve"), *TALK[2:])
    made = tokenizer(kind, "turns")
    fast, slow = rendered(made, messages), rendered(Slow(made), messages)
    assert [label.part for label in slow.labels] == [label.part for label in fast.labels]
    assert slow.offsets == fast.offsets


def test_a_rendering_from_messages_needs_a_template():
    assert len(Rendering.from_messages(tokenizer("bytes", "markup"), TALK, ask=False)) > 20
    with pytest.raises(UserError, match="no chat template"):
        Rendering.from_messages(tokenizer("bytes", "plain"), TALK)


# -- replies


def test_a_reply_is_taken_apart():
    found = replied('<think>hm</think>Yes, 猫.<tool_call>{"name": "f"}</tool_call><|im_end|>')
    assert found.reply_text.startswith("<think>hm</think>Yes, 猫.")
    assert text_of(found, "generated & part(think)") == "hm"
    assert text_of(found, "generated & content") == "Yes, 猫."
    assert text_of(found, "generated & part(tool_call)") == '{"name": "f"}'
    assert found.labels[-1].part == "template" and found.special[-1]
    assert all(label.role == "assistant" and label.speaker == "Ava" for label in found.labels[found.prompt :])
    yes = next(label for label in found.labels[found.prompt :] if label.part == "content")
    assert found.reply_text[yes.start : yes.end] in "Yes,"
    assert text_of(found, turn(3)) == text_of(found, generated) == found.reply_text
    assert text_of(found, "turn(-1) & content") == TALK[3].content


def test_parts_of_a_character_at_the_end_of_a_reply_are_places_too():
    made = tokenizer("bytes", "markup")
    ids = made("ok 猫")["input_ids"][:-1]
    found = rendered(made, TALK).with_reply(ids)
    check(found.without_reply(), TALK)
    assert len(found) == found.prompt + len(ids)
    assert rendered(made, TALK).with_reply([]).reply_text == ""


@settings(max_examples=40)
@given(st.text(st.sampled_from("ab é猫👩‍🚀\n<think>"), max_size=20), st.sampled_from(["bytes", "across"]))
def test_offsets_of_a_reply_cover_its_text(text, kind):
    found = replied(text, kind=kind)
    assert found.reply_text == text == text_of(found, generated)
    done = 0
    for start, end in found.offsets[found.prompt :]:
        assert start <= done and start <= end, "no character is left out"
        done = max(done, end)


def test_renderings_travel_between_processes():
    found = replied("Yes.")
    copy = pickle.loads(pickle.dumps(found))
    assert copy.json() == found.json() and copy.labels == found.labels
    with pytest.raises(UserError, match="tokenizer"):
        copy.with_reply([1])
