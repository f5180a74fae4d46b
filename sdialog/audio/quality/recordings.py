"""Recordings to be measured: results in memory, or folders of them, one after the other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.files import SUFFIXES, read_audio
from sdialog.audio.labels import Labels
from sdialog.core.errors import DialogFormatError, UserError

if TYPE_CHECKING:
    from sdialog.audio.sound import Samples

STEMS = ".stems"


@dataclass(frozen=True, eq=False)
class Recorded:
    """A recording with its labels.

    Attributes:
        name: of the recording.
        audio: array of shape (n,) or (n, channels).
        rate: samples a second.
        labels: who says what when.
        dry: the clean speech of each speaker, arrays of shape (m,), where it was kept.
        group: what it is compared as, such as a preset.
    """

    name: str
    audio: Samples
    rate: int
    labels: Labels
    dry: Mapping[str, Samples] = field(default_factory=dict)
    group: str = ""


def recorded(result: Any, name: str, group: str = "") -> Recorded:
    """Return a result of ``to_audio`` as a recording to be measured.

    Raises:
        UserError: if it is none.
    """
    if isinstance(result, Recorded):
        return replace(result, group=result.group or group)
    stems = getattr(result, "stems", None)
    try:
        dry = {} if stems is None else dict(zip(stems.speakers, stems.dry, strict=True))
        return Recorded(name, result.audio, result.sample_rate, result.labels, dry, group)
    except AttributeError as error:
        raise UserError(
            f"recording {name!r} is no result of to_audio(): {error}; give results, or the folder of a run"
        ) from error


def recordings_in(folder: str | Path, group: str = "") -> Iterator[Recorded]:
    """Yield the recordings in a folder and those below it: label files beside sound files of the same name.

    Stems are read where ``<name>.stems`` is beside them. A JSON file without labels is passed over.

    Raises:
        UserError: if there is no such folder.
        DialogFormatError: if labels have no sound beside them.
    """
    top = Path(folder)
    if not top.is_dir():
        raise UserError(f"there is no folder {top}; a report takes results of to_audio() or the folder of a run")
    for place in sorted(top.rglob("*.json")):
        if any(part.endswith(STEMS) for part in place.relative_to(top).parts[:-1]):
            continue
        labels = _labels(place)
        if labels is not None:
            audio, rate = read_audio(_sound_beside(place))
            name = place.relative_to(top).with_suffix("").as_posix()
            yield Recorded(name, audio, rate, labels, _dry(place.with_suffix(STEMS)), group)


def _labels(path: Path) -> Labels | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8-sig"))
    except ValueError:
        return None  # somebody else's file
    if not isinstance(data, dict) or not {"segments", "sample_rate", "duration"} <= set(data):
        return None
    try:
        return Labels.from_data(data)
    except UserError as error:
        raise DialogFormatError(str(error), file=path) from error


def _sound_beside(path: Path) -> Path:
    found = [place for suffix in SUFFIXES if (place := path.with_suffix(suffix)).is_file()]
    if not found:
        raise DialogFormatError(f"no sound beside the labels, such as {path.stem}.wav", file=path)
    return found[0]


def _dry(folder: Path) -> dict[str, Any]:
    about = folder / "stems.json"
    if not about.is_file():
        return {}
    stems: Mapping[str, str] = json.loads(about.read_text(encoding="utf-8"))["speakers"]
    return {speaker: read_audio(folder / f"dry_{stem}.wav")[0] for speaker, stem in stems.items()}


def given(run: Any) -> Iterator[Recorded]:
    """Yield the recordings that somebody means: a folder, a result, an iterable of them, or any by the name of a group.

    Raises:
        UserError: if it is something else.
    """
    groups: Iterable[tuple[str, Any]] = run.items() if isinstance(run, Mapping) else [("", run)]
    for group, own in groups:
        if isinstance(own, (str, Path)):
            yield from recordings_in(own, str(group))
        elif hasattr(own, "labels") or not isinstance(own, Iterable):
            yield recorded(own, _name(own, 0), str(group))
        else:
            for number, one in enumerate(own):
                if isinstance(one, (str, Path)):
                    yield from recordings_in(one, str(group))
                else:
                    yield recorded(one, _name(one, number), str(group))


def _name(result: Any, number: int) -> str:
    return str(getattr(result, "dialog_id", None) or number)
