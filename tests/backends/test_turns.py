"""Conversations made fit for services that want strict turns."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from sdialog.backends._turns import GO_ON, OPENING, alternate
from sdialog.llm.types import Message, ToolCall

TEXTS = st.sampled_from(["", "  ", "a", "b c", "é\n"])
MESSAGES = st.one_of(
    st.builds(Message, st.sampled_from(["system", "user", "assistant", "tool"]), TEXTS),
    st.builds(lambda text: Message("assistant", text, tool_calls=(ToolCall("c", "f"),)), TEXTS),
)


@given(st.lists(MESSAGES, max_size=12))
def test_turns_alternate_start_and_end_with_the_user_and_lose_nothing(messages: list[Message]) -> None:
    system, exchanges = alternate(messages)
    sides = [exchange.side for exchange in exchanges]
    assert sides[0] == sides[-1] == "user"
    assert all(one != other for one, other in itertools.pairwise(sides))
    everything = system + "".join(m.content for e in exchanges for m in e.messages)
    assert all(m.content.strip() in everything for m in messages)
    kept = [m for e in exchanges for m in e.messages]
    assert [m for m in kept if m.tool_calls] == [m for m in messages if m.tool_calls]
    assert sum(m.role == "tool" for m in kept) == sum(m.role == "tool" for m in messages)
    assert not any(m.role == "system" for m in kept)
    assert all(m.content.strip() or m.tool_calls or m.role == "tool" for m in kept)


def test_an_instruction_in_the_middle_is_marked_and_joined_to_the_user() -> None:
    messages = [
        Message("system", "You are Ava."),
        Message("system", "Be kind."),
        Message("user", "Hi!"),
        Message("system", "Ask for the name."),
    ]
    system, (only,) = alternate(messages)
    assert system == "You are Ava.\n\nBe kind."
    assert [m.content for m in only.messages] == ["Hi!", "<instruction>\nAsk for the name.\n</instruction>"]


def test_tool_output_comes_before_words() -> None:
    messages = [
        Message("user", "Hi!"),
        Message("assistant", tool_calls=(ToolCall("c", "f"),)),
        Message("system", "Be brief."),
        Message("tool", "", tool_call_id="c"),
    ]
    _, exchanges = alternate(messages)
    assert [m.role for m in exchanges[-1].messages] == ["tool", "user"]


def test_whoever_speaks_first_is_told_so() -> None:
    for messages in ([], [Message("system", "x")], [Message("user", "")]):
        assert [m.content for m in alternate(messages)[1][0].messages] == [OPENING]
    _, exchanges = alternate([Message("assistant", "Hi!")])
    assert exchanges[-1].messages[0].content == GO_ON
