"""Voices of a Hugging Face dataset, on disk or on the hub."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sdialog.audio.sound import mono
from sdialog.audio.voices.databases.base import BaseVoiceDatabase, databases
from sdialog.audio.voices.databases.listed import add_row
from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import rng


@databases.register("huggingface")
class HuggingfaceVoiceDatabase(BaseVoiceDatabase):
    """Voices of a dataset with the columns audio or voice, and gender, age, identifier, language, language_code.

    What a row leaves out is English, code ``e``, named by its number; a missing gender or age is drawn, the same
    each time. Recordings become samples with their rate.

    Args:
        dataset_name: path of a dataset saved on disk, else its name on the hub, which is then downloaded.
        subset: split of the dataset.

    Raises:
        UserError: if a row has neither audio nor voice, or the dataset no such split.
        MissingDependencyError: if datasets is not installed.
    """

    name = "huggingface"

    def __init__(self, dataset_name: str | os.PathLike[str] = "sdialog/voices-libritts", subset: str = "train") -> None:
        self.dataset_name, self.subset = os.fspath(dataset_name), subset
        super().__init__()

    def populate(self) -> None:
        """Read the dataset and add its voices."""
        for number, row in enumerate(self._rows()):
            where = f"{self.dataset_name}, row {number}"
            voice = _voice(row, where)
            # As published where a row does not say; drawn by number, so that loading again gives the same.
            draw = rng(0, self.dataset_name, number)
            gender, age = draw.choice(("male", "female")), draw.randint(18, 65)
            told = {name: value for name, value in row.items() if value not in (None, "")}
            add_row(self, {"gender": gender, "age": age, "identifier": f"voice_{number}", **told}, where, voice)

    def _rows(self) -> Iterator[Mapping[str, Any]]:
        library: Any = need("datasets", extra="datasets", why="read voices from a Hugging Face dataset")
        if Path(self.dataset_name).exists():
            data = library.load_from_disk(self.dataset_name)
            if isinstance(data, Mapping):
                if self.subset not in data:
                    raise UserError(f"{self.dataset_name} has no split {self.subset!r}; it has {', '.join(data)}")
                data = data[self.subset]
        else:
            data = library.load_dataset(self.dataset_name, split=self.subset)
        if isinstance(data.features.get("audio"), library.Audio):
            # Its own decoder needs torch; soundfile reads the same files.
            data = data.cast_column("audio", library.Audio(decode=False))
        yield from data


HuggingFaceVoiceDatabase = HuggingfaceVoiceDatabase


def _voice(row: Mapping[str, Any], where: str) -> Any:
    audio = row.get("audio")
    if isinstance(audio, Mapping):
        if audio.get("array") is not None:
            return mono(audio["array"]), int(audio["sampling_rate"])
        if audio.get("bytes"):
            soundfile = need("soundfile", extra="audio", why="read recorded voices")
            samples, rate = soundfile.read(io.BytesIO(audio["bytes"]), dtype="float32")
            return mono(samples), int(rate)
        audio = audio.get("path")
    found = audio or row.get("voice")
    if not found:
        raise UserError(f"{where}: it has neither audio nor voice")
    return found
