"""Objects with ``.invoke`` work, whether LangChain's own or anything shaped like them."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.language_models.fake_chat_models import FakeListChatModel, GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from pydantic import BaseModel, Field

from sdialog.backends.langchain import LangChainModel, flatten
from sdialog.core.errors import AuthenticationError, ConfigError, LLMError, RateLimitError, ServerError
from sdialog.core.sync import run
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.structured import ask
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, ToolCall, ToolSpec, Usage
from sdialog.testing import check_backend, request


class Tools(BaseChatModel):
    """A LangChain chat model that calls whatever tool it is given, and keeps what it was sent."""

    sent: list[Any] = Field(default_factory=list)
    bound: list[Any] = Field(default_factory=list)

    @property
    def _llm_type(self) -> str:
        return "tools"

    def bind_tools(self, tools: Any, **options: Any) -> Any:
        self.bound.extend(tools)
        return self.bind(tools=tools)

    def _generate(
        self, messages: list[BaseMessage], stop: Any = None, run_manager: Any = None, **kw: Any
    ) -> ChatResult:
        self.sent.append(messages)
        calls = [{"id": "c1", "name": t["function"]["name"], "args": {"city": "Bern"}} for t in kw.get("tools", [])]
        reply = AIMessage(
            [{"type": "reasoning", "reasoning": "Hm."}, {"type": "text", "text": "Let me see."}],
            tool_calls=calls,
            usage_metadata={"input_tokens": 7, "output_tokens": 3, "total_tokens": 10},
            response_metadata={"model_name": "tools-1", "finish_reason": "tool_calls" if calls else "length"},
        )
        return ChatResult(generations=[ChatGeneration(message=reply)])


class Duck:
    """The least a model must be: ``.invoke`` returning something with ``.content``."""

    def __init__(self, answer: Any) -> None:
        self.answer, self.seen = answer, list[Any]()

    def invoke(self, messages: Any) -> Any:
        self.seen.append(messages)
        if isinstance(self.answer, BaseException):
            raise self.answer
        return SimpleNamespace(content=self.answer)


def reply(chat: Any, asked: GenerateRequest | None = None) -> GenerateResult:
    return run(LangChainModel(chat).generate([asked or request("Hi")]))[0]


def test_a_langchain_model_with_tools() -> None:
    chat = Tools()
    model = LangChainModel(chat)
    assert {"tools"} <= model.features
    tool = ToolSpec("weather", "Tell the weather.", {"type": "object", "properties": {"city": {"type": "string"}}})
    history = (
        Message("system", "Be kind."),
        Message("user", "Weather?"),
        Message("assistant", "", tool_calls=(ToolCall("c0", "weather", {"city": "Basel"}),)),
        Message("tool", "sunny", name="weather", tool_call_id="c0"),
    )
    (result,) = run(model.generate([GenerateRequest(history, tools=(tool,))]))
    assert (result.text, result.thinking, result.model) == ("Let me see.", "Hm.", "tools-1")
    assert result.tool_calls == (ToolCall("c1", "weather", {"city": "Bern"}),)
    assert result.finish_reason == "tool_calls" and result.usage == Usage(1, 7, 3)
    (sent,) = chat.sent
    assert [message.type for message in sent] == ["system", "human", "ai", "tool"]
    assert sent[2].tool_calls[0]["args"] == {"city": "Basel"} and sent[3].tool_call_id == "c0"
    assert chat.bound[0]["function"]["parameters"]["properties"] == {"city": {"type": "string"}}
    assert reply(Tools()).finish_reason == "length"


def test_langchain_fakes() -> None:
    assert reply(FakeListChatModel(responses=["Hello"])).text == "Hello"
    assert "tools" not in LangChainModel(FakeListChatModel(responses=["Hello"])).features
    assert reply(GenericFakeChatModel(messages=iter([AIMessage("Hey")]))).text == "Hey"


def test_a_duck_gets_our_messages() -> None:
    duck = Duck("Quack.")
    assert reply(duck).text == "Quack."
    assert duck.seen == [[Message("user", "Hi")]]
    assert duck.seen[0][0].type == "human"
    assert LangChainModel(duck).features == frozenset()
    assert reply(duck).usage == Usage(1, 1, 1)


@pytest.mark.parametrize(
    ("content", "text", "thinking"),
    [
        ("plain", "plain", ""),
        (None, "", ""),
        ([], "", ""),
        (["a", {"type": "text", "text": "b"}], "ab", ""),
        ([{"type": "thinking", "thinking": "hm"}, {"type": "tool_use", "id": "x"}], "", "hm"),
        ([SimpleNamespace(type="text", text="obj")], "obj", ""),
        ({"type": "text", "text": "one"}, "one", ""),
    ],
)
def test_content_blocks_are_flattened(content: Any, text: str, thinking: str) -> None:
    assert flatten(content) == (text, thinking)
    assert reply(Duck(content)).text == text


def test_plain_strings_and_async_objects() -> None:
    class Plain:
        def invoke(self, messages: Any) -> str:
            return "just text"

    class Async(Plain):
        async def ainvoke(self, messages: Any) -> Any:
            return SimpleNamespace(content="from ainvoke")

    assert reply(Plain()).text == "just text"
    assert reply(Async()).text == "from ainvoke"


class RefusedError(Exception):
    """Shaped like the errors of HTTP client libraries."""

    def __init__(self, status: int, **headers: str) -> None:
        super().__init__(f"Error code: {status}")
        self.status_code = status
        self.response = SimpleNamespace(status_code=status, headers=headers)


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (RefusedError(429, **{"retry-after": "3"}), RateLimitError),
        (RefusedError(401), AuthenticationError),
        (RefusedError(503), ServerError),
        (RefusedError(400), LLMError),
    ],
)
def test_errors_of_clients_are_told_apart(error: Exception, kind: type[LLMError]) -> None:
    found = reply(Duck(error), request("Hi", key="k")).error
    assert type(found) is kind and found is not None
    assert found.__cause__ is error and found.request_key == "k"
    if isinstance(found, RateLimitError):
        assert found.retry_after == 3.0


def test_a_slow_invoke_does_not_hold_the_others() -> None:
    class Slow(Duck):
        def invoke(self, messages: Any) -> Any:
            time.sleep(0.1)
            return super().invoke(messages)

    begun = time.monotonic()
    run(LangChainModel(Slow("x")).generate([request("Hi")] * 4))
    assert time.monotonic() - begun < 0.35


class City(BaseModel):
    name: str


@pytest.mark.parametrize("answer", [{"name": "Bern"}, City(name="Bern"), SimpleNamespace(content='{"name": "Bern"}')])
def test_structured_output_of_ducks(answer: Any) -> None:
    class Structuring(Duck):
        schema: Any = None

        def with_structured_output(self, schema: Any) -> Any:
            self.schema = schema
            return SimpleNamespace(invoke=lambda messages: answer)

    chat = Structuring("not used")
    found = run(ask(Scheduler().client(LangChainModel(chat)), request("A city?"), City))
    assert found.value == City(name="Bern") and not found.repaired
    assert chat.schema["required"] == ["name"] and chat.schema["title"] == "City"


def test_structured_output_of_langchain_keeps_the_usage() -> None:
    class Structured(Tools):
        def with_structured_output(self, schema: Any, *, include_raw: bool = False, **_: Any) -> Any:
            from langchain_core.runnables import RunnableLambda

            raw = AIMessage("", usage_metadata={"input_tokens": 5, "output_tokens": 2, "total_tokens": 7})
            return RunnableLambda(lambda _: {"raw": raw, "parsed": {"name": "Bern"}, "parsing_error": None})

    found = run(ask(Scheduler().client(LangChainModel(Structured())), request("A city?"), City))
    assert found.value == City(name="Bern") and found.usage == Usage(1, 5, 2)


def test_invalid_tool_calls_say_so() -> None:
    class Sloppy(Duck):
        def invoke(self, messages: Any) -> Any:
            bad = {"id": "c", "name": "t", "args": "{oops", "error": None, "type": "invalid_tool_call"}
            return AIMessage("", invalid_tool_calls=[bad])

    (call,) = reply(Sloppy("")).tool_calls
    assert (call.id, call.name, call.arguments) == ("c", "t", {}) and "{oops" in str(call.error)


def test_names_and_errors() -> None:
    assert LangChainModel(Duck("x")).name == "langchain:Duck"
    named = Duck("x")
    named.model_name = "duck-1"  # type: ignore[attr-defined]
    assert LangChainModel(named).name == "langchain:Duck(duck-1)"
    with pytest.raises(ConfigError, match=r"no \.invoke"):
        LangChainModel(object())


def test_it_keeps_the_protocol() -> None:
    check_backend(LangChainModel(Duck("Quack.")))
    check_backend(LangChainModel(FakeListChatModel(responses=["Hello"])))
    check_backend(LangChainModel(Tools()))
