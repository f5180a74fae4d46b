"""A voice: what an engine calls it, and what a listener would say about it."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel


class Voice(BaseModel):
    """A voice of a database.

    Attributes:
        gender: ``male`` or ``female``; empty if unknown.
        age: in years; 0 if unknown.
        identifier: name of the voice, unique within a language of its database.
        voice: what the engine takes: a name, the file of a recording, samples with their rate, or its own fields.
        language: in English, lower case.
        language_code: what the engine calls the language.
        accent: such as ``scottish``; empty if unknown.
        person: who speaks; voices of one person in two languages sound alike. Empty: somebody of their own.
        f0: median fundamental frequency in Hz; None if not measured.
        pace: words a minute in a sentence of plain English; None if not measured.

    Example:
        >>> Voice(gender="female", age=35, identifier="ana", voice="recordings/ana.wav").language
        'english'
    """

    gender: str = ""
    age: int = 0
    identifier: str = ""
    voice: Any
    language: str = "english"
    language_code: str = "a"
    accent: str = ""
    person: str = ""
    f0: float | None = None
    pace: float | None = None

    def json_data(self) -> dict[str, Any]:
        """Return what is known about the voice as JSON data; samples as their number, rate and digest."""
        known = {name: value for name, value in self.model_dump().items() if value not in ("", 0, None)}
        return {**known, "voice": told_value(self.voice)}


def told_value(value: Any) -> Any:
    """Return what an engine takes as JSON data.

    Args:
        value: a name, a path, fields, or samples with their rate; samples become a digest, since a label file is
            no place for them.
    """
    if hasattr(value, "tobytes"):
        import hashlib

        digest = hashlib.blake2b(value.tobytes(), digest_size=16).hexdigest()
        return {"shape": list(value.shape), "type": str(value.dtype), "digest": digest}
    if isinstance(value, dict):
        return {str(key): told_value(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [told_value(item) for item in value]
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    told = getattr(value, "json", None)
    return told() if callable(told) else str(value)
