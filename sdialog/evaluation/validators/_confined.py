"""What runs in the process of a :class:`.CodeValidator`: it shuts itself in, runs the code and then the tests.

The file is run as a script of its own, never imported by the package, so it may use the standard library alone.
"""

from __future__ import annotations

import contextlib
import json
import os
import resource
import struct
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path
from typing import Any

NOBODY = 65534
_NEW_USER, _NEW_NET = 0x10000000, 0x40000000
_WITHIN = 1  # the family of socket pairs, which event loops wake themselves with
_LANDLOCK = 444  # the first of its three system calls, the same on every kind of processor
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_PROCESSES = (
    "os.exec os.fork os.forkpty os.kill os.killpg os.posix_spawn os.spawn os.startfile os.system pty.spawn "
    "subprocess.Popen _posixsubprocess.fork_exec signal.pthread_kill"
)
_FOREIGN = "ctypes.dlopen ctypes.dlsym ctypes.call_function ctypes.cdata resource.prlimit resource.setrlimit"
_CHANGES = (
    "os.chdir os.chflags os.chmod os.chown os.link os.mkdir os.mkfifo os.mknod os.remove os.removexattr os.rename "
    "os.rmdir os.setxattr os.symlink os.truncate os.utime shutil.rmtree shutil.move shutil.copyfile shutil.chown "
    "tempfile.mkstemp tempfile.mkdtemp sqlite3.connect"
)
_LISTS = "os.listdir os.scandir os.walk os.fwalk glob.glob"


def limit(seconds: int, memory: int, file_size: int) -> None:
    """Set the limits of this process, which nothing it starts can raise again."""
    for kind, most in (
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_AS, memory),
        (resource.RLIMIT_FSIZE, file_size),
        (resource.RLIMIT_NOFILE, 64),
        (resource.RLIMIT_NPROC, 0),  # which root is not held by
        (resource.RLIMIT_CORE, 0),
    ):
        with contextlib.suppress(ValueError, OSError):  # no system raises a limit that is lower already
            resource.setrlimit(kind, (most, most + 1 if kind == resource.RLIMIT_CPU else most))


def leave_network() -> bool:
    """Move into a network of one's own that leads nowhere; return whether the system lets us."""
    import ctypes

    unshare = ctypes.CDLL(None, use_errno=True).unshare
    return bool(unshare(_NEW_NET) == 0 or unshare(_NEW_USER | _NEW_NET) == 0)


def close_files(here: str, readable: tuple[str, ...]) -> bool:
    """Let the system itself refuse files elsewhere, programs and signals to others (Landlock); return whether it does.

    Args:
        here: the folder to read and write in.
        readable: folders and files to read.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)
    version = libc.syscall(_LANDLOCK, None, 0, 1)
    if version < 3:  # earlier ones let files be cut short
        return False
    files, connections, scopes = (1 << 15) - 1, 3, 2 if version >= 6 else 0
    attributes = struct.pack("QQQ", files, connections, scopes)[: 8 if version < 4 else 16 if version < 6 else 24]
    rules = libc.syscall(_LANDLOCK, attributes, len(attributes), 0)
    if rules < 0:
        return False
    for path, rights in ((here, files & ~1), *((path, 12) for path in readable)):
        if Path(path).exists():
            place = os.open(path, os.O_PATH)
            allowed = rights if Path(path).is_dir() else 4
            libc.syscall(_LANDLOCK + 1, rules, 1, struct.pack("=Qi", allowed, place), 0)
            os.close(place)
    done = libc.prctl(38, 1, 0, 0, 0) == 0 and libc.syscall(_LANDLOCK + 2, rules, 0) == 0
    os.close(rules)
    return bool(done)


def become_nobody() -> bool:
    """Give up the rights of root, which no limit of processes holds; return whether there are none left."""
    if os.geteuid() != 0:
        return True
    try:
        os.chown(".", NOBODY, NOBODY)
        os.setgroups([])
        os.setegid(NOBODY)
        os.seteuid(NOBODY)
        readable = os.access(os.__file__, os.R_OK, effective_ids=True)
        os.seteuid(0)
        os.setegid(0)
        if not readable:  # nobody may not read Python's own library here
            return False
        os.setgid(NOBODY)
        os.setuid(NOBODY)
    except (OSError, NotImplementedError):
        return False
    return os.geteuid() != 0


def guard(here: str, readable: tuple[str, ...]) -> Callable[[str, tuple[Any, ...]], None]:
    """Return an audit hook that refuses what code of an agent has no business with."""
    processes, foreign = frozenset(_PROCESSES.split()), frozenset(_FOREIGN.split())
    changes, lists = frozenset(_CHANGES.split()), frozenset(_LISTS.split())
    real, fsdecode, separator = os.path.realpath, os.fsdecode, os.sep

    def inside(path: Any, places: tuple[str, ...]) -> bool:
        if path is None or isinstance(path, int):
            return True  # the working folder, or a file that is open already
        if not isinstance(path, (str, bytes, os.PathLike)):
            return False
        found = real(fsdecode(path))
        return any(found == place or found.startswith(place + separator) for place in places)

    def check(event: str, args: tuple[Any, ...]) -> None:
        if event == "open":
            path, mode, flags = args
            writes = bool(flags & _WRITES) if isinstance(flags, int) else any(c in str(mode) for c in "wxa+")
            if not inside(path, (here,) if writes else (here, *readable)):
                raise PermissionError(f"code may {'write' if writes else 'read'} in its own folder only, not {path!r}")
        elif event.startswith("socket.") and not (event == "socket.__new__" and args[1] == _WITHIN):
            raise PermissionError(f"code has no network ({event})")
        elif event in processes:
            raise PermissionError(f"code may start or end no process ({event})")
        elif event in foreign:
            raise PermissionError(f"code may not go around its limits ({event})")
        elif event in changes:
            paths = args[:2] if event in ("os.rename", "os.link", "os.symlink", "shutil.move") else args[:1]
            if not all(inside(path, (here,)) for path in paths):
                raise PermissionError(f"code may change its own folder only ({event})")
        elif event in lists and args and not inside(args[0], (here, *readable)):
            raise PermissionError(f"code may read in its own folder only ({event})")

    return check


def main() -> None:
    """Read the job from standard input, do it, and report with the job's token, so that an early exit is no success."""
    job = json.load(sys.stdin)
    report = os.fdopen(job["report"], "w", encoding="utf-8")
    token = job.pop("token")
    here = os.path.realpath(".")
    library = {os.path.realpath(path) for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values())}
    readable = (*sorted(library), "/dev/null", "/dev/urandom", "/etc/localtime", "/usr/share/zoneinfo")
    layers = {"network": False, "user": False, "files": False}
    with contextlib.suppress(ImportError, OSError, AttributeError):  # no Linux: then there are no such layers
        layers["network"] = leave_network()
        layers["user"] = become_nobody()
        layers["files"] = close_files(here, (*readable, "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/etc/ld.so.cache"))
    limit(job["seconds"], job["memory"], job["file_size"])
    sys.addaudithook(guard(here, readable))
    sys.argv = ["code"]
    stage, error = "code", dict[str, Any]()
    space: dict[str, Any] = {"__name__": "__main__"}
    try:
        exec(compile(job["code"], "<code>", "exec", dont_inherit=True), space)
        stage = "tests"
        exec(compile(job["tests"], "<tests>", "exec", dont_inherit=True), space)
    except BaseException as raised:  # noqa: BLE001 - whatever it is, it is the answer
        error = {"stage": stage, "type": type(raised).__name__, "message": str(raised)[:1000]}
        line = raised.__traceback__
        while line is not None:
            if line.tb_frame.f_code.co_filename == f"<{stage}>":
                error["line"] = line.tb_lineno
            line = line.tb_next
    json.dump({"token": token, "error": error or None, "layers": layers}, report)
    report.flush()
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
