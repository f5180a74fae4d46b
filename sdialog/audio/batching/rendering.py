"""One dialog of a batch, from its text to its files: planned, compared with what is there, rendered, put in place."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.batching.folder import STATE, read_mark, write_whole
from sdialog.core.errors import ConfigError, UserError
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.plan import AudioPlan
    from sdialog.audio.result import DialogAudio
    from sdialog.audio.scene import Scene
    from sdialog.audio.synthesis import Studio

# Clips and rooms of one dialog are seldom those of another, so workers keep few of them.
_CLIP_MEMORY, _ROOM_MEMORY = 16 * 2**20, 64 * 2**20


@dataclass(frozen=True, slots=True)
class Job:
    """A dialog to render.

    Attributes:
        index: its place among all.
        name: of its files.
        dialog_id: of the dialog.
        line: the dialog as a line of JSON.
        picture: whether to draw its rooms.
    """

    index: int
    name: str
    dialog_id: Any
    line: str
    picture: bool = False


@dataclass(frozen=True, slots=True)
class Renderer:
    """How each dialog of a batch is rendered: plain data, so that it can be sent to workers.

    Attributes:
        folder: where to.
        seed: of the batch; each dialog has one of its own under it, by its place.
        scene: where it is heard.
        tts: engine or its name; None for espeak-ng.
        tts_factory: makes the engine for a device, in place of ``tts``.
        voices, voice_database, voice_description, stereo, sample_rate: see :func:`sdialog.audio.to_audio`.
        audio_format: of the sound.
        labels: formats of the labels.
        stems: whether to keep the parts.
        cache: folder of clips and impulse responses, for all workers; None for memory alone.
    """

    folder: Path
    seed: int
    scene: Scene
    tts: Any = None
    tts_factory: Callable[[str], Any] | None = None
    voices: Any = "db"
    voice_database: Any = None
    voice_description: Any = None
    stereo: bool = False
    sample_rate: int = 16000
    audio_format: str = "wav"
    labels: Sequence[str] = ("json", "rttm")
    stems: bool = False
    cache: Path | None = None

    def open(self, device: str = "cpu") -> Callable[[Job], dict[str, Any]]:
        """Return what renders a dialog and returns its row of the index."""
        from sdialog.audio.acoustics.cache import RirCache
        from sdialog.audio.clips import ClipCache
        from sdialog.audio.synthesis import Studio

        studio = Studio(self.tts if self.tts_factory is None else self.tts_factory(device), self.cache)
        studio.clips = ClipCache(studio.clips.path, memory=_CLIP_MEMORY)
        studio.rirs = RirCache(studio.rirs.path, memory=_ROOM_MEMORY)
        return lambda job: self.row(job, studio)

    def plan(self, studio: Studio, job: Job) -> AudioPlan:
        """Return the plan of a dialog."""
        from sdialog.core.dialog import Dialog

        return studio.plan(
            Dialog.from_json(job.line),
            self.scene,
            voices=self.voices,
            voice_database=self.voice_database,
            voice_description=self.voice_description,
            stereo=self.stereo,
            sample_rate=self.sample_rate,
            seed=dialog_seed(self.seed, job.index),
        )

    def row(self, job: Job, studio: Studio) -> dict[str, Any]:
        """Return the row of a dialog, which is rendered if its files are not there.

        Raises:
            UserError: if the dialog cannot be heard, or a file of its name is there and is not of this plan.
        """
        plan = self.plan(studio, job)
        digest = plan.digest()
        place = self.folder / STATE / "done" / f"{job.name}.json"
        mark = read_mark(place)
        if mark and mark.get("plan") != digest:
            raise ConfigError(
                f"{job.name} was made of another plan, and is kept: the dialog has changed; choose another folder, or "
                "make all anew with fresh=True (--fresh)"
            )
        wanted = self._wanted(job, plan)
        if mark and set(wanted) <= set(mark["files"]) and mark["format"] == self.audio_format and self._whole(mark):
            return _row(job, plan, mark, wanted) | {"kept": True}
        result = studio.render_plan(plan, stems=self.stems)
        mark = self._written(job, result, digest, mark)
        write_whole(place, json.dumps(mark, ensure_ascii=False).encode("utf-8", "backslashreplace"))
        shutil.rmtree(self._workplace(job))
        return _row(job, plan, mark, wanted)

    def _wanted(self, job: Job, plan: AudioPlan) -> list[str]:
        drawn = job.picture and any(space.room is not None for space in plan.spaces)
        return ["audio", *self.labels, *(["stems"] if self.stems else []), *(["room"] if drawn else [])]

    def _whole(self, mark: Mapping[str, Any]) -> bool:
        """Tell whether the files of a dialog are there at their sizes."""
        for file, size in mark["sizes"].items():
            path = self.folder / file
            if not path.is_file() or path.stat().st_size != size:
                return False
        return True

    def _workplace(self, job: Job) -> Path:
        return self.folder / STATE / "unfinished" / job.name

    def _written(self, job: Job, result: DialogAudio, digest: str, mark: Mapping[str, Any]) -> dict[str, Any]:
        """Write the files of a dialog beside their place, move them there, and return what is then known."""
        work = self._workplace(job)
        # A place of work that is there was left by an attempt that died, and files under our name may be of it.
        ours = work.exists() or bool(mark)
        work.mkdir(parents=True, exist_ok=True)
        try:
            files = self._saved(job, result, work)
            made = [file for value in files.values() for file in (value if isinstance(value, list) else [value])]
            there = [] if ours else [file for file in made if (self.folder / file).exists()]
            if there:
                raise UserError(
                    f"{self.folder / there[0]} is there and not of this batch, so it is kept; move it away, or choose "
                    "another folder"
                )
        except BaseException:
            if not ours:
                shutil.rmtree(work)
            raise
        sizes = {}
        for file in made:
            target = self.folder / file
            target.parent.mkdir(parents=True, exist_ok=True)
            sizes[file] = (work / file).stat().st_size
            (work / file).replace(target)
        return {
            "plan": digest,
            "format": self.audio_format,
            "duration": round(result.duration, 6),
            "files": files,
            "sizes": sizes,
        }

    def _saved(self, job: Job, result: DialogAudio, work: Path) -> dict[str, Any]:
        """Write the files of a dialog to its place of work; return their paths from there."""
        from sdialog.audio.files import ENDINGS

        ending = ENDINGS.get(self.audio_format, self.audio_format)
        files = result.save(work / f"{job.name}.{ending}", self.audio_format, labels=self.labels, stems=self.stems)
        if job.picture and (drawn := _draw_rooms(result, work / f"{job.name}.room.png")):
            files["room"] = drawn
        return {kind: _below(work, made) for kind, made in files.items()}


def dialog_seed(seed: int, index: int) -> int:
    """Return the seed of a dialog of a batch, which depends on its place alone."""
    return derive_seed(seed, "dialog", index)


def _row(job: Job, plan: AudioPlan, mark: Mapping[str, Any], wanted: Sequence[str]) -> dict[str, Any]:
    files = {kind: mark["files"][kind] for kind in wanted if kind in mark["files"]}
    return {
        "index": job.index,
        "dialog_id": job.dialog_id,
        **files,
        "duration": mark["duration"],
        "seed": plan.seed,
        "plan": mark["plan"],
        "speakers": list(plan.script.speakers),
        "files": list(files),
    }


def _below(work: Path, made: Any) -> Any:
    if isinstance(made, list):
        return [_below(work, one) for one in made]
    return Path(made).relative_to(work).as_posix()


def _draw_rooms(result: DialogAudio, path: Path) -> Any:
    """Draw a plan of each room; return the path, the paths, or None where there is no room."""
    rooms = result.rooms()
    made = []
    for number, room in enumerate(rooms):
        target = path if number == 0 else path.with_name(f"{path.stem}-{number + 1}.png")
        room.to_image().save(target)
        made.append(str(target))
    return made[0] if len(made) == 1 else made or None


__all__ = ["Job", "Renderer", "dialog_seed"]
