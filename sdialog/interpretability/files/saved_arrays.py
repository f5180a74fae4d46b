"""Arrays in a safetensors file, with what they mean in a JSON file beside it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
_ARRAYS, _FACTS = ".safetensors", ".json"


def save_arrays(path: str | Path, kind: str, arrays: Mapping[str, NDArray[Any]], facts: Mapping[str, Any]) -> Path:
    """Write arrays and facts beside each other; folders are made.

    Args:
        path: of either file, or without suffix.
        kind: what is saved, such as ``direction``.
        arrays: by name.
        facts: what goes into the JSON file.

    Returns:
        The path of the safetensors file.
    """
    numpy = need("numpy", extra="local", why=f"save a {kind}")
    files = need("safetensors.numpy", extra="local", why=f"save a {kind}")
    target, beside = _paths(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    written = json.dumps({"kind": kind, "version": VERSION, **facts}, ensure_ascii=False, indent=1, allow_nan=False)
    unfinished, told = (one.with_name(one.name + ".part") for one in (target, beside))
    files.save_file({name: numpy.ascontiguousarray(array) for name, array in arrays.items()}, str(unfinished))
    told.write_text(written + "\n", encoding="utf-8")
    told.replace(beside)
    unfinished.replace(target)
    return target


def load_arrays(path: str | Path, kind: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the arrays and facts that were saved.

    Raises:
        UserError: if a file is missing, damaged, or holds something else.
    """
    files = need("safetensors.numpy", extra="local", why=f"load a {kind}")
    broken = need("safetensors", extra="local", why=f"load a {kind}").SafetensorError
    target, beside = _paths(path)
    for file in (target, beside):
        if not file.is_file():
            raise UserError(f"there is no {file}: a saved {kind} is two files, {target.name} and {beside.name}")
    try:
        facts = json.loads(beside.read_text(encoding="utf-8"))
        arrays = files.load_file(str(target))
    except (ValueError, broken) as error:
        raise UserError(f"{target} or {beside.name} is damaged: {error}. Save the {kind} again") from error
    if not isinstance(facts, dict) or facts.get("kind") != kind:
        found = facts.get("kind") if isinstance(facts, dict) else None
        raise UserError(f"{beside} holds {f'a {found}' if found else 'something else'}, not a {kind}")
    if facts["version"] != VERSION:
        raise UserError(f"{beside} has the version {facts['version']}; this sdialog reads {VERSION}")
    return arrays, facts


def _paths(path: str | Path) -> tuple[Path, Path]:
    given = Path(path)
    stem = given.name
    for suffix in (_ARRAYS, _FACTS):
        stem = stem.removesuffix(suffix)
    return given.with_name(stem + _ARRAYS), given.with_name(stem + _FACTS)
