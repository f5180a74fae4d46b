"""Conversations as templates and tokenizers of many kinds write them, with a label for each token."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from interpretability.templates import tokenizer
from transformers import AutoTokenizer

import sdialog.backends
from sdialog.backends._hf_chat import render, write
from sdialog.interpretability.spans import Span, part
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


def replied(text: str, name: str = "thinking", kind: str = "bytes", messages=TALK) -> Rendering:
    made = tokenizer(kind, name)
    found = rendered(made, messages)
    return found.with_reply(made(text, add_special_tokens=False)["input_ids"])
