"""Where a local model comes from, checked before anything heavy is imported."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from sdialog.core.errors import ConfigError

_WEIGHTS = (".safetensors", ".bin", ".safetensors.index.json")
_READ_BY_TRANSFORMERS = (*_WEIGHTS, ".json", ".jinja", ".model", ".txt", ".py")
# Bytes read at either end of a file: no training leaves them as they are, and reading all would take minutes.
_EDGE = 1 << 20
_TOKENIZERS = {"tokenizer.json", "tokenizer.model", "tokenizer_config.json", "vocab.json", "vocab.txt"}


@dataclass(frozen=True, slots=True)
class Source:
    """Where a model comes from and how it is to be held.

    Attributes:
        name: local folder or hub name.
        dtype: ``auto`` or the name of a torch type.
        device: ``auto`` or a torch device.
        revision: branch, tag or commit on the hub.
        trust_remote_code: run code that comes with the model.
    """

    name: str
    dtype: str = "auto"
    device: str = "auto"
    revision: str | None = None
    trust_remote_code: bool = False

    @property
    def folder(self) -> Path | None:
        """The local folder, or None for a hub name."""
        path = Path(self.name).expanduser()
        return path if path.is_dir() else None

    def fingerprint(self) -> str | None:
        """Return a digest that changes when the folder's model does, or None for a hub name.

        Of each file, the name, the size and both ends go into it.
        """
        folder = self.folder
        if folder is None:
            return None
        files = sorted(
            path for path in folder.iterdir() if path.is_file() and path.name.endswith(_READ_BY_TRANSFORMERS)
        )
        return _digest(tuple((path, path.stat().st_size, path.stat().st_mtime_ns) for path in files))

    def check(self) -> None:
        """Refuse a path at which there is no complete model.

        Raises:
            ConfigError: naming what is missing.
        """
        folder = self.folder
        if folder is None:
            looks_like_path = self.name.startswith((".", "~", "/")) or self.name.count("/") > 1 or "\\" in self.name
            if looks_like_path:
                raise ConfigError(f"there is no model folder {self.name!r}")
            return
        held = {entry.name for entry in folder.iterdir()}
        missing = [] if "config.json" in held else ["config.json"]
        if not any(name.endswith(_WEIGHTS) for name in held):
            missing.append("weights (*.safetensors)")
        if not held & _TOKENIZERS:
            missing.append("a tokenizer (tokenizer.json)")
        if missing:
            raise ConfigError(f"model folder {self.name!r} lacks {', '.join(missing)}")


@lru_cache(maxsize=64)
def _digest(files: tuple[tuple[Path, int, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path, size, _ in files:
        digest.update(f"{path.name}\0{size}\0".encode())
        with path.open("rb") as file:
            digest.update(file.read(_EDGE))
            file.seek(max(_EDGE, size - _EDGE))
            digest.update(file.read())
    return digest.hexdigest()
