"""Who gets which voice: the best for all speakers together, none twice while one is free."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.audio.voices.costs import REUSED, cost, usual_pace, usual_pitch
from sdialog.core.optional import need
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from sdialog.audio.voices.facts import SpeakerFacts
    from sdialog.audio.voices.voice import Voice

_TIE = 0.01  # decides among voices that suit alike
_SAME_PERSON = 20.0  # for the voice of somebody who speaks for another already, in another language or accent
_ROUNDS = 8
_FORBIDDEN = 1e13


@dataclass(frozen=True, slots=True)
class Seeker:
    """A speaker who gets a voice.

    Attributes:
        key: names the speaker's own stream of the seed.
        facts: what is asked.
        language: of the voices that come into question.
    """

    key: tuple[str, int]
    facts: SpeakerFacts
    language: str


def assign(
    seekers: Sequence[Seeker], voices: Mapping[str, Sequence[Voice]], taken: Sequence[Voice], seed: int, avoid: bool
) -> list[Voice]:
    """Return the voice of each seeker.

    The sum of all costs is least (the assignment problem; Kuhn, "The Hungarian method for the assignment problem",
    1955). Sharing a voice costs more than all else, so that it comes only after every free one is used, and then
    evenly.

    Args:
        seekers: who get voices.
        voices: of each seeker's language, never empty.
        taken: voices that others have.
        seed: decides among voices that suit alike, for each seeker by a stream of its own.
        avoid: whether to avoid sharing.

    Raises:
        MissingDependencyError: if numpy or scipy is not installed.
    """
    numpy = need("numpy", extra="audio", why="cast voices")
    languages = sorted({seeker.language for seeker in seekers})
    columns = [voice for language in languages for voice in voices[language]]
    costs = numpy.full((len(seekers), len(columns)), _FORBIDDEN)
    starts = {}
    for language in languages:
        starts[language] = next(place for place, voice in enumerate(columns) if voice.language == language)
    for row, seeker in enumerate(seekers):
        own = voices[seeker.language]
        start = starts[seeker.language]
        costs[row, start : start + len(own)] = _row(seeker, own, seed)
    if not avoid:
        return [columns[int(best)] for best in costs.argmin(axis=1)]
    held = Counter((voice.language, voice.identifier) for voice in taken)
    uses = numpy.array([held[voice.language, voice.identifier] for voice in columns])
    copies = len(seekers) // min(len(voices[language]) for language in languages) + 1
    people = [voice.person for voice in taken if voice.person]
    for _ in range(_ROUNDS):
        chosen = _solved(numpy, costs, uses, copies)
        doubled = _doubled([columns[place] for place in chosen], people)
        if not doubled:
            break
        for row, person in doubled:
            again = numpy.array([voice.person == person for voice in columns])
            costs[row, again] += _SAME_PERSON
    return [columns[place] for place in chosen]


def _row(seeker: Seeker, voices: Sequence[Voice], seed: int) -> list[float]:
    pitch, pace, accent = usual_pitch(voices), usual_pace(voices), usual_accent(voices)
    ties = rng(seed, "voice", *seeker.key, "tie")
    return [cost(seeker.facts, voice, pitch, pace, accent) + _TIE * ties.random() for voice in voices]


def usual_accent(voices: Sequence[Voice]) -> str:
    """Return the accent of a language that is listed first among the built-in ones, else of most voices."""
    from sdialog.audio.voices.builtin import tongues

    present = Counter(voice.accent for voice in voices)
    language = voices[0].language
    listed = next((one.accent for one in tongues() if one.language == language and one.accent in present), None)
    return listed if listed is not None else present.most_common(1)[0][0]


def _solved(numpy: Any, costs: Any, uses: Any, copies: int) -> list[int]:
    """Return the column of each row; each column may be taken several times, each time at a higher price."""
    optimize = need("scipy.optimize", extra="audio", why="cast voices")
    priced = numpy.hstack([costs + REUSED * (uses + copy) for copy in range(copies)])
    rows, columns = optimize.linear_sum_assignment(priced)
    found = [0] * len(costs)
    for row, column in zip(rows, columns, strict=True):
        found[int(row)] = int(column) % costs.shape[1]
    return found


def _doubled(chosen: Sequence[Voice], people: Sequence[str]) -> list[tuple[int, str]]:
    """Return the rows whose person speaks for an earlier one as well, under another identifier."""
    seen: dict[str, str] = dict.fromkeys(people, "")
    doubled = []
    for row, voice in enumerate(chosen):
        if voice.person and seen.setdefault(voice.person, voice.identifier) != voice.identifier:
            doubled.append((row, voice.person))
    return doubled
