"""transformers' own OpenAI-shaped server, in a process of its own, over a model folder."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

READY_WITHIN = 180.0


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the model in ``folder`` while the block runs; gives the base URL."""
    program = shutil.which("transformers", path=str(Path(sys.executable).parent))
    if program is None:
        pytest.fail("the transformers command is not installed: pip install 'transformers[serving]'")
    with tempfile.TemporaryDirectory() as home, socket.socket() as free:
        (Path(home) / "hub").mkdir()  # without this folder the server's list of models fails
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        log = Path(home) / "serve.log"
        with log.open("wb") as output:
            server = subprocess.Popen(
                [program, "serve", str(folder), "--device", "cpu", "--dtype", "float32", "--port", str(port)],
                env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_HOME": home},
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            try:
                _wait(f"http://127.0.0.1:{port}/health", server, log)
                yield f"http://127.0.0.1:{port}/v1"
            finally:
                server.terminate()
                server.wait(timeout=30)


def _wait(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + READY_WITHIN
    while time.monotonic() < end and server.poll() is None:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.HTTPError:
            time.sleep(0.3)
    pytest.fail(f"transformers serve did not start:\n{log.read_text(errors='replace')[-2000:]}")
