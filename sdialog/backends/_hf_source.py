"""Where a local model comes from, checked before anything heavy is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from sdialog.core.errors import ConfigError

_WEIGHTS = (".safetensors", ".bin", ".safetensors.index.json")
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
