"""Vectors as files and plain data spell them: numbers, or the name of a file that holds them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from numpy.typing import NDArray

_WHY = "read vectors"
_FORMS = (
    "numbers in a list; the name of a saved direction, of a .safetensors or a .npy file; or {file: NAME, tensor: KEY}"
)
SUFFIXES = (".safetensors", ".npy")


@dataclass(frozen=True, eq=False)
class Vector:
    """Numbers and where they are from.

    Attributes:
        values: shape (size,), or (tokens, size).
        name: what the file calls it; empty for numbers in the data.
        files: the files they were read from, by name.
        site: where in a model the saved direction was found; empty if that is not told.
    """

    values: NDArray[Any]
    name: str = ""
    files: Mapping[str, Path] = field(default_factory=dict)
    site: str = ""

    @property
    def digest(self) -> str:
        """16 hex digits that tell the numbers from others (BLAKE2b of them as float64)."""
        numbers = self.values.astype("<f8")
        return hashlib.blake2b(str(numbers.shape).encode() + numbers.tobytes(), digest_size=8).hexdigest()


def read_vector(given: Any, folders: Sequence[Path] = (Path(),)) -> Vector:
    """Return the vector that data spells.

    Args:
        given: numbers, the name of a file, or a mapping with ``file`` and the ``tensor`` wanted of several.
        folders: where file names start; the first that has the file counts.

    Raises:
        UnknownNameError: if there is no such file, or none of its tensors has the name.
        ConfigError: if it is no vector of finite numbers.

    Example:
        >>> read_vector([0.0, 1.5]).values.tolist()
        [0.0, 1.5]
    """
    if isinstance(given, str) and given.strip():
        return _from_file(given, None, folders)
    if isinstance(given, Mapping):
        unknown = [key for key in given if key not in ("file", "tensor")]
        if unknown:
            raise UnknownNameError("key of a vector", str(unknown[0]), ("file", "tensor"))
        name, tensor = given.get("file"), given.get("tensor")
        if not isinstance(name, str) or not (tensor is None or isinstance(tensor, str)):
            raise ConfigError(f"a vector of a file is {{file: NAME}} or {{file: NAME, tensor: KEY}}, not {given!r:.80}")
        return _from_file(name, tensor, folders)
    return Vector(_numbers(given, f"{given!r:.60}"))


def write_vector(values: Any, folder: Path | None = None) -> list[Any] | dict[str, str]:
    """Return numbers as plain data: a list, or with a folder the name of a ``.npy`` file that is written into it.

    Args:
        values: list, array or tensor of numbers, or something with a ``vector``.
        folder: where to write the file; its name says what the numbers are, so equal ones share it.

    Raises:
        ConfigError: if these are no numbers.
    """
    numpy = need("numpy", extra="local", why="write vectors")
    vector = Vector(_numbers(_plain(getattr(values, "vector", values)), f"{values!r:.60}"))
    if folder is None:
        listed: list[Any] = vector.values.tolist()
        return listed
    folder.mkdir(parents=True, exist_ok=True)
    name = f"vector-{vector.digest}.npy"
    numpy.save(folder / name, vector.values, allow_pickle=False)
    return {"file": name}


def _plain(values: Any) -> Any:
    """Return a tensor, of whatever type and wherever it is, as an array."""
    if not hasattr(values, "detach"):
        return values
    held = values.detach().cpu()
    return (held.float() if held.is_floating_point() and held.element_size() < 4 else held).numpy()


def _numbers(values: Any, named: str) -> NDArray[Any]:
    numpy = need("numpy", extra="local", why=_WHY)
    try:
        found = numpy.asarray(values)
        found = found if found.dtype.kind == "f" else found.astype(float) if found.dtype.kind in "iu" else None
    except ValueError:  # rows of different lengths
        found = None
    if found is None or found.ndim not in (1, 2) or not found.size:
        raise ConfigError(f"{named} is no vector; write {_FORMS}")
    if not numpy.isfinite(found).all():
        raise ConfigError(f"{named} holds numbers that are not finite")
    return found  # type: ignore[no-any-return]


def _from_file(name: str, tensor: str | None, folders: Sequence[Path]) -> Vector:
    path = _find(name, folders)
    numpy = need("numpy", extra="local", why=_WHY)
    if path.suffix == ".npy":
        try:
            values = numpy.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            raise ConfigError(f"{path} is no array that numpy has saved: {error}") from error
        return Vector(_numbers(values, str(path)), name, {name: path})
    facts = path.with_suffix(".json")
    kind = _kind(facts)
    if kind == "direction" and tensor is None:
        from sdialog.interpretability.directions import Direction

        direction = Direction.load(path)
        files = {name: path, f"{name} (facts)": facts}
        return Vector(_numbers(direction.vector, str(path)), name, files, direction.site)
    if kind == "probe" and tensor is None:
        raise ConfigError(f"{path} holds a probe; steer with its direction: Probe.load(...).direction().save(...)")
    return Vector(_numbers(_tensor(path, tensor), str(path)), name, {name: path})


def _tensor(path: Path, wanted: str | None) -> Any:
    files = need("safetensors.numpy", extra="local", why=_WHY)
    broken = need("safetensors", extra="local", why=_WHY).SafetensorError
    try:
        held = files.load_file(str(path))
    except broken as error:
        raise ConfigError(f"{path} is no safetensors file: {error}") from error
    if wanted is None and len(held) == 1:
        return next(iter(held.values()))
    if wanted is None:
        listed = ", ".join(sorted(held)) or "none"
        raise ConfigError(f"{path} holds several tensors ({listed}); write {{file: {path.name}, tensor: ONE OF THEM}}")
    if wanted not in held:
        raise UnknownNameError(f"tensor in {path.name}", wanted, held)
    return held[wanted]


def _kind(facts: Path) -> Any:
    if not facts.is_file():
        return None
    try:
        found = json.loads(facts.read_text(encoding="utf-8"))
    except ValueError:  # a file of somebody else's that happens to lie there
        return None
    return found.get("kind") if isinstance(found, dict) else None


def _find(name: str, folders: Sequence[Path]) -> Path:
    for folder in folders:
        for spelled in (name, *(f"{name}{suffix}" for suffix in SUFFIXES)):
            path = folder / spelled
            if path.is_file() and path.suffix in SUFFIXES:
                return path
        path = folder / name
        if path.suffix == ".json" and path.with_suffix(".safetensors").is_file():
            return path.with_suffix(".safetensors")
        if path.is_dir():
            inside = sorted(one for suffix in SUFFIXES for one in path.glob(f"*{suffix}"))
            if len(inside) == 1:
                return inside[0]
            raise ConfigError(f"{path} is a folder with {len(inside) or 'no'} vectors; name a file in it")
    places = [folder / name for folder in folders]
    strange = next((place for place in places if place.is_file()), None)
    if strange is not None:
        raise ConfigError(f"{strange} is no {' or '.join(SUFFIXES)} file; write {_FORMS}")
    beside = [one.name for place in places if place.parent.is_dir() for one in place.parent.iterdir()]
    stems = [one.removesuffix(suffix) for one in beside for suffix in SUFFIXES if one.endswith(suffix)]
    known = [one for one in (*stems, *beside) if one in stems or one.endswith(SUFFIXES)]
    looked = " and ".join(
        "the working folder" if str(place.parent) == "." else str(place.parent) for place in dict.fromkeys(places)
    )
    raise UnknownNameError("file of a vector", name, known, f"Looked in {looked}.")
