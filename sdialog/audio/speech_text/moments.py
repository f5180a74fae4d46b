"""Dates, times of day and years."""

from __future__ import annotations

import re

from sdialog.audio.speech_text.amounts import Amounts
from sdialog.audio.speech_text.cardinals import english_ordinal, english_year
from sdialog.audio.speech_text.spoken import Draft


def _words(written: str) -> tuple[str, ...]:
    return tuple(written.split())


MONTHS = {
    "english": _words("January February March April May June July August September October November December"),
    "french": _words("janvier février mars avril mai juin juillet août septembre octobre novembre décembre"),
    "german": _words("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
    "spanish": _words("enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"),
    "italian": _words("gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre"),
}
_OF = {"spanish": " de "}
_MONTH = "|".join(f"{name[:3]}(?:{name[3:]}|\\.)?" if len(name) > 3 else name for name in MONTHS["english"])
_MONTH += r"|Sept\.?"
_DAY = r"(0?[1-9]|[12]\d|3[01])"
_ORDINAL = r"(?:st|nd|rd|th)"
_YEAR = r"(1[1-9]\d\d|20\d\d)"
_BEFORE_YEAR = (
    r"(?i:\b(?:in|since|by|of|from|to|until|till|before|after|during|around|circa|year|spring|summer|autumn|fall|winter|"
    + "|".join(MONTHS["english"])
    + r"),?\s+)"
)
_TENS = _words("twenties thirties forties fifties sixties seventies eighties nineties")


def read_moments(draft: Draft, amounts: Amounts) -> None:
    """Read dates and times; all-number dates have the day first, but in English the month (or the ISO order)."""
    language = amounts.language
    if language not in MONTHS:
        return
    draft.rewrite(r"(?<![\w/-])(\d{4})-(\d\d)-(\d\d)(?![\w/-])", lambda m: _date(amounts, m[3], m[2], m[1]))
    day_first = language != "english"
    draft.rewrite(
        r"(?<![\w/.-])(\d{1,2})([/.])(\d{1,2})\2(\d{4})(?![\w/-])",
        lambda m: _date(amounts, m[1], m[3], m[4]) if day_first else _date(amounts, m[3], m[1], m[4]),
    )
    if language == "english":
        _english_dates(draft)
        _english_times(draft)
        return
    draft.rewrite(
        r"(?<![\w:.,])(\d{1,2})(?::|\s?h\s?)(\d\d)(?::\d\d)?(?:\s?Uhr)?(?![\w:])", lambda m: _clock(amounts, m)
    )


def _date(amounts: Amounts, day: str, month: str, year: str) -> str | None:
    number, of = int(month), _OF.get(amounts.language, " ")
    if not (1 <= number <= 12 and 1 <= int(day) <= 31):
        return None
    name = MONTHS[amounts.language][number - 1]
    if amounts.language == "english":
        return f"{name} {english_ordinal(int(day))}, {_english_year(year)}"
    return f"{int(day)}{of}{name}{of}{int(year)}"


def _english_year(year: str) -> str:
    return english_year(int(year)) if int(year) else year


def _clock(amounts: Amounts, match: re.Match[str]) -> str | None:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or minute > 59:
        return None
    if minute == 0 and len(amounts.words.hours) == 1:
        return str(hour)
    return f"{hour} {amounts.words.hours}" + (f" {minute}" if minute else "")


def _english_dates(draft: Draft) -> None:
    draft.rewrite(
        rf"\b({_MONTH})\s+{_DAY}{_ORDINAL}?(?:(,?)\s+{_YEAR})?(?![\w:])",
        lambda m: f"{_month(m[1])} {english_ordinal(int(m[2]))}" + (f"{m[3]} {_english_year(m[4])}" if m[4] else ""),
    )
    draft.rewrite(
        rf"\b{_DAY}{_ORDINAL}?\s+(of\s+)?({_MONTH})(?!\w)(?:(,?)\s+{_YEAR})?(?![\w:])",
        lambda m: (
            f"{english_ordinal(int(m[1]))} {m[2] or ''}{_month(m[3])}"
            + (f"{m[4]} {_english_year(m[5])}" if m[5] else "")
        ),
    )
    draft.rewrite(rf"({_BEFORE_YEAR}){_YEAR}(?![\w,.:/-]?\d|\w|\s*(?:%|\$|€))", lambda m: m[1] + _english_year(m[2]))
    draft.rewrite(rf"(?<![\w$€£]){_YEAR[:-1]})s\b", lambda m: _decade(m[1]))
    draft.rewrite(r"(?<![\w$€£])['’]?([2-9]0)s\b", lambda m: _TENS[int(m[1]) // 10 - 2])
    draft.rewrite(rf"(?<![\w.,])(\d{{1,3}}){_ORDINAL}\b", lambda m: english_ordinal(int(m[1])))


def _month(written: str) -> str:
    return next(name for name in MONTHS["english"] if name.startswith(written[:3]))


def _decade(year: str) -> str | None:
    century, rest = divmod(int(year), 100)
    if rest % 10:
        return None
    if rest >= 20:
        return f"{english_year(century * 100).removesuffix(' hundred')} {_TENS[rest // 10 - 2]}".replace(
            "two thousand", "twenty"
        )
    return f"{english_year(int(year))}s"


def _english_times(draft: Draft) -> None:
    # The last point of "p.m." also ends a sentence where one ends there.
    half = r"\s?(?P<half>[apAP])(?:\.\s?[mM](?:\.(?!\s*$|\s+[A-Z]))?|[mM])(?!\w)"
    draft.rewrite(
        rf"(?<![\w:.,])(?P<hour>[01]?\d|2[0-4]):(?P<minute>[0-5]\d)(?::[0-5]\d)?(?:{half}|(?![\w:]))",
        lambda m: _time(m["hour"], m["minute"], m["half"]),
    )
    draft.rewrite(rf"(?<![\w:.,])(?P<hour>1[0-2]|0?[1-9]){half}", lambda m: f"{int(m['hour'])} {_half(m['half'])}")


def _half(letter: str) -> str:
    return f"{letter.upper()}M"


def _time(hour: str, minute: str, half: str | None) -> str:
    minutes = int(minute)
    said = "" if not minutes else f" oh {minutes}" if minutes < 10 else f" {minutes}"
    if half:
        return f"{int(hour)}{said} {_half(half)}"
    if minutes:
        return f"{int(hour)}{said}"
    return f"{int(hour)} o'clock" if 1 <= int(hour) <= 12 else f"{int(hour)} hundred"
