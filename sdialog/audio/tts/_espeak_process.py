"""The caller's side of the espeak-ng process: one a process, started when first needed."""

from __future__ import annotations

import os
import select
import subprocess
import sys
import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sdialog.audio.tts import _espeak_server as server
from sdialog.core.errors import TTSError
from sdialog.core.optional import need

_SCRIPT = Path(server.__file__)
_GRACE = 10.0  # seconds beyond the time limit of an utterance, for a busy machine

# By process id: a forked worker inherits the dictionaries, and neither the locks nor the pipes in them are its own.
_locks: dict[int, threading.Lock] = {}
_running: dict[int, _Process] = {}


def library_paths() -> tuple[str, Path]:
    """Return where the shared library and the data folder of espeak-ng are.

    Raises:
        MissingDependencyError: if espeakng-loader is not installed.
    """
    loader = need("espeakng_loader", extra="audio", why="speak with espeak-ng")
    return str(loader.get_library_path()), Path(loader.get_data_path())


def ask(request: dict[str, Any], timeout: float) -> tuple[dict[str, Any], bytes, int]:
    """Send a request and return the header of the answer, its samples and the sample rate.

    Args:
        request: of ``_espeak_server``.
        timeout: seconds for the utterance.

    Raises:
        TTSError: if the process cannot be started or does not answer.
        MissingDependencyError: if espeakng-loader is not installed.
    """
    own = os.getpid()
    with _locks.setdefault(own, threading.Lock()):
        for attempt in (1, 2):
            held = _running.get(own)
            process = held if held is not None and held.usable else _Process()
            _running[own] = process
            answer = process.ask({**request, "timeout": timeout}, timeout + _GRACE)
            if answer is not None:
                return (*answer, process.rate)
            process.close()
            # Whoever killed the process (a memory limit, say) need not do it again; a request that kills it will.
            if process.timed_out:
                raise TTSError("the espeak-ng process hangs")
            if attempt == 2:
                break
    raise TTSError("the espeak-ng process ended without an answer, twice")


class _Process:
    """A running ``_espeak_server``."""

    def __init__(self) -> None:
        library, data = library_paths()
        if not sys.executable:
            raise TTSError("espeak-ng is run by a second Python, and this one does not know where its program is")
        command = [sys.executable, "-I", "-S", str(_SCRIPT), library, str(data)]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL)
        assert self.process.stdin and self.process.stdout
        self._requests: IO[bytes] = self.process.stdin
        self._answers: IO[bytes] = self.process.stdout
        self.timed_out = False
        self.usable = True
        self.close = weakref.finalize(self, _end, self.process, os.getpid())
        hello = self._timed(_GRACE * 6, None)
        if hello is None or "rate" not in hello[0]:
            self.close()
            raise TTSError(f"espeak-ng does not start: {hello[0].get('error') if hello else 'no answer'}")
        self.rate: int = hello[0]["rate"]
        self.forks: bool = hello[0]["forks"]

    def ask(self, request: dict[str, Any], seconds: float) -> tuple[dict[str, Any], bytes] | None:
        """Return the answer, or None where the process ended."""
        answer = self._timed(seconds, request)
        self.usable = answer is not None and self.forks
        return answer

    def _timed(self, seconds: float, request: dict[str, Any] | None) -> tuple[dict[str, Any], bytes] | None:
        try:
            with self._limit(seconds) as wait:
                if request is not None:
                    self._requests.write(server.frame(request))
                    self._requests.flush()
                wait()
                return server.read_frame(self._answers)
        except (BrokenPipeError, ValueError):
            self.usable = False
            return None
        except BaseException:
            # An answer may be half read, so that the next request would get the rest of it.
            self.usable = False
            self.close()
            raise

    @contextmanager
    def _limit(self, seconds: float) -> Iterator[Callable[[], None]]:
        """Kill the process where it does not answer; yields what to call before reading."""
        if os.name == "posix":

            def wait() -> None:
                # The whole answer is written at once, and nothing of an earlier one is left in the buffer. Not
                # select(), which refuses the descriptors of a program with a thousand open files.
                poll = select.poll()
                poll.register(self._answers, select.POLLIN)
                if not poll.poll(1000 * seconds):
                    self._give_up()

            yield wait
            return
        timer = threading.Timer(seconds, self._give_up)
        timer.daemon = True
        timer.start()
        try:
            yield lambda: None
        finally:
            timer.cancel()

    def _give_up(self) -> None:
        self.timed_out = True
        self.process.kill()


def _end(process: subprocess.Popen[bytes], owner: int) -> None:
    if os.getpid() != owner:
        return  # a forked copy of this object; the process belongs to the parent
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            try:
                stream.close()
            except BrokenPipeError:
                continue
    process.kill()
    process.wait()
