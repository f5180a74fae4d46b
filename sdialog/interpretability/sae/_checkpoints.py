"""A training on disk: everything needed to go on as if it had never stopped."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.sae._trainer import Trainer
from sdialog.interpretability.sae.training_log import LogEntry, TrainingLog

_NAME = "checkpoint.safetensors"
_MOMENTS = ("exp_avg", "exp_avg_sq", "step")
_PLACES = ("step", "tokens", "epoch", "place", "resampled")
_WHY = "keep checkpoints of a training"


def write(folder: Path, trainer: Trainer, signature: dict[str, Any], entries: list[LogEntry]) -> None:
    """Write a checkpoint in place of the one before; a crash leaves one of the two whole."""
    save_file = need("safetensors.torch", extra="local", why=_WHY).save_file
    tensors = {f"weights.{name}": value.detach() for name, value in trainer.weights.items()}
    tensors |= {f"scales.{name}": value for name, value in trainer.scales.items()}
    for name, value in trainer.weights.items():
        for moment in _MOMENTS:
            tensors[f"{moment}.{name}"] = trainer.adam.state[value][moment]
    tensors |= {"silent": trainer.silent, "threshold": trainer.threshold}
    about = {
        "signature": signature,
        "log": TrainingLog(tuple(entries)).json(),
        **{name: getattr(trainer, name) for name in _PLACES},
    }
    folder.mkdir(parents=True, exist_ok=True)
    half = folder / f".{_NAME}.half"
    metadata = {"training": json.dumps(about, sort_keys=True)}
    save_file({name: value.contiguous() for name, value in tensors.items()}, half, metadata=metadata)
    half.replace(folder / _NAME)


def read(folder: Path, trainer: Trainer, signature: dict[str, Any]) -> list[LogEntry] | None:
    """Bring a trainer to where the folder's checkpoint is, and return the log so far; None if there is none.

    Raises:
        ConfigError: if the checkpoint is of another training.
        UserError: if it cannot be read.
    """
    path = folder / _NAME
    if not path.is_file():
        return None
    safetensors = need("safetensors", extra="local", why=_WHY)
    try:
        with safetensors.safe_open(path, framework="pt", device=str(trainer.device)) as file:
            about = json.loads((file.metadata() or {})["training"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (safetensors.SafetensorError, KeyError, ValueError) as error:
        raise UserError(f"{path} is not a checkpoint of a training: {error}") from error
    _compare(path, about["signature"], signature)
    with torch.no_grad():
        for name, value in trainer.weights.items():
            value.copy_(tensors[f"weights.{name}"])
            trainer.adam.state[value] = {moment: tensors[f"{moment}.{name}"] for moment in _MOMENTS}
            # Adam counts on the CPU, wherever it learns.
            trainer.adam.state[value]["step"] = tensors[f"step.{name}"].cpu()
    trainer.scales = {name[7:]: value for name, value in tensors.items() if name.startswith("scales.")}
    trainer.silent, trainer.threshold = tensors["silent"], tensors["threshold"]
    for name in _PLACES:
        setattr(trainer, name, int(about[name]))
    return list(TrainingLog.from_json(about["log"]))


def _compare(path: Path, there: dict[str, Any], here: dict[str, Any]) -> None:
    for part in here:
        if there.get(part) != here[part]:
            before, now = there.get(part), here[part]
            if isinstance(before, dict) and isinstance(now, dict):
                changed = sorted(name for name in now if before.get(name) != now[name])
                part = f"{part} ({', '.join(changed)})"
            raise ConfigError(f"{path} is a checkpoint of another training: its {part} differs. Give another folder")
