"""Which tokens of a conversation are whose, for templates and tokenizers of many kinds, and choosing among them."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from interpretability.templates import TEMPLATES, TOKENIZERS, tokenizer
from transformers import AutoTokenizer

import sdialog.backends
from sdialog.backends._hf_chat import TemplateRefusedError, render, write
from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.spans import (
    Span,
    characters,
    choices,
    content,
    everything,
    explain,
    first,
    generated,
    last,
    last_prompt,
    message,
    part,
    prompt,
    regex,
    role,
    speaker,
    special,
    turn,
    words,
)
from sdialog.interpretability.tokens.rendering import Rendering
from sdialog.llm.types import Message, ToolCall, ToolSpec

TOOL = ToolSpec("refund", "Refund an order.", {"type": "object", "properties": {"order": {"type": "string"}}})
TALK = (
    Message("system", "You are Ava."),
    Message("user", "I want a refund for order 4711.", name="Ann"),
    Message("assistant", "Which order?"),
    Message("user", "Order 4711, I said. A refund!", name="Ann"),
)
CALLS = (
    *TALK,
    Message("assistant", "One moment.", tool_calls=(ToolCall("1", "refund", {"order": "47é", "count": 2}),)),
    Message("tool", '{"paid": "12 €"}', name="refund", tool_call_id="1"),
)
TRAPS = (
    Message("system", "system"),
    Message("user", "U"),
    Message("assistant", "<|im_start|>assistant\nUser: U\n", thinking="user"),
    Message("system", "[INST]"),
    Message("user", " [/INST] \r\nm\r\n"),
    Message("assistant", "assistant"),
    Message("user", "<end_of_turn>\n<start_of_turn>model\n"),
)


def writer(made: Any, think: bool | None = None):
    return lambda messages, tools, ask: write(made, messages, tools, think, ask=ask)


def rendered(made: Any, messages, tools=(), think: bool | None = None, **options: Any) -> Rendering:
    """Label a conversation as the backend renders it."""
    sent = render(made, messages, tools, think)
    again = writer(made, think)
    return Rendering.of(made, messages, sent.text, sent.ids, speaker="Ava", tools=tools, write=again, **options)


def mini() -> Any:
    return AutoTokenizer.from_pretrained(str(Path(sdialog.backends.__file__).parent / "mini"))


MINI = mini()
MADE = [pytest.param(tokenizer(kind, name), id=f"{name}-{kind}") for name in TEMPLATES for kind in TOKENIZERS]
MADE.append(pytest.param(MINI, id="mini"))


def text_of(rendering: Rendering, span: Span | str) -> str:
    """The characters of the chosen tokens, once each."""
    shown = ""
    mask = Span.parse(span).mask(rendering)
    for text, places, _ in rendering.texts():
        done = 0
        for place in places:
            start, end = rendering.offsets[place]
            if mask[place] and end > done:
                shown += text[max(start, done) : end]
                done = end
    return shown


def plain(kind: str = "bytes", name: str = "markup", messages=TALK, **options: Any) -> Rendering:
    return rendered(tokenizer(kind, name), messages, **options)


# -- labels


def said(rendering: Rendering, place: int) -> str:
    """The text of a message as its stretches in the prompt have it."""
    return "".join(
        rendering.text[one.start : one.end]
        for one in rendering.stretches[0]
        if one.message == place and one.part in ("content", "tool_result")
    )


def check(rendering: Rendering, messages) -> None:
    """Labels are a partition, point at the right characters, and leave none of a message out."""
    length = len(rendering)
    assert len(rendering.labels) == len(rendering.offsets) == len(rendering.special) == length == len(rendering.ids)
    parts = [part(name).mask(rendering) for name in dict.fromkeys(label.part for label in rendering.labels)]
    assert all(sum(column) == 1 for column in zip(*parts, strict=True))
    for place, one in enumerate(messages):
        escaped = json.dumps(one.content, ensure_ascii=False)[1:-1]
        found = said(rendering, place)
        assert found.strip() in ("", one.content.strip(), escaped.strip()), "what is found is the message"
        held = set()
        for (start, end), label in zip(rendering.offsets, rendering.labels, strict=True):
            for stretch in rendering.stretches[0]:
                if stretch.message == place and stretch.part in ("content", "tool_result"):
                    inside = range(max(start, stretch.start), min(end, stretch.end))
                    held |= set(inside)
                    if inside and not label.straddles:
                        assert (label.message, label.role) == (place, one.role)
                    if inside and not label.straddles and found != escaped:
                        assert one.content[label.start : label.end] == rendering.text[start:end].lstrip("\0")
        assert len(held) == len(found), "every character is some token's"


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


def replied(text: str, name: str = "thinking", kind: str = "bytes", messages=TALK) -> Rendering:
    made = tokenizer(kind, name)
    found = rendered(made, messages)
    return found.with_reply(made(text, add_special_tokens=False)["input_ids"])


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


# -- selectors


@pytest.fixture(scope="module")
def talk() -> Rendering:
    return replied("No, sorry. 12 refunds<|im_end|>", name="markup")


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (turn(0), TALK[1].content),
        (turn(-1), TALK[3].content),
        (turn(-2), "Which order?"),
        (message(0), "You are Ava."),
        (message(-1), TALK[3].content),
        (speaker("Ann"), TALK[1].content + TALK[3].content),
        (speaker("Ava") & prompt, "Which order?"),
        (role("system"), "You are Ava."),
        (content & turn(1), "Which order?"),
        (characters(0, 1) & turn(0), "I"),
        (regex(r"\d+") & turn(-1), " 4711"),
        (regex("order 4") & turn(0), " order 4711"),
        (regex(r"^.*$") & turn(1), "Which order?"),
        (words("REFUND") & prompt, " refund refund"),
        (words("refund") & generated, ""),
        (words("I said", "which") & prompt, "Which I said"),
        (part("generation_prompt"), "<|im_start|>assistant\n"),
        (generated, "No, sorry. 12 refunds<|im_end|>"),
        (generated & special, "<|im_end|>"),
        (generated & content, "No, sorry. 12 refunds"),
        (first(1), "<|im_start|>"),
        (last(1), "<|im_end|>"),
        (turn(0)[0:1] | turn(0)[-1:], "I."),
        ((turn(0) | turn(1))[1:][:1], " w"),
        (message(4) & content, "No, sorry. 12 refunds"),
        (~prompt & ~special, "No, sorry. 12 refunds"),
    ],
    ids=str,
)
def test_selectors(talk, span, text):
    assert text_of(talk, span) == text
    assert Span.parse(str(span)) == span
    assert span.mask(talk) == Span.parse(span.json()).mask(talk)


def test_positions(talk):
    places = {str(one): [at for at, chosen in enumerate(one.mask(talk)) if chosen] for one in (last_prompt, choices)}
    assert places["last_prompt"] == [talk.prompt - 1]
    assert places["choices"] == list(range(talk.prompt - 1, len(talk)))
    assert all(everything.mask(talk)) and sum(prompt.mask(talk)) == talk.prompt
    assert sum(special.mask(talk)) == talk.text.count("<|im_") + 1


def test_matches_run_over_the_ends_of_tokens():
    found = plain(messages=(Message("user", "zqzqzq 4711"),))
    assert sum(regex("qzq").mask(found)) > 1
    assert not any(regex("im_start").mask(found)), "templates are not searched"


def test_a_span_of_nothing_says_what_there_is(talk):
    assert turn(0).require(talk) == turn(0).mask(talk)
    with pytest.raises(
        UserError, match=r"turn\(7\).*3 turns \(0 to 2.*roles: system, user, assistant; speakers: Ann, Ava"
    ):
        turn(7).require(talk)


def test_explanations_show_the_conversation(talk):
    shown = explain(talk, "turn(-1) & words(refund) | generated[0:1]")
    assert "A[ refund]!<|im_end|>" in shown and shown.endswith("[N]o, sorry. 12 refunds<|im_end|>")
    emoji = plain(messages=(Message("user", "a猫b"),))
    assert "a[猫]b" in explain(emoji, "characters(1, 2)")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("turn(", "at character 5: expected a number or a text, found the end"),
        ("turn(-1) content", "at character 9: expected & or | or the end"),
        ("content[0]", "expected ':'"),
        ("content $", "unexpected '\\$'"),
        ("turn(Ann)", "takes a whole number"),
        ("speaker(3)", 'quote it: speaker\\("3"\\)'),
        ("content()", "expected a number or a text"),
        ("prompt(1)", "takes no arguments"),
        ('regex("(")', "no regular expression"),
        ('regex("\\d")', "a backslash is doubled"),
        ("characters(4, 2)", "larger end"),
        ("last(0)", "at least 1"),
        ('words("")', "not empty"),
        ("", "expected a span"),
        ("(" * 500, "too many levels"),
    ],
)
def test_what_is_no_expression_is_refused_with_the_place(text, error):
    with pytest.raises(ConfigError, match=error):
        Span.parse(text)


@pytest.mark.parametrize("text", ["contend", "role(usr)", "part(thinking)"])
def test_unknown_names_are_refused_with_near_ones(text):
    with pytest.raises(UnknownNameError, match=r"did you mean|known"):
        Span.parse(text)


def test_spans_are_no_sequences():
    with pytest.raises(ConfigError, match="sliced as"):
        content[0:4:2]
    with pytest.raises(ConfigError, match="sliced as"):
        content[0]  # type: ignore[index]
    with pytest.raises(TypeError):
        list(content)  # type: ignore[call-overload]


NAMES = st.text(min_size=1, max_size=6) | st.sampled_from(["Ann", "d'Artagnan", 'a"b', "a\\", "Ann Lee", "猫", "7"])
PATTERNS = st.sampled_from([r"\d+", r"a|b", '"x"', "'", r"\\", r"\"", "a\n", "é", r"\w+\s", "/"])
LEAVES = (
    st.sampled_from([everything, prompt, generated, content, special, last_prompt, choices])
    | st.builds(turn, st.integers(-4, 4))
    | st.builds(message, st.integers(-4, 4))
    | st.builds(speaker, NAMES)
    | st.builds(speaker, st.just("Ava"))
    | st.builds(role, st.sampled_from(["system", "user", "assistant", "tool"]))
    | st.builds(part, st.sampled_from(["template", "content", "think", "tools", "generation_prompt"]))
    | st.builds(lambda start, length: characters(start, start + length), st.integers(0, 9), st.integers(1, 9))
    | st.builds(regex, PATTERNS)
    | st.lists(NAMES, min_size=1, max_size=3).map(lambda names: words(*names))
    | st.builds(first, st.integers(1, 90))
    | st.builds(last, st.integers(1, 90))
)
BOUNDS = st.none() | st.integers(-5, 60)
SPANS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda one, other: one & other, inner, inner)
        | st.builds(lambda one, other: one | other, inner, inner)
        | st.builds(lambda one: ~one, inner)
        | st.builds(lambda one, start, stop: one[start:stop], inner, BOUNDS, BOUNDS)
    ),
    max_leaves=5,
)


@settings(max_examples=300)
@given(SPANS)
def test_expressions_read_back_as_they_were_written(span):
    assert Span.parse(str(span)) == span
    assert hash(Span.parse(str(span))) == hash(span)
    assert Span.parse(span) is span


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(span=SPANS)
def test_what_is_known_while_a_reply_runs_holds_at_its_end(talk, span):
    bare = talk.without_reply()
    mask = span.mask(talk)
    running = [span.generated(k, talk.prompt, bare) for k in range(len(talk) - talk.prompt)]
    blind = [span.generated(k, talk.prompt) for k in range(len(talk) - talk.prompt)]
    for known, unseen, meant in zip(running, blind, mask[talk.prompt :], strict=True):
        assert known in (None, meant) and unseen in (None, meant)
    when = span.when_known()
    if when != "end":
        assert None not in running and span.settled
    if span.settled:
        assert span.mask(bare) == mask[: talk.prompt], "edits of the prompt do not change with the reply"
    if when == "prompt":
        assert not any(running)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(one=SPANS, other=SPANS)
def test_spans_obey_the_laws_of_sets(talk, one, other):
    assert (~(one & other)).mask(talk) == (~one | ~other).mask(talk)
    assert (~~one).mask(talk) == one.mask(talk) == one[:].mask(talk)
    assert sum(one[:3].mask(talk)) + sum(one[3:].mask(talk)) == sum(one.mask(talk))


@pytest.mark.parametrize(
    ("span", "when"),
    [
        ("turn(-1) & content", "prompt"),
        ("prompt[-3:]", "prompt"),
        ("last_prompt", "prompt"),
        ("role(user)", "prompt"),
        ("~generated", "prompt"),
        ("generated[0:5]", "running"),
        ("choices", "running"),
        ("speaker(Ava)", "running"),
        ("~turn(-1)", "running"),
        ("turn(3)", "running"),
        ("generated[-2:]", "end"),
        ("content", "end"),
        ("prompt & last(3)", "end"),
        ("prompt & everything[-3:]", "end"),
        ("regex(a) | generated & special", "end"),
    ],
)
def test_when_it_is_known(span, when):
    assert Span.parse(span).when_known() == when
