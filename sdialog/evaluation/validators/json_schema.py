"""Are turns, or results of tools, JSON of the right form?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.validators import validators
from sdialog.evaluation.validators._passages import Passage, Where, check_place, passages
from sdialog.evaluation.validators.base import BaseValidator, Explanation
from sdialog.llm.json_schema import problems

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

_FENCED = re.compile(r"^`{3,}[ \t]*(?:json)?[ \t]*\n(.*?)^`{3,}[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)


@validators.register("json_schema")
class JsonSchemaValidator(BaseValidator):
    """Passes dialogs in which turns (or results of tools) are JSON that fits a schema.

    The JSON may stand in a fence of its own with words around it; else the whole text has to be JSON. The part of
    JSON Schema that services accept for structured output is checked: types, properties, enums, bounds, patterns,
    ``anyOf``, ``allOf`` and references within the schema. A dialog without such turns or results has no score.

    Args:
        schema: a JSON schema, or a pydantic model class.
        quantity: ``all`` must fit, or ``any`` of them, or the ``last``.
        where: ``turns`` or ``tool_results``.
        speaker: whose turns or tool calls; None for everybody's.
        tool: results of which tool; None for all.
        name: what it is called in tables.

    Raises:
        ConfigError: if the schema is none.
        UnknownNameError: if there is no such quantity or place.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Bot", text='{"euros": "five"}')])
        >>> schema = {"type": "object", "properties": {"euros": {"type": "number"}}, "required": ["euros"]}
        >>> JsonSchemaValidator(schema).explain(dialog).reason
        'turn 1: euros: expected number, got "five"'
    """

    def __init__(
        self,
        schema: Any,
        *,
        quantity: Literal["all", "any", "last"] = "all",
        where: Where = "turns",
        speaker: str | None = None,
        tool: str | None = None,
        name: str = "json-schema-validator",
    ) -> None:
        super().__init__(name)
        check_place(where)
        if quantity not in ("all", "any", "last"):
            raise UnknownNameError("quantity", quantity, ["all", "any", "last"])
        made = getattr(schema, "model_json_schema", None)
        self.schema = made() if callable(made) else schema
        if not isinstance(self.schema, Mapping):
            raise ConfigError(f"a JSON schema is a mapping, or a pydantic model class; not {schema!r:.60}")
        self.quantity, self.where, self.speaker, self.tool = quantity, where, speaker, tool

    def explain(self, dialog: Dialog) -> Explanation:
        """Return whether the JSON fits, and what is wrong with what does not."""
        found = passages(dialog, self.where, self.speaker, self.tool)
        if found is None:
            return Explanation(None, "the dialog records no events, so its tool calls are not known")
        if not found:
            return Explanation(None, f"there are no such {self.where.replace('_', ' ')}")
        looked_at = found[-1:] if self.quantity == "last" else found
        wrong = {piece.place: told for piece in looked_at if (told := self._problems(piece))}
        passed = len(wrong) < len(looked_at) if self.quantity == "any" else not wrong
        first = next(iter(wrong.items()), None)
        reason = None if passed or first is None else f"{first[0]}: {first[1][0]}"
        return Explanation(passed, reason, {"problems": wrong, "looked_at": len(looked_at)})

    def _problems(self, piece: Passage) -> list[str]:
        content = piece.content
        if isinstance(content, str):
            fenced = _FENCED.search(content)
            try:
                content = json.loads(fenced[1] if fenced else content)
            except ValueError as error:
                return [f"no JSON: {error}"]
        return problems(content, self.schema)
