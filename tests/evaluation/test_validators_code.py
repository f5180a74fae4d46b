"""The code validator: what it runs, and what code that runs wild or looks around comes up against."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, EvaluationError, UnknownNameError, UserError
from sdialog.evaluation import score_dialogs
from sdialog.evaluation.validators._sandbox import CodeLimits, CodeRun, run_code
from sdialog.evaluation.validators.code import CodeValidator, code_blocks

pytestmark = pytest.mark.skipif(os.name != "posix", reason="limits are POSIX")

LIMITS = CodeLimits(seconds=2, wall_seconds=20, memory_mb=256)
DOUBLE = "def double(n):\n    return 2 * n\n"


def ran(code: str, tests: str = "", **limits: Any) -> CodeRun:
    given = {name: getattr(LIMITS, name) for name in CodeLimits.__dataclass_fields__} | limits
    return run_code(code, tests, CodeLimits(**given))


def wrote(*codes: str, mark: str = "python", speaker: str = "Bot", **fields: Any) -> Dialog:
    return Dialog(
        turns=[Turn(speaker=speaker, text=f"Here:\n```{mark}\n{code}\n```\nDone.") for code in codes], **fields
    )


# -- what it runs


def test_blocks_are_found() -> None:
    text = "a\n```python\none\n```\n~~~py\ntwo\n~~~\n```\nplain\n```\n````python\n```\nthree\n````\n```python\ncut off"
    dialog = Dialog(
        turns=[Turn(speaker="Bot", text=text), Turn(speaker="Ann", text="```PYTHON title=x\r\nfour\r\n```")]
    )
    assert code_blocks(dialog) == ["one\n", "two\n", "```\nthree\n", "four\n"]
    assert code_blocks(dialog, speaker="Ann") == ["four\n"]
    assert code_blocks(dialog, [""]) == ["plain\n"]
    assert code_blocks(Dialog()) == []


@pytest.mark.parametrize(
    ("codes", "options", "passes"),
    [
        ([DOUBLE], {}, 1),
        (["def double(n):\n    return n"], {}, 0),
        (["def double(n:"], {}, 0),
        ([DOUBLE, "raise ValueError"], {}, 0),
        (["raise ValueError", DOUBLE], {}, 1),
        (["raise ValueError", DOUBLE], {"blocks": "all"}, 0),
        (["base = 2", "def double(n):\n    return base * n"], {"blocks": "all"}, 1),
        ([DOUBLE], {"ai_speaker": "Ann"}, 0),
    ],
)
def test_code_passes_its_tests_or_not(codes: list[str], options: dict[str, Any], passes: int) -> None:
    assert CodeValidator("assert double(4) == 8", limits=LIMITS, **options)(wrote(*codes)) == passes


def test_without_tests_it_has_to_run() -> None:
    assert CodeValidator()(wrote("import json, math\nprint(json.dumps(math.pi))")) == 1
    assert CodeValidator().explain(wrote("x = 1\nx.y")).reason == (
        "AttributeError in line 2 of the code: 'int' object has no attribute 'y'"
    )
    assert CodeValidator().explain(Dialog()).reason == "there is no code in the dialog"


def test_tests_by_task_and_from_a_function() -> None:
    of_double, of_triple = (wrote(DOUBLE, scenario={"task": {"id": task}}) for task in ("double", "triple"))
    by_task = CodeValidator({"double": "assert double(1) == 2"})
    assert by_task(of_double) == 1
    with pytest.raises(EvaluationError, match="no tests for task 'triple'"):
        by_task(of_triple)
    assert CodeValidator(lambda dialog: "assert double(2) == 4")(of_double) == 1
    assert by_task.explain(of_double).details["task"] == "double"


def test_many_dialogs_are_scored_side_by_side() -> None:
    (result,) = score_dialogs(
        [CodeValidator("assert double(4) == 8", limits=LIMITS)], [wrote(DOUBLE), wrote("double = 3"), Dialog()] * 4
    )
    assert result.values == [1.0, 0.0, 0.0] * 4
    assert "'int' object is not callable" in str(result.items[1].reason)


def test_its_identity_is_its_tests_and_limits() -> None:
    one, other = CodeValidator("a"), CodeValidator("a", limits=LIMITS)
    assert one.identity() == CodeValidator("a").identity() != other.identity()
    assert one.identity() != CodeValidator("b").identity()
    assert CodeValidator(lambda dialog: "a").identity() is None


def test_common_libraries_work() -> None:
    run = ran(
        "import asyncio, collections, dataclasses, re, sqlite3, tempfile, random\n"
        "async def main(): return 7\n"
        "print(asyncio.run(main()), sqlite3.connect(':memory:').execute('select 8').fetchone()[0])\n"
        "with tempfile.TemporaryFile() as file: file.write(b'x')\n"
    )
    assert (run.problem, run.output) == (None, "7 8\n")


def test_the_same_code_gives_the_same_result() -> None:
    assert len({ran("print({'a', 'b', 'c', 'd', 'e'})").output for _ in range(3)}) == 1


# -- limits


def test_an_endless_loop_is_ended() -> None:
    run = ran("while True: pass", seconds=1)
    assert run.stage == "limits"
    assert "more than 1 s of processor time" in str(run.problem)


def test_a_loop_in_the_tests_is_ended_as_well() -> None:
    assert ran("def f():\n    while True: pass", "f()", seconds=1).stage == "limits"


def test_a_sleeper_is_ended() -> None:
    assert ran("import time; time.sleep(60)", wall_seconds=0.7).problem == "it did not end within 0.7 s"


def test_a_loop_that_catches_everything_is_ended() -> None:
    stubborn = "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\n"
    assert ran(f"{stubborn}while True:\n  try:\n    while True: pass\n  except: pass", seconds=1).stage == "limits"


def test_memory_is_limited() -> None:
    assert str(ran("x = b' ' * (1 << 30)").problem).startswith("MemoryError in line 1")
    hog = ran("x = []\nwhile True: x.append(b' ' * (1 << 20))")
    assert hog.problem is not None


def test_the_size_of_files_and_of_the_output_is_limited() -> None:
    assert "File too large" in str(ran("open('a', 'w').write('a' * (3 << 20))").problem)
    loud = ran("print('x' * (3 << 20), flush=True)")
    assert "File too large" in str(loud.problem)
    assert len(loud.output) <= 2000


def test_a_fork_bomb_does_not_go_off() -> None:
    assert "may start or end no process" in str(ran("import os\nwhile True: os.fork()").problem)


@pytest.mark.skipif(not Path("/proc/self/status").exists() or os.getuid() == 0, reason="root is not held by it")
def test_the_system_itself_counts_processes() -> None:
    run = ran("import resource; print(resource.getrlimit(resource.RLIMIT_NPROC))")
    assert run.output == "(0, 0)\n"


@pytest.mark.parametrize(
    "code",
    [
        "import subprocess; subprocess.run(['ls'])",
        "import os; os.system('ls')",
        "import os; os.execv('/bin/ls', ['ls'])",
        "import os; os.posix_spawn('/bin/ls', ['ls'], {})",
        "import multiprocessing as m; p = m.Process(target=print); p.start()",
        "import os, signal; os.kill(os.getppid(), signal.SIGTERM)",
    ],
)
def test_no_process_is_started_or_ended(code: str) -> None:
    assert "may start or end no process" in str(ran(code).problem)


# -- looking around


def test_nothing_is_written_elsewhere(tmp_path: Path) -> None:
    kept = tmp_path / "kept.txt"
    kept.write_text("mine")
    inner = tmp_path / "inner"
    inner.mkdir()
    for code in (
        f"open({str(tmp_path / 'new')!r}, 'w')",
        f"open({str(kept)!r}, 'a')",
        f"import os; os.remove({str(kept)!r})",
        f"import os; os.rename({str(kept)!r}, 'stolen')",
        f"import os; open('own', 'w').close(); os.rename('own', {str(kept)!r})",
        f"import os; os.truncate({str(kept)!r}, 0)",
        f"import shutil; shutil.rmtree({str(inner)!r})",
        f"import os; os.symlink({str(kept)!r}, 'link'); open('link', 'w')",
        f"import pathlib; pathlib.Path({str(tmp_path / 'made')!r}).mkdir()",
        f"import sqlite3; sqlite3.connect({str(tmp_path / 'base')!r})",
    ):
        assert ran(code).stage == "code", code
    assert kept.read_text() == "mine"
    assert {path.name for path in tmp_path.iterdir()} == {"kept.txt", "inner"}


def test_nothing_is_read_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("hush")
    for code in (
        f"print(open({str(tmp_path / 'secret.txt')!r}).read())",
        f"import os; print(os.listdir({str(tmp_path)!r}))",
        f"import glob; print(glob.glob({str(tmp_path / '*')!r}))",
        f"import os; os.chdir({str(tmp_path)!r})",
        "print(open('/proc/self/environ').read())",
        "print(open('/etc/passwd').read())",
    ):
        run = ran(code)
        assert run.stage == "code", code
        assert "hush" not in run.output
        assert "secret.txt" not in run.output


def test_its_own_folder_is_new_and_goes_again(tmp_path: Path) -> None:
    code = "import os; assert os.listdir() == []; open('a', 'w').write('hi'); assert open('a').read() == 'hi'"
    code += "; print(os.getcwd())"
    first, second = ran(code), ran(code)
    assert first.problem is second.problem is None
    assert first.output != second.output
    assert not Path(first.output.strip()).exists()


def test_no_variable_of_the_caller_is_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "hush-hush")
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    run = ran("import os, sys; print(dict(os.environ), sys.path, sys.argv)")
    assert run.problem is None
    assert "hush" not in run.output
    assert "elsewhere" not in run.output


def test_no_network() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        for code in (
            f"import socket; socket.create_connection(('127.0.0.1', {port}))",
            "import socket; socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b'x', ('127.0.0.1', 9))",
            "import socket; socket.getaddrinfo('localhost', 80)",
            f"import urllib.request; urllib.request.urlopen('http://127.0.0.1:{port}')",
        ):
            assert "no network" in str(ran(code).problem), code
        server.settimeout(0.05)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize(
    "code",
    [
        "import ctypes; ctypes.CDLL(None)",
        "import resource; resource.setrlimit(resource.RLIMIT_CPU, (999, 999))",
    ],
)
def test_its_limits_cannot_be_gone_around(code: str) -> None:
    assert "go around" in str(ran(code).problem)


@pytest.mark.skipif(sys.platform != "linux", reason="Landlock is Linux's")
def test_the_kernel_refuses_files_too_where_it_can() -> None:
    # The hook is taken out of the way as a hole in Python would do it: by a C function that raises no event.
    if not ran("").layers["files"]:
        pytest.skip("this kernel has no Landlock")
    code = "import _posixshmem\n_posixshmem.shm_open('/sdialog-test', 66, 0o600)"
    assert "Permission denied" in str(ran(code).problem)


# -- pretending

EACH_PIPE = "import os\nfor fd in range(3, 30):\n  try: {}\n  except OSError: pass\nos._exit(0)"


@pytest.mark.parametrize(
    "code",
    [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "raise KeyboardInterrupt",
        EACH_PIPE.format("""os.write(fd, b'{"token": "", "error": null}')"""),
        EACH_PIPE.format("os.close(fd)"),
    ],
)
def test_an_early_end_is_no_success(code: str) -> None:
    assert ran(code, "assert False").problem is not None


def test_arguments_that_cannot_be_used() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'last'"):
        CodeValidator(blocks="lst")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="languages"):
        CodeValidator(languages="python")
    with pytest.raises(ConfigError, match="tests"):
        CodeValidator(5)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="seconds must be above 0"):
        CodeLimits(seconds=0)
