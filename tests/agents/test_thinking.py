"""Reasoning is told from speech, whatever shape it comes in."""

from __future__ import annotations

import re

import pytest

from sdialog.agents import Agent
from sdialog.agents.thinking import ThinkingSplitter
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError


def test_native_reasoning_and_pattern_are_joined() -> None:
    split = ThinkingSplitter().split("<think>One.</think>Hello<think>\nTwo.\n</think> you", native="Zero.")
    assert split == ("Hello you", "Zero.\nOne.\nTwo.")


@pytest.mark.parametrize(
    ("text", "said", "thought"),
    [
        ("She is angry.</think>I am sorry.", "I am sorry.", "She is angry."),
        ("I am sorry.<think>Should I refund", "I am sorry.", "Should I refund"),
        ("  Just speech.  ", "  Just speech.  ", ""),
        ("<think></think>Hi", "Hi", ""),
    ],
)
def test_half_open_tags_are_understood(text: str, said: str, thought: str) -> None:
    assert ThinkingSplitter().split(text) == (said, thought)


def test_own_pattern_and_none() -> None:
    assert ThinkingSplitter(r"\[\[(.*?)\]\]").split("[[hm]] Yes") == ("Yes", "hm")
    assert ThinkingSplitter(re.compile(r"\((.*?)\)")).split("(hm) Yes") == ("Yes", "hm")
    assert ThinkingSplitter(None).split("<think>a</think>b").text == "<think>a</think>b"


@pytest.mark.parametrize("pattern", [r"<a>.*</a>", r"<(a|b)>(.*?)</a>", r"<think>((.*)"])
def test_unfit_pattern_is_refused_when_the_agent_is_made(pattern: str) -> None:
    with pytest.raises(ConfigError, match="thinking_pattern"):
        Agent(model=ScriptedModel(["x"]), thinking_pattern=pattern)


def test_thought_is_an_event_and_not_part_of_what_is_said_or_remembered() -> None:
    agent = Agent(name="Ava", model=ScriptedModel([{"text": "<think>a</think>Yes.", "thinking": "b"}]))
    events = agent("Hi", True)
    assert events is not None
    assert [(event.action, event.content) for event in events] == [("think", "b\na"), ("utter", "Yes.")]
    assert agent.memory[-1].content == "Yes."


def test_marker_within_a_thought_ends_nothing() -> None:
    agent = Agent(model=ScriptedModel(["<think>Should I say STOP</think>Yes."]))
    assert agent("Hi") == "Yes."
    assert agent("Hi") == "Yes."
