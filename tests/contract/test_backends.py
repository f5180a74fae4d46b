"""Every backend keeps the model protocol: each goes through the check that plug-in authors use.

Those that reach a service do so through their real client, against a real server on loopback.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from servers import anthropic_server, bedrock_server, google_server, ollama_server, openai_server
from servers.http_server import Answer, Received
from servers.service import Reply

import sdialog.backends
from sdialog.core.errors import LLMError
from sdialog.llm.get import usable
from sdialog.llm.protocol import Backend, Model, backends
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message
from sdialog.testing import check_backend, request

FOLDER = Path(sdialog.backends.__file__).parent
BUILT_IN = sorted(file.stem for file in FOLDER.glob("[a-z]*.py"))
KEY = "a-very-secret-key-0123456789"
FAIL = "Please fail."
FAILING = request(FAIL, key="check/failing")


class Case(NamedTuple):
    """How to make a backend, how its name begins, and the request it will fail, if it can be made to."""

    make: Callable[[], AbstractContextManager[Model]]
    name: str
    failing: GenerateRequest | None = FAILING


def echo(messages: Sequence[Message]) -> str:
    if messages[-1].content == FAIL:
        raise ValueError("asked to")
    return f"You said: {messages[-1].content}"


class Chat:
    """What a LangChain chat model looks like from outside."""

    def invoke(self, messages: Sequence[Message]) -> SimpleNamespace:
        return SimpleNamespace(content=echo(messages))


def on_loopback(name: str, serve: Any, **options: Any) -> Callable[[], AbstractContextManager[Model]]:
    """Make a backend by name, talking to a server that refuses one request and answers all others."""

    @contextmanager
    def make() -> Iterator[Model]:
        def answer(received: Received) -> Reply | Answer:
            refusal: Answer = service.error(400, "no")
            reply: Reply = service.default_reply(received)
            return refusal if FAIL.encode() in received.body else reply

        with serve(iter(lambda: answer, None)) as service:
            at = {key: value.format(url=service.url) for key, value in options.items()}
            yield backends.get(name)("some-model", **at)

    return make


CASES = {
    "anthropic": Case(
        on_loopback("anthropic", anthropic_server.serve, base_url="{url}", api_key=KEY), "anthropic:some-model"
    ),
    "azure": Case(on_loopback("azure", openai_server.serve, azure_endpoint="{url}", api_key=KEY), "azure:some-model"),
    "bedrock": Case(
        on_loopback(
            "bedrock",
            bedrock_server.serve,
            endpoint_url="{url}",
            region_name="eu-west-1",
            aws_access_key_id="AKIA0123456789",
            aws_secret_access_key=KEY,
        ),
        "bedrock:some-model",
    ),
    "callable": Case(lambda: nullcontext(made("callable", echo)), "callable:echo"),
    "embedded": Case(lambda: nullcontext(made("embedded", "mini")), "embedded:mini", failing=None),
    "google": Case(on_loopback("google", google_server.serve, base_url="{url}", api_key=KEY), "google:some-model"),
    "huggingface": Case(lambda: nullcontext(made("huggingface", str(FOLDER / "mini"))), "huggingface", failing=None),
    "langchain": Case(lambda: nullcontext(made("langchain", Chat())), "langchain:Chat"),
    "ollama": Case(on_loopback("ollama", ollama_server.serve, base_url="{url}", api_key=KEY), "ollama:some-model"),
    "openai": Case(on_loopback("openai", openai_server.serve, base_url="{url}/v1", api_key=KEY), "openai:some-model"),
    "scripted": Case(
        lambda: nullcontext(made("scripted", lambda asked: echo(asked.messages), label="echo")), "scripted:echo"
    ),
}
LOCAL = {"embedded", "huggingface"}


def made(name: str, *given: Any, **options: Any) -> Model:
    return backends.get(name)(*given, **options)


@pytest.fixture(autouse=True)
def no_cloud_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cloud's client must find neither a person's profile nor the machine's own credentials."""
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_", "GOOGLE_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


def test_every_built_in_backend_is_checked_here() -> None:
    assert sorted(CASES) == BUILT_IN
    assert set(BUILT_IN) <= set(backends.names())


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in LOCAL])
def test_it_keeps_the_protocol(name: str) -> None:
    with CASES[name].make() as backend:
        report = check_backend(backend, failing=CASES[name].failing, timeout=60)
    assert {"order", "usage", "cancellation", "error row", "second event loop"} <= set(report.passed)
    for feature in ("stream", "tools"):
        assert (feature in report.passed) == (feature in backend.features)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(LOCAL))
def test_a_model_in_this_process_keeps_the_protocol(name: str) -> None:
    asked = GenerateRequest((Message("user", "Hello!"),), GenerateConfig(max_tokens=4, seed=7), key="check/hello")
    with CASES[name].make() as backend:
        report = check_backend(backend, asked)
    assert {"order", "usage", "cancellation", "stream", "tools", "second event loop"} <= set(report.passed)


@pytest.mark.parametrize("name", BUILT_IN)
def test_it_is_what_its_name_promises(name: str) -> None:
    kind = backends.get(name)
    assert isinstance(kind, type) and issubclass(kind, Backend) and kind.prefix == name
    with CASES[name].make() as backend:
        assert isinstance(backend, kind) and isinstance(backend, Model)
        assert backend.name.startswith(CASES[name].name)
        assert backend.identity is None or KEY not in backend.identity
        assert KEY not in f"{backend!r} {backend} {backend.options!r}"


@pytest.mark.parametrize("name", [name for name in BUILT_IN if name not in LOCAL])
def test_a_failure_says_which_model_and_which_request_and_no_secret(name: str) -> None:
    with CASES[name].make() as backend:
        (result,) = asyncio.run(backend.generate([FAILING]))
    assert isinstance(result.error, LLMError) and result.finish_reason == "error"
    assert (result.error.backend, result.error.request_key) == (backend.name, FAILING.key)
    assert KEY not in str(result.error) and KEY not in repr(result)


def test_whether_a_backend_can_be_used_is_told_without_using_it() -> None:
    loaded = set(sys.modules)
    found = {status.name: status for status in usable()}
    assert set(BUILT_IN) <= set(found)
    assert all(status.usable == (not status.reason) for status in found.values())
    assert found["scripted"].usable and not found["openai"].usable and "OPENAI_API_KEY" in found["openai"].reason
    heavy = {"torch", "transformers", "openai", "ollama", "anthropic", "boto3", "google.genai"}
    assert not heavy & (set(sys.modules) - loaded)
