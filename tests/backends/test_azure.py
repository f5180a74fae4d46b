"""The azure: backend against a real server on loopback."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from servers.openai_server import Reply, serve

from sdialog.backends.azure import AzureBackend
from sdialog.core import errors
from sdialog.llm.protocol import backends
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message

REQUEST = GenerateRequest((Message("user", "Hi!"),), GenerateConfig(max_tokens=9, top_k=3))


def ask(**options: Any) -> GenerateResult:
    async def call() -> GenerateResult:
        (result,) = await AzureBackend("my-gpt", **options).generate([REQUEST])
        return result

    return asyncio.run(call())


@pytest.mark.parametrize("token", [False, True])
def test_path_version_and_key_are_azures(token: bool) -> None:
    credential = {"azure_ad_token": "entra-token"} if token else {"api_key": "azure-key"}
    with serve([Reply("Hello.")]) as server:
        result = ask(azure_endpoint=server.url, api_version="2025-01-01", **credential)
        sent = server.requests[0]
    assert result.text == "Hello." and result.error is None
    assert sent.path == "/openai/deployments/my-gpt/chat/completions" and sent.query == "api-version=2025-01-01"
    if token:
        assert sent.headers["authorization"] == "Bearer entra-token"
    else:
        assert sent.headers["api-key"] == "azure-key"
    assert sent.json["max_completion_tokens"] == 9 and "top_k" not in sent.json


def test_everything_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "AZURE_OPENAI_ENDPOINT" in (AzureBackend.unusable_because() or "")
    with serve([Reply("Hello.")]) as server:
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", server.url)
        assert "AZURE_OPENAI_API_KEY" in (AzureBackend.unusable_because() or "")
        monkeypatch.setenv("AZURE_OPENAI_API_KEY", "azure-key")
        assert AzureBackend.unusable_because() is None
        assert ask().text == "Hello."


def test_what_is_missing_is_named() -> None:
    with pytest.raises(errors.ConfigError, match="AZURE_OPENAI_ENDPOINT"):
        ask()
    with pytest.raises(errors.ConfigError, match="AZURE_OPENAI_ENDPOINT"):
        asyncio.run(anext(aiter(AzureBackend("my-gpt").stream(REQUEST))))
    error = ask(azure_endpoint="http://127.0.0.1:9").error
    assert isinstance(error, errors.AuthenticationError) and "AZURE_OPENAI_API_KEY" in str(error)


def test_it_answers_to_its_other_names() -> None:
    backends.get("azure")
    assert backends.get("azure-openai") is backends.get("azure_openai") is AzureBackend
