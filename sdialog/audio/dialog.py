"""A dialog with its sound, as published: turns with audio, roles, sources and the files of each step."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, PrivateAttr, field_serializer, field_validator

from sdialog.audio.acoustics.backends import RoomAcousticsConfig
from sdialog.audio.rooms.case_insensitive import CaseInsensitiveDict
from sdialog.audio.rooms.room import Room
from sdialog.audio.rooms.sources import AudioSource
from sdialog.audio.script import NOBODY
from sdialog.audio.turn import AudioTurn
from sdialog.core.dialog import Dialog
from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.core.seeds import derive_seed, fresh_seed

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples
    from sdialog.core.turns import Turn

__all__ = ["AudioDialog", "AudioTurn", "RoomAcousticsConfig"]

_SOURCE_FIELDS = ("name", "position", "snr", "source_file", "directivity")


class AudioDialog(Dialog):
    """A dialog with its sound.

    Its speakers have roles in the order in which they speak: ``speaker_1``, ``speaker_2``, and so on. Names and roles
    are looked up without regard to case.

    Args:
        audio_dir_path: folder in which the folder of the dialog is.
        total_duration: seconds; -1 before it is known.
        timeline_name: what its timeline is called.
        audio_sources: what is heard, each in a file of its own.
        audio_step_1_filepath: speech and effects without a room, at an RMS of 0.05.
        audio_step_2_filepath: the same as they are.
        audio_step_3_filepaths: recordings in rooms, by name.
        speakers_names: name of each role.
        speakers_roles: role of each name.
        rendering: each choice, requested and measured, step by step.

    Example:
        >>> from sdialog import Turn
        >>> talk = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bob", text="Hello.")])
        >>> heard = AudioDialog.from_dialog(talk)
        >>> heard.speakers_roles["ANN"], heard.speakers_names["speaker_2"]
        ('speaker_1', 'Bob')
    """

    turns: list[AudioTurn] = Field(default_factory=list)  # type: ignore[assignment]
    audio_dir_path: str = ""
    total_duration: float = -1.0
    timeline_name: str = ""
    audio_sources: list[Any] = Field(default_factory=list)
    audio_step_1_filepath: str = ""
    audio_step_2_filepath: str = ""
    audio_step_3_filepaths: dict[str, RoomAcousticsConfig] = Field(default_factory=dict)
    speakers_names: dict[str, str] = Field(default_factory=CaseInsensitiveDict)
    speakers_roles: dict[str, str] = Field(default_factory=CaseInsensitiveDict)
    rendering: dict[str, Any] = Field(default_factory=dict)

    _combined: Any = PrivateAttr(default=None)

    @field_validator("speakers_names", "speakers_roles", mode="after")
    @classmethod
    def _whatever_the_case(cls, value: dict[str, str]) -> dict[str, str]:
        return CaseInsensitiveDict(value)

    @field_validator("turns", mode="before")
    @classmethod
    def _turns_with_sound(cls, value: Any) -> Any:
        return [] if value is None else value

    @field_validator("audio_sources", mode="before")
    @classmethod
    def _sources(cls, value: Any) -> Any:
        return [
            AudioSource(**{key: one[key] for key in _SOURCE_FIELDS if key in one}) if isinstance(one, Mapping) else one
            for one in value or ()
        ]

    @field_validator("audio_step_3_filepaths", mode="after")
    @classmethod
    def _rooms(cls, value: dict[str, RoomAcousticsConfig]) -> dict[str, RoomAcousticsConfig]:
        for config in value.values():
            config.room = _room(config.room)
        return value

    @field_serializer("audio_sources")
    def _sources_as_data(self, value: list[Any]) -> Any:
        return [one.json() for one in value]

    @field_serializer("personas")
    def _voices_as_data(self, value: dict[str, Any] | None) -> Any:
        if value is None:
            return None
        told = {}
        for name, persona in value.items():
            voice = persona.get("voice") if isinstance(persona, Mapping) else None
            describe = getattr(voice, "json_data", None)
            told[name] = {**persona, "voice": describe()} if callable(describe) else persona
        return told

    @classmethod
    def from_dialog(cls, dialog: Dialog) -> Self:
        """Return a dialog with room for its sound; it shares nothing with the one given.

        A dialog that has sound keeps it.
        """
        if isinstance(dialog, cls):
            twin = dialog.clone(new_id=dialog.id)
            twin.parentId, twin._combined = dialog.parentId, dialog._combined
            return twin
        values = {name: copy.deepcopy(getattr(dialog, name)) for name in type(dialog).model_fields if name != "turns"}
        known = {name: value for name, value in values.items() if name in cls.model_fields}
        made = cls(**known, turns=[AudioTurn.from_turn(turn) for turn in dialog.turns or ()])
        made._update_speakers_roles()
        return made

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Return the dialog that plain data describe; raises as :meth:`sdialog.Dialog.from_dict`."""
        made = super().from_dict(data)
        made._update_speakers_roles()
        return made

    @classmethod
    def from_json(cls, json_str: str | bytes) -> Self:
        """Return the dialog in JSON text; raises as :meth:`sdialog.Dialog.from_json`."""
        made = super().from_json(json_str)
        made._update_speakers_roles()
        return made

    @classmethod
    def from_file(cls, path: str | Path, *_: Any, **__: Any) -> Any:
        """Return the dialog in a JSON file, or a list of those in a folder.

        Raises:
            FileNotFoundError: if there is no such file.
            DialogFormatError: if it holds no dialog.
        """
        place = Path(path)
        if place.is_dir():
            return [cls.from_file(file) for file in sorted(place.glob("*.json"))]
        made = cls.from_json(place.read_text(encoding="utf-8"))
        made._path = str(place)
        return made

    def to_file(  # type: ignore[override]
        self, path: str | Path | None = None, makedir: bool = True, overwrite: bool = True
    ) -> None:
        """Write the dialog to a JSON file; its sound stays in files of its own.

        Args:
            path: where to; None writes to where it was read from.
            makedir: create missing folders.
            overwrite: replace an existing file.

        Raises:
            UserError: if there is no path.
            FileExistsError: if the file exists and may not be replaced.
        """
        target = path if path is not None else self._path
        if target is None:
            raise UserError("No path provided to save the dialog: call to_file(path)")
        super().to_file(target, type="json", makedir=makedir, overwrite=overwrite)
        self._path = str(target)

    def to_string(self) -> str:
        """Return the dialog as JSON text."""
        return str(self.json(string=True))

    def model_dump_json_safe(self, **options: Any) -> str:
        """Return JSON text also where a voice is something that JSON cannot hold, such as samples."""
        return str(
            self.json(string=True, **{key: options[key] for key in ("indent", "ensure_ascii") if key in options})
        )

    def speaker_name(self, turn: Turn) -> str:
        """Return whose turn it is, by the name that the role has."""
        name = turn.speaker or NOBODY
        return self.speakers_names[self.speakers_roles[name]] if name in self.speakers_roles else name

    def role(self, turn: Turn) -> str:
        """Return the role of whose turn it is."""
        return self.speakers_roles[turn.speaker or NOBODY]

    def set_audio_sources(self, audio_sources: list[AudioSource]) -> None:
        """Replace the sources."""
        self.audio_sources = list(audio_sources)

    def add_audio_source(self, audio_source: AudioSource) -> None:
        """Add a source."""
        self.audio_sources.append(audio_source)

    def get_audio_sources(self) -> list[AudioSource]:
        """Return the sources."""
        return self.audio_sources

    def set_combined_audio(self, audio: Any) -> None:
        """Give the dialog its sound without a room: an array of shape (n,)."""
        self._combined = audio

    def get_combined_audio(self) -> Samples:
        """Return the sound without a room, read from ``audio_step_1_filepath`` if need be.

        Raises:
            UserError: if there is none yet.
        """
        if self._combined is None:
            self._combined = _read(self.audio_step_1_filepath, "audio_step_1_filepath")
        combined: Samples = self._combined
        return combined

    def get_dry_audio(self) -> Samples:
        """Return the sound of ``audio_step_2_filepath``; raises as :meth:`get_combined_audio`."""
        return _read(self.audio_step_2_filepath, "audio_step_2_filepath")

    def display(self) -> None:
        """Show a player in a notebook."""
        display = need("IPython.display", extra="dev", why="show sound in a notebook")
        rate = next((turn.sampling_rate for turn in self.turns if turn.sampling_rate > 0), 24_000)
        display.display(display.Audio(self.get_combined_audio(), rate=rate))

    def save_utterances_audios(
        self, dir_audio: str | Path, project_path: str | Path = "", sampling_rate: int = 24_000
    ) -> None:
        """Write each turn to ``<project_path>/utterances/<number>_<speaker>.wav``.

        Args:
            dir_audio: folder in which the folder of the dialog is.
            project_path: folder of the dialog; empty makes ``dir_audio/dialog_<id>``.
            sampling_rate: of the files.
        """
        from sdialog.audio.legacy.speaking import write_utterances

        folder = Path(project_path) if project_path else Path(dir_audio) / f"dialog_{self.id}"
        self.audio_dir_path = str(dir_audio)
        write_utterances(self, folder / "utterances", sampling_rate)

    def update_turn_timings(self) -> None:
        """Place each turn after the one before it by its gap; none begins before the one before it."""
        now = before = 0.0
        for turn in self.turns:
            turn.audio_start_time = before = max(now, before)
            now = before + max(turn.audio_duration, 0.0) + turn.gap_duration
        ends = [turn.audio_start_time + max(turn.audio_duration, 0.0) for turn in self.turns]
        self.total_duration = max(ends, default=0.0)

    def persona_to_voice(
        self,
        voice_database: Any = None,
        persona_to_voice_desc: Callable[[Any], str] | str | None = None,
        voices: Mapping[Any, Any] | None = None,
        keep_duplicate: bool = False,
        tts_engine: Any = None,
        seed: int | None = None,
    ) -> None:
        """Write a voice into each persona; :func:`sdialog.audio.legacy.voices.cast_dialog` says how.

        Args:
            voice_database: where voices come from; None takes those that the engine brings.
            persona_to_voice_desc: more words about a voice: a text, or a function of the persona.
            voices: the voice of each role, in place of looking for one.
            keep_duplicate: whether speakers may share a voice.
            tts_engine: that will speak.
            seed: of what is drawn; None draws one.

        Raises:
            UserError: if somebody has no voice in ``voices``, or there is no database.
        """
        from sdialog.audio.legacy.voices import cast_dialog

        self.rendering["voices"] = cast_dialog(
            self,
            voice_database,
            persona_to_voice_desc=persona_to_voice_desc,
            voices=voices,
            keep_duplicate=keep_duplicate,
            engine=tts_engine,
            seed=derive_seed(fresh_seed() if seed is None else seed, "voices"),
        )

    def add_sound_effects(
        self,
        llm: Callable[[str], Any] | None = None,
        sounds: Any = None,
        *,
        skip_annotation: bool = False,
        dropout: float = 0.0,
        positions: Any = (),
        seed: int | None = None,
    ) -> None:
        """Find out which sounds are heard in which turn; see :mod:`sdialog.audio.legacy.sound_effects`.

        Args:
            llm: writes tags such as ``[door|room-top_left]`` into the texts: from a prompt to a reply.
            sounds: a :class:`~sdialog.audio.legacy.sounds.SoundLibrary`; None takes those that ship with the package.
            skip_annotation: take the tags that the texts have already; no model is needed.
            dropout: chance that a tag is left out, 0 to 1.
            positions: places that a tag may name, such as furniture.
            seed: of the dropout; None draws one.

        Raises:
            UserError: if there is neither a model nor ``skip_annotation``.
        """
        from sdialog.audio.legacy.sound_effects import annotate

        annotate(
            self,
            llm=llm,
            sounds=sounds,
            skip_annotation=skip_annotation,
            dropout=dropout,
            positions=positions,
            seed=fresh_seed() if seed is None else seed,
        )

    def compute_overlapping_and_pausing_llm(
        self, verbose: bool = False, seed: int | None = None, llm: Callable[[str], Any] | None = None
    ) -> None:
        """Ask a model for the gaps between turns; overlaps and pauses are bounded.

        Args:
            verbose: published; nothing is printed.
            seed: of the gaps where there is no answer; None draws one.
            llm: from a prompt to a reply; None takes the timing ``natural``, in which turns overlap too.
        """
        from sdialog.audio.legacy.timing import place_dialog

        place_dialog(self, llm=llm, overlaps=True, seed=fresh_seed() if seed is None else seed)

    def _update_speakers_roles(self) -> None:
        """Give each speaker a role, in the order in which they speak."""
        names: dict[str, str] = CaseInsensitiveDict()
        roles: dict[str, str] = CaseInsensitiveDict()
        for turn in self.turns:
            name = turn.speaker or NOBODY
            if name not in roles:
                roles[name] = f"speaker_{len(roles) + 1}"
                names[roles[name]] = name
            turn.position = turn.position or roles[name]
        self.speakers_names, self.speakers_roles = names, roles


def _read(path: str, what: str) -> Samples:
    from sdialog.audio.files import read_audio

    if not path or not Path(path).is_file():
        raise UserError(f"{what} is {path!r}, which is no file: run the pipeline first")
    return read_audio(path)[0]


def _room(value: Any) -> Any:
    if isinstance(value, Mapping) and "dimensions" in value:
        try:
            return Room.from_data(value)
        except (ValueError, TypeError, KeyError):
            return value  # of an earlier version, whose rooms had other keys; still of use as data
    return {key: _room(one) for key, one in value.items()} if isinstance(value, Mapping) else value
