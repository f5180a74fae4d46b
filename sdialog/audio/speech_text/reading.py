"""From the text of a dialog to what an engine reads."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from sdialog.audio.speech_text.addresses import read_addresses, read_phones
from sdialog.audio.speech_text.amounts import Amounts, read_measures, read_money, read_numbers, read_signs
from sdialog.audio.speech_text.markup import drop_directions, drop_markup, read_emoji
from sdialog.audio.speech_text.moments import read_moments
from sdialog.audio.speech_text.spoken import Draft, SpokenText
from sdialog.audio.speech_text.vocabulary import language_name
from sdialog.core.errors import UserError

# Typographic characters and what they are on a typewriter.
ASCII_MARKS = {
    **dict.fromkeys("‘’‚‛′`´", "'"), **dict.fromkeys("“”„‟″«»", '"'), **dict.fromkeys("‐‑‒–−", "-"),
    **dict.fromkeys("—―", " - "), **dict.fromkeys("\u00a0\u2002\u2003\u2009\u202f\u200a\u2007\u2008", " "),
    **dict.fromkeys("\u200b\u200c\u200d\ufeff\u2060", ""), "…": "...", "ﬁ": "fi", "ﬂ": "fl", "•": "-", "·": "-",
    "¼": "one quarter", "½": "one half", "¾": "three quarters", "°": " degrees",
}  # fmt: skip
_MARKS = re.compile("[" + re.escape("".join(ASCII_MARKS)) + "]")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2064\ufeff\u00ad\ufe0e\ufe0f\U000e0000-\U000e007f]")
_CONTROL = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_FRACTIONS = {"½": "one half", "⅓": "one third", "⅔": "two thirds", "¼": "one quarter", "¾": "three quarters"}
_WRITTEN_FRACTIONS = {("1", "2"): "½", ("1", "3"): "⅓", ("2", "3"): "⅔", ("1", "4"): "¼", ("3", "4"): "¾"}


def plain(text: str) -> SpokenText:
    """Return a text without markup, stage directions and emoji, otherwise as it is.

    Example:
        >>> str(plain("**Well** [cough] that's *so* nice! *laughs* 😀"))
        "Well that's so nice!"
    """
    draft = Draft(text)
    _clean(draft, "drop")
    return draft.finished()


@lru_cache(maxsize=4096)
def read(
    text: str,
    language: str = "english",
    *,
    digits: bool = False,
    emoji: Literal["drop", "name"] = "drop",
    plain_marks: bool = False,
) -> SpokenText:
    """Return a text as it is read aloud: without markup, with words for numbers and symbols.

    Numbers, money, dates, times, years, measures, telephone numbers, addresses and abbreviations are read in English,
    and most of them in French, German, Spanish and Italian; in other languages digits and symbols stay, and markup,
    stage directions and emoji are dropped all the same.

    Args:
        text: of a turn.
        language: name in English or a code, such as "french" or "fr-CH".
        digits: leave plain numbers in digits, for an engine that reads them itself.
        emoji: drop them, or say their names (in English).
        plain_marks: write typographic quotes, dashes, dots and ligatures in ASCII, for an engine that knows no others.

    Raises:
        UserError: if ``emoji`` is something else.

    Example:
        >>> str(read("It's $5.20 on 3/4/2024 at 9:05 am, Dr. Li: call 555-0123!"))
        "It's five dollars and twenty cents on March fourth, twenty twenty-four at nine oh five AM, Doctor Li: call
        five five five, zero one two three!"
        >>> str(read("Il coûte 12,50 € à 14:30.", "french"))
        'Il coûte douze euros et cinquante centimes à quatorze heures trente.'
    """
    if emoji not in ("drop", "name"):
        raise UserError(f"emoji is 'drop' or 'name', not {emoji!r}")
    draft = Draft(text)
    amounts = Amounts(language_name(language), digits)
    _clean(draft, emoji)
    read_addresses(draft, amounts)
    for pattern, words in amounts.words.abbreviations.items():
        _abbreviation(draft, pattern, words)
    read_moments(draft, amounts)
    read_phones(draft, amounts)
    read_money(draft, amounts)
    if amounts.language == "english":
        _read_fractions(draft)
    read_measures(draft, amounts)
    read_signs(draft, amounts)
    read_numbers(draft, amounts)
    if plain_marks:
        draft.rewrite(_MARKS, lambda match: ASCII_MARKS[match[0]])
    return draft.finished()


def _abbreviation(draft: Draft, pattern: str, words: str) -> None:
    draft.rewrite(rf"(?<![\w.])(?:{pattern})(?!\w)", lambda match: words)


def _clean(draft: Draft, emoji: str) -> None:
    drop_markup(draft)
    drop_directions(draft)
    read_emoji(draft, named=emoji == "name")
    # Zero-width and control characters make no sound, and some engines stop at them.
    draft.rewrite(_INVISIBLE, lambda match: "")
    draft.rewrite(_CONTROL, lambda match: " ")


def _read_fractions(draft: Draft) -> None:
    draft.rewrite(r"(?<![\w/.,])(\d)/(\d)(?![\w/])", lambda match: _WRITTEN_FRACTIONS.get((match[1], match[2])))
    draft.rewrite(r"(\d)\s?([½⅓⅔¼¾])", lambda match: f"{match[1]} and {_FRACTIONS[match[2]].replace('one', 'a', 1)}")
    draft.rewrite(r"[½⅓⅔¼¾]", lambda match: f" {_FRACTIONS[match[0]]} ")
