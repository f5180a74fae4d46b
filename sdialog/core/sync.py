"""A plain face on async code: one background event loop per process."""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

from sdialog.core.errors import BlockingCallError

T = TypeVar("T")


class _Loop:
    """An event loop in a daemon thread."""

    def __init__(self) -> None:
        self.pid = os.getpid()
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self._serve, name="sdialog-loop", daemon=True)
        self.thread.start()

    def _serve(self) -> None:
        asyncio.set_event_loop(self.loop)
        while not self.loop.is_closed():
            # A task that exits (a tool calling sys.exit, say) stops the loop, but must not leave everyone else waiting:
            # whoever awaits that task gets the exception.
            with contextlib.suppress(SystemExit, KeyboardInterrupt):
                self.loop.run_forever()

    def usable(self) -> bool:
        # A forked child inherits this object but not its thread.
        return self.pid == os.getpid() and self.thread.is_alive()


_lock = threading.Lock()
_current: _Loop | None = None


def _loop() -> _Loop:
    global _current
    with _lock:
        if _current is None or not _current.usable():
            _current = _Loop()
        return _current


def _renew_lock_after_fork() -> None:
    global _lock
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_lock_after_fork)


def run(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end and return its result, from any thread.

    Works in scripts, inside a running loop (Jupyter), in repeated calls and in forked children. Ctrl-C, or whatever
    else a signal handler raises, cancels the coroutine and is raised again once it has cleaned up; a second Ctrl-C does
    not wait. Settings made with
    ``sdialog.core.settings.use`` hold in the coroutine too.

    Args:
        coroutine: what to run.

    Returns:
        Its result; its exception is raised here.

    Raises:
        BlockingCallError: if called from inside sdialog's own loop, where it would wait for itself.

    Example:
        >>> async def answer() -> int:
        ...     return 42
        >>> run(answer())
        42
    """
    keeper = _loop()
    if threading.current_thread() is keeper.thread:
        coroutine.close()
        raise BlockingCallError(
            "a blocking call was made inside sdialog's event loop, where it would wait for itself. Await the async "
            "one there: sdialog.simulation.converse for dialog_with, agent.session().respond for agent(...), agenerate "
            "for a generator's generate"
        )
    task: asyncio.Task[T] | None = None
    future: concurrent.futures.Future[T] = concurrent.futures.Future()

    def begin() -> None:
        nonlocal task
        task = keeper.loop.create_task(coroutine)
        task.add_done_callback(lambda ended: _settle(future, ended))

    def cancel() -> None:
        if task is not None:
            task.cancel()
        else:  # the loop takes calls in order, so it was never asked to begin
            coroutine.close()
            future.cancel()
            future.set_running_or_notify_cancel()

    try:
        keeper.loop.call_soon_threadsafe(begin)
        return future.result()
    except BaseException:
        if not future.done():  # raised in this thread, by Ctrl-C or another signal
            keeper.loop.call_soon_threadsafe(cancel)
            # Its cleaning up may take a while; a second Ctrl-C does not wait for it.
            concurrent.futures.wait([future])
        raise


def _settle(future: concurrent.futures.Future[T], ended: asyncio.Task[T]) -> None:
    """Hand over how a task ended."""
    if ended.cancelled():
        future.cancel()
    if not future.set_running_or_notify_cancel():
        return
    error = ended.exception()
    if error is not None:
        future.set_exception(error)
    else:
        future.set_result(ended.result())
