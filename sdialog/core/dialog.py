"""The dialog: the one thing that generation, evaluation, explanation and audio hand to each other."""

from __future__ import annotations

import copy
import importlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self, overload

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, PrivateAttr, ValidationError, field_validator
from pydantic_core import PydanticSerializationError

from sdialog.core.attributes import AttributeModel, plain
from sdialog.core.context import Context
from sdialog.core.errors import DialogFormatError, UnknownNameError, UnsupportedFeatureError
from sdialog.core.files import FileMethods
from sdialog.core.identity import VERSION, new_id, timestamp
from sdialog.core.text import TextMethods
from sdialog.core.turns import Event, Instruction, Turn
from sdialog.core.validation import parse_json, problem

__all__ = ["SCHEMA_VERSION", "Context", "Dialog", "Event", "Instruction", "Turn"]

SCHEMA_VERSION = 1
"""Number of the JSON layout that this version writes."""

_OTHER_NAMES = ("dialogId",)  # that a field may have in files


class Dialog(TextMethods, FileMethods, BaseModel):
    """A conversation: who said what, what went on behind it, and how it came about.

    Its length is its number of turns; iterating and indexing give turns, slicing gives a smaller dialog. Two dialogs
    are equal when all their fields are, wherever they were loaded from. Unknown fields in older or newer files are
    ignored.

    Args:
        version: version of sdialog that made it.
        timestamp: when, as ISO 8601 in UTC; null in runs that must be reproducible byte for byte.
        model: the language model, by name or as name and options; of several, the first speaker's.
        seed: seed it was generated with.
        id: its own id.
        parentId: id of the dialog it was derived from.
        complete: whether it came to an end of its own; None if unknown.
        personas: persona of each speaker, as data; persona objects are turned into it.
        context: the situation, as text or data; a ``Context`` is turned into data.
        scenario: what it was generated from.
        turns: what was said.
        events: what happened, if that was recorded.
        annotations: labels added later.
        notes: anything.
        stopReason: why it ended, such as ``agent_stop`` or ``max_turns``.
        models: model of each speaker, as name and options.
        schemaVersion: number of the JSON layout.

    Example:
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello, Ann.")])
        >>> print(dialog)
        Ann: Hi!
        Bob: Hello, Ann.
        >>> len(dialog), dialog[0].text, dialog[1:].get_speakers()
        (2, 'Hi!', ['Bob'])
    """

    model_config = ConfigDict(ser_json_bytes="base64")

    version: str | None = VERSION
    timestamp: str | None = Field(default_factory=timestamp)
    model: str | dict[str, Any] | None = None
    seed: int | None = None
    # Files of the first versions say dialogId.
    id: int | str | None = Field(default_factory=new_id, validation_alias=AliasChoices("id", "dialogId"))
    parentId: int | str | None = None  # noqa: N815 - the key's spelling in published files
    complete: bool | None = None
    personas: dict[str, Any] | None = None
    context: str | dict[str, Any] | None = None
    scenario: dict[str, Any] | str | None = None
    turns: list[Turn] | None = Field(default_factory=list)
    events: list[Event] | None = None
    annotations: str | dict[str, Any] | None = None
    notes: Any = None
    stopReason: str | None = None  # noqa: N815
    models: dict[str, dict[str, Any]] | None = None
    schemaVersion: int = SCHEMA_VERSION  # noqa: N815

    _path: str | None = PrivateAttr(default=None)

    @field_validator("personas", mode="before")
    @classmethod
    def _personas_as_data(cls, value: Any) -> Any:
        if not isinstance(value, Mapping):
            return value
        return {name: p.record() if isinstance(p, AttributeModel) else p for name, p in value.items()}

    @field_validator("context", mode="before")
    @classmethod
    def _context_as_data(cls, value: Any) -> Any:
        return value.json() if isinstance(value, AttributeModel) else value

    def __len__(self) -> int:
        return len(self.turns or ())

    def __iter__(self) -> Iterator[Turn]:  # type: ignore[override]
        return iter(self.turns or ())

    @overload
    def __getitem__(self, index: int) -> Turn: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    def __getitem__(self, index: int | slice) -> Turn | Self:
        if isinstance(index, slice):
            return self._slice(index)
        if isinstance(index, int):
            return (self.turns or [])[index]
        raise TypeError(f"a dialog is indexed by a number or a slice, not by {type(index).__name__}")

    def __str__(self) -> str:
        return self.description()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Dialog):
            return NotImplemented
        return type(self) is type(other) and self.__dict__ == other.__dict__

    def clone(self, new_id: int | str | None = None) -> Self:
        """Return a deep copy with a new id and this dialog as its parent.

        Args:
            new_id: id of the copy; None makes a fresh one.
        """
        twin = self.model_copy(deep=False)
        for name, value in self.__dict__.items():
            if name in ("turns", "events"):
                twin.__dict__[name] = None if value is None else [part.model_copy() for part in value]
            elif isinstance(value, _MUTABLE) or name == "notes":
                twin.__dict__[name] = copy.deepcopy(value)
        for event in twin.events or ():
            if not isinstance(event.content, str):
                event.content = copy.deepcopy(event.content)
        twin.parentId, twin.id = self.id, new_id if new_id is not None else _fresh_id()
        twin._path = None
        return twin

    def description(self, turn_template: str | None = None) -> str:
        """Return the dialog as text, one line a turn, with line breaks within a turn turned into spaces.

        Args:
            turn_template: a ``str.format`` template with ``speaker`` and ``text``; None is ``speaker: text``, or the
                bare text where there is no speaker.

        Example:
            >>> Dialog(turns=[Turn(speaker="Ann", text="Hi!")]).description("<{speaker}> {text}")
            '<Ann> Hi!'
        """
        return "\n".join(_line(turn, turn_template) for turn in self.turns or ())

    def prompt(self) -> str:
        """Return the turns as a JSON array, the way prompts show them."""
        turns = [{"speaker": turn.speaker, "text": turn.text} for turn in self.turns or ()]
        return json.dumps(turns, indent=2, ensure_ascii=False)

    def json(  # type: ignore[override]
        self, string: bool = False, indent: int | None = 2, ensure_ascii: bool = False
    ) -> dict[str, Any] | str:
        """Return the dialog as plain data, every field in it.

        Args:
            string: return JSON text instead of a dict.
            indent: spaces per level of the text; None for one line.
            ensure_ascii: write non-ASCII characters as escapes.

        Returns:
            A dict that shares nothing with the dialog, or text. Objects that JSON does not know become text.
        """
        if not string:
            return self.model_dump(mode="json", fallback=plain)
        text = self._json_text(indent)
        return json.dumps(json.loads(text), indent=indent) if ensure_ascii else text

    def json_line(self) -> str:
        """Return the dialog as one compact line of JSON, without a line end, for ``.jsonl`` files.

        The same dialog always gives the same bytes: keys come in the order of the fields.
        """
        return self._json_text(None)

    def _json_text(self, indent: int | None) -> str:
        try:
            return self.model_dump_json(indent=indent, fallback=plain)
        except PydanticSerializationError:
            # Half a surrogate pair, as a cut-off emoji leaves it, is no UTF-8; JSON can say it in ASCII.
            separators = (",", ":") if indent is None else None
            return json.dumps(self.model_dump(mode="json", fallback=plain), indent=indent, separators=separators)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Build a dialog from what :meth:`json` returned, or from any data of that shape.

        Raises:
            DialogFormatError: if the data is no dialog; it names the first wrong field.
        """
        try:
            dialog = cls.model_validate(data)
        except ValidationError as error:
            raise DialogFormatError(f"not a dialog: {problem(error)}") from error
        strange = [name for name in data if name not in {*cls.model_fields, *_OTHER_NAMES}]
        if strange and not _says_something(dialog):
            # What was said may well be in the fields that nobody knows.
            names = ", ".join(map(repr, strange[:5]))
            raise DialogFormatError(f"not a dialog: it has neither turns nor events, but unknown fields: {names}")
        return dialog

    @classmethod
    def from_json(cls, json_str: str | bytes) -> Self:
        """Build a dialog from JSON text.

        Raises:
            DialogFormatError: if the text is no JSON, with the line, or no dialog.
        """
        try:
            dialog = cls.model_validate_json(json_str)
            if _says_something(dialog):
                return dialog
        except ValidationError as error:
            if error.errors(include_url=False)[0]["type"] != "json_invalid":
                raise DialogFormatError(f"not a dialog: {problem(error)}") from error
        # The standard parser is slower, but says on which line it stumbled, and knows half surrogate pairs.
        return cls.from_dict(parse_json(json_str))

    def get_persona(self, speaker: str, object_class: type[AttributeModel] | None = None) -> AttributeModel:
        """Rebuild a speaker's persona from what the dialog keeps of it.

        Args:
            speaker: whose persona.
            object_class: class to build; None takes the recorded one, or the only known one that fits.

        Raises:
            UnknownNameError: if the dialog holds no persona of that speaker, or its class is not known.
            DialogFormatError: if the record does not fit the class, or no class can be told.

        Example:
            >>> from sdialog.core.context import Context
            >>> dialog = Dialog(personas={"Room": Context(location="a lift")})
            >>> dialog.get_persona("Room").location
            'a lift'
        """
        kept = self.personas or {}
        if speaker not in kept:
            raise UnknownNameError("persona", speaker, kept)
        return AttributeModel.from_dict(kept[speaker], object_class)

    def print(
        self, scenario: bool = False, orchestration: bool = False, think: bool = False, all: bool = False
    ) -> None:
        """Print the dialog to the console, in colour where the terminal has any.

        Args:
            scenario: show the scenario as well.
            orchestration: show instructions among the utterances.
            think: show thoughts among the utterances.
            all: show everything that happened, tool calls included, and the scenario.
        """
        from sdialog.core.printing import print_dialog

        print_dialog(self, scenario=scenario, orchestration=orchestration, think=think, everything=all)

    def to_audio(
        self,
        path: str | Path | None = None,
        preset: Any = None,
        voices: Any = "db",
        stereo: bool = False,
        sample_rate: int = 16000,
        seed: int | None = None,
        **options: Any,
    ) -> Any:
        """Render the dialog as sound; ``sdialog.audio.to_audio`` says what the options do and what is returned.

        Raises:
            UnsupportedFeatureError: if this installation has no audio part.
        """
        try:
            audio = importlib.import_module("sdialog.audio")
        except ModuleNotFoundError as error:
            if error.name != "sdialog.audio":
                raise
            raise UnsupportedFeatureError(f"sdialog {VERSION} is installed without its audio part") from error
        return audio.to_audio(
            self, path, preset, voices=voices, stereo=stereo, sample_rate=sample_rate, seed=seed, **options
        )


def _line(turn: Turn, template: str | None) -> str:
    text = turn.text.replace("\r\n", " ").replace("\n", " ").replace("\r", " ")
    if template is None:
        return f"{turn.speaker}: {text}" if turn.speaker else text
    return template.format(speaker=turn.speaker or "", text=text)


_MUTABLE = (dict, list)
_fresh_id = new_id


def _says_something(dialog: Dialog) -> bool:
    return bool({"turns", "events"} & dialog.model_fields_set)
