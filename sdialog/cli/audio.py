"""``sdialog audio``: dialogs as sound, and what there is to make it with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from sdialog.cli._audio import (
    ChannelOption,
    FormatOption,
    LabelsOption,
    LoudnessOption,
    NoiseOption,
    PresetOption,
    RateOption,
    RoomOption,
    RunsArgument,
    SeedOption,
    StemsOption,
    StereoOption,
    TimingOption,
    TtsOption,
    VoicesOption,
    causes,
    count_of,
    dialogs_of,
    measured,
    minutes,
    places_of,
    planned,
    progress_bar,
    scene_options,
    stopping_in_order,
)
from sdialog.cli._output import JsonOption, print_json, print_table
from sdialog.core.errors import UserError


class _RendersByDefault(TyperGroup):
    """A group whose command ``render`` need not be named: ``sdialog audio RUN`` is ``sdialog audio render RUN``."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """Put ``render`` before arguments that begin with no command."""
        if args and args[0] not in self.commands and args[0] not in ("-h", "--help"):
            args = ["render", *args]
        return super().parse_args(ctx, args)


app = typer.Typer(
    cls=_RendersByDefault,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Render dialogs as sound: sdialog audio RUN. Options of it: sdialog audio render --help.",
)


@app.command()
def render(
    runs: RunsArgument,
    preset: PresetOption = None,
    tts: TtsOption = None,
    voices: VoicesOption = None,
    room: RoomOption = None,
    timing: TimingOption = None,
    noise: NoiseOption = None,
    channel: ChannelOption = None,
    loudness: LoudnessOption = None,
    stereo: StereoOption = False,
    rate: RateOption = 16000,
    seed: SeedOption = 0,
    workers: Annotated[int, typer.Option("--workers", "-j", min=1, help="Processes at once.")] = 1,
    audio_format: FormatOption = "wav",
    labels: LabelsOption = "json,rttm",
    stems: StemsOption = False,
    pictures: Annotated[int, typer.Option(min=0, help="Draw the rooms of so many dialogs, from the first.")] = 1,
    report: Annotated[int, typer.Option(min=0, help="Measure so many recordings, from the first; 0 for none.")] = 20,
    listen: Annotated[
        str | None, typer.Option(help="Word error rate of these by a recognizer: closed (knows the texts) or open.")
    ] = None,
    limit: Annotated[int | None, typer.Option("--limit", "-n", min=1, help="Only the first dialogs.")] = None,
    timeout: Annotated[float, typer.Option(min=1, help="Seconds a dialog may take, with several workers.")] = 1800,
    cache: Annotated[
        Path | None, typer.Option(help="Folder of clips and rooms, for other scenes to use again.")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Folder; default: audio/ in the run folder.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Throw away the recordings of an earlier run there.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Render dialogs as sound with labels. The same command again makes what is missing and changes nothing else."""
    from sdialog.audio.batch import BatchProgress, render_dialogs

    places, folder = places_of(runs, out, "audio")
    options = scene_options(preset, tts, voices, room, timing, noise, channel, loudness)
    errors: Counter[str] = Counter()
    failed: list[dict[str, Any]] = []
    first: list[dict[str, Any]] = []
    last = BatchProgress()
    with progress_bar(total := count_of(places, limit), quiet or as_json) as show:

        def tell(progress: BatchProgress) -> None:
            nonlocal last
            last = progress
            show(progress)

        rows = render_dialogs(
            dialogs_of(places, limit),
            folder,
            stereo=stereo,
            sample_rate=rate,
            seed=seed,
            audio_format=audio_format,
            labels=[one.strip() for one in labels.split(",") if one.strip()],
            stems=stems,
            pictures=pictures,
            workers=workers,
            timeout=timeout,
            cache=cache,
            fresh=fresh,
            progress=tell,
            **options,
        )
        with stopping_in_order(), closing(rows):
            for row in rows:
                if "error" in row:
                    errors[row["error"]] += 1
                    if len(failed) < 100:
                        failed.append(row)
                elif len(first) < report:
                    first.append(row)
    if not last.done and not last.failed:
        raise UserError(f"there are no dialogs in {', '.join(map(str, places))}")
    quality = _report(folder, first, last.done, listen)
    if as_json:
        about = {"folder": str(folder), **asdict(last), "total": total, "failures": failed}
        print_json(about | ({} if quality is None else {"quality": quality.means()}))
    else:
        _tell(folder, last, errors, first, quality)
    raise typer.Exit(1 if last.failed else 0)


def _report(folder: Path, rows: list[dict[str, Any]], done: int, listen: str | None) -> Any:
    """Measure the first recordings and write the report beside them."""
    read = [row for row in rows if "json" in row]
    if not read:
        return None
    from sdialog.audio.quality.report import quality_report

    found = quality_report(folder if len(read) == done else _results(read), recognize=listen)
    found.save(folder)
    return found


def _results(rows: list[dict[str, Any]]) -> Iterator[Any]:
    from sdialog.audio.files import read_audio
    from sdialog.audio.labels import Labels
    from sdialog.audio.result import DialogAudio

    for row in rows:
        labels = Labels.from_file(row["json"])
        samples, rate = read_audio(row["audio"])
        yield DialogAudio(
            samples,
            rate,
            labels.segments,
            labels.speakers,
            labels.voices,
            labels.config,
            labels.dialog_id,
            labels=labels,
        )


def _tell(folder: Path, last: Any, errors: Counter[str], first: list[dict[str, Any]], quality: Any) -> None:
    made, tried = last.done - last.kept, last.done + last.failed
    parts = [f"{made:,} made now", f"{minutes(last.seconds)} of sound"]
    typer.echo(f"{last.done:,} of {tried:,} dialogs in {folder} ({', '.join(parts)})")
    for line in causes(errors):
        typer.echo(f"  failed: {line}", err=True)
    if errors:
        typer.echo("mend the cause, and run the same command again to make what is missing", err=True)
    if quality is not None:
        typer.echo(f"\n{quality.table()}\n")
    pictures = [row["room"] for row in first if "room" in row]
    where = [str(folder / "index.jsonl"), *([str(folder / "quality.html")] if quality is not None else [])]
    for picture in pictures[:1]:
        where.append(picture if isinstance(picture, str) else picture[0])
    typer.echo(f"see: {'   '.join(where)}")


@app.command()
def preview(
    run: Annotated[Path, typer.Argument(help="A run folder, or any file or folder of dialogs.")],
    index: Annotated[int, typer.Option("--index", "-i", min=0, help="Which dialog, from 0.")] = 0,
    preset: PresetOption = None,
    tts: TtsOption = None,
    voices: VoicesOption = None,
    room: RoomOption = None,
    timing: TimingOption = None,
    noise: NoiseOption = None,
    channel: ChannelOption = None,
    loudness: LoudnessOption = None,
    stereo: StereoOption = False,
    rate: RateOption = 16000,
    seed: SeedOption = 0,
    audio_format: FormatOption = "wav",
    labels: LabelsOption = "json,rttm",
    stems: StemsOption = False,
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="Folder; default: preview/ in the run folder.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Render one dialog and show what is planned and measured; it sounds as in the whole run."""
    from itertools import islice

    from sdialog.audio.batching import dialog_seed
    from sdialog.audio.names import file_stem
    from sdialog.audio.synthesis import Studio

    places, folder = places_of([run], out, "preview")
    dialog = next(islice(dialogs_of(places), index, None), None)
    if dialog is None:
        raise UserError(f"there is no dialog {index} in {run}; they are counted from 0")
    options = scene_options(preset, tts, voices, room, timing, noise, channel, loudness)
    studio = Studio(options.pop("tts"))
    plan = studio.plan(dialog, stereo=stereo, sample_rate=rate, seed=dialog_seed(seed, index), **options)
    if not as_json:
        print_table(planned(plan), "planned", "")
    heard = studio.render_plan(plan, stems=stems)
    target = folder / file_stem(str(dialog.id))
    wanted = [one.strip() for one in labels.split(",") if one.strip()]
    written = heard.save(target, audio_format, labels=wanted, stems=stems)
    for number, one in enumerate(heard.rooms()):
        picture = target.with_name(f"{target.name}.room{f'-{number + 1}' if number else ''}.png")
        one.to_image().save(picture)
        written.setdefault("rooms", []).append(str(picture))
    if as_json:
        print_json({"plan": plan.json(), "files": written, "level": heard.config["level"]})
        return
    print_table(measured(heard), "measured", "")
    for kind, files in written.items():
        for file in files if isinstance(files, list) else [files]:
            typer.echo(f"{kind}: {file}")


@app.command()
def presets(as_json: JsonOption = False) -> None:
    """List the scenes that come with sdialog; --preset takes their names, or a YAML file of the same keys."""
    from sdialog.audio.scene import list_presets

    found = list_presets()
    if as_json:
        print_json(found)
        return
    print_table(
        ((name, scene.get("summary", "Close microphones, nothing else.")) for name, scene in found.items()),
        "preset",
        "what it is",
    )


@app.command()
def rooms(
    name: Annotated[str | None, typer.Argument(help="A room, to see and draw.")] = None,
    picture: Annotated[Path | None, typer.Option("--picture", help="Draw the room's plan to this PNG.")] = None,
    as_json: JsonOption = False,
) -> None:
    """List the rooms that come with sdialog, or show one; --room takes their names, or a YAML file of the same keys."""
    from sdialog.audio.rooms import Room

    if name is None and picture is not None:
        raise UserError(
            "--picture draws one room; name it, such as: sdialog audio rooms meeting_room --picture plan.png"
        )
    found = {one: Room.load(one) for one in (Room.names() if name is None else [name])}
    if picture is not None:
        found[str(name)].to_image().save(picture)
    if as_json:
        print_json({one: room.json() for one, room in found.items()})
        return
    print_table(
        (
            (
                one,
                " x ".join(
                    f"{side:g}" for side in (room.dimensions.width, room.dimensions.length, room.dimensions.height)
                ),
                "-" if room.rt60 is None else f"{room.rt60:g}",
                str(len(room.microphones)),
                getattr(room, "description", ""),
            )
            for one, room in found.items()
        ),
        "room",
        "metres",
        "RT60 (s)",
        "microphones",
        "what it is",
    )


@app.command()
def voices(
    language: Annotated[str | None, typer.Option("--language", "-l", help="Only this one; default: English.")] = None,
    gender: Annotated[str | None, typer.Option("--gender", help="female or male.")] = None,
    tts: Annotated[str, typer.Option("--tts", help="espeak or tone.")] = "espeak",
    languages: Annotated[bool, typer.Option("--languages", help="List the languages instead.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the built-in voices; --voices SPEAKER=VOICE takes their names."""
    from sdialog.audio.voices import EspeakVoiceDatabase, ToneVoiceDatabase
    from sdialog.core.errors import UnknownNameError

    kinds: dict[str, Any] = {"espeak": EspeakVoiceDatabase, "tone": ToneVoiceDatabase}
    if tts not in kinds:
        raise UnknownNameError("engine with built-in voices", tts, kinds)
    database = kinds[tts]()
    known = database.languages()
    if languages:
        counted = {one: len(database.voices(one)) for one in known}
        if as_json:
            print_json(counted)
        else:
            print_table(((one, str(count)) for one, count in counted.items()), "language", "voices")
        return
    wanted = (language or "english").casefold()
    if wanted not in known:
        raise UnknownNameError("language", wanted, known, hint="All of them: sdialog audio voices --languages")
    found = [one for one in database.voices(wanted) if gender is None or one.gender == gender]
    if not found:
        raise UserError(f"no voice of {wanted} is {gender!r}; --gender is female or male")
    if as_json:
        print_json([one.json_data() for one in found])
        return
    rows = ((str(one.identifier), str(one.gender), str(one.age), str(one.language_code)) for one in found)
    print_table(rows, "voice", "gender", "age", "code")
