"""Many dialogs as sound: worker processes that may die, a folder that can be gone on with, rows as they come."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog._version import __version__
from sdialog.audio.batching import AudioFolder, Crew, Done, Failed, Job, Renderer, in_order, one_by_one
from sdialog.audio.plan import timing_of
from sdialog.audio.scene import resolve_scene, told
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError
from sdialog.core.seeds import fresh_seed

if TYPE_CHECKING:
    from sdialog.audio.scene import Scene
    from sdialog.core.dialog import Dialog

TIMEOUT = 1800.0
"""Seconds after which a worker that is still at the same dialog counts as hanging."""


@dataclass
class BatchProgress:
    """How far a batch is; it changes as the batch goes on.

    Attributes:
        total: how many dialogs there are, where that is known.
        done: how many have their sound.
        kept: how many of these had it before.
        failed: how many have none.
        seconds: of sound.
    """

    total: int | None = None
    done: int = 0
    kept: int = 0
    failed: int = 0
    seconds: float = 0.0


def dialogs_to_audio(
    dialogs: Iterable[Dialog],
    out_dir: str | Path,
    devices: str | Sequence[str] | None = None,
    workers_per_device: int = 1,
    tts_factory: Callable[[str], Any] | None = None,
    seed: int | None = None,
    **kwargs: Any,
) -> list[dict[str, Any]]:
    """Render dialogs to a folder; arguments, files and errors as for :func:`render_dialogs`.

    Returns:
        The rows, in the order of the dialogs; a row of a dialog that failed has ``error`` in place of files.

    Example:
        >>> import tempfile
        >>> from sdialog import Dialog, Turn
        >>> talks = [Dialog(id=name, turns=[Turn(speaker="Ann", text="Hello!")]) for name in ("a", "a")]
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     rows = dialogs_to_audio(talks, folder, tts="tone", preset="clean", seed=3)
        >>> [Path(row["audio"]).name for row in rows]
        ['a.wav', 'a_1.wav']
    """
    return list(
        render_dialogs(
            dialogs,
            out_dir,
            devices=devices,
            workers_per_device=workers_per_device,
            tts_factory=tts_factory,
            seed=seed,
            **kwargs,
        )
    )


def render_dialogs(
    dialogs: Iterable[Dialog],
    out_dir: str | Path,
    *,
    preset: Any = None,
    tts: Any = None,
    tts_factory: Callable[[str], Any] | None = None,
    voices: Any = "db",
    voice_database: Any = None,
    voice_description: Any = None,
    stereo: bool = False,
    sample_rate: int = 16000,
    seed: int | None = None,
    audio_format: str = "wav",
    labels: str | Iterable[str] = ("json", "rttm"),
    stems: bool = False,
    pictures: int = 0,
    devices: str | Sequence[str] | None = None,
    workers_per_device: int = 1,
    workers: int | None = None,
    timeout: float | None = TIMEOUT,
    attempts: int = 3,
    fresh: bool = False,
    cache: str | Path | None = None,
    progress: Callable[[BatchProgress], None] | None = None,
    **scene: Any,
) -> Generator[dict[str, Any], None, None]:
    """Render dialogs to a folder, and yield their rows as they come, in the order of the dialogs.

    The sound of dialog i depends on the dialog, the seed and i alone: not on the number of workers, nor on how often
    the run was broken off. The same call again makes what is missing. A worker that dies or hangs is replaced and its
    dialog tried again. Nothing is held for all dialogs at once, so there may be any number of them.

    Args:
        dialogs: read one at a time.
        out_dir: the folder; see :mod:`sdialog.audio.batching.folder` for what is in it.
        preset, tts, voices, voice_database, voice_description, stereo, sample_rate: see
            :func:`sdialog.audio.to_audio`.
        tts_factory: makes the engine for a device, in each worker; must be importable with several workers.
        seed: of the batch; None takes that of the folder, or draws one for a new folder.
        audio_format: ``wav``, ``flac``, ``ogg``, ``opus``, ``mp3`` ...
        labels: formats of the labels; ``all`` for every one there is.
        stems: keep the parts of the recordings.
        pictures: draw a plan of the rooms of so many dialogs, from the first.
        devices: handed to ``tts_factory``: a name or several; None is every GPU, where a factory is given and there
            are some, else ``cpu``; ``cuda`` is every GPU.
        workers_per_device: workers on each device.
        workers: how many in all, in place of that. One works in this process, several in processes of their own.
        timeout: seconds that a dialog may take in a process of its own; None for ever.
        attempts: how often a dialog is tried that its worker does not survive.
        fresh: throw away what an earlier run has made in the folder.
        cache: folder of clips and impulse responses, which later runs in other scenes use again.
        progress: called after each dialog.
        scene: keys of a scene in place of the preset's, such as ``reverb``.

    Yields:
        A row: index, dialog_id, paths by ``audio`` and by label format, duration, seed, plan, speakers; or index,
        dialog_id, error. ``index.jsonl`` holds the same rows with paths from the folder.

    Raises:
        UserError: before anything is made, if an argument means nothing, or the folder holds another plan's sound.
    """
    wanted = resolve_scene(preset, **scene)
    names = _label_formats(labels)
    _check_format(audio_format, sample_rate)
    if attempts < 1 or (workers is not None and workers < 1):
        raise ConfigError("attempts and workers are numbers from 1")
    places = _places(devices, workers_per_device, workers, with_factory=tts_factory is not None)
    total = len(dialogs) if isinstance(dialogs, Sized) else None
    first = list(islice(dialogs := iter(dialogs), 64))
    _try_out(first, wanted, None if tts_factory is not None else (tts,), voices, voice_database, voice_description)
    described = _described(wanted, tts, tts_factory, voices, voice_database, voice_description)
    plan = {**described, "stereo": stereo, "sample_rate": sample_rate, "seed": seed, "sdialog": __version__}
    renderer = Renderer(
        Path(out_dir),
        0,
        wanted,
        tts,
        tts_factory,
        voices,
        voice_database,
        voice_description,
        stereo,
        sample_rate,
        audio_format,
        names,
        stems,
        None if cache is None else Path(cache),
    )
    tell = progress or (lambda _: None)
    work = _Work(renderer, places[: len(first)], timeout, attempts, pictures, tell, total)
    return work.rows(chain(first, dialogs), plan, fresh)


@dataclass
class _Work:
    """A batch that is ready to begin."""

    renderer: Renderer
    places: Sequence[str]
    timeout: float | None
    attempts: int
    pictures: int
    tell: Callable[[BatchProgress], None]
    total: int | None

    def rows(
        self, dialogs: Iterable[Dialog], plan: Mapping[str, Any], fresh: bool
    ) -> Generator[dict[str, Any], None, None]:
        if not self.places:  # for there are no dialogs
            return
        progress = BatchProgress(self.total)
        with AudioFolder(self.renderer.folder, plan, seed=fresh_seed(), fresh=fresh) as folder:
            renderer = replace(self.renderer, seed=folder.seed)
            for ended in self._results(renderer, folder, self._jobs(dialogs, folder)):
                row = _row(ended, progress)
                folder.write_row(row)
                self.tell(progress)
                yield folder.full(row)

    def _jobs(self, dialogs: Iterable[Dialog], folder: AudioFolder) -> Iterator[Job]:
        for index, dialog in enumerate(dialogs):
            name = folder.name(dialog.id, index)
            yield Job(index, name, dialog.id, dialog.json_line(), index < self.pictures)

    def _results(self, renderer: Renderer, folder: AudioFolder, jobs: Iterator[Job]) -> Iterator[Done | Failed]:
        if len(self.places) == 1:
            yield from one_by_one(jobs, renderer, self.places[0])
            return
        crew = Crew(renderer, self.places, timeout=self.timeout, state=folder.state)
        try:
            yield from in_order(jobs, crew, attempts=self.attempts)
        finally:
            crew.close()


def _row(ended: Done | Failed, progress: BatchProgress) -> dict[str, Any]:
    if isinstance(ended, Failed):
        progress.failed += 1
        return {"index": ended.job.index, "dialog_id": ended.job.dialog_id, "error": ended.error}
    row = dict(ended.value)
    progress.done += 1
    progress.kept += bool(row.pop("kept", False))
    progress.seconds += row["duration"]
    return row


def _label_formats(labels: str | Iterable[str]) -> list[str]:
    from sdialog.audio.exports.base import exporters

    wanted = [labels] if isinstance(labels, str) else list(labels)
    names = exporters.names() if "all" in wanted else list(dict.fromkeys(wanted))
    for name in names:
        exporters.get(name)
    return names


def _check_format(audio_format: str, sample_rate: int) -> None:
    from sdialog.audio.files import RATES, format_of

    rates = RATES.get(format_of("", audio_format))
    if rates and sample_rate not in rates:
        raise UnsupportedFeatureError(
            f"{audio_format} holds sound at {', '.join(map(str, rates))} samples a second, not at {sample_rate}"
        )


def _places(devices: Any, per_device: int, workers: int | None, *, with_factory: bool) -> list[str]:
    """Return the device of each worker."""
    if devices is None:
        names = (_gpus() if with_factory else []) or ["cpu"]
    elif devices == "cuda":
        names = _gpus()
        if not names:
            raise RuntimeError("devices='cuda' needs a GPU that torch can use, and there is none; leave out devices")
    elif isinstance(devices, str):
        names = [devices]
    elif isinstance(devices, (list, tuple)):
        names = [str(one) for one in devices]
        if not names:
            raise ConfigError("devices is an empty list; leave it out, or name some, such as ['cuda:0']")
    else:
        raise TypeError(f"devices is a name, a list of names or None, not {type(devices).__name__}")
    if per_device < 1:
        raise ConfigError(f"workers_per_device is a number from 1, not {per_device}")
    if workers is not None:
        return [names[number % len(names)] for number in range(workers)]
    return [name for name in names for _ in range(per_device)]


def _gpus() -> list[str]:
    from sdialog.core.optional import available, need

    if not available("torch"):
        return []
    torch = need("torch", extra="local", why="find the GPUs")
    return [f"cuda:{number}" for number in range(torch.cuda.device_count())] if torch.cuda.is_available() else []


def _try_out(
    dialogs: Sequence[Dialog], scene: Scene, tts: tuple[Any] | None, voices: Any, database: Any, description: Any
) -> None:
    """Plan the first dialog in which something is said, so that a wrong name comes up before anything is made."""
    from sdialog.audio.script import script_of
    from sdialog.audio.speaking import cast_script, engine_of
    from sdialog.audio.surroundings import channels_of, noises_of, spaces_of

    timing_of(scene)
    engine = None if tts is None else engine_of(tts[0])
    spoken = next((one for one in dialogs if any(turn.text.strip() for turn in one.turns or ())), None)
    if spoken is None:
        return
    script = script_of(spoken)
    try:
        if engine is not None:
            cast_script(script, engine, voices=voices, database=database, description=description)
        channels_of(scene.channel, script.speakers, 0)
        for noise in noises_of(scene.noise, script.speakers, 0):
            _check_noises(noise if isinstance(noise, list) else [noise])
        spaces_of(scene.reverb, script.speakers, 0)
    except UnknownNameError as error:
        if error.kind != "speaker":  # other dialogs may have other speakers
            raise


def _check_noises(noises: Sequence[Any]) -> None:
    from sdialog.audio.noises.base import noises as known

    for noise in noises:
        if noise is not None and not Path(noise.kind).exists():
            known.get(noise.kind)


def _described(scene: Scene, tts: Any, factory: Any, voices: Any, database: Any, description: Any) -> dict[str, Any]:
    """Return what the recordings of a folder have in common, as plain data."""
    named = [getattr(scene, key) for key in ("reverb", "noise", "channel", "timing")]
    if not isinstance(voices, str):
        named.append(voices)
    return {
        "scene": {key: _plain(value) for key, value in told(scene).items() if key != "summary"},
        "tts": _engine(tts) if factory is None else f"made by {getattr(factory, '__name__', type(factory).__name__)}",
        "voices": _plain(voices),
        "voice_database": None if database is None else (database.name or type(database).__name__),
        "voice_description": _plain(description),
        "files": dict(sorted(_files_in(named))),
    }


def _engine(tts: Any) -> Any:
    return (tts or "espeak") if tts is None or isinstance(tts, str) else _plain(tts.json())


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, (str, int, float, bool)) or value is None:
        return value
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tobytes"):
        return f"array {hashlib.blake2b(value.tobytes(), digest_size=8).hexdigest()}"
    json_data = getattr(value, "json_data", None) or getattr(value, "json", None)
    return _plain(json_data()) if callable(json_data) else f"<{type(value).__name__}>"


def _files_in(value: Any) -> Iterator[tuple[str, str]]:
    """Yield the files that a scene or voices name, with a digest of each: a plan knows their names alone."""
    if isinstance(value, Mapping):
        for item in value.values():
            yield from _files_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _files_in(item)
    elif isinstance(value, (str, Path)) and len(str(value)) < 4096:
        path = Path(str(value).removeprefix("fit:"))
        if path.is_file():
            yield str(value), hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        elif path.is_dir() and str(value):
            names = sorted((file.relative_to(path).as_posix(), file.stat().st_size) for file in path.rglob("*.*"))
            yield str(value), hashlib.blake2b(repr(names).encode(), digest_size=8).hexdigest()


__all__ = ["BatchProgress", "dialogs_to_audio", "render_dialogs"]
