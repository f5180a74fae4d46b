"""Voices that a list of mappings holds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.core.errors import UserError

_REQUIRED = ("voice", "identifier", "gender", "age")


@databases.register("listed")
class VoiceDatabase(BaseVoiceDatabase):
    """Voices from mappings.

    Args:
        data: one mapping a voice: voice, identifier, gender, age, and where they are not English and ``e``, language
            and language_code; other fields of a :class:`~sdialog.audio.voices.Voice` may follow.

    Raises:
        UserError: if it is not such a list; says which voice lacks what.

    Example:
        >>> row = {"voice": "am_echo", "identifier": "echo", "gender": "M", "age": 30, "language": "English"}
        >>> VoiceDatabase([row]).get_voice("male", 25).voice
        'am_echo'
    """

    name = "listed"

    def __init__(self, data: list[dict[str, Any]]) -> None:
        self._listed = data
        super().__init__()

    def populate(self) -> None:
        """Add the voices of the list."""
        rows: Any = self._listed
        if not isinstance(rows, list) or not all(isinstance(row, Mapping) for row in rows):
            raise UserError("Data is not a list of dictionaries: give one mapping a voice")
        for number, row in enumerate(rows):
            for name in _REQUIRED:
                if name not in row:
                    raise UserError(f"{name.capitalize()} column does not exist in the data: see voice {number}")
            add_row(self, row, f"voice {number}", row["voice"])


def add_row(database: BaseVoiceDatabase, row: Mapping[str, Any], where: str, voice: Any) -> None:
    """Add a voice that a row of strings or values describes.

    Args:
        database: which gets it.
        row: identifier, gender, age, and optionally language, language_code, accent and person.
        where: names the row in messages.
        voice: what the engine takes.

    Raises:
        UserError: if a value is not of its kind.
    """
    try:
        age = round(float(row["age"]))
    except (TypeError, ValueError):
        raise UserError(f"{where}: age is a number of years, not {row['age']!r}") from None
    more: dict[str, Any] = {name: str(row[name]) for name in ("accent", "person") if row.get(name)}
    more |= {name: float(row[name]) for name in ("f0", "pace") if row.get(name)}
    language, code = str(row.get("language") or "english"), str(row.get("language_code") or "e")
    try:
        database.add_voice(row["gender"], age, str(row["identifier"]), voice, language, code, **more)
    except UserError as error:
        raise UserError(f"{where}: {error}") from error
