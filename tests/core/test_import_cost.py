"""What importing costs, in CPU time over a bare interpreter; the best of several runs counts."""

from __future__ import annotations

import subprocess
import sys

import pytest

CPU = (
    "import resource, sys; r = resource.getrusage(resource.RUSAGE_SELF); sys.stdout.write(str(r.ru_utime + r.ru_stime))"
)


def cpu(code, root):
    def once():
        command = [sys.executable, "-c", f"{code}\n{CPU}"]
        return float(subprocess.run(command, capture_output=True, text=True, check=True, cwd=root).stdout)

    return min(once() for _ in range(5))


@pytest.mark.parametrize(("code", "limit"), [("import sdialog", 0.15), ("from sdialog import Dialog", 0.4)])
def test_importing_is_cheap(root, code, limit):
    assert cpu(code, root) - cpu("pass", root) <= limit


def test_nothing_runs_at_import(root):
    """No thread, no logging handler, no file read: importing every core module leaves the process as it was."""
    code = (
        "import importlib, logging, pkgutil, threading, warnings, sdialog.core\n"
        "for m in pkgutil.iter_modules(sdialog.core.__path__): importlib.import_module('sdialog.core.' + m.name)\n"
        "print(threading.active_count(), logging.getLogger().handlers, logging.getLogger('sdialog').handlers)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert shown.stdout == "1 [] []\n"
