"""Ready personas, one YAML file each, loaded by name.

The library's files lie under ``personas/<domain>/<name>.yaml`` and are known as ``<domain>/<name>``. Such a file
holds the persona's class as ``type``, its attributes, and, if wished, ``summary`` (one line) and ``tags``::

    type: Customer
    summary: Billed twice and in a hurry.
    tags: [billing]
    name: Riley Carter
    age: 29
    issue: charged twice for one order

A folder of one's own in the same shape is read by giving ``folder``, and a single file by giving its path.

Example:
    >>> ava = load("support/ava")
    >>> type(ava).__name__
    'SupportAgent'
    >>> "support/riley" in find(domain="support", type="Customer")
    True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, UnknownNameError, near_names
from sdialog.personas.classes import find_class

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel

_CARD_KEYS = ("type", "summary", "tags")
_HERE = Path(__file__).resolve().parent
# An installed package carries the files beside this module; a checkout has them in its top folder.
_PLACES = (_HERE / "data", _HERE.parent.parent / "personas")


@dataclass(frozen=True, slots=True)
class Card:
    """What a persona file holds, apart from the persona it makes.

    Attributes:
        name: ``<domain>/<name>``, or the path for a file given by path.
        path: the file.
        type: the persona's class, as the file spells it.
        attributes: values of the persona's attributes.
        summary: one line about the person, or ``""``.
        tags: words to find the person by.
        lines: line number of each key in the file.
    """

    name: str
    path: Path
    type: str
    attributes: Mapping[str, Any]
    summary: str
    tags: tuple[str, ...]
    lines: Mapping[str, int]

    @property
    def domain(self) -> str:
        """The part of the name before the first slash, such as ``support``."""
        return self.name.partition("/")[0] if "/" in self.name else ""

    @property
    def language(self) -> str:
        """The language the person speaks; English where the file is silent."""
        return str(self.attributes.get("language") or "English")

    def persona(self) -> AttributeModel:
        """Make the persona, a new one at each call.

        Raises:
            ConfigError: naming file, line and near names, if an attribute is unknown or has a wrong value.
            UnknownNameError: if no class is called ``type``.
        """
        from pydantic import ValidationError

        cls = find_class(self.type)
        known = cls.model_fields
        for key in self.attributes:
            if key not in known:
                near = near_names(key, [*known, *_CARD_KEYS])
                hint = f"did you mean {' or '.join(map(repr, near))}?" if near else f"it has: {', '.join(known)}"
                raise ConfigError(f"{self._at(key)}: {self.type} has no attribute {key!r}; {hint}")
        try:
            # A copy, since lists in the attributes belong to the cached file.
            return cls(**{key: list(v) if isinstance(v, list) else v for key, v in self.attributes.items()})
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else "type"
            given = self.attributes.get(key)
            cure = " (put it in quotes)" if isinstance(given, (bool, int, float)) else ""
            raise ConfigError(f"{self._at(key)}: {key} cannot be {given!r}: {first['msg']}{cure}") from error

    def _at(self, key: str) -> str:
        return f"{self.path}, line {self.lines.get(key, 1)}"


def load(name: str | Path, folder: str | Path | None = None) -> AttributeModel:
    """Return a persona of the library, of a folder or of a file.

    Args:
        name: ``<domain>/<name>`` such as ``support/ava``, or the path of a ``.yaml``, ``.yml`` or ``.json`` file
            (JSON as ``persona.to_file`` writes it). A path that is not absolute is tried inside ``folder`` first.
        folder: a folder of persona files to look in before the library.

    Returns:
        A new persona.

    Raises:
        UnknownNameError: if there is no such persona; lists near names.
        ConfigError: if its file is broken; names file and line.

    Example:
        >>> load("support/riley").name
        'Riley Carter'
    """
    if str(name).endswith(".json"):
        from sdialog.core.attributes import AttributeModel

        return AttributeModel.from_file(str(path(name, folder)))
    return card(name, folder).persona()


def names(folder: str | Path | None = None) -> list[str]:
    """Return the names of all personas of the library, or of a folder of one's own, sorted.

    Example:
        >>> "support/ava" in names()
        True
    """
    return sorted(_files(_root(folder)))


def card(name: str | Path, folder: str | Path | None = None) -> Card:
    """Return what a persona's file says, without making the persona; arguments and errors as in :func:`load`.

    Example:
        >>> card("support/ava").domain
        'support'
    """
    file = path(name, folder)
    return _read(str(name), file, file.stat().st_mtime_ns)


def path(name: str | Path, folder: str | Path | None = None) -> Path:
    """Return the file of a persona; arguments and errors as in :func:`load`.

    Example:
        >>> path("support/ava").name
        'ava.yaml'
    """
    if str(name).endswith((".yaml", ".yml", ".json")):
        for candidate in ([Path(folder) / name] if folder is not None else []) + [Path(name)]:
            if candidate.is_file():
                return candidate
        raise ConfigError(f"no persona file {str(name)!r}" + (f" (nor in {folder})" if folder is not None else ""))
    roots = [_root(where) for where in ([folder] if folder is not None else []) + [None]]
    for root in roots:
        for candidate in (root / f"{name}.yaml", root / f"{name}.yml"):
            if candidate.is_file():
                return candidate
    # Only now are folders listed, for one that holds scenarios may hold a great deal else.
    known = names() + [f"{file.parent.name}/{file.stem}" for file in roots[0].glob("*/*.y*ml")]
    same_end = sorted({each for each in known if each.endswith(f"/{name}")})
    hint = f"Names are <domain>/<name>: {' or '.join(map(repr, same_end))}." if same_end else ""
    raise UnknownNameError("persona", str(name), known, hint)


def find(
    *,
    domain: str | None = None,
    type: str | None = None,
    language: str | None = None,
    tag: str | None = None,
    folder: str | Path | None = None,
) -> list[str]:
    """Return the names of the personas that fit every given wish, sorted; upper and lower case are alike.

    Args:
        domain: folder of the library, such as ``medical``.
        type: class, such as ``Doctor``.
        language: language spoken, such as ``Hindi``.
        tag: one of the file's tags.
        folder: a folder of one's own to search instead of the library.

    Raises:
        UnknownNameError: if the folder has no such domain, type, language or tag at all.

    Example:
        >>> all(card(name).language == "Spanish" for name in find(language="spanish"))
        True
    """
    files = _files(_root(folder))
    cards = [_read(name, file, file.stat().st_mtime_ns) for name, file in sorted(files.items())]
    wishes = {"domain": domain, "type": type, "language": language, "tag": tag}
    given = {kind: wish.casefold() for kind, wish in wishes.items() if wish is not None}
    for kind in given:
        known = {value for each in cards for value in _values(each, kind)}
        if given[kind] not in map(str.casefold, known):
            raise UnknownNameError(f"persona {kind}", str(wishes[kind]), known)
    return [
        each.name
        for each in cards
        if all(wish in map(str.casefold, _values(each, kind)) for kind, wish in given.items())
    ]


def _values(each: Card, kind: str) -> tuple[str, ...]:
    return each.tags if kind == "tag" else (str(getattr(each, kind)),)


def _root(folder: str | Path | None) -> Path:
    if folder is not None:
        if not Path(folder).is_dir():
            raise ConfigError(f"no folder {str(folder)!r} of personas")
        return Path(folder)
    for place in _PLACES:
        if place.is_dir():
            return place
    raise ConfigError(f"this installation lacks the persona library: no folder {' nor '.join(map(str, _PLACES))}")


def _files(root: Path) -> dict[str, Path]:
    found: dict[str, Path] = {}
    for file in sorted(root.rglob("*")):
        if file.suffix in (".yaml", ".yml") and file.is_file():
            name = file.relative_to(root).with_suffix("").as_posix()
            if name in found:
                raise ConfigError(f"two persona files want the name {name!r}: {found[name]} and {file}; rename one")
            found[name] = file
    return found


@lru_cache(maxsize=1024)
def _read(name: str, file: Path, _modified: int) -> Card:
    values, lines = _parse(file)
    kind = values.pop("type", None)
    if not isinstance(kind, str) or not kind:
        raise ConfigError(f"{file}, line {lines.get('type', 1)}: say the persona's class, as in 'type: Customer'")
    tags = values.pop("tags", None) or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise ConfigError(f"{file}, line {lines['tags']}: tags is a list of words, not {tags!r}")
    summary = values.pop("summary", None) or ""
    return Card(name, file, kind, values, str(summary), tuple(tags), lines)


def _parse(file: Path) -> tuple[dict[str, Any], dict[str, int]]:
    """Return the file's top mapping and the line of each of its keys."""
    import yaml

    try:
        loader = yaml.SafeLoader(file.read_text(encoding="utf-8-sig"))
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{file}: not readable as YAML in UTF-8: {error}") from error
    try:
        node = loader.get_single_node()
        if not isinstance(node, yaml.MappingNode):
            raise ConfigError(f"{file}, line 1: a persona file is a list of 'attribute: value' lines")
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if str(key.value) in lines:
                raise ConfigError(f"{file}, line {line}: {key.value!r} stands already in line {lines[key.value]}")
            lines[str(key.value)] = line
        values = loader.construct_document(node)
    except ConfigError:
        raise
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        raise ConfigError(f"{file}, line {line}: not readable as YAML: {error.problem}") from error
    except (yaml.YAMLError, ValueError) as error:  # a ValueError is of a date that is none
        raise ConfigError(f"{file}: not readable as YAML: {error}") from error
    finally:
        loader.dispose()
    return {str(key): value for key, value in values.items()}, lines
