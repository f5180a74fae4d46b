"""All that can be measured of one recording."""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from sdialog.audio.quality.boundaries import BoundaryCheck, check_boundaries
from sdialog.audio.quality.conversation import ConversationMeasures, conversation
from sdialog.audio.quality.intelligibility import Intelligibility, intelligibility, pesq_score
from sdialog.audio.quality.levels import LevelMeasures, levels
from sdialog.audio.quality.recordings import Recorded
from sdialog.audio.quality.word_errors import Recognize, WordErrors, cut_out, listen, total
from sdialog.core.optional import need


@dataclass(frozen=True)
class RecordingQuality:
    """What was measured of a recording.

    Attributes:
        name: of the recording.
        group: what it is compared as.
        duration: seconds.
        channels: how many.
        conversation: how it is filled.
        levels: how loud it is.
        starts: where speech begins in the recording, beside the labels.
        stems: where speech begins and ends in the dry stems, beside the labels; None where there are none.
        heard: word errors by speaker; empty where nobody listened.
        intelligible: STOI and ESTOI by speaker against the dry stems; empty where there are none.
        pesq: narrow-band PESQ by speaker; empty where it was not asked for or there are no stems.
        remarks: what is wrong with it.
    """

    name: str
    group: str
    duration: float
    channels: int
    conversation: ConversationMeasures
    levels: LevelMeasures
    starts: BoundaryCheck
    stems: BoundaryCheck | None = None
    heard: dict[str, WordErrors] = field(default_factory=dict)
    intelligible: dict[str, Intelligibility] = field(default_factory=dict)
    pesq: dict[str, float] = field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def word_error_rate(self) -> float | None:
        """Of all speakers together; None where nobody listened."""
        return total(self.heard.values()).rate

    @property
    def stoi(self) -> float | None:
        """Mean over the speakers."""
        return mean(one.stoi for one in self.intelligible.values()) if self.intelligible else None

    @property
    def estoi(self) -> float | None:
        """Mean over the speakers."""
        return mean(one.estoi for one in self.intelligible.values()) if self.intelligible else None

    def json(self) -> dict[str, Any]:
        """Return plain data."""
        return {
            "name": self.name,
            "group": self.group,
            "duration": self.duration,
            "channels": self.channels,
            "conversation": self.conversation.json(),
            "levels": self.levels.json(),
            "starts": self.starts.json(),
            "stems": None if self.stems is None else self.stems.json(),
            "word_errors": {"all": total(self.heard.values()).json(), **_each(self.heard)} if self.heard else None,
            "intelligibility": _each(self.intelligible) or None,
            "pesq": self.pesq or None,
            "remarks": list(self.remarks),
        }


def _each(found: dict[str, Any]) -> dict[str, Any]:
    return {speaker: one.json() for speaker, one in found.items()}


def measured(
    one: Recorded,
    *,
    recognize: Recognize | str | None = None,
    language: str = "english",
    pesq: bool = False,
) -> RecordingQuality:
    """Return what can be measured of a recording.

    Args:
        one: the recording.
        recognize: who listens, as :func:`~sdialog.audio.quality.listen` has it; None for nobody.
        language: of the dialog.
        pesq: also measure PESQ, against the dry stems.

    Raises:
        MissingDependencyError: if a package that is needed for it is not installed.
    """
    heard = {} if recognize is None else listen(one.audio, one.rate, one.labels, recognize, language=language)
    intelligible: dict[str, Intelligibility] = {}
    scores: dict[str, float] = {}
    for speaker, dry in one.dry.items():
        clean, recording = _own_turns(one, speaker, dry)
        found = intelligibility(clean, recording, one.rate)
        if found is not None:
            intelligible[speaker] = found
        score = pesq_score(clean, recording, one.rate) if pesq else None
        if score is not None:
            scores[speaker] = score
    loud = levels(one.audio, one.rate, one.labels)
    starts = check_boundaries(one.audio, one.rate, one.labels, edges=["start"])
    stems = _of_stems(one) if one.dry else None
    return RecordingQuality(
        name=one.name,
        group=one.group,
        duration=len(one.audio) / one.rate,
        channels=1 if one.audio.ndim == 1 else one.audio.shape[1],
        conversation=conversation(one.labels),
        levels=loud,
        starts=starts,
        stems=stems,
        heard=heard,
        intelligible=intelligible,
        pesq=scores,
        remarks=tuple(_remarks(one, loud, starts, stems)),
    )


def _own_turns(one: Recorded, speaker: str, dry: Any) -> tuple[Any, Any]:
    """Return what a speaker says, one turn after the other, clean and in the recording."""
    numpy = need("numpy", extra="audio", why="measure recordings")
    own = one.labels.of(speaker).segments
    if not own:
        return numpy.zeros(0), numpy.zeros(0)
    pairs = [(cut_out(dry, one.rate, turn), cut_out(one.audio, one.rate, turn)) for turn in own]
    lengths = [min(len(clean), len(recording)) for clean, recording in pairs]
    clean = numpy.concatenate([pair[0][:length] for pair, length in zip(pairs, lengths, strict=True)])
    recording = numpy.concatenate([pair[1][:length] for pair, length in zip(pairs, lengths, strict=True)])
    return clean, recording


def _of_stems(one: Recorded) -> BoundaryCheck:
    found = [
        check_boundaries(dry, one.rate, one.labels.of(speaker).in_channels({}, 1)).boundaries
        for speaker, dry in one.dry.items()
    ]
    return BoundaryCheck(tuple(boundary for own in found for boundary in own))


def _remarks(one: Recorded, loud: LevelMeasures, starts: BoundaryCheck, stems: BoundaryCheck | None) -> list[str]:
    said = []
    if loud.loudness is None:
        said.append("silent")
    if loud.true_peak_db > 0:
        said.append(f"true peak {loud.true_peak_db:.1f} dBTP, above full scale")
    if loud.clipped > 0:
        said.append(f"{100 * loud.clipped:.3g} % of the samples at full scale")
    if abs(loud.offset) > 0.01:
        said.append(f"off zero by {loud.offset:.3f}")
    for where, check in (("recording", starts), ("dry stems", stems)):
        if check is not None and check.wrong:
            said.append(
                f"{len(check.wrong)} of {check.checked} boundaries are more than {1000 * check.within:g} ms off in the "
                f"{where}, the worst by {1000 * (check.worst or 0):.0f} ms"
            )
    late = max((segment.end for segment in one.labels.segments), default=0.0) - len(one.audio) / one.rate
    if late > 1 / one.rate:
        said.append(f"labels end {late:.3f} s after the sound")
    mute = [speaker for speaker in one.labels.speakers if not one.labels.of(speaker).islands and one.labels.islands]
    return [*said, *(f"{speaker} is not heard" for speaker in mute)]
