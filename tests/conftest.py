"""What every test gets: no network beyond this machine, and no settings of the person who runs it."""

from __future__ import annotations

import ipaddress
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """Keep libraries that look for a model hub away from it, also in child processes."""
    os.environ.update(
        HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false"
    )
    # How long an example takes says more about the machine than about the code; speed is measured in benchmarks/.
    settings.register_profile("new", deadline=None)
    # Whether a change may land should not depend on luck: there the examples are the same each time.
    settings.register_profile("same", deadline=None, derandomize=True)
    settings.load_profile(os.environ.get("SDIALOG_EXAMPLES", "new"))


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Refuse every connection that would leave this machine."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_loopback(address[0]):
            raise AssertionError(f"a test tried to reach {address}; tests stay on loopback")
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(autouse=True)
def no_personal_settings(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Run with default settings and without the keys of the person who runs the tests."""
    for name in list(os.environ):
        if name.endswith("_API_KEY") or name in {"SDIALOG_LLM", "OPENAI_BASE_URL", "OLLAMA_HOST"}:
            monkeypatch.delenv(name)
    empty = tmp_path_factory.mktemp("settings") / "empty.yaml"
    empty.touch()
    monkeypatch.setenv("SDIALOG_CONFIG", str(empty))
    yield


@pytest.fixture(scope="session")
def root() -> Path:
    """The checkout."""
    return ROOT


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
