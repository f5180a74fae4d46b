"""Values made to fit the attributes of a class."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel


def fit(cls: type[AttributeModel], values: Mapping[str, object]) -> tuple[dict[str, object], dict[str, str]]:
    """Turn numbers and lists into text where a class takes only text, and say what still does not fit.

    Args:
        cls: the class.
        values: some of its attributes; those left out are not complained about.

    Returns:
        The values, changed where that made them fit, and the complaints by attribute (``""`` for a complaint about
        the whole).

    Example:
        >>> from sdialog.personas import Doctor
        >>> fit(Doctor, {"name": "Mei", "hurriedness": 3, "openness": ["frank", "warm"], "age": None})
        ({'name': 'Mei', 'hurriedness': '3', 'openness': 'frank, warm', 'age': None}, \
{'age': 'Input should be a valid integer'})
    """
    wrong = _complaints(cls, values)
    as_text = {name: text for name in wrong if (text := _text(values.get(name))) is not None}
    if not as_text:
        return dict(values), wrong
    still_wrong = _complaints(cls, {**values, **as_text})
    mended = {name: text for name, text in as_text.items() if name not in still_wrong}
    return {**values, **mended}, still_wrong


def _complaints(cls: type[AttributeModel], values: Mapping[str, object]) -> dict[str, str]:
    from pydantic import ValidationError

    try:
        cls.model_validate(dict(values))
    except ValidationError as error:
        found: dict[str, str] = {}
        for complaint in error.errors(include_url=False, include_context=False):
            name = str(complaint["loc"][0]) if complaint["loc"] else ""
            if name in values or not name:
                found.setdefault(name, complaint["msg"])
        return found
    return {}


def _text(value: object) -> str | None:
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, (list, tuple)) and value and all(isinstance(v, (str, int, float)) for v in value):
        return ", ".join(map(str, value))
    return None
