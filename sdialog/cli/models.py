"""``sdialog models``."""

from __future__ import annotations

import typer

from sdialog.cli._output import JsonOption, print_json, print_table, single

# What is handed over as an object; nobody types these as a prefix.
_OBJECTS = {"callable": "a function messages -> str", "langchain": "an object with .invoke(messages)"}


def models(as_json: JsonOption = False) -> None:
    """List the kinds of language models, whether each works here, and why not."""
    from sdialog.core.settings import current
    from sdialog.llm.get import usable

    chosen, found = current(), usable()
    if as_json:
        backends = [{**status._asdict(), "prefix": status.name not in _OBJECTS} for status in found]
        print_json({"default": str(chosen.llm), "backends": backends})
        return
    print_table(
        [
            (f"{status.name}:", "yes" if status.usable else "no", status.reason)
            for status in found
            if status.name not in _OBJECTS
        ],
        "prefix",
        "usable",
        "why not",
    )
    typer.echo(f"\nFrom Python, model= also takes {' or '.join(_OBJECTS.values())}.")
    how = "chosen" if chosen.llm_chosen else "built in; choose another with SDIALOG_LLM, --model, or the scenario"
    typer.echo(f"Default model: {chosen.llm} ({how})")


app = single(models)
