"""Running code that somebody else wrote, in a process with limits."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import secrets
import selectors
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sdialog.core.errors import UnsupportedFeatureError, UserError

_MIB = 1024 * 1024
_REPORT_BYTES = 16 * 1024
_SHOWN = 2000


@dataclass(frozen=True, slots=True)
class CodeLimits:
    """How much a run of code may use.

    Args:
        seconds: processor time, which does not depend on how busy the machine is.
        wall_seconds: time on the clock, for code that sleeps or waits.
        memory_mb: address space in MiB, Python's own (about 50) included.
        file_mb: size of each file it writes, its output included, in MiB.

    Raises:
        UserError: if one is not above 0.
    """

    seconds: int = 10
    wall_seconds: float = 60.0
    memory_mb: int = 512
    file_mb: int = 1

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if getattr(self, name) <= 0:
                raise UserError(f"{name} must be above 0, not {getattr(self, name)}")


@dataclass(frozen=True, slots=True)
class CodeRun:
    """What came of running code.

    Attributes:
        problem: what went wrong, or None.
        stage: where: ``code``, ``tests`` or ``limits``; None if nothing did.
        output: the beginning of what it printed.
        layers: which kinds of isolation the system gave: ``network`` (a network of its own that leads nowhere),
            ``user`` (rights of nobody, or of the caller where that is not root), ``files`` (the kernel refuses files
            elsewhere).
    """

    problem: str | None
    stage: str | None = None
    output: str = ""
    layers: Mapping[str, bool] = field(default_factory=dict)


def run_code(code: str, tests: str, limits: CodeLimits) -> CodeRun:
    """Run Python code, then tests in the same namespace, in a process of its own.

    Args:
        code: the code.
        tests: statements that raise if the code is not as it should be.
        limits: how much it may use.

    Raises:
        UnsupportedFeatureError: on systems without POSIX limits.
    """
    if os.name != "posix" or importlib.util.find_spec("resource") is None:
        raise UnsupportedFeatureError("running an agent's code needs POSIX limits, which this system lacks; use Linux")
    with tempfile.TemporaryDirectory(prefix="sdialog-code-") as folder, tempfile.TemporaryFile() as printed:
        home = Path(folder) / "home"
        home.mkdir()
        Path(folder).chmod(0o711)  # whom the process becomes must be able to reach its folder
        status, report = _processed(code, tests, limits, home, printed)
        printed.seek(0)
        output = printed.read(4 * _SHOWN).decode("utf-8", "replace")[:_SHOWN]
    if report is None:
        return CodeRun(_ending(status, limits), "limits", output)
    error = report["error"]
    if error is None:
        return CodeRun(None, None, output, report["layers"])
    place = f" in line {error['line']} of the {error['stage']}" if "line" in error else f" in the {error['stage']}"
    said = f": {error['message']}" if error["message"] else ""
    return CodeRun(f"{error['type']}{place}{said}", error["stage"], output, report["layers"])


def _processed(code: str, tests: str, limits: CodeLimits, home: Path, printed: Any) -> tuple[int | None, Any]:
    """Run the process; return its exit status (None if its time on the clock was up) and its report, if it gave one."""
    token = secrets.token_hex(16)
    reading, writing = os.pipe()
    try:
        # What -I does and a fixed order of sets, which -I would forbid: no user packages, no folder of the script.
        process = subprocess.Popen(
            [sys.executable, "-s", "-P", "-B", str(Path(__file__).with_name("_confined.py"))],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=printed,
            cwd=home,
            env=_environment(home),
            pass_fds=(writing,),
            start_new_session=True,
        )
    except BaseException:
        os.close(reading)
        raise
    finally:
        os.close(writing)
    job = {"code": code, "tests": tests, "token": token, "report": writing}
    job |= {"seconds": limits.seconds, "memory": limits.memory_mb * _MIB, "file_size": limits.file_mb * _MIB}
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin or contextlib.nullcontext():
            assert process.stdin is not None
            process.stdin.write(json.dumps(job).encode())
        text, in_time = _read(reading, limits.wall_seconds)
    finally:
        os.close(reading)
        # Before it is waited for, so that its number cannot be somebody else's by now.
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        status = process.wait()
    try:
        report = json.loads(text)
    except ValueError:
        report = None
    honest = isinstance(report, dict) and report.get("token") == token
    return (status if in_time else None), (report if honest else None)


def _read(pipe: int, seconds: float) -> tuple[str, bool]:
    """Read a pipe until nobody holds its other end; return the text, and whether that was in time."""
    text, end = b"", time.monotonic() + seconds
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(text) < _REPORT_BYTES:
            if not selector.select(max(0.0, end - time.monotonic())):
                return text.decode("utf-8", "replace"), False
            part = os.read(pipe, _REPORT_BYTES)
            if not part:
                break
            text += part
    return text.decode("utf-8", "replace"), True


def _environment(home: Path) -> dict[str, str]:
    """Return the environment variables of the process: none of the caller's, who may have keys among them."""
    own = {"HOME": str(home), "TMPDIR": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PYTHONHASHSEED": "0"}
    threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
    return {**own, **threads, "PYTHONUTF8": "1"}


def _ending(status: int | None, limits: CodeLimits) -> str:
    """Say why there is no report."""
    if status is None:
        return f"it did not end within {limits.wall_seconds:g} s"
    if status in (-signal.SIGXCPU, -signal.SIGKILL):
        return (
            f"it was ended by the system, for using more than {limits.seconds} s of processor time, or too much memory"
        )
    if status < 0:
        return f"it was ended by {signal.Signals(-status).name}"
    return f"it ended with exit status {status} before the tests were done"
