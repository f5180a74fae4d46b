"""What a speaker asked of a voice and did not get, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sdialog.audio.voices.assignment import Seeker
from sdialog.audio.voices.voice import Voice

FAR = 12  # years that an age may be off before it is worth a word


def fallbacks_of(
    names: Sequence[str],
    seekers: Sequence[Seeker],
    chosen: Sequence[Voice],
    voices: Mapping[str, Sequence[Voice]],
    taken: Sequence[Voice],
) -> list[tuple[str, ...]]:
    """Return for each speaker one line for each thing asked that the voice is not; what was drawn was not asked.

    Args:
        names: of the speakers.
        seekers: what they asked.
        chosen: what they got.
        voices: what there was, by language.
        taken: voices that were given to others before.
    """
    first: dict[tuple[str, str], str] = {(voice.language, voice.identifier): "" for voice in taken}
    all_used = {(voice.language, voice.identifier) for voice in (*taken, *chosen)}
    found = []
    for name, seeker, voice in zip(names, seekers, chosen, strict=True):
        reasons = [*_missed(seeker, voice, voices[voice.language])]
        key = (voice.language, voice.identifier)
        if key in first:
            whom = repr(first[key]) if first[key] else "a speaker whose voice is given"
            used = sum(1 for language, _ in all_used if language == voice.language)
            why = "sharing is allowed" if used < len(voices[voice.language]) else f"all {used} are taken"
            reasons.append(f"{voice.language} voice {voice.identifier!r} is shared with {whom}: {why}")
        first.setdefault(key, name)
        found.append(tuple(reasons))
    return found


def _missed(seeker: Seeker, voice: Voice, there: Sequence[Voice]) -> list[str]:
    facts, reasons = seeker.facts, []
    language = voice.language.title()
    if voice.language != facts.language:
        reasons.append(f"no {facts.language.title()} voice: {language} instead")
    if voice.gender != facts.gender and "gender" not in facts.drawn:
        some = any(one.gender == facts.gender for one in there)
        got = f"a {voice.gender} one" if voice.gender else "one of unknown gender"
        reasons.append(f"no {'free ' if some else ''}{facts.gender} voice of {language}: {got} instead")
    if facts.accent and voice.accent != facts.accent:
        some = any(one.accent == facts.accent for one in there)
        got = voice.accent or "the usual one"
        reasons.append(f"no {'free ' if some else ''}{facts.accent} accent of {language}: {got} instead")
    if voice.age and abs(voice.age - facts.age) > FAR and "age" not in facts.drawn:
        reasons.append(f"no free {facts.gender} voice of {language} near age {facts.age}: {voice.age} instead")
    return reasons
