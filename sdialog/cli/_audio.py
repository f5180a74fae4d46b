"""What the commands of ``sdialog audio`` share: options of a scene, where dialogs are and files go, what is shown."""

from __future__ import annotations

import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import run_dialogs, run_place
from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.audio.batch import BatchProgress
    from sdialog.audio.plan import AudioPlan
    from sdialog.audio.result import DialogAudio
    from sdialog.core.dialog import Dialog

RunsArgument = Annotated[list[Path], typer.Argument(help="Run folders, or any files or folders of dialogs.")]
PresetOption = Annotated[
    str | None, typer.Option("--preset", "-p", help="Scene: a name (sdialog audio presets) or a YAML file.")
]
TtsOption = Annotated[str | None, typer.Option("--tts", help="Speech engine; default: espeak. tone beeps.")]
VoicesOption = Annotated[
    list[str] | None,
    typer.Option("--voices", help="db, random or design; or SPEAKER=VOICE, repeated (sdialog audio voices)."),
]
RoomOption = Annotated[
    str | None,
    typer.Option("--room", help="small, medium, large, a name (sdialog audio rooms), a YAML or WAV file, or off."),
]
TimingOption = Annotated[
    str | None, typer.Option("--timing", help="natural, meeting, ...; a JSON file; or fit:FILE.rttm.")
]
NoiseOption = Annotated[
    list[str] | None, typer.Option("--noise", help="pink:15 (dB), cafe, a file, or off; SPEAKER=... for one.")
]
ChannelOption = Annotated[
    list[str] | None, typer.Option("--channel", help="g711, handset+amr_nb, or off; SPEAKER=... for one.")
]
LoudnessOption = Annotated[float | None, typer.Option("--loudness", help="Integrated loudness in LUFS.")]
StereoOption = Annotated[bool, typer.Option("--stereo", help="One channel a speaker.")]
RateOption = Annotated[int, typer.Option("--rate", help="Samples a second.")]
SeedOption = Annotated[int, typer.Option("--seed", help="The same seed gives the same sound.")]
FormatOption = Annotated[str, typer.Option("--format", "-f", help="wav, flac, ogg, opus, mp3, wav24, ...")]
LabelsOption = Annotated[str, typer.Option("--labels", "-l", help="Formats of labels, with commas between; or all.")]
StemsOption = Annotated[bool, typer.Option("--stems", help="Keep the parts: dry, early, wet, noise, responses.")]


def scene_options(
    preset: str | None,
    tts: str | None,
    voices: Sequence[str] | None,
    room: str | None,
    timing: str | None,
    noise: Sequence[str] | None,
    channel: Sequence[str] | None,
    loudness: float | None,
) -> dict[str, Any]:
    """Return what the options of a scene mean, as keywords of ``Studio.plan``, with ``tts``.

    Raises:
        UserError: if one contradicts itself.
    """
    return {
        "preset": preset,
        "tts": tts,
        "voices": _by_speaker("--voices", voices, str) or "db",
        "reverb": False if room == "off" else room,
        "timing": timing,
        "noise": _by_speaker("--noise", noise, _noise),
        "channel": _by_speaker("--channel", channel, lambda text: False if text == "off" else text),
        "loudness": loudness,
    }


def _by_speaker(option: str, given: Sequence[str] | None, meaning: Callable[[str], Any]) -> Any:
    """Return one value for all, or a mapping from speakers to theirs."""
    if not given:
        return None
    parted = [(speaker, meaning(value)) if equals else (None, meaning(speaker))
              for speaker, equals, value in (one.partition("=") for one in given)]  # fmt: skip
    if len(parted) == 1 and parted[0][0] is None:
        return parted[0][1]
    if any(speaker is None for speaker, _ in parted):
        raise UserError(f"{option} takes one value for all, or SPEAKER=VALUE for each, not both")
    return {int(name) if name.isdecimal() else name: value for name, value in parted if name is not None}


def _noise(text: str) -> Any:
    if text == "off":
        return False
    kind, colon, snr = text.rpartition(":")
    try:
        return {"type": kind, "snr": float(snr)} if colon else float(text)
    except ValueError:
        return text


def places_of(runs: Sequence[Path], out: Path | None, name: str) -> tuple[list[Path], Path]:
    """Return where dialogs are read, and where files go: below a run folder, or beside a file.

    Raises:
        UserError: if there is nothing, or it cannot be told where to write.
    """
    places = [run_place(run) for run in runs]
    if out is not None:
        return places, out
    if len(places) > 1:
        raise UserError("say where the sound of several runs goes, with --out")
    only = places[0]
    return places, only / name if only.is_dir() else only.with_name(f"{only.name.partition('.')[0]}-{name}")


def dialogs_of(places: Sequence[Path], limit: int | None = None) -> Iterator[Dialog]:
    """Yield the dialogs of all places, one after the other."""
    return islice((dialog for place in places for dialog in run_dialogs(place)), limit)


def count_of(places: Sequence[Path], limit: int | None) -> int | None:
    """Return how many dialogs there are, where that can be told at once."""
    total = 0
    for place in places:
        file = place / "dialogs.jsonl" if place.is_dir() else place
        if file.suffix != ".jsonl" or not file.is_file():
            return None
        with file.open("rb") as lines:
            total += sum(1 for line in lines if line.strip())
    return total if limit is None else min(total, limit)


@contextmanager
def progress_bar(total: int | None, quiet: bool) -> Iterator[Callable[[BatchProgress], None]]:
    """Give a function to be told how far it is; on a terminal it shows a bar while the block runs."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("dialogs {task.fields[more]}"), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("", total=total, more="")

        def tell(progress: BatchProgress) -> None:
            failed = f", {progress.failed:,} failed" if progress.failed else ""
            more = f"({minutes(progress.seconds)} of sound{failed})"
            bar.update(task, completed=progress.done + progress.failed, more=more)

        yield tell


@contextmanager
def stopping_in_order() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("\nwhat is done is kept; run the same command again to go on", err=True)
        raise
    finally:
        signal.signal(signal.SIGTERM, before)


def minutes(seconds: float) -> str:
    """Return a length of sound for people.

    Example:
        >>> minutes(7.25), minutes(75), minutes(7500)
        ('7.2 s', '1:15 min', '2:05 h')
    """
    if seconds < 60:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60}:{whole % 60:02d} min"
    return f"{whole // 3600}:{whole // 60 % 60:02d} h"


def causes(errors: Counter[str], most: int = 5) -> list[str]:
    """Return the commonest causes of failure, with how often each came."""
    lines = [f"{count} x {cause}" for cause, count in errors.most_common(most)]
    return [*lines, *([f"and {len(errors) - most} other causes"] if len(errors) > most else [])]


def planned(plan: AudioPlan) -> list[tuple[str, str]]:
    """Return what is planned, as rows of a table."""
    script, data = plan.script, plan.json()
    rows = [("dialog", f"{script.dialog_id}: {len(script.lines)} turns with a text, {script.language}")]
    for number, one in enumerate(plan.casting):
        got = "chosen by the engine" if one.voice is None else f"{one.voice.identifier}, {one.voice.language}"
        short = f" (not as asked: {'; '.join(one.fallback)})" if one.fallback else ""
        rows.append((f"voice of {one.speaker}", f"{got}, {plan.level_offsets_db[number]:+.1f} dB{short}"))
    rows.append(("scene", plan.scene.summary or "as asked"))
    rows.append(("timing", _brief({key: value for key, value in plan.timing.json().items() if value})))
    for space in plan.spaces:
        who = ", ".join(script.speakers[number] for number in space.speakers)
        room = space.room
        rows.append((f"room of {who}", f"impulse response {space.response}" if room is None else _room(room)))
    if data["noise"]:
        rows.append(("noise", _brief(data["noise"])))
    if data["channel"]:
        rows.append(("channel", _brief(data["channel"])))
    for name, own in data["by_speaker"].items():
        rows += [(f"{kind} of {name}", _brief(value)) for kind, value in own.items() if value]
    return [*rows, ("seed", str(plan.seed)), ("plan", plan.digest())]


def measured(heard: DialogAudio) -> list[tuple[str, str]]:
    """Return what was measured in a recording, as rows of a table."""
    level, timing = heard.config["level"], heard.config["timing"]["measured"]
    rows = [("sound", f"{minutes(heard.duration)}, {heard.channels} channel(s) at {heard.sample_rate} Hz")]
    rows.append(("timing, measured", _brief(timing)))
    added = heard.config["noise"]  # a list once it is measured
    noises = {"noise": added if isinstance(added, list) else [], **heard.config.get("speaker_noise", {})}
    for name, several in noises.items():
        whose = "noise" if name == "noise" else f"noise of {name}"
        rows += [(f"{whose}, measured", _brief(one)) for one in several]
    for one in heard.config.get("rooms", ()):
        for who, heard_at in one["acoustics"].get("measured", {}).items():
            rows.append((f"{who} in the room, measured", _brief(next(iter(heard_at.values())))))
    rows.append(("level", _brief(level)))
    return rows


def _room(room: Any) -> str:
    size = " x ".join(f"{one:g}" for one in (room.dimensions.width, room.dimensions.length, room.dimensions.height))
    rt60 = "" if room.rt60 is None else f", RT60 {room.rt60:g} s"
    return f"{room.name}: {size} m{rt60}, microphones {', '.join(one.name for one in room.microphones)}"


def _brief(value: Any) -> str:
    if isinstance(value, Mapping):
        plain = {
            key: one for key, one in value.items() if not isinstance(one, (Mapping, list, tuple)) and one is not None
        }
        return ", ".join(f"{key} {_brief(one)}" for key, one in plain.items())
    return f"{value:.4g}" if isinstance(value, float) else str(value)
