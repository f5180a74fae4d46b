from __future__ import annotations

import subprocess
import sys

import pytest

from sdialog.core import settings
from sdialog.core.offload import in_thread
from sdialog.core.sync import run


def test_results_errors_and_settings_go_through():
    def fail():
        raise KeyError("reason")

    with settings.use(llm="scripted:here"):
        assert run(in_thread(lambda: settings.current().llm)) == "scripted:here"
    with pytest.raises(KeyError, match="reason"):
        run(in_thread(fail))


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt, StopIteration])
def test_a_function_that_exits_ends_nothing_else(kind):
    def leave():
        raise kind("over")

    with pytest.raises(RuntimeError, match=f"{kind.__name__}: over"):
        run(in_thread(leave))


def test_a_function_that_hangs_holds_up_neither_the_loop_nor_the_end_of_the_process(root):
    code = """
import asyncio, time
from sdialog.core.offload import in_thread
async def main():
    for _ in range(40):
        try:
            await asyncio.wait_for(in_thread(lambda: time.sleep(60)), 0.01)
        except TimeoutError:
            pass
    print(await in_thread(lambda: "free"))
asyncio.run(main())
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, cwd=root)
    assert (shown.stdout, shown.stderr) == ("free\n", "")


def test_a_result_that_comes_after_its_loop_is_closed_is_dropped(root):
    code = """
import asyncio, time
from sdialog.core.offload import in_thread
async def main():
    asyncio.ensure_future(in_thread(lambda: time.sleep(0.2)))
    await asyncio.sleep(0.01)
asyncio.run(main())
time.sleep(0.4)
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, cwd=root)
    assert shown.stderr == ""
