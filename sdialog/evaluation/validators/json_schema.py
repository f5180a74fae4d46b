"""Are turns, or results of tools, JSON of the right form?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from pydantic import ValidationError

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.validators import validators
from sdialog.evaluation.validators._passages import Passage, Where, check_place, passages
from sdialog.evaluation.validators.base import BaseValidator, Explanation
from sdialog.llm.json_schema import problems

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

TYPES = ("object", "array", "string", "boolean", "integer", "number", "null")
UNCHECKED = frozenset(
    {
        "not",
        "if",
        "then",
        "else",
        "contains",
        "minContains",
        "maxContains",
        "uniqueItems",
        "multipleOf",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedItems",
        "unevaluatedProperties",
    }
)
"""Conditions of JSON Schema that are not checked."""

_FENCED = re.compile(r"^`{3,}[ \t]*(?:json)?[ \t]*\n(.*?)^`{3,}[ \t]*$", re.DOTALL | re.MULTILINE | re.IGNORECASE)


@validators.register("json_schema")
class JsonSchemaValidator(BaseValidator):
    """Passes dialogs in which turns (or results of tools) are JSON that fits a schema.

    The JSON may stand in a fence of its own with words around it; else the whole text has to be JSON. The part of
    JSON Schema that services accept for structured output is checked: types, properties, enums, bounds, patterns,
    ``anyOf``, ``allOf`` and references within the schema; a schema with other conditions is refused rather than half
    checked. Of a pydantic model class, the class itself checks too. A dialog without such turns or results has no
    score.

    Args:
        schema: a JSON schema, or a pydantic model class.
        quantity: ``all`` must fit, or ``any`` of them, or the ``last``.
        where: ``turns`` or ``tool_results``.
        speaker: whose turns or tool calls, in any letter case; None for everybody's.
        tool: results of which tool; None for all.
        name: what it is called in tables.

    Raises:
        ConfigError: if the schema is none, or has a type or a condition that is not known here.
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
        self._model = schema if callable(made) else None
        if self._model is None:
            _check(self.schema)
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

    def identity(self) -> dict[str, Any] | None:
        """Return what decides its values; None for a model class, whose own checks are code."""
        return super().identity() if self._model is None else None

    def _problems(self, piece: Passage) -> list[str]:
        content = piece.content
        if isinstance(content, str):
            fenced = _FENCED.search(content)
            try:
                content = json.loads(fenced[1] if fenced else content)
            except ValueError as error:
                return [f"no JSON: {error}"]
        return problems(content, self.schema) or self._model_problems(content)

    def _model_problems(self, content: Any) -> list[str]:
        if self._model is None:
            return []
        try:
            self._model.model_validate(content)
        except ValidationError as error:
            found = error.errors(include_url=False)
            return [": ".join(filter(None, [".".join(map(str, one["loc"])), one["msg"]])) for one in found]
        return []


def _check(schema: Any) -> None:
    """Refuse conditions that would not be checked."""
    if isinstance(schema, list):
        for entry in schema:
            _check(entry)
    if not isinstance(schema, Mapping):
        return
    unknown = sorted(UNCHECKED.intersection(schema))
    if unknown:
        raise ConfigError(
            f"the schema's {', '.join(unknown)} cannot be checked here; use a CallableValidator, or a pydantic model"
        )
    kinds = schema.get("type", [])
    for kind in [kinds] if isinstance(kinds, str) else kinds:
        if kind not in TYPES:
            raise ConfigError(f"{kind!r} is no type of JSON; there are {', '.join(TYPES)}")
    for key, entry in schema.items():
        if key in ("properties", "$defs", "definitions"):  # below it stand names of the user
            _check(list(entry.values()))
        elif key not in ("enum", "const", "default", "examples", "required"):
            _check(entry)
