"""Running blocking functions beside the event loop, in threads that never hold up anybody."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def in_thread(function: Callable[[], T]) -> T:
    """Run a blocking function in a daemon thread of its own and return its result.

    A pool would be the usual choice; but a function that hangs would keep its place in the pool for good, and a
    pool's threads are waited for when the process ends. The function sees the caller's context variables.

    Args:
        function: called without arguments.

    Returns:
        Its result; its exception is raised here. A cancelled wait abandons the thread, as Python cannot end one.

    Example:
        >>> asyncio.run(in_thread(lambda: 6 * 7))
        42
    """
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()
    context = contextvars.copy_context()

    def tell(result: T | None, error: BaseException | None) -> None:
        if done.done():
            return
        if error is not None:
            done.set_exception(error)
        else:
            done.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, failure = None, None
        try:
            result = context.run(function)
        except BaseException as error:  # noqa: BLE001 - handed to the waiting coroutine, whatever it is
            failure = _as_exception(error)
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(tell, result, failure)

    threading.Thread(target=work, name="sdialog-work", daemon=True).start()
    return await done


def _as_exception(error: BaseException) -> BaseException:
    # A future cannot carry StopIteration, and SystemExit of one function must not end the whole run.
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    wrapped = RuntimeError(f"{type(error).__name__}: {error}")
    wrapped.__cause__ = error
    return wrapped
