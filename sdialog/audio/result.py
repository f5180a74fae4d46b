"""A rendered dialog: its sound, what is said in it when, and files of both."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.labels import Labels
from sdialog.audio.segments import Segment
from sdialog.core.errors import UserError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.audio.rooms.room import Room
    from sdialog.audio.sound import Samples
    from sdialog.audio.stems import Stems
    from sdialog.audio.timeline import Timeline

_KNOWN_ENDINGS = (".wav", ".flac", ".ogg", ".opus", ".mp3")


class DialogAudio:
    """The sound of a dialog with its labels.

    In a notebook it shows a player and a picture of who speaks when.

    Args:
        audio: array of shape (n,) for one channel, else (n, channels), float32, full scale 1.
        sample_rate: samples a second.
        segments: turns and back-channels with their times and words.
        speakers: in the order in which they first speak.
        voices: what each speaker's voice is, plain data by name.
        config: every choice that was made, requested and measured, as plain data.
        dialog_id: of the dialog.
        labels: all labels, in place of the segments alone.
        timeline: where the utterances are, with statistics.
        stems: the parts of the recording, where they were kept.

    Example:
        >>> import numpy
        >>> said = [Segment(0, "Ann", "Hi!", 0.2, 0.6)]
        >>> heard = DialogAudio(numpy.zeros(16000, dtype=numpy.float32), 16000, said, ["Ann"])
        >>> heard.duration, heard.channels, heard.to_rttm("call").split()[:5]
        (1.0, 1, ['SPEAKER', 'call', '1', '0.200', '0.400'])
    """

    def __init__(
        self,
        audio: Samples,
        sample_rate: int,
        segments: Sequence[Segment],
        speakers: Sequence[str],
        voices: Mapping[str, Any] | None = None,
        config: Mapping[str, Any] | None = None,
        dialog_id: str | int | None = None,
        *,
        labels: Labels | None = None,
        timeline: Timeline | None = None,
        stems: Stems | None = None,
    ) -> None:
        if getattr(audio, "ndim", None) not in (1, 2):
            raise UserError("sound is an array of shape (samples,) or (samples, channels)")
        self.audio, self.sample_rate = audio, sample_rate
        self.voices, self.config = dict(voices or {}), dict(config or {})
        self.dialog_id = None if dialog_id is None else str(dialog_id)
        self.timeline, self.stems = timeline, stems
        given = labels or Labels(segments, [], sample_rate, self.duration, self.channels, tuple(speakers))
        self.labels = replace(
            given, voices=self.voices, config=self.config, dialog_id=self.dialog_id, channels=self.channels
        )

    @property
    def segments(self) -> Sequence[Segment]:
        """Turns and back-channels, in order of their starts."""
        return self.labels.segments

    @property
    def speakers(self) -> list[str]:
        """In the order in which they first speak."""
        return list(self.labels.speakers)

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.audio) / self.sample_rate

    @property
    def channels(self) -> int:
        """How many there are."""
        return 1 if self.audio.ndim == 1 else int(self.audio.shape[1])

    def loudness(self) -> float | None:
        """Return the integrated loudness in LUFS (ITU-R BS.1770-4, 2015); None for silence."""
        from sdialog.audio.levels import loudness_lufs

        return loudness_lufs(self.audio, self.sample_rate)

    def rooms(self) -> list[Room]:
        """Return the rooms in which it was rendered; none for close microphones."""
        from sdialog.audio.rooms.room import Room

        return [Room.from_data(one["room"]) for one in self.config.get("rooms", ()) if one["room"] is not None]

    def to_dict(self, words: bool = True) -> dict[str, Any]:
        """Return everything but the samples as plain data.

        Args:
            words: with the times of the words.
        """
        data = self.labels.json()
        if not words:
            data["segments"] = [
                {key: value for key, value in one.items() if key != "words"} for one in data["segments"]
            ]
        return data

    def to_json(self, indent: int | None = 2, words: bool = True) -> str:
        """Return :meth:`to_dict` as JSON."""
        return json.dumps(self.to_dict(words), indent=indent, ensure_ascii=False, default=str)

    def to_rttm(self, file_id: str | None = None) -> str:
        """Return the labels as RTTM: by stretch of speech where these are known, else by segment.

        Args:
            file_id: name of the recording; None takes the dialog's id.
        """
        name = file_id or self.dialog_id or "dialog"
        return self.export("rttm", name, **({} if self.labels.islands else {"by": "segment"}))

    def export(self, label_format: str, name: str | None = None, **options: Any) -> str:
        """Return the labels in a format of one text file, such as ``ctm`` or ``textgrid``.

        Args:
            label_format: its name; see ``sdialog.audio.exports``.
            name: of the recording; None takes the dialog's id.
            options: of the format.

        Raises:
            UnknownNameError: if there is no such format.
            UserError: if the format is of several files, for which :meth:`save` is.
        """
        from sdialog.audio.exports.base import exporters

        files = exporters.get(label_format)(self.labels, name or self.dialog_id or "dialog", **options)
        if len(files) != 1:
            raise UserError(f"label format {label_format!r} is of {len(files)} files; write them with save(labels=...)")
        content = next(iter(files.values()))
        return content if isinstance(content, str) else content.decode("utf-8")

    def save(
        self,
        path: str | Path,
        audio_format: str | None = None,
        *,
        labels: str | Iterable[str] = ("json", "rttm"),
        stems: bool = False,
    ) -> dict[str, Any]:
        """Write the sound and its labels side by side.

        Args:
            path: with or without an ending; ``call.flac`` gives ``call.flac``, ``call.json`` and ``call.rttm``.
            audio_format: ``wav``, ``flac``, ``ogg``, ``opus``, ``mp3`` ...; None takes it from the path, else ``wav``.
            labels: formats of the labels; ``all`` for every one there is.
            stems: also write the parts, to the folder ``<name>.stems``.

        Returns:
            The paths, by ``audio`` and by the name of each label format.

        Raises:
            UnknownNameError: if a format is unknown.
            UserError: if stems are asked for and were not kept.
        """
        from sdialog.audio.exports.base import exporters
        from sdialog.audio.files import ENDINGS, format_of, write_audio
        from sdialog.audio.stem_files import write_stems

        path = Path(path)
        known = path.suffix.lower() in _KNOWN_ENDINGS
        base = path.with_suffix("") if known else path
        audio_format = format_of(path if known else "x.wav", audio_format)
        if stems and self.stems is None:
            raise UserError("the stems were not kept; ask for them with to_audio(..., stems=True)")
        asked = [labels] if isinstance(labels, str) else list(labels)
        wanted = exporters.names() if "all" in asked else asked
        ready = {name: exporters.get(name) for name in wanted}
        target = base.with_name(f"{base.name}.{ENDINGS.get(audio_format, audio_format)}")
        written: dict[str, Any] = {"audio": str(write_audio(target, self.audio, self.sample_rate, audio_format).path)}
        for name, exporter in ready.items():
            files = []
            # Manifests say where the sound is.
            options = {"audio": target.name} if "audio" in signature(exporter.write).parameters else {}
            for file, content in exporter(self.labels, base.name, **options).items():
                place = base.parent / file
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8"))
                files.append(str(place))
            written[name] = files[0] if len(files) == 1 else files
        if stems and self.stems is not None:
            written["stems"] = [str(one) for one in write_stems(self.stems, base.with_name(f"{base.name}.stems"))]
        return written

    def plot(
        self,
        spectrogram: bool = True,
        *,
        words: bool | None = None,
        start: float = 0.0,
        end: float | None = None,
    ) -> Any:
        """Return a matplotlib figure: the waveform with the turns in colour, and a spectrogram.

        Args:
            spectrogram: also draw how strong each frequency is.
            words: write the words where they are said; None does so up to 8 s.
            start, end: show only this stretch, in seconds.

        Raises:
            UserError: if the stretch is empty.
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.audio.pictures import draw_audio

        return draw_audio(self, spectrogram=spectrogram, words=words, start=start, end=end)

    def display(self) -> None:
        """Show player and picture in a notebook."""
        display = need("IPython.display", extra="dev", why="show sound in a notebook")
        display.display(display.HTML(self._repr_html_()))

    def _repr_html_(self) -> str:
        from sdialog.audio.pictures import audio_html

        return audio_html(self)

    def __repr__(self) -> str:
        who = ", ".join(self.speakers)
        return f"<DialogAudio {self.duration:.1f} s, {self.channels} channel(s) at {self.sample_rate} Hz: {who}>"
