"""Remakes the embedded model: ``python -m training.make`` (see training/README.md)."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
START = HERE / "start"
PACKED = ROOT / "sdialog" / "backends" / "mini"
FILES = ("config.json", "generation_config.json", "model.safetensors", "tokenizer.json", "tokenizer_config.json",
         "chat_template.jinja")  # fmt: skip


def train(work: Path, minutes: float, start: Path | None, ranks: int) -> Path:
    """Train tokenizer and model in separate processes; return the folder of the finished model."""
    from training import tokenizer

    pieces, out = work / "tokenizer", work / "model"
    tokenizer.train().save_pretrained(str(pieces))
    options = ["--out", str(out), "--tokenizer", str(pieces), "--minutes", str(minutes)]
    options += ["--warm-start", str(start)] if start else ["--lr", "4e-3", "--decay-from", "0.5"]
    threads = {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "PYTHONPATH": str(ROOT)}
    launch = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(ranks)]
    command = [*launch, "-m", "training.trainer", *options]
    subprocess.run(command, check=True, env={**os.environ, **threads})
    return out / "final"


def install(folder: Path, target: Path = PACKED) -> None:
    """Copy a finished model to where the package looks for it."""
    target.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(folder / name, target / name)


def main(arguments: Sequence[str] | None = None) -> int:
    """Train, install and evaluate; returns the evaluation's exit status."""
    parser = argparse.ArgumentParser(prog="python -m training.make", description=__doc__)
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "training", help="folder for what comes between")
    parser.add_argument("--minutes", type=float, default=75, help="minutes of training")
    parser.add_argument("--ranks", type=int, default=2, help="processes, each of one thread")
    parser.add_argument(
        "--from-scratch", action="store_true", help="do not start from training/start; needs 2-3x as long"
    )
    parser.add_argument("--no-install", action="store_true", help="leave the packed model as it is")
    given = parser.parse_args(arguments)
    given.work.mkdir(parents=True, exist_ok=True)
    final = train(given.work, given.minutes, None if given.from_scratch else START, given.ranks)
    model = f"huggingface:{final}"
    if not given.no_install:
        install(final)
        model = "embedded:mini"
    from training.evaluate import main as evaluate

    return evaluate(["--model", model])


if __name__ == "__main__":
    raise SystemExit(main())
