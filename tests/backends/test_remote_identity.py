"""A cache must never answer for one server with what another one said."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from servers import ollama_server, openai_server

from sdialog.backends.anthropic import AnthropicBackend
from sdialog.backends.azure import AzureBackend
from sdialog.backends.bedrock import BedrockBackend
from sdialog.backends.google import GoogleBackend
from sdialog.backends.ollama import OllamaBackend
from sdialog.backends.openai import OpenAIBackend
from sdialog.llm.middleware import Cached
from sdialog.llm.types import GenerateRequest, Message

ONE, TWO = "http://127.0.0.1:1", "http://127.0.0.1:2"


@pytest.mark.parametrize(
    ("one", "two"),
    [
        (lambda: OpenAIBackend("m", base_url=ONE), lambda: OpenAIBackend("m", base_url=TWO)),
        (lambda: OllamaBackend("m", base_url=ONE), lambda: OllamaBackend("m")),
        (lambda: AnthropicBackend("m", base_url=ONE), lambda: AnthropicBackend("m")),
        (lambda: AzureBackend("m", azure_endpoint=ONE), lambda: AzureBackend("m", azure_endpoint=TWO)),
        (lambda: GoogleBackend("m", base_url=ONE), lambda: GoogleBackend("m")),
        (
            lambda: GoogleBackend("m", vertexai=True, project="a", location="x"),
            lambda: GoogleBackend("m", vertexai=True, project="b", location="x"),
        ),
        (lambda: BedrockBackend("m", region_name="eu-west-1"), lambda: BedrockBackend("m", region_name="us-east-1")),
    ],
)
def test_models_at_two_places_are_two_models(one, two):
    assert one().identity != two().identity
    assert one().identity == one().identity


def test_a_shared_cache_keeps_servers_apart(tmp_path: Path):
    request = GenerateRequest((Message("user", "Hi!"),))

    async def ask(server: openai_server.OpenAIServer) -> str:
        model = Cached(OpenAIBackend("m", base_url=server.base_url, api_key="none"), tmp_path / "calls.sqlite")
        (result,) = await model.generate([request])
        await model.aclose()
        return result.text

    with (
        openai_server.serve([openai_server.Reply("one")]) as one,
        openai_server.serve([openai_server.Reply("two")]) as two,
    ):
        assert asyncio.run(ask(one)) == "one"
        assert asyncio.run(ask(two)) == "two"
        assert asyncio.run(ask(one)) == "one"


def test_ollama_says_whether_a_server_is_there(monkeypatch: pytest.MonkeyPatch):
    with ollama_server.serve() as server:
        monkeypatch.setenv("OLLAMA_HOST", server.url)
        assert OllamaBackend.unusable_because() is None
    reason = OllamaBackend.unusable_because() or ""
    assert server.url in reason
    assert "ollama serve" in reason
