"""``sdialog schema``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from sdialog.cli._output import print_json, single


class Kind(StrEnum):
    """What has a schema."""

    SCENARIO = "scenario"
    DIALOG = "dialog"


def schema(what: Annotated[Kind, typer.Argument(help="Of what.")] = Kind.SCENARIO) -> None:
    """Print the JSON schema of scenario files (or of dialogs), for editors and other tools."""
    if what is Kind.SCENARIO:
        from sdialog.simulation.scenario import Scenario

        print_json(Scenario.schema())
        return
    from sdialog.core.dialog import Dialog

    print_json(Dialog.model_json_schema())


app = single(schema)
