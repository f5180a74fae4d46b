"""Sparse dictionaries as folders."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.sae import _saelens
from sdialog.interpretability.sae._dictionary import SparseDictionary, make
from sdialog.interpretability.sae.config import SAEConfig

if TYPE_CHECKING:
    import torch

FORMATS = ("sdialog", "saelens")
VERSION = 1
_WHY = "read and write sparse dictionaries"
_CONFIG, _WEIGHTS = "config.json", "weights.safetensors"


def save(sae: SparseDictionary, folder: str | Path, format: str = "sdialog") -> Path:
    """Write a dictionary to a folder; see :meth:`SparseDictionary.save`."""
    if format not in FORMATS:
        raise UnknownNameError("format of sparse dictionaries", str(format), FORMATS)
    if format == "saelens":
        described, weights = _saelens.written(sae)
        return _write(Path(folder), (_saelens.CONFIG, described), (_saelens.WEIGHTS, weights))
    described = {"format": "sdialog.sae", "version": VERSION, "config": sae.config.json()}
    return _write(Path(folder), (_CONFIG, described), (_WEIGHTS, sae.weights))


def load(folder: str | Path, device: str = "cpu") -> SparseDictionary:
    """Read a dictionary from a folder that :meth:`SparseDictionary.save` or SAELens wrote.

    Args:
        folder: with ``config.json`` and ``weights.safetensors``, or SAELens's ``cfg.json`` and
            ``sae_weights.safetensors`` of versions 2 to 6.
        device: torch device for the weights.

    Returns:
        A :class:`SparseAutoencoder`, :class:`Transcoder` or :class:`Crosscoder`.

    Raises:
        UserError: if there is no dictionary or it cannot be read.
        UnsupportedFeatureError: if it is of an architecture that is not known here.
    """
    path = Path(folder)
    if (path / _CONFIG).is_file():
        described = _object(path / _CONFIG)
        if described.get("format") != "sdialog.sae" or not isinstance(described.get("config"), dict):
            raise ConfigError(f"{path / _CONFIG} does not describe a sparse dictionary")
        if described.get("version") != VERSION:
            raise ConfigError(
                f"{path / _CONFIG} is of version {described.get('version')}; this sdialog reads {VERSION}"
            )
        return make(SAEConfig.from_json(described["config"]), _tensors(path / _WEIGHTS, device))
    if (path / _saelens.CONFIG).is_file():
        described = _object(path / _saelens.CONFIG)
        return _saelens.read(described, _tensors(path / _saelens.WEIGHTS, device))
    raise UserError(f"{path} holds no sparse dictionary: there is neither {_CONFIG} nor {_saelens.CONFIG}")


def _write(
    folder: Path, described: tuple[str, Mapping[str, Any]], weights: tuple[str, Mapping[str, torch.Tensor]]
) -> Path:
    save_file = need("safetensors.torch", extra="local", why=_WHY).save_file
    folder.mkdir(parents=True, exist_ok=True)
    save_file({name: value.cpu().contiguous().clone() for name, value in weights[1].items()}, folder / weights[0])
    # Last, because a folder with a description counts as whole.
    text = json.dumps(described[1], indent=2, sort_keys=True, ensure_ascii=False)
    (folder / described[0]).write_text(f"{text}\n", encoding="utf-8")
    return folder


def _object(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(f"{path} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise UserError(f"{path} holds no JSON object")
    return found


def _tensors(path: Path, device: str) -> dict[str, torch.Tensor]:
    if not path.is_file():
        raise UserError(f"{path} is missing: the folder describes a sparse dictionary without its weights")
    safetensors = need("safetensors", extra="local", why=_WHY)
    try:
        with safetensors.safe_open(path, framework="pt", device=device) as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except safetensors.SafetensorError as error:
        raise UserError(f"{path} cannot be read: {error}") from error
