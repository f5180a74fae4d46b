"""The JSON schema of a dialog, for readers in other languages.

``python -m sdialog.core.schema > docs/dialog.schema.json`` writes it anew after a change of ``Dialog``.
"""

from __future__ import annotations

import json
import sys
from typing import Any

from sdialog.core.dialog import Dialog


def dialog_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of what ``Dialog.json`` gives.

    Example:
        >>> dialog_schema()["properties"]["turns"]["anyOf"][0]["items"]
        {'$ref': '#/$defs/Turn'}
    """
    schema = Dialog.model_json_schema(mode="serialization")
    for described in (schema, *schema["$defs"].values()):
        if "description" in described:
            described["description"] = described["description"].partition("\n\n")[0]
    # A release changes the version that new dialogs carry, not the layout.
    del schema["properties"]["version"]["default"]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def schema_text() -> str:
    """Return the schema as the text of its file."""
    return json.dumps(dialog_schema(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.stdout.write(schema_text())
