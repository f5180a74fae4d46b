"""Attribute models: personas, contexts, and whatever else is described by named attributes."""

from __future__ import annotations

import builtins
import copy
import importlib
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, ValidationError

from sdialog.core.errors import DialogFormatError, UnknownNameError
from sdialog.core.identity import VERSION, new_id, timestamp
from sdialog.core.validation import parse_json, problem

HOMES = ("sdialog.personas",)
"""Modules that offer attribute models, asked for a class by a name that is not known yet."""


class Metadata(BaseModel):
    """Where an attribute model comes from.

    Args:
        version: version of sdialog that made it.
        timestamp: when, as ISO 8601 in UTC.
        model: the language model that filled it in, if one did.
        seed: seed it was generated with.
        id: its own id.
        parentId: id of what it was cloned from.
        className: class to rebuild it with, as a plain name or with its module in front.
        notes: anything.
    """

    version: str | None = VERSION
    timestamp: str | None = Field(default_factory=timestamp)
    model: str | dict[str, Any] | None = None
    seed: int | None = None
    id: int | str | None = Field(default_factory=new_id)
    parentId: int | str | None = None  # noqa: N815 - the key's spelling in published files
    className: str | None = None  # noqa: N815
    notes: Any = None


class AttributeModel(BaseModel):
    """Base of personas and contexts: named attributes that can be described, saved, cloned and rebuilt.

    A subclass declares its attributes as annotated fields. Two models are equal when they are of one class and their
    attributes are equal, whatever their metadata says.

    Example:
        >>> class Pilot(AttributeModel):
        ...     name: str = ""
        ...     flight_hours: int = 0
        >>> ann = Pilot(name="Zoé", flight_hours=900)
        >>> print(ann)
        * Name: Zoé
        * Flight hours: 900
        >>> Pilot.from_dict(ann.json()) == ann
        True
    """

    model_config = ConfigDict(extra="forbid")

    _metadata: Metadata | None = PrivateAttr(default=None)

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        # A class defined again (a notebook cell run twice) or later takes over its name.
        for name in (cls.__name__, f"{cls.__module__}.{cls.__qualname__}"):
            _classes.pop(name, None)
            _classes[name] = cls

    @classmethod
    def attributes(cls, print: bool = False) -> list[str] | None:
        """Return the names of the attributes, in order; with ``print`` show them with their descriptions instead."""
        if not print:
            return list(cls.model_fields)
        from sdialog.core.printing import print_fields

        print_fields(cls.__name__, {name: field.description or "" for name, field in cls.model_fields.items()})
        return None

    def clone(self, new_id: int | str | None = None, **overrides: Any) -> Self:
        """Return a deep copy, with some attributes changed.

        Args:
            new_id: id of the copy; None makes a fresh one.
            overrides: attributes that differ in the copy.

        Returns:
            A new object whose metadata names this one as its parent.

        Raises:
            pydantic.ValidationError: if an override is no attribute of this class, or does not fit it.
        """
        values = {name: copy.deepcopy(getattr(self, name)) for name in type(self).model_fields}
        twin = type(self).model_validate({**values, **overrides})
        old = self._metadata
        twin._metadata = copy.deepcopy(old) if old is not None else Metadata(className=type(self).__name__)
        twin._metadata.parentId = None if old is None else old.id
        twin._metadata.id = new_id if new_id is not None else _fresh_id()
        return twin

    def get_metadata(self) -> Metadata | None:
        """Return where this object comes from, or None for one that was never generated, cloned or read from a file.

        Example:
            >>> class Pilot(AttributeModel):
            ...     name: str = ""
            >>> ann = Pilot(name="Ann")
            >>> ann.get_metadata() is None, ann.clone().get_metadata().className
            (True, 'Pilot')
        """
        return self._metadata

    def description(self) -> str:
        """Return one line ``* Label: value`` for each attribute that is not empty."""
        return described({name: getattr(self, name) for name in type(self).model_fields})

    def __str__(self) -> str:
        return self.description()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AttributeModel):
            return NotImplemented
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def print(self) -> None:
        """Print metadata and attributes, in colour where the terminal has any."""
        from sdialog.core.printing import print_attributes

        print_attributes(self)

    def json(  # type: ignore[override]
        self, string: bool = False, indent: int | None = 2, output_metadata: bool = True
    ) -> dict[str, Any] | str:
        """Return the attributes as plain data.

        An attribute that is None or ``""`` is left out, unless its default is something else: what is left out comes
        back as the default.

        Args:
            string: return JSON text instead of a dict.
            indent: spaces per level of the text; None for one line.
            output_metadata: add the metadata, if there is any, under ``_metadata``.

        Returns:
            A dict that shares nothing with this object, or text with non-ASCII characters kept.
        """
        values = self.model_dump(mode="json", fallback=plain)
        data: dict[str, Any] = {
            name: values[name]
            for name, field in type(self).model_fields.items()
            if not (_is_empty(values[name]) and values[name] == field.get_default(call_default_factory=False))
        }
        if output_metadata and self._metadata is not None:
            data["_metadata"] = self._metadata.model_dump(mode="json", fallback=plain)
        return json.dumps(data, indent=indent, ensure_ascii=False) if string else data

    def record(self) -> dict[str, Any]:
        """Return :meth:`json` with the class name always in it, so that it can be rebuilt from that alone.

        This is how a ``Dialog`` keeps its personas. Unlike :meth:`to_file` it makes up no id and no time, so that equal
        personas give equal records.
        """
        data = self.json()
        assert isinstance(data, dict)
        metadata = data.setdefault("_metadata", {})
        metadata["className"] = metadata.get("className") or type(self).__name__
        return data

    def prompt(self) -> str:
        """Return the attributes as JSON text, without metadata, the way prompts show them."""
        return str(self.json(string=True, output_metadata=False))

    def to_file(self, path: str | Path, makedir: bool = True) -> None:
        """Write the attributes and metadata as a JSON file.

        Args:
            path: where to.
            makedir: create missing folders.
        """
        data = self.json()
        assert isinstance(data, dict)
        data.setdefault("_metadata", Metadata(className=type(self).__name__).model_dump(mode="json"))
        data["_metadata"]["className"] = data["_metadata"].get("className") or type(self).__name__
        path = Path(path)
        if makedir:
            path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def from_file(cls, path: str | Path, object_class: type[AttributeModel] | None = None) -> Self:
        """Read an object from a JSON file; arguments and errors as in :meth:`from_dict`."""
        try:
            return cls.from_json(Path(path).read_bytes(), object_class)
        except DialogFormatError as error:
            raise DialogFormatError(error.message, file=path, line=error.line) from error

    @classmethod
    def from_json(cls, json_str: str | bytes, object_class: type[AttributeModel] | None = None) -> Self:
        """Read an object from JSON text; arguments and errors as in :meth:`from_dict`."""
        return cls.from_dict(parse_json(json_str), object_class)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], object_class: type[AttributeModel] | None = None) -> Self:
        """Rebuild an object from what :meth:`json` returned.

        The class is, in this order: ``object_class``; the class that ``_metadata.className`` names; the class this is
        called on (``Persona.from_dict(...)``); the only known class that has all attributes in ``data``.

        Args:
            data: attributes by name, and perhaps ``_metadata``; left unchanged.
            object_class: class to build.

        Raises:
            UnknownNameError: if ``className`` names no known class.
            DialogFormatError: if the class cannot be told, is not a kind of the one this is called on, or the
                attributes do not fit it.
        """
        if not isinstance(data, Mapping):
            raise DialogFormatError(f"a {cls.__name__} is a JSON object, not {type(data).__name__}")
        values = {name: copy.deepcopy(value) for name, value in data.items() if name != "_metadata"}
        recorded = data.get("_metadata")
        try:
            metadata = None if recorded is None else Metadata.model_validate(recorded)
        except ValidationError as error:
            raise DialogFormatError(f"broken _metadata: {problem(error)}") from error
        class_name = None if metadata is None else metadata.className
        built = object_class or cls._class_for(class_name, values)
        if not issubclass(built, cls) and object_class is None:
            raise DialogFormatError(
                f"this is a {built.__name__}, not a {cls.__name__}; read it with {built.__name__}.from_dict or "
                f"from_file, or with those of {AttributeModel.__name__}"
            )
        try:
            rebuilt = built.model_validate(values)
        except ValidationError as error:
            raise DialogFormatError(f"not a {built.__name__}: {problem(error)}") from error
        # A record that only names its class was made from an object without metadata.
        rebuilt._metadata = metadata if recorded and set(recorded) != {"className"} else None
        return rebuilt  # type: ignore[return-value]

    @classmethod
    def _class_for(cls, class_name: str | None, values: Mapping[str, Any]) -> type[AttributeModel]:
        if class_name:
            return find_class(class_name)
        if cls is not AttributeModel:
            return cls
        fitting = [known for known in known_classes() if _fits(known, values)]
        if len(fitting) == 1:
            return fitting[0]
        found = f"{len(fitting)} classes have" if fitting else "no known class has"
        raise DialogFormatError(
            f"no _metadata.className says which class this is, and {found} all of its attributes "
            f"({', '.join(values) or 'none'}); call from_dict of the class itself, or pass object_class"
        )


_classes: dict[str, type[AttributeModel]] = {}


def known_classes() -> list[type[AttributeModel]]:
    """Return every attribute model defined so far, each once, in order of definition."""
    _load_homes()
    return list(dict.fromkeys(_classes.values()))


def find_class(name: str) -> type[AttributeModel]:
    """Return the attribute model of this name.

    Args:
        name: class name, with or without its module; of several classes with one name the newest is meant.

    Raises:
        UnknownNameError: if there is none.
    """
    if name not in _classes:
        _load_homes(name.rpartition(".")[2])
    if name not in _classes:
        _load_homes()
        short = [known for known in _classes if "." not in known]
        hint = "A class of your own must be imported before what was saved from it is read."
        raise UnknownNameError("attribute class", name, short, hint)
    return _classes[name]


def words(name: str) -> str:
    """Return a CamelCase or snake_case name as words.

    Example:
        >>> words("years_of_experience"), words("HTTPServerName")
        ('years of experience', 'HTTP Server Name')
    """
    return " ".join(_WORD.findall(name)) or name


def described(attributes: Mapping[str, Any]) -> str:
    """Return one line ``* Label: value`` for each attribute that is not empty.

    Example:
        >>> described({"years_of_experience": 7, "hobbies": ["chess", "tea"], "rules": ""})
        '* Years of experience: 7\\n* Hobbies: chess, tea'
    """
    given = {name: value for name, value in attributes.items() if value is not None and value not in ("", [], {})}
    return "\n".join(f"* {_label(name)}: {_readable(value)}" for name, value in given.items())


def _load_homes(name: str | None = None) -> None:
    """Load the built-in class of this name, or all of them; the homes load a class when it is asked for."""
    for home in HOMES:
        module = importlib.import_module(home)
        for offered in module.__all__ if name is None else {name}.intersection(module.__all__):
            getattr(module, offered)


def _fits(known: type[AttributeModel], values: Iterable[str]) -> bool:
    names = set(values)
    required = {name for name, field in known.model_fields.items() if field.is_required()}
    return names <= set(known.model_fields) and required <= names


def _is_empty(value: Any) -> bool:
    return value is None or (isinstance(value, str) and value == "")


def _readable(value: Any) -> str:
    if isinstance(value, (list, tuple)):
        return ", ".join(_readable(entry) for entry in value)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
    return json.dumps(value, ensure_ascii=False, default=str) if isinstance(value, dict) else builtins.str(value)


def plain(value: Any) -> Any:
    """Make plain data of what JSON does not know: objects with a ``json`` method by that, others as text."""
    as_json = getattr(value, "json", None)
    return as_json() if callable(as_json) and not isinstance(value, type) else str(value)


def _label(name: str) -> str:
    text = words(name)
    return text[:1].upper() + text[1:]


_fresh_id = new_id
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+|[^\W_]+")
