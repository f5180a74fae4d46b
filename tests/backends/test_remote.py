"""What holds for every remote backend."""

from __future__ import annotations

import asyncio
import logging
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from servers import anthropic_server, bedrock_server, google_server, ollama_server, openai_server
from servers.service import Reply, Service

from sdialog.backends.anthropic import AnthropicBackend
from sdialog.backends.azure import AzureBackend
from sdialog.backends.bedrock import BedrockBackend
from sdialog.backends.google import GoogleBackend
from sdialog.backends.ollama import OllamaBackend
from sdialog.backends.openai import OpenAIBackend
from sdialog.core.errors import ConfigError
from sdialog.llm.protocol import Backend
from sdialog.llm.types import GenerateRequest, Message
from sdialog.testing import check_backend

KEY = "a-secret-key-0123456789"
AWS = {"region_name": "eu-west-1", "aws_access_key_id": "loopback-id", "aws_secret_access_key": KEY}
REMOTE: dict[str, tuple[type[Service], Callable[[str], Backend]]] = {
    "openai": (
        openai_server.OpenAIServer,
        lambda url: OpenAIBackend("m", base_url=f"{url}/v1", api_key=KEY, default_headers={"X-Api-Key": KEY}),
    ),
    "azure": (openai_server.OpenAIServer, lambda url: AzureBackend("m", azure_endpoint=url, api_key=KEY)),
    "ollama": (ollama_server.OllamaServer, lambda url: OllamaBackend("m", base_url=url, api_key=KEY)),
    "anthropic": (anthropic_server.AnthropicServer, lambda url: AnthropicBackend("m", base_url=url, api_key=KEY)),
    "google": (google_server.GoogleServer, lambda url: GoogleBackend("m", base_url=url, api_key=KEY)),
    "bedrock": (bedrock_server.BedrockServer, lambda url: BedrockBackend("m", endpoint_url=url, **AWS)),
}
FAILING = GenerateRequest((Message("user", "fail"),), key="check/failing", interventions=("none of these",))


@pytest.mark.parametrize("name", REMOTE)
def test_it_keeps_the_protocol(name: str) -> None:
    service, make = REMOTE[name]
    with service.serve() as server:
        report = check_backend(make(server.url), failing=FAILING)
    assert {"order", "usage", "error row", "stream", "cancellation", "second event loop"} <= {*report.passed}


@pytest.mark.parametrize("name", REMOTE)
def test_no_key_is_seen_in_a_log_an_error_or_a_repr(name: str, caplog: pytest.LogCaptureFixture) -> None:
    service, make = REMOTE[name]

    async def call(backend: Backend) -> str:
        results = [(await backend.generate([GenerateRequest((Message("user", "Hi!"),))]))[0] for _ in range(2)]
        await backend.aclose()
        return f"{results!r} {[str(result.error) for result in results]} {backend!r} {backend}"

    with caplog.at_level(logging.DEBUG, logger="sdialog"), service.serve() as server:
        server.script = iter([server.error(401, f"the key {KEY} is not known"), Reply("Hello.")])
        shown = asyncio.run(call(make(server.url)))
    assert KEY not in shown and "***" in shown
    assert all(KEY not in record.getMessage() for record in caplog.records)


def test_listing_and_importing_them_loads_no_sdk(root: Path) -> None:
    code = (
        "import sys; from sdialog.llm.protocol import backends\n"
        f"for name in {list(REMOTE)!r}: backends.get(name)\n"
        "print({'openai', 'ollama', 'anthropic', 'google.genai', 'boto3', 'httpx', 'httpx2'} & {*sys.modules})"
    )
    run = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "set()"


@pytest.mark.parametrize("name", REMOTE)
def test_the_docstring_names_every_option(name: str) -> None:
    backend: Any = type(REMOTE[name][1]("http://127.0.0.1:9"))
    options = backend.__init__.__kwdefaults__
    assert options and all(option in backend.__doc__ for option in options)


@pytest.mark.parametrize("timeout", [0, -1, "long"])
def test_a_timeout_that_is_no_time_is_told_at_once(timeout: Any) -> None:
    with pytest.raises(ConfigError, match="timeout is a number of seconds above 0"):
        OpenAIBackend("m", base_url="http://localhost:1/v1", timeout=timeout)


def test_query_parameters_stay_out_of_the_http_clients_log(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with openai_server.serve() as server:
        backend = OpenAIBackend("m", base_url=server.base_url, default_query={"code": "pass/word+1"})
        (result,) = asyncio.run(backend.generate([GenerateRequest((Message("user", "Hi"),))]))
        assert result.error is None and "code=pass" in server.requests[0].query
    told = [record.getMessage() for record in caplog.records]
    assert any("POST" in line for line in told)
    assert not any("pass/word" in line or "pass%2Fword" in line for line in told), told


def test_query_parameters_stay_out_of_errors_however_they_are_spelt() -> None:
    refusal = openai_server.OpenAIServer().error(403, "GET /v1?code=pass%2Fword%2B1 is not for pass/word+1", {})
    with openai_server.serve([refusal]) as server:
        backend = OpenAIBackend("m", base_url=server.base_url, default_query={"code": "pass/word+1"})
        (result,) = asyncio.run(backend.generate([GenerateRequest((Message("user", "Hi"),))]))
    assert result.error is not None and "word" not in str(result.error)
