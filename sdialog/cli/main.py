"""The ``sdialog`` command: finds the command's file, runs it, and turns errors into exit codes.

Exit codes: 0 all went well; 1 something failed (some dialogs of a run, say); 2 the user can mend it; 130 stopped with
Ctrl-C.
"""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
from typing import Any

import typer
from typer.core import TyperGroup

from sdialog.core.errors import SDialogError, UnknownNameError, UserError

INTRODUCTION = """\
sdialog makes synthetic dialogs: persona agents talk to each other, as often as you like.

A first run (offline, no key):
  sdialog generate support-desk -n 5 --out runs/first
  sdialog show runs/first
  sdialog evaluate runs/first

Your own:
  sdialog init                 write a commented scenario to change
  sdialog personas list        ready-made people to put into it
  sdialog models               which language models work here

All commands: sdialog --help"""


def command_names() -> list[str]:
    """Return the names of all commands: the files of this folder."""
    import sdialog.cli

    modules = (module.name for module in pkgutil.iter_modules(sdialog.cli.__path__))
    return sorted(name for name in modules if name != "main" and not name.startswith("_"))


class Commands(TyperGroup):
    """A group that imports a command's file only when that command is wanted."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names of all commands."""
        return command_names()

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        """Return a command: what its file calls ``app``."""
        if cmd_name not in command_names():
            raise UnknownNameError("command", cmd_name, command_names(), "See: sdialog --help")
        module = importlib.import_module(f"sdialog.cli.{cmd_name}")
        command = typer.main.get_command(module.app)
        command.name = cmd_name
        return command


app = typer.Typer(
    cls=Commands,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def introduce(context: typer.Context) -> None:
    """Synthetic dialogs: simulate, look at and export conversations between persona agents."""
    if context.invoked_subcommand is None:
        typer.echo(INTRODUCTION)


def main() -> None:
    """Run the command line and leave the process with an exit code."""
    for stream in (sys.stdout, sys.stderr):
        # A console that cannot show a character shows an escape instead of failing.
        getattr(stream, "reconfigure", lambda **_: None)(errors="backslashreplace")
    try:
        app()
    except (UserError, FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError) as error:
        code = _complain(error, 2)
    except SDialogError as error:
        code = _complain(error, 1)
    except KeyboardInterrupt:
        code = _complain("stopped", 130)
    except BrokenPipeError:
        # Whoever read our output has gone (``sdialog show ... | head``); nothing more can be said to them.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 1
    except OSError as error:  # a full disk, say
        code = _complain(f"{error}; what is written is kept, so the same command can go on", 1)
    sys.exit(code)


def _complain(what: object, code: int) -> int:
    if os.environ.get("SDIALOG_DEBUG") and isinstance(what, BaseException):
        raise what
    typer.echo(f"sdialog: {what}", err=True)
    return code


if __name__ == "__main__":
    main()
