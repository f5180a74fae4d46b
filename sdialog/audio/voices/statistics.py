"""How many voices a database holds, by language, gender and age, as numbers, text and rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.audio.voices.databases.base import BaseVoiceDatabase
    from sdialog.audio.voices.voice import Voice


def voice_statistics(data: Mapping[str, Mapping[tuple[str, int], Iterable[Voice]]]) -> dict[str, Any]:
    """Return the numbers of a database.

    Args:
        data: voices by language, then by gender and age.

    Returns:
        num_languages, overall (total, by_gender, ages) and, in languages, for each one total, by_gender, ages,
        by_gender_age, unique_speakers, language_codes and age_stats (min, max, mean; None without voices).
    """
    languages = {name: _language([one for group in groups.values() for one in group]) for name, groups in data.items()}
    everyone = [voice for groups in data.values() for group in groups.values() for voice in group]
    overall = _language(everyone)
    return {
        "num_languages": len(languages),
        "overall": {key: overall[key] for key in ("total", "by_gender", "ages")},
        "languages": dict(sorted(languages.items())),
    }


def _language(voices: list[Voice]) -> dict[str, Any]:
    ages = [voice.age for voice in voices]
    by_gender_age: dict[str, dict[int, int]] = {}
    for voice in voices:
        counts = by_gender_age.setdefault(voice.gender, {})
        counts[voice.age] = counts.get(voice.age, 0) + 1
    return {
        "total": len(voices),
        "by_gender": dict(sorted(Counter(voice.gender for voice in voices).items())),
        "ages": dict(sorted(Counter(ages).items())),
        "by_gender_age": {gender: dict(sorted(counts.items())) for gender, counts in sorted(by_gender_age.items())},
        "unique_speakers": len({voice.person or voice.identifier for voice in voices}),
        "language_codes": sorted({voice.language_code for voice in voices}),
        "age_stats": {
            "min": min(ages, default=None),
            "max": max(ages, default=None),
            "mean": round(sum(ages) / len(ages), 2) if ages else None,
        },
    }


def pretty_statistics(numbers: Mapping[str, Any], style: str = "markdown") -> str:
    """Return the numbers of :func:`voice_statistics` as a text with a table.

    Args:
        numbers: of a database.
        style: ``markdown`` or ``text``.

    Raises:
        UserError: if the style is another.
    """
    if style not in ("markdown", "text"):
        raise UserError(f"the statistics are written as 'markdown' or 'text', not {style!r}")
    head = ["Language", "Voices", "Female", "Male", "People", "Ages", "Codes"]
    rows = [head]
    for name, one in numbers["languages"].items():
        ages = f"{one['age_stats']['min']}-{one['age_stats']['max']}" if one["total"] else "-"
        gender = one["by_gender"]
        counts = [one["total"], gender.get("female", 0), gender.get("male", 0), one["unique_speakers"]]
        rows.append([name, *map(str, counts), ages, ", ".join(one["language_codes"])])
    overall = numbers["overall"]
    genders = ", ".join(f"{count} {gender or 'of unknown gender'}" for gender, count in overall["by_gender"].items())
    said = f"{overall['total']} voices in {numbers['num_languages']} languages" + (f": {genders}" if genders else "")
    title = "Voice Database Statistics"
    if style == "markdown":
        lines = [f"| {' | '.join(row)} |" for row in rows]
        lines.insert(1, "|---" * len(head) + "|")
        return "\n".join([f"## {title}", "", said, "", *lines])
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join([title, "", said, "", *lines])


def voice_rows(
    database: BaseVoiceDatabase, *, language: str | None = None, gender: str | None = None
) -> list[dict[str, Any]]:
    """Return the voices of a database as rows of a table.

    Args:
        database: whose voices.
        language: of the voices, as a person would write it; None for all.
        gender: ``male`` or ``female``; None for both.

    Returns:
        One mapping a voice: identifier, language, accent, gender, age, f0 (Hz) and pace (words a minute).

    Raises:
        UnknownNameError: if the database has no voice of the language.

    Example:
        >>> from sdialog.audio.voices import ToneVoiceDatabase
        >>> {row["gender"] for row in voice_rows(ToneVoiceDatabase(), language="fr", gender="female")}
        {'female'}
    """
    from sdialog.audio.voices.builtin import language_of
    from sdialog.core.errors import UnknownNameError

    wanted, accent = (None, "") if language is None else language_of(language)
    if wanted is not None and wanted not in database.languages():
        raise UnknownNameError("language of the voice database", str(language), database.languages())
    fields = ("identifier", "language", "accent", "gender", "age", "f0", "pace")
    return [
        {name: getattr(voice, name) for name in fields}
        for voice in database.voices(wanted)
        if gender in (None, voice.gender) and accent in ("", voice.accent)
    ]
