"""Raw replies of local models taken apart: text, thinking, tool calls in several dialects, and broken ones."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.backends._hf_parse import MARKERS, parse_reply, visible_part

HERMES = '<tool_call>{"name": "refund", "arguments": {"order": "4821", "amount": 20}}</tool_call>'


@pytest.mark.parametrize(
    "raw",
    [
        HERMES,
        f"\n{HERMES}\n",
        '<tool_call>\n{"name": "refund", "arguments": "{\\"order\\": \\"4821\\", \\"amount\\": 20}"}\n</tool_call>',
        '<tool_call>{"name": "refund", "arguments": {"order": "4821", "amount": 20}}',
        '{"name": "refund", "parameters": {"order": "4821", "amount": 20}}',
        '<|python_tag|>{"name": "refund", "parameters": {"order": "4821", "amount": 20}}',
        '[TOOL_CALLS] [{"name": "refund", "arguments": {"order": "4821", "amount": 20}, "id": "x"}]',
        '[TOOL_CALLS]refund{"order": "4821", "amount": 20}',
        '[TOOL_CALLS]refund[ARGS]{"order": "4821", "amount": 20}',
    ],
)
def test_dialects_of_tool_calls(raw):
    reply = parse_reply(raw, tools=["refund"])
    assert reply.text == ""
    (call,) = reply.tool_calls
    assert (call.name, dict(call.arguments), call.error) == ("refund", {"order": "4821", "amount": 20}, None)


def test_several_calls_text_around_them_and_ids():
    reply = parse_reply(f"Let me see. {HERMES}{HERMES}", first_call=3)
    assert reply.text == "Let me see."
    assert [call.id for call in reply.tool_calls] == ["call_3", "call_4"]
    two = parse_reply('{"name": "a", "parameters": {}}; {"name": "b", "parameters": {}}', tools=["a", "b"])
    assert [call.name for call in two.tool_calls] == ["a", "b"]


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        ('<tool_call>{"name": "refund", "arguments": {"order": }}</tool_call>', "refund"),
        ("<tool_call>refund the order</tool_call>", ""),
        ('<tool_call>{"name": "refund", "arguments": [1, 2]}</tool_call>', "refund"),
        ('<tool_call>{"arguments": {}}</tool_call>', ""),
        ('<tool_call>{"name": "refund", "argum', "refund"),
        ('[TOOL_CALLS]refund{"order": ', "refund"),
    ],
)
def test_broken_calls_carry_an_error(raw, name):
    (call,) = parse_reply(raw, tools=["refund"]).tool_calls
    assert call.name == name
    assert call.error
    assert call.arguments == {}


def test_json_that_is_no_offered_tool_stays_text():
    raw = '{"name": "Ann", "parameters": {}}'
    assert parse_reply(raw, tools=["refund"]).text == raw
    assert parse_reply(raw).text == raw


@pytest.mark.parametrize(
    ("raw", "prompt"),
    [
        ("<think>\nshe is late\n</think>\n\nHello.", ""),
        ("she is late\n</think>\n\nHello.", "<|assistant|><think>\n"),
        ("she is late</think>Hello.", ""),
    ],
)
def test_thinking_is_split_off(raw, prompt):
    reply = parse_reply(raw, prompt=prompt)
    assert (reply.text, reply.thinking) == ("Hello.", "she is late")


def test_thinking_that_never_ends_leaves_no_text():
    reply = parse_reply("<think>on and on")
    assert (reply.text, reply.thinking) == ("", "on and on")


def test_empty_thinking_is_none():
    assert parse_reply("<think>\n\n</think>\n\nHi.").thinking is None


def test_a_response_template_is_asked_first_and_may_fail():
    entry = {"type": "function", "function": {"name": "refund", "arguments": {"order": "1"}}}
    reply = parse_reply("odd dialect", template=lambda: {"content": "Ok.", "tool_calls": [entry]})
    assert reply.text == "Ok."
    assert reply.tool_calls[0].arguments == {"order": "1"}

    def refuses():
        raise ValueError("not JSON")

    assert parse_reply('<tool_call>{"name": "refund", </tool_call>', template=refuses).tool_calls[0].error


PIECES = st.lists(
    st.sampled_from(["Hello ", "there. ", HERMES, "<think>hm</think>", "<", "STOP", "ST", " ", "é", "[TOOL", "{"]),
    max_size=6,
)


@given(PIECES)
def test_what_is_shown_only_grows_and_ends_in_the_text(pieces):
    """Cut a reply anywhere: what was shown is a beginning of what is shown later."""
    raw = "".join(pieces)
    shown = ""
    for end in range(len(raw) + 1):
        now = visible_part(raw[:end], ["STOP"]).text
        assert now.startswith(shown)
        shown = now
    stop = raw.find("STOP")
    assert not any(mark in shown for mark in MARKERS)
    if "<think>" not in raw:
        assert parse_reply(raw[:stop] if stop >= 0 else raw).text.startswith(shown)
