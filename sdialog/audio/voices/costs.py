"""How badly a voice suits a speaker, as a number: gender before age, then accent and what is said about the voice."""

from __future__ import annotations

import math
from collections.abc import Sequence

from sdialog.audio.voices.facts import SpeakerFacts
from sdialog.audio.voices.voice import Voice

# Each is more than what stands below it can add up to over a hundred speakers; an age costs its difference in years.
REUSED = 1e8
GENDER = 1e5
DRAWN = 0.1  # what was drawn weighs less than what was asked for
UNKNOWN = 0.5  # of a mismatch, where the database does not say
UNKNOWN_AGE = 20.0
ACCENT = 30.0
UNASKED_ACCENT = 8.0
SEMITONE = 3.0
SHIFT = 2.0  # semitones from the middle of the gender at which a voice counts as low or high
PACE = 0.08  # likewise for the pace, as a share
MOST_WISHED = 25.0


def usual_pitch(voices: Sequence[Voice]) -> dict[str, float]:
    """Return the middle fundamental frequency of each gender's adults in Hz, where it is known."""
    found = {}
    for gender in ("female", "male"):
        known = sorted(voice.f0 for voice in voices if voice.f0 and voice.gender == gender and voice.age >= 18)
        if known:
            found[gender] = known[len(known) // 2]
    return found


def usual_pace(voices: Sequence[Voice]) -> float | None:
    """Return the middle pace in words a minute, where it is known."""
    known = sorted(voice.pace for voice in voices if voice.pace)
    return known[len(known) // 2] if known else None


def cost(facts: SpeakerFacts, voice: Voice, pitch: dict[str, float], pace: float | None, accent: str) -> float:
    """Return how badly a voice of the right language suits a speaker; 0 is as asked.

    Args:
        facts: what is asked.
        voice: what there is.
        pitch: from :func:`usual_pitch`.
        pace: from :func:`usual_pace`.
        accent: usual one of the language, preferred where the one that is asked is not there.
    """
    total = 0.0
    if voice.gender != facts.gender:
        weight = DRAWN if "gender" in facts.drawn else 1.0
        total += weight * GENDER * (1.0 if voice.gender else UNKNOWN)
    years = abs(voice.age - facts.age) if voice.age else UNKNOWN_AGE
    total += years * (DRAWN if "age" in facts.drawn else 1.0)
    # Who asks for an accent that is not there gets the usual one, like those who ask for none.
    if voice.accent != facts.accent:
        total += ACCENT * bool(facts.accent) + UNASKED_ACCENT * (voice.accent != accent)
    return total + _wished(facts, voice, pitch, pace)


def _wished(facts: SpeakerFacts, voice: Voice, pitch: dict[str, float], pace: float | None) -> float:
    total = 0.0
    middle = pitch.get(voice.gender)
    if facts.pitch and middle and voice.f0:
        semitones = 12 * math.log2(voice.f0 / middle)
        missing = SHIFT + semitones if facts.pitch == "low" else SHIFT - semitones
        total += min(MOST_WISHED, SEMITONE * max(0.0, missing))
    if facts.pace and pace and voice.pace:
        share = voice.pace / pace - 1
        missing = PACE + share if facts.pace == "slow" else PACE - share
        total += min(MOST_WISHED, 100 * max(0.0, missing))
    return total
