"""Money, measures, ranges and plain numbers, in every language that has a vocabulary."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from sdialog.audio.speech_text.cardinals import LARGEST, before_noun, cardinal
from sdialog.audio.speech_text.spoken import Draft, Rule
from sdialog.audio.speech_text.vocabulary import VOCABULARIES, Vocabulary

_MAGNITUDES = {"k": "thousand", "K": "thousand", "m": "million", "M": "million", "bn": "billion", "B": "billion"}
_ONE = {"german": "ein", "spanish": "un", "italian": "un"}
_SPACES = "\u00a0\u202f\u2009"


@dataclass(frozen=True)
class Amounts:
    """Reads what is counted in a language.

    Args:
        language: name in English, lower case.
        digits: leave the numbers in digits, for an engine that reads them itself.
    """

    language: str
    digits: bool

    @property
    def words(self) -> Vocabulary:
        """What the language calls the symbols."""
        return VOCABULARIES.get(self.language, Vocabulary())

    @cached_property
    def number(self) -> str:
        """A pattern for a number as the language writes it: grouped or not, with a fraction or not."""
        mark = re.escape(self.words.decimal[0])
        group = "[" + re.escape(self.words.group).replace(" ", f" {_SPACES}") + "]"
        return rf"\d{{1,3}}(?:{group}\d{{3}})+(?!\d)(?:{mark}\d+)?|\d+(?:{mark}\d+)?"

    def say(self, written: str) -> str:
        """Return a number as it is read."""
        whole, fraction = self.parts(written)
        mark, point = self.words.decimal
        if self.digits:
            long = len(whole) > len(str(LARGEST)) or (len(whole) > 1 and whole[0] == "0")
            return (" ".join(whole) if long else whole) + (f"{mark}{fraction}" if fraction else "")
        said = self.whole(whole)
        if said is None:
            return written
        return f"{said} {point} {self.one_by_one(fraction)}" if fraction else said

    def whole(self, number: str) -> str | None:
        """Return whole digits as words: one by one where they are a code (a zero in front, or too many)."""
        if len(number) > 1 and (number[0] == "0" or len(number) > len(str(LARGEST))):
            return self.one_by_one(number)
        return cardinal(int(number), self.language)

    def one_by_one(self, digits: str) -> str:
        """Return each digit by itself."""
        return " ".join(digits if self.digits else (cardinal(int(digit), self.language) or digit for digit in digits))

    def parts(self, written: str) -> tuple[str, str]:
        """Return the digits before and after the decimal mark."""
        whole, _, fraction = written.partition(self.words.decimal[0])
        return re.sub(r"\D", "", whole), fraction

    def counted(self, written: str, one: str, many: str) -> str:
        """Return a number and what it counts."""
        if self.parts(written) in (("1", ""), ("01", "")):
            return f"{1 if self.digits else _ONE.get(self.language, self.say('1'))} {one}"
        said = self.say(written)
        return f"{before_noun(said) if self.language == 'spanish' else said} {many}"


def read_money(draft: Draft, amounts: Amounts) -> None:
    """Read ``$5.20``, ``1.234,50 €``, ``USD 3 million``, ``£2bn``."""
    if not amounts.words.currencies:
        return
    symbols = _either(amounts.words.currencies)
    size = (
        r"(?:\s?(?P<size>thousand|million|billion|trillion|k|K|m|M|bn|B)\b)?" if amounts.language == "english" else ""
    )
    rule = _money_rule(amounts)
    draft.rewrite(rf"(?<![\w$€£])(?P<symbol>{symbols})\s?(?P<number>{amounts.number}){size}(?![\w])", rule)
    draft.rewrite(rf"(?<![\w.,])(?P<number>{amounts.number}){size}\s?(?P<symbol>{symbols})(?![\w€$£])", rule)


def _money_rule(amounts: Amounts) -> Rule:
    def rule(match: re.Match[str]) -> str:
        one, many, hundredth = amounts.words.currencies[match["symbol"]]
        size = match.groupdict().get("size")
        if size:
            return f"{amounts.say(match['number'])} {_MAGNITUDES.get(size, size)} {many}"
        whole, fraction = amounts.parts(match["number"])
        if len(fraction) != 2 or not hundredth:
            return amounts.counted(match["number"], one, many)
        # One of them is said without its plural; "pence" and names that do not change stay.
        part = hundredth.removesuffix("s") if int(fraction) == 1 and hundredth not in {"pence"} else hundredth
        cents = f"{amounts.say(str(int(fraction)))} {part}"
        if not int(fraction):
            return amounts.counted(whole, one, many)
        return f"{amounts.counted(whole, one, many)} {amounts.words.signs['&']} {cents}" if int(whole or 0) else cents

    return rule


def read_measures(draft: Draft, amounts: Amounts) -> None:
    """Read ranges, signs before numbers, and numbers with a unit: ``5-10 km``, ``-3 °C``, ``12 %``."""
    words = amounts.words
    if not words.units:
        return
    number, units = amounts.number, _either(words.units)
    draft.rewrite(rf"(?<![\w.,/-])({number})\s?[-–—]\s?(?={number})", lambda m: f"{m[1]} {words.signs['to']} ")
    draft.rewrite(rf"(?<![\w.,/])[-−](?={number})", lambda m: f"{words.signs['minus']} ")
    draft.rewrite(
        rf"(?<![\w.,/])({number})[\s{_SPACES}]?({units})(?![\w/°])",
        lambda m: amounts.counted(m[1], *words.units[m[2]]),
    )


def read_numbers(draft: Draft, amounts: Amounts) -> None:
    """Read every number that is left; digits inside a word such as ``B2B`` are read apart from its letters."""
    if amounts.language not in VOCABULARIES:
        return

    def rule(match: re.Match[str]) -> str:
        before, after = match.string[match.start() - 1 : match.start()], match.string[match.end() : match.end() + 1]
        said = amounts.say(match[0])
        return f"{' ' if before.isalpha() else ''}{said}{' ' if after.isalpha() else ''}"

    draft.rewrite(amounts.number, rule)


def read_signs(draft: Draft, amounts: Amounts) -> None:
    """Read the signs that stand alone or between words, and drop what nobody says."""
    signs = amounts.words.signs
    if signs:
        draft.rewrite(r"#(?=\d)", lambda match: f"{signs['#']} ")
        draft.rewrite(r"\s?&\s?", lambda match: f" {signs['&']} ")
        written = "".join(sign for sign in "+=×÷<>≈≤≥±" if sign in signs)
        draft.rewrite(rf"(?<=[\w)\s])[{written}](?=[\s\d(])", lambda match: f" {signs[match[0]]} ")
        draft.rewrite(r"(?<!\w)[~](?=\d)", lambda match: f"{signs['~']} ")
        draft.rewrite(r"(?<!\S)@(?=\s|$)|(?<!\S)@(?=\w)", lambda match: f"{signs['@']} ")
    draft.rewrite(r"(?<=\w)/(?=\w)", lambda match: " ")
    draft.rewrite(r"[*_^|\\{}<>#~`=]+", lambda match: " ")
    draft.rewrite(r"([!?])[!?]+", lambda match: match[1])
    draft.rewrite(r"([,;:])\1+", lambda match: match[1])


def _either(names: Iterable[str]) -> str:
    return "|".join(re.escape(name) for name in sorted(names, key=len, reverse=True))
