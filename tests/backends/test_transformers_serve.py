"""transformers' own server over the embedded model's folder: replies and tool calls through ``openai:``."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from servers import transformers_server

from sdialog.backends import embedded
from sdialog.backends.embedded import EmbeddedBackend
from sdialog.backends.openai import OpenAIBackend
from sdialog.core.sync import run
from sdialog.llm.prompts import render
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message, ToolSpec

pytestmark = pytest.mark.slow

FOLDER = Path(embedded.__file__).parent / "mini"
TOOL = ToolSpec(
    "check_order",
    "Look an order up.",
    {"type": "object", "properties": {"order_number": {"type": "string"}}, "required": ["order_number"]},
)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with transformers_server.serve(FOLDER) as base_url:
        yield base_url


@pytest.fixture
def served(address: str) -> OpenAIBackend:
    return OpenAIBackend(str(FOLDER), base_url=address, api_key="none")


def persona(**fields: object) -> Message:
    text = render(
        "agent/persona",
        persona="\n".join(f"{name}: {value}" for name, value in fields.items()),
        context=None,
        dialogue_details="",
        response_details="Keep it to one short utterance, as people do in spoken conversation.",
        example_dialogs=[],
        can_finish=True,
        stop_word="STOP",
    )
    return Message("system", text)


def order_calls() -> list[GenerateRequest]:
    """Conversations at the point where an order has to be looked up, with a long and a short prompt."""
    short = Message("system", "name: Peter Bell\nrole: support agent\nmood: polite\ntalking to: customer")
    prompts = (short, persona(name="Peter Bell", role="support agent", mood="polite"))
    requests = []
    for prompt in prompts:
        for item, code in (("brown jacket", "4986"), ("blue lamp", "4821"), ("red chair", "2640")):
            messages = (
                prompt,
                Message("assistant", "Welcome, my name is Peter Bell, how may I help you?"),
                Message("user", f"Hello, my name is Anna Wood. I am still waiting for my {item}."),
                Message(
                    "assistant", f"I see, you are waiting for the {item}. Could you please give me the order number?"
                ),
                Message("user", f"The order number is {code}."),
                Message("assistant", "May I ask you to tell me your city?"),
                Message("user", "I live in Lisbon."),
            )
            requests.append(GenerateRequest(messages, GenerateConfig(temperature=0, max_tokens=48), tools=(TOOL,)))
    return requests


def test_replies_are_those_of_the_embedded_model(served):
    """Greedy, the server and the embedded backend say the same: same weights, same template, same tokens."""
    talks = [
        (persona(name="Anna", role="customer", mood="polite", wants="a refund"), Message("user", f"Hello, {said}"))
        for said in ("how can I help you?", "this is Max.")
    ]
    requests = [GenerateRequest(talk, GenerateConfig(temperature=0, max_tokens=32)) for talk in talks]
    remote, local = run(served.generate(requests)), run(EmbeddedBackend().generate(requests))
    assert [result.error for result in remote] == [None, None]
    assert [result.text for result in remote] == [result.text for result in local]
    assert all(result.text for result in remote)


def test_a_tool_call_comes_back_as_one(served):
    results = run(served.generate(order_calls()))
    calls = [call for result in results for call in result.tool_calls]
    assert any(call.name == "check_order" and call.arguments.get("order_number") for call in calls), results
    assert "tool_calls" in {result.finish_reason for result in results}
