"""When each turn of an audio dialog begins: drawn gaps, those of a model, or the timing of real conversations."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdialog.audio.legacy.models import Model, asked
from sdialog.audio.legacy.sound_effects import without_tags
from sdialog.audio.timeline import Timing, Uniform, Utterance, ask_gaps, lay_out
from sdialog.core.errors import UserError
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    from sdialog.audio.dialog import AudioDialog

GAPS = (0.2, 0.7)
"""Shortest and longest gap in seconds, as published; uniform between."""

PLAIN = Timing(
    name="published", gap=Uniform(*GAPS), pause=Uniform(*GAPS), overlap_share=0.0, lead_in=0.0, tail=0.0
)  # fmt: skip
NATURAL = Timing(lead_in=0.0, tail=0.0)

PROMPT = """Two or more people talk. For each turn but the last, give the seconds between its end and the beginning of
the next turn: about 0.1 to 0.3 after a question that is easy to answer, up to 1.5 where somebody has to think, and
below 0, such as -0.3, where the next speaker is eager and comes in early.

{turns}

Answer with a JSON list of {count} numbers and nothing else."""


def place_dialog(
    dialog: AudioDialog, *, llm: Model | None = None, overlaps: bool = False, seed: int = 0, redraw: bool = True
) -> None:
    """Place the turns of a dialog that have sound, and note gaps, starts and the whole duration.

    Args:
        dialog: is changed.
        llm: asked for the gaps: from a prompt to a reply.
        overlaps: without a model, whether turns overlap as in real conversations; else gaps are of 0.2 to 0.7 s.
        seed: of what is drawn; each turn has numbers of its own.
        redraw: False keeps the gaps that the turns have.

    Raises:
        UserError: if no turn has sound.
    """
    spoken = [turn for turn in dialog.turns if turn.audio_duration >= 0]
    if not spoken:
        raise UserError("no turn has sound, so there is nothing to place: speak the dialog first")
    utterances = [
        Utterance(number, dialog.role(turn), turn.audio_duration, turn.word_times())
        for number, turn in enumerate(spoken)
    ]
    timing = NATURAL if overlaps else PLAIN
    gaps: list[float] | None = None
    source = "drawn"
    if not redraw:
        gaps, source, timing = [turn.gap_duration for turn in spoken[:-1]], "kept", NATURAL
    elif llm is not None:
        gaps = _asked(llm, [without_tags(turn.text) for turn in spoken], [turn.audio_duration for turn in spoken])
        source, timing = ("model", NATURAL) if gaps is not None else ("drawn", PLAIN)
    line = lay_out(utterances, timing, derive_seed(seed, "timing"), gaps=gaps)
    for one in line.placed:
        spoken[one.utterance].audio_start_time = one.start
    for turn, after in zip(spoken, [*spoken[1:], None], strict=True):
        end = turn.audio_start_time + turn.audio_duration
        turn.gap_duration = 0.0 if after is None else after.audio_start_time - end
    dialog.total_duration = line.duration
    dialog.rendering["timing"] = {
        "gaps": source,
        "seed": seed,
        **timing.json(),
        "measured": line.statistics.json(),
    }


def _asked(llm: Model, texts: Sequence[str], durations: Sequence[float]) -> list[float] | None:
    """Return the gaps that a model tells, or None where its answer is none."""
    said: list[str] = []

    def answer(texts: Sequence[str], durations: Sequence[float]) -> list[float]:
        lines = [
            f"{n}. ({seconds:.1f} s) {text}" for n, (text, seconds) in enumerate(zip(texts, durations, strict=True), 1)
        ]
        said.append(asked(llm, PROMPT.format(turns="\n".join(lines), count=len(texts) - 1)))
        return numbers_in(said[-1])

    try:
        return ask_gaps(answer, texts, durations)
    except UserError as error:
        warnings.warn(f"the model told no usable gaps ({error}); drawn from 0.2 to 0.7 s instead", stacklevel=4)
        return None


def numbers_in(reply: str) -> list[float]:
    """Return the first JSON list of a reply.

    Raises:
        UserError: if there is none.

    Example:
        >>> numbers_in("Sure: [0.2, -0.1]")
        [0.2, -0.1]
    """
    found = re.search(r"\[[^\[\]]*\]", reply)
    try:
        values = json.loads(found[0]) if found else None
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise UserError(f"no list of numbers in the reply {reply[:80]!r}")
    return values
