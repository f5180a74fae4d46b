"""``sdialog version``."""

from __future__ import annotations

import platform
import sys

import typer

from sdialog._version import __version__
from sdialog.cli._output import JsonOption, print_json, single


def version(as_json: JsonOption = False) -> None:
    """Print the version of sdialog."""
    if as_json:
        print_json({"sdialog": __version__, "python": platform.python_version(), "platform": sys.platform})
    else:
        typer.echo(f"sdialog {__version__} (Python {platform.python_version()})")


app = single(version)
