from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from sdialog.core import settings
from sdialog.core.errors import BlockingCallError
from sdialog.core.sync import run


async def add(a, b):
    await asyncio.sleep(0)
    return a + b


def test_results_and_errors_come_back():
    async def fail():
        raise ValueError("reason")

    assert run(add(1, 2)) == 3
    with pytest.raises(ValueError, match="reason"):
        run(fail())
    assert run(add(2, 2)) == 4


@pytest.mark.parametrize("kind", [SystemExit, KeyboardInterrupt])
def test_a_task_that_exits_ends_its_caller_and_nobody_else(kind):
    async def leave():
        raise kind(3)

    async def other():
        await asyncio.sleep(0.2)
        return "done"

    async def both():
        return await asyncio.gather(leave(), other())

    seen = []
    bystander = threading.Thread(target=lambda: seen.append(run(other())))
    bystander.start()
    for work in (leave, both):
        ended = []

        def caller(work=work, ended=ended):
            try:
                run(work())
            except kind as error:
                ended.append(error.args)

        thread = threading.Thread(target=caller, daemon=True)
        thread.start()
        thread.join(10)
        assert ended == [(3,)]
    bystander.join(10)
    assert seen == ["done"] and run(add(1, 2)) == 3


def test_works_under_a_running_loop():
    async def notebook_cell():
        return run(add(1, 2))

    assert asyncio.run(notebook_cell()) == 3


def test_one_loop_serves_many_threads():
    loops, results = set(), []

    async def work(i):
        loops.add(asyncio.get_running_loop())
        await asyncio.sleep(0.01)
        return i

    threads = [threading.Thread(target=lambda i=i: results.append(run(work(i)))) for i in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == list(range(20)) and len(loops) == 1


def test_a_blocking_call_inside_the_loop_is_refused():
    async def outer():
        return run(add(1, 2))

    with pytest.raises(BlockingCallError, match="Await the async one there") as refused:
        run(outer())
    assert isinstance(refused.value, RuntimeError)


def test_settings_of_the_caller_hold_inside():
    async def model():
        return settings.current().llm

    with settings.use(llm="scripted:here"):
        assert run(model()) == "scripted:here"
    assert run(model()) != "scripted:here"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_a_forked_child_has_its_own_loop(root):
    code = """
import os, sys
from sdialog.core.sync import run
async def pid(): return os.getpid()
assert run(pid()) == os.getpid()
child = os.fork()
if child == 0:
    os._exit(0 if run(pid()) == os.getpid() else 3)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
assert run(pid()) == os.getpid()
print("both")
"""
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, cwd=root)
    assert (shown.stdout, shown.stderr) == ("both\n", "")


# Where tests run in the background, Ctrl-C is ignored from the start, and Python leaves that so.
INTERRUPTED = """
import asyncio, signal
from sdialog.core.sync import run
signal.signal(signal.SIGINT, signal.default_int_handler)
async def work():
    print("working", flush=True)
    try:
        await asyncio.sleep(60)
    finally:
        print("cleaning", flush=True)
        await asyncio.sleep({cleaning})
        print("clean", flush=True)
try:
    run(work())
except KeyboardInterrupt:
    print("interrupted", flush=True)
async def again(): return "usable"
print(run(again()))
"""


@pytest.mark.skipif(not hasattr(signal, "SIGTERM"), reason="needs signals")
def test_a_signal_handler_that_exits_cancels_too(root):
    code = """
import asyncio, signal, sys
from sdialog.core.sync import run
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
async def work():
    try:
        print("working", flush=True)
        await asyncio.sleep(60)
    finally:
        print("clean", flush=True)
run(work())
"""
    child = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=root)
    assert child.stdout.readline() == "working\n"
    child.send_signal(signal.SIGTERM)
    assert child.communicate(timeout=30)[0] == "clean\n" and child.returncode == 7


def test_ctrl_c_while_the_work_is_handed_over_cancels_too(root):
    """The signal arrives when the loop has been given the work, before the caller waits for it."""
    code = """
import asyncio, os, signal, time
from sdialog.core.sync import run
signal.signal(signal.SIGINT, signal.default_int_handler)
run(asyncio.sleep(0))
loop_type = asyncio.SelectorEventLoop
handed_over = loop_type._write_to_self
def interrupted(self):
    handed_over(self)
    loop_type._write_to_self = handed_over
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.1)
async def work():
    try:
        print("working", flush=True)
        await asyncio.sleep(60)
    finally:
        print("clean", flush=True)
loop_type._write_to_self = interrupted
try:
    run(work())
except KeyboardInterrupt:
    print("interrupted", flush=True)
async def again(): return "usable"
print(run(again()))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root, timeout=30)
    assert done.stdout.split() == ["working", "clean", "interrupted", "usable"], done.stderr


@pytest.mark.parametrize(
    ("cleaning", "interrupts", "expected"),
    [
        (0.3, 1, ["working", "cleaning", "clean", "interrupted", "usable"]),
        (60, 2, ["working", "cleaning", "interrupted", "usable"]),
    ],
)
def test_ctrl_c_cancels_and_waits_for_the_cleaning_up(root, cleaning, interrupts, expected):
    child = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED.format(cleaning=cleaning)], stdout=subprocess.PIPE, text=True, cwd=root
    )
    lines = [child.stdout.readline().strip()]
    began = time.monotonic()
    child.send_signal(signal.SIGINT)
    if interrupts == 2:
        lines.append(child.stdout.readline().strip())
        child.send_signal(signal.SIGINT)
    rest, _ = child.communicate(timeout=30)
    assert [*lines, *rest.split()] == expected
    assert time.monotonic() - began < 20
