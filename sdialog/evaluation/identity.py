"""What decides a score's value: a hash of a dialog's content, and the plain form of a score's options."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pydantic_core import PydanticSerializationError

from sdialog.core.attributes import plain as as_text

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

# Who wrote the file when, and under which name, says nothing about the conversation.
_NOT_CONTENT = {"id", "parentId", "timestamp", "version", "schemaVersion"}


def dialog_hash(dialog: Dialog) -> str:
    """Return a hash of all that a score may read in a dialog: 32 hex digits.

    Ids, the time it was made and the version that made it play no part.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> one, other = (Dialog(id=n, turns=[Turn(speaker="Ann", text="Hi!")]) for n in "ab")
        >>> dialog_hash(one) == dialog_hash(other) != dialog_hash(Dialog())
        True
    """
    try:
        return _digest(dialog.model_dump_json(exclude=_NOT_CONTENT, by_alias=True, fallback=as_text))
    except PydanticSerializationError:
        # Half a surrogate pair, as a cut-off emoji leaves it, is no UTF-8; JSON can say it in ASCII.
        return _digest(json.dumps(dialog.model_dump(mode="json", exclude=_NOT_CONTENT, fallback=as_text)))


def plain(value: object) -> Any:
    """Return a value as JSON data.

    Raises:
        TypeError: if it has no form that says all about it, as functions and models have none.
    """
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(entry) for entry in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(entry) for entry in value), key=repr)
    raise TypeError(f"{type(value).__name__} has no plain form")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
