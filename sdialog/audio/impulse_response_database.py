"""Impulse responses of microphones by name: those that ship with the package, your own, or a published set."""

from __future__ import annotations

import csv
import json
import warnings
from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from pathlib import Path
from typing import Any

from sdialog.audio.assets import asset
from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.optional import need


class RecordingDevice(str, Enum):  # noqa: UP042 - a published class, whose members print as members
    """The published recording devices, by the identifiers of the published set of impulse responses."""

    LCT_440 = "OD-FBVET30-CND-AU-1-P20-50"
    SHURE_SM57 = "OD-FBVET30-DYN-57-P05-20"
    RE_20 = "OD-FBVET30-DYN-US-8-P10-70"
    RBN_160 = "OD-FBVET30-RBN-160-P10-30"
    SENNHEISER_E906 = "OD-FB-VET30-DYN-906-P12-30"
    AUDIX_I5 = "OD-FB-VET30-DYN-I5-P12-20"
    NEUMANN_TLM_103 = "OD-FB-VET30-LD-103-P09-40-LC"
    SONY_C800G_TUBE = "OD-FB-VET30-LD-800-P09-40"
    ROYER_R_10 = "OD-FB-VET30-RBN-US-1-P10-30-LC75"
    SENNHEISER_MD409_U3 = "OD-FBVET30-DN-409U-09-40"
    SENNHEISER_MD421_II = "OD-FBVET30-DN-421B-10-40-LC"
    NEUMANN_U67_TUBE = "OD-FBVET30-LD-67NOS-P09-40-LC"
    RBN_CN_2 = "OD-FBVET30-RBN-CN-2-P09-100"


# Dynamic and ribbon microphones colour speech most like a lapel one, condensers are the most even.
_DYNAMIC = ("SHURE_SM57", "RE_20", "SENNHEISER_E906", "AUDIX_I5", "SENNHEISER_MD409_U3", "SENNHEISER_MD421_II")
_RIBBON = ("RBN_160", "ROYER_R_10", "RBN_CN_2")
NEAREST = {
    device.value: "headset" if device.name in _DYNAMIC else "lapel" if device.name in _RIBBON else "conference"
    for device in RecordingDevice
}


class ImpulseResponseDatabase(ABC):
    """Impulse responses by identifier: a subclass fills ``_data`` in :meth:`_populate`."""

    def __init__(self) -> None:
        self._data: dict[str, str] = {}
        self._populate()

    @abstractmethod
    def _populate(self) -> None:
        """Fill ``_data``, from identifier to path."""

    def get_data(self) -> dict[str, str]:
        """Return the path of each identifier."""
        return dict(self._data)

    def get_ir(self, identifier: str | RecordingDevice) -> str:
        """Return the path of an impulse response.

        Args:
            identifier: a name, or a published device.

        Raises:
            UnknownNameError: if there is none; names near ones.
        """
        name = identifier.value if isinstance(identifier, RecordingDevice) else str(identifier)
        if name not in self._data:
            error = UnknownNameError("impulse response", name, self._data)
            error.args = (f"Impulse response with identifier '{name}' not found. {error.args[0]}",)
            raise error
        return self._data[name]


class DeviceImpulseResponseDatabase(ImpulseResponseDatabase):
    """The impulse responses that ship with the package: classes of devices, made by us.

    The published devices answer too, with the class nearest to them, and a warning that says which: their recordings
    are not ours to ship.

    Example:
        >>> sorted(DeviceImpulseResponseDatabase().get_data())
        ['conference', 'handset', 'headset', 'lapel', 'laptop', 'speakerphone']
    """

    def _populate(self) -> None:
        self._data = {path.stem: str(path) for path in sorted(asset("microphones").glob("*.wav"))}

    def get_ir(self, identifier: str | RecordingDevice) -> str:
        """Return the path of an impulse response; see :meth:`ImpulseResponseDatabase.get_ir`."""
        name = identifier.value if isinstance(identifier, RecordingDevice) else str(identifier)
        nearest = NEAREST.get(name)
        if nearest is None:
            return super().get_ir(name)
        warnings.warn(
            f"the recording of {RecordingDevice(name).name} does not ship with sdialog; the device class {nearest!r} "
            "stands for it. Give impulse_response_database= for the recording itself",
            stacklevel=2,
        )
        return super().get_ir(nearest)


class LocalImpulseResponseDatabase(ImpulseResponseDatabase):
    """Impulse responses in a folder, with a table of them.

    Args:
        metadata_file: a csv, tsv or json file with ``identifier`` and ``file_name``.
        directory: where the files are.

    Raises:
        UserError: if the table, the folder or a file is not there, or the table lacks a column.
    """

    def __init__(self, metadata_file: str | Path, directory: str | Path) -> None:
        self.metadata_file, self.directory = Path(metadata_file), Path(directory)
        super().__init__()

    def _populate(self) -> None:
        if not self.metadata_file.is_file():
            raise UserError(f"Metadata file not found: {self.metadata_file}")
        if not self.directory.is_dir():
            raise UserError(f"Audio directory is not a directory: {self.directory}")
        for row in _rows(self.metadata_file):
            missing = [key for key in ("identifier", "file_name") if not row.get(key)]
            if missing:
                raise UserError(f"{self.metadata_file}: a row lacks {' and '.join(missing)}: {dict(row)}")
            path = self.directory / str(row["file_name"])
            if not path.is_file():
                raise UserError(f"Audio file not found at path: {path}")
            self._data[str(row["identifier"])] = str(path.resolve())


class HuggingFaceImpulseResponseDatabase(ImpulseResponseDatabase):
    """Impulse responses of a data set of the Hugging Face hub, or of a folder that ``datasets`` has saved.

    The files are written beside each other into ``cache_dir``, since the rest works with paths.

    Args:
        repo_id: name of the data set, or a folder; its columns are ``identifier`` and ``audio``.
        subset: which split.
        cache_dir: where the sound files go; left out, a folder of the user's cache.

    Raises:
        MissingDependencyError: if ``datasets`` is not installed.
        UserError: if a column or the split is missing.
    """

    def __init__(self, repo_id: str, subset: str = "train", cache_dir: str | Path | None = None) -> None:
        self.repo_id, self.subset = repo_id, subset
        self.cache_dir = Path(cache_dir) if cache_dir is not None else _cache(repo_id)
        super().__init__()

    def _populate(self) -> None:
        datasets = need("datasets", extra="datasets", why="load impulse responses from a data set")
        local = Path(self.repo_id).is_dir()
        loaded: Any = datasets.load_from_disk(self.repo_id) if local else datasets.load_dataset(self.repo_id)
        if isinstance(loaded, Mapping):
            if self.subset not in loaded:
                raise UserError(f"{self.repo_id} has no split {self.subset!r}; it has {', '.join(loaded)}")
            loaded = loaded[self.subset]
        missing = {"identifier", "audio"} - set(loaded.column_names)
        if missing:
            raise UserError(f"{self.repo_id} lacks the column {' and '.join(sorted(missing))}")
        if isinstance(loaded.features["audio"], datasets.Audio):
            # Undecoded: the bytes are a sound file already, and decoding would need torch.
            loaded = loaded.cast_column("audio", datasets.Audio(decode=False))
        for row in loaded:
            self._data[str(row["identifier"])] = str(self._kept(str(row["identifier"]), row["audio"]))

    def _kept(self, identifier: str, audio: Mapping[str, Any]) -> Path:
        content, path = audio.get("bytes"), audio.get("path")
        if content is None and path and Path(path).is_file():
            return Path(path).resolve()
        if content is None:
            raise UserError(f"{self.repo_id}: the impulse response {identifier!r} has neither bytes nor a file")
        suffix = Path(str(path or "")).suffix or ".wav"
        stem = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in identifier)
        kept = self.cache_dir / f"{stem}{suffix}"
        if not kept.is_file() or kept.read_bytes() != content:
            self.cache_dir.mkdir(parents=True, exist_ok=True)
            kept.write_bytes(content)
        return kept


# The spelling of the published documentation.
HuggingfaceImpulseResponseDatabase = HuggingFaceImpulseResponseDatabase


def _rows(path: Path) -> list[Mapping[str, Any]]:
    suffix = path.suffix.lower()
    if suffix == ".json":
        data = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(data, Mapping):
            data = [{"identifier": key, "file_name": value} for key, value in data.items()]
        if not isinstance(data, list) or not all(isinstance(row, Mapping) for row in data):
            raise ConfigError(f"{path}: a list of rows with identifier and file_name is wanted")
        return list(data)
    if suffix not in (".csv", ".tsv"):
        raise UserError(f"Metadata file is not a csv / tsv / json file: {path}")
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="," if suffix == ".csv" else "\t"))


def _cache(repo_id: str) -> Path:
    name = "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in repo_id)
    return Path.home() / ".cache" / "sdialog" / "impulse_responses" / name
