"""Voices as recordings in a folder, with a table that says whose they are."""

from __future__ import annotations

import csv
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.audio.voices.databases.listed import add_row
from sdialog.core.errors import UserError

_AUDIO = (".wav", ".mp3", ".m4a", ".ogg", ".flac", ".aiff", ".aif", ".aac")
_SEPARATORS = {".csv": ",", ".tsv": "\t"}


def is_a_audio_file(name: str | os.PathLike[str]) -> bool:
    """Tell whether a file name ends like that of a recording, in capitals or not.

    Example:
        >>> is_a_audio_file("Ana.WAV"), is_a_audio_file("my.wave.txt")
        (True, False)
    """
    return os.fspath(name).casefold().endswith(_AUDIO)


@databases.register("local")
class LocalVoiceDatabase(BaseVoiceDatabase):
    """Recordings in a folder, for engines that imitate a voice.

    The table has the columns identifier, gender, age, and voice or file_name; language (else English) and
    language_code (else ``e``) may follow. Relative paths are below the folder. A value of ``voice`` that is not the
    name of an audio file stays as it is: the engine's own name for a voice.

    Args:
        directory_audios: folder of the recordings.
        metadata_file: table, as ``.csv``, ``.tsv`` or ``.json`` (a list of mappings, or a mapping of columns).

    Raises:
        UserError: if folder, table, a column or a recording is missing; says which.
    """

    name = "local"

    def __init__(self, directory_audios: str | os.PathLike[str], metadata_file: str | os.PathLike[str]) -> None:
        self.directory_audios, self.metadata_file = Path(directory_audios), Path(metadata_file)
        super().__init__()

    def populate(self) -> None:
        """Read the table and add its voices."""
        self._check()
        rows = _rows(self.metadata_file)
        columns = set().union(*rows) if rows else {"identifier", "gender", "age", "voice"}
        if not columns & {"voice", "file_name"}:
            raise UserError(f"Voice or file_name column does not exist in {self.metadata_file}")
        for column, said in (("gender", "Gender"), ("age", "Age"), ("identifier", "Speaker id (identifier)")):
            if column not in columns:
                raise UserError(f"{said} column does not exist in {self.metadata_file}")
        for number, row in enumerate(rows, 1):
            where = f"{self.metadata_file}, voice {number}"
            for column in ("gender", "age", "identifier"):
                if row.get(column) in (None, ""):
                    raise UserError(f"{where}: {column} is empty")
            add_row(self, row, where, self._voice(row, where))

    def _check(self) -> None:
        if not self.directory_audios.exists():
            raise UserError(f"Directory audios does not exist: {self.directory_audios}")
        if not self.directory_audios.is_dir():
            raise UserError(f"Directory audios {self.directory_audios} is not a directory")
        if not self.metadata_file.exists():
            raise UserError(f"Metadata file does not exist: {self.metadata_file}")
        if self.metadata_file.suffix.casefold() not in (*_SEPARATORS, ".json"):
            raise UserError(f"Metadata file {self.metadata_file} is not a csv / tsv / json file")

    def _voice(self, row: Mapping[str, Any], where: str) -> Any:
        value = row.get("voice") or row.get("file_name")
        if value in (None, ""):
            raise UserError(f"{where}: voice and file_name are empty")
        if not isinstance(value, str) or (not row.get("file_name") and not is_a_audio_file(value)):
            return value
        path = (self.directory_audios / value).resolve()
        if not path.is_file():
            raise UserError(f"{where}: there is no recording {path}")
        return str(path)


def _rows(path: Path) -> list[dict[str, Any]]:
    if path.suffix.casefold() != ".json":
        with path.open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file, delimiter=_SEPARATORS[path.suffix.casefold()]))
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"Metadata file {path} is not a csv / tsv / json file: {error}") from error
    if isinstance(data, Mapping) and all(isinstance(column, Mapping) for column in data.values()):
        data = {name: list(column.values()) for name, column in data.items()}  # as pandas writes a table
    if isinstance(data, Mapping) and all(isinstance(column, list) for column in data.values()):
        data = [dict(zip(data, values, strict=False)) for values in zip(*data.values(), strict=False)]
    if not isinstance(data, list) or not all(isinstance(row, Mapping) for row in data):
        raise UserError(f"Metadata file {path} holds neither a list of mappings nor a mapping of columns")
    return [dict(row) for row in data]
