"""From a dialog to its sound, in stages: plan, clips, timeline, stems, mixture, labels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.audio.clips import ClipCache
from sdialog.audio.labels import label
from sdialog.audio.mixing import Path as SoundPath
from sdialog.audio.mixing import mix
from sdialog.audio.plan import AudioPlan, plan_audio
from sdialog.audio.result import DialogAudio
from sdialog.audio.scene import resolve_scene, within
from sdialog.audio.script import script_of
from sdialog.audio.speaking import Said, cast_script, engine_of, speak, utterances_of
from sdialog.audio.stems import dry_tracks, levelled
from sdialog.audio.timeline import ask_gaps, lay_out
from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed, fresh_seed

if TYPE_CHECKING:
    from sdialog.audio.acoustics.cache import RirCache
    from sdialog.audio.tts.base import BaseDialogTTS, BaseTTS
    from sdialog.core.dialog import Dialog


class Studio:
    """Renders dialogs, and keeps what can be used again: spoken clips and impulse responses.

    Args:
        tts: the speech engine, its name, or None for espeak-ng.
        folder: where clips and responses are kept from run to run; None keeps them in memory.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> talk = Dialog(turns=[Turn(speaker="Ann", text="Hello!"), Turn(speaker="Bob", text="Hi, Ann.")])
        >>> studio = Studio("tone")
        >>> close, far = studio.render(talk, "clean", seed=7), studio.render(talk, "room", seed=7)
        >>> studio.clips.use().made, [segment.speaker for segment in close.segments]
        (2, ['Ann', 'Bob'])
    """

    def __init__(self, tts: Any = None, folder: str | Path | None = None) -> None:
        from sdialog.audio.acoustics.cache import RirCache

        self.engine: BaseTTS | BaseDialogTTS = engine_of(tts)
        place = None if folder is None else Path(folder)
        self._times: dict[bytes, Any] = {}
        self.clips = ClipCache(None if place is None else place / "clips")
        self.rirs: RirCache = RirCache(None if place is None else place / "rirs")

    def plan(
        self,
        dialog: Dialog,
        preset: Any = None,
        *,
        voices: Any = "db",
        voice_database: Any = None,
        voice_description: Any = None,
        stereo: bool = False,
        sample_rate: int = 16000,
        seed: int | None = None,
        **scene: Any,
    ) -> AudioPlan:
        """Return what would be rendered: everything that is chosen before a sound is made; see :func:`to_audio`."""
        if isinstance(sample_rate, bool) or not isinstance(sample_rate, int) or not 8000 <= sample_rate <= 192000:
            raise UserError(f"sample_rate is a whole number from 8000 to 192000, not {sample_rate!r}")
        seed = fresh_seed() if seed is None else _seed(seed)
        script = script_of(dialog)
        wanted = resolve_scene(within(preset, len(script.speakers)), **scene)
        casting = cast_script(
            script,
            self.engine,
            voices=voices,
            database=voice_database,
            description=voice_description,
            seed=derive_seed(seed, "voices"),
        )
        return plan_audio(
            script, wanted, casting, seed=seed, sample_rate=sample_rate, stereo=stereo, engine=self.engine.json()
        )

    def render(self, dialog: Dialog, preset: Any = None, *, stems: bool = False, **options: Any) -> DialogAudio:
        """Return a dialog as sound; see :func:`to_audio` for the options."""
        return self.render_plan(self.plan(dialog, preset, **options), stems=stems)

    def render_plan(self, plan: AudioPlan, *, stems: bool = False) -> DialogAudio:
        """Return the sound of a plan; the same plan gives the same samples.

        Args:
            plan: what :meth:`plan` returned.
            stems: keep the parts of the recording.
        """
        spoken = speak(plan, self.engine, self.clips, self._times)
        names, rate = plan.script.speakers, plan.sample_rate
        clips, gains = levelled(
            [said.clip for said in spoken], [one.line.speaker for one in plan.spoken], plan.level_offsets_db
        )
        gaps = _gaps(plan, spoken)
        timeline = lay_out(utterances_of(plan, spoken), plan.timing, derive_seed(plan.seed, "timing"), gaps=gaps)
        length = round(timeline.duration * rate)
        dry = dry_tracks(timeline.placed, clips, names, length, rate)
        path = SoundPath(
            spaces=plan.spaces,
            speaker_noises=plan.speaker_noises,
            speaker_channels=plan.speaker_channels,
            noise=plan.noise,
            channel=plan.channel,
            stereo=plan.stereo,
            loudness=plan.loudness,
            true_peak_db=plan.true_peak_db,
            seed=derive_seed(plan.seed, "mix"),
            drr_db=plan.drr_db,
            method=plan.acoustics,
            ways=plan.ways,
            early=stems,
        )
        mixture = mix(dry, names, rate, path, self.rirs)
        config = {
            **plan.json(),
            "plan": plan.digest(),
            "gaps": gaps,
            "word_times": dict(Counter(said.times for said in spoken)),
            "speaker_gains_db": dict(zip(names, gains, strict=True)),
            "timing": {**plan.timing.json(), "measured": timeline.statistics.json()},
            **mixture.stems.info,
        }
        labels = label(
            timeline.placed,
            clips,
            [one.line.text for one in plan.spoken],
            sample_rate=rate,
            duration=len(mixture.samples) / rate,
            speakers=names,
        )
        if plan.stereo:
            labels = labels.in_channels({name: number for number, name in enumerate(names)}, len(names))
        return DialogAudio(
            mixture.samples,
            rate,
            labels.segments,
            names,
            plan.casting.json(),
            config,
            plan.script.dialog_id,
            labels=labels,
            timeline=timeline,
            stems=mixture.stems if stems else None,
        )


def _gaps(plan: AudioPlan, spoken: Sequence[Said]) -> list[float] | None:
    """Return the gaps between turns where the scene says them, asking whoever tells them."""
    if plan.gaps is None or not callable(plan.gaps):
        return None if plan.gaps is None else list(plan.gaps)
    turns = [(one.line.text, said.clip.duration) for one, said in zip(plan.spoken, spoken, strict=True)
             if one.kind == "turn"]  # fmt: skip
    return ask_gaps(plan.gaps, [text for text, _ in turns], [seconds for _, seconds in turns])


def _seed(value: Any) -> int:
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise UserError(f"seed is a whole number, not {value!r}")
    return index(value)


def to_audio(
    dialog: Dialog,
    path: str | Path | None = None,
    preset: Any = None,
    voices: Any = "db",
    voice_database: Any = None,
    voice_description: Any = None,
    tts: Any = None,
    pauses: Any = None,
    overlap: float | None = None,
    max_overlap: float | None = None,
    reverb: Any = None,
    noise: Any = None,
    channel: Any = None,
    level_jitter_db: float | None = None,
    stereo: bool = False,
    sample_rate: int = 16000,
    seed: int | None = None,
    *,
    timing: Any = None,
    gaps: Any = None,
    drr: Any = None,
    moves: Any = None,
    acoustics: Any = None,
    loudness: Any = None,
    true_peak_db: Any = None,
    stems: bool = False,
    labels: Any = ("json", "rttm"),
) -> DialogAudio:
    """Render a dialog as sound, with labels of who says what when.

    Args:
        dialog: any number of speakers; turns without text are left out.
        path: write sound and labels there; see :meth:`DialogAudio.save`.
        preset: a scene by name, as a YAML file, a mapping or a :class:`~sdialog.audio.scene.Scene`.
        voices: ``db`` takes voices from the database that fit the personas; or a mapping from speakers to voices.
        voice_database: in place of the engine's own.
        voice_description: words about the voices, where personas say nothing.
        tts: the speech engine or its name; None is espeak-ng.
        pauses, overlap, max_overlap, reverb, noise, channel, level_jitter_db: of the scene, in place of what the
            preset says; None keeps it, False switches the effect off.
        stereo: one channel a speaker.
        sample_rate: samples a second of the result.
        seed: the same seed gives the same samples; None draws one, kept in ``config["seed"]``.
        timing, gaps, drr, moves, acoustics, loudness, true_peak_db: of the scene, likewise.
        stems: keep the parts of the recording, and write them with ``path``.
        labels: formats of label files that are written with ``path``.

    Returns:
        The sound with its labels and every choice behind it.

    Raises:
        UserError: if nothing is said, or a value means nothing; says which and what it may be.
        MissingDependencyError: if the speech engine or another package is not installed.
        AudioError: if speaking or simulating fails.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> talk = Dialog(turns=[Turn(speaker="Ann", text="Hello!"), Turn(speaker="Bob", text="Hi, Ann.")])
        >>> heard = to_audio(talk, preset="clean", tts="tone", seed=7)
        >>> heard.speakers, heard.channels
        (['Ann', 'Bob'], 1)
    """
    scene = {
        "pauses": pauses,
        "overlap": overlap,
        "max_overlap": max_overlap,
        "reverb": reverb,
        "noise": noise,
        "channel": channel,
        "level_jitter_db": level_jitter_db,
        "timing": timing,
        "gaps": gaps,
        "drr": drr,
        "moves": moves,
        "acoustics": acoustics,
        "loudness": loudness,
        "true_peak_db": true_peak_db,
    }
    result = Studio(tts).render(
        dialog,
        preset,
        voices=voices,
        voice_database=voice_database,
        voice_description=voice_description,
        stereo=stereo,
        sample_rate=sample_rate,
        seed=seed,
        stems=stems,
        **scene,
    )
    if path is not None:
        result.save(path, labels=labels, stems=stems)
    return result
