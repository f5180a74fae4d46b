"""Whole numbers as words in five languages, for engines that do not read digits."""

from __future__ import annotations

from collections.abc import Callable, Mapping


def _words(written: str) -> tuple[str, ...]:
    return tuple(written.split())


_EN_SMALL = _words(
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen"
)
_EN_TENS = ("", "", *_words("twenty thirty forty fifty sixty seventy eighty ninety"))
_FR_SMALL = _words(
    "zéro un deux trois quatre cinq six sept huit neuf dix onze douze treize quatorze quinze seize dix-sept dix-huit "
    "dix-neuf"
)
_FR_TENS = ("", "", *_words("vingt trente quarante cinquante soixante"))
_DE_SMALL = _words(
    "null ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf dreizehn vierzehn fünfzehn sechzehn siebzehn "
    "achtzehn neunzehn"
)
_DE_TENS = ("", "", *_words("zwanzig dreißig vierzig fünfzig sechzig siebzig achtzig neunzig"))
_ES_SMALL = _words(
    "cero uno dos tres cuatro cinco seis siete ocho nueve diez once doce trece catorce quince dieciséis diecisiete "
    "dieciocho diecinueve veinte veintiuno veintidós veintitrés veinticuatro veinticinco veintiséis veintisiete "
    "veintiocho veintinueve"
)
_ES_TENS = ("", "", "", *_words("treinta cuarenta cincuenta sesenta setenta ochenta noventa"))
_ES_HUNDREDS = (
    "", "ciento", "doscientos", "trescientos", "cuatrocientos", "quinientos", "seiscientos", "setecientos",
    "ochocientos", "novecientos",
)  # fmt: skip
_IT_SMALL = _words(
    "zero uno due tre quattro cinque sei sette otto nove dieci undici dodici tredici quattordici quindici sedici "
    "diciassette diciotto diciannove"
)
_IT_TENS = ("", "", *_words("venti trenta quaranta cinquanta sessanta settanta ottanta novanta"))

LARGEST = 10**12 - 1


def _english(number: int) -> str:
    if number < 20:
        return _EN_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _EN_TENS[tens] + (f"-{_EN_SMALL[rest]}" if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_EN_SMALL[hundreds]} hundred" + (f" and {_english(rest)}" if rest else "")
    size, name = next(
        step for step in ((10**9, "billion"), (10**6, "million"), (1000, "thousand")) if number >= step[0]
    )
    many, rest = divmod(number, size)
    link = " and " if 0 < rest < 100 else " "
    return f"{_english(many)} {name}" + (f"{link}{_english(rest)}" if rest else "")


def _french(number: int) -> str:
    if number < 20:
        return _FR_SMALL[number]
    if number < 70:
        tens, rest = divmod(number, 10)
        link = " et " if rest == 1 else "-"
        return _FR_TENS[tens] + (f"{link}{_FR_SMALL[rest]}" if rest else "")
    if number < 80:
        return "soixante" + (" et onze" if number == 71 else f"-{_FR_SMALL[number - 60]}")
    if number < 100:
        return "quatre-vingts" if number == 80 else f"quatre-vingt-{_FR_SMALL[number - 80]}"
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = "cent" if hundreds == 1 else f"{_FR_SMALL[hundreds]} cent{'' if rest else 's'}"
        return head + (f" {_french(rest)}" if rest else "")
    if number < 10**6:
        many, rest = divmod(number, 1000)
        # Before mille, cents and quatre-vingts lose their s.
        head = (
            "mille"
            if many == 1
            else f"{_french(many).removesuffix('s') if many % 100 in (0, 80) else _french(many)} mille"
        )
        return head + (f" {_french(rest)}" if rest else "")
    return _large(number, _french, ((10**9, "un milliard", "milliards"), (10**6, "un million", "millions")))


def _german(number: int) -> str:
    return "eins" if number == 1 else _german_stem(number, last=True)


def _german_stem(number: int, last: bool = False) -> str:
    if number < 20:
        return "eins" if number == 1 and last else _DE_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return (f"{_DE_SMALL[rest]}und" if rest else "") + _DE_TENS[tens]
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return f"{_DE_SMALL[hundreds]}hundert" + (_german_stem(rest, last) if rest else "")
    if number < 10**6:
        many, rest = divmod(number, 1000)
        return f"{_german_stem(many)}tausend" + (_german_stem(rest, last) if rest else "")
    steps = ((10**9, "eine Milliarde", "Milliarden"), (10**6, "eine Million", "Millionen"))
    return _large(number, _german, steps)


def _spanish(number: int) -> str:
    if number < 30:
        return _ES_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        return _ES_TENS[tens] + (f" y {_ES_SMALL[rest]}" if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        return "cien" if number == 100 else _ES_HUNDREDS[hundreds] + (f" {_spanish(rest)}" if rest else "")
    if number < 10**6:
        many, rest = divmod(number, 1000)
        head = "mil" if many == 1 else f"{before_noun(_spanish(many))} mil"
        return head + (f" {_spanish(rest)}" if rest else "")
    many, rest = divmod(number, 10**6)
    head = "un millón" if many == 1 else f"{before_noun(_spanish(many))} millones"
    return head + (f" {_spanish(rest)}" if rest else "")


def before_noun(words: str) -> str:
    """Return Spanish number words as they stand before a noun: uno loses its last letter.

    Example:
        >>> before_noun("treinta y uno"), before_noun("veintiuno")
        ('treinta y un', 'veintiún')
    """
    if words.endswith("veintiuno"):
        return words.removesuffix("uno") + "ún"
    return words.removesuffix("o") if words.endswith("uno") else words


def _italian(number: int) -> str:
    if number < 20:
        return _IT_SMALL[number]
    if number < 100:
        tens, rest = divmod(number, 10)
        stem = _IT_TENS[tens][:-1] if rest in (1, 8) else _IT_TENS[tens]
        return stem + ("tré" if rest == 3 else _IT_SMALL[rest] if rest else "")
    if number < 1000:
        hundreds, rest = divmod(number, 100)
        head = "cento" if hundreds == 1 else f"{_IT_SMALL[hundreds]}cento"
        return head + (_italian(rest) if rest else "")
    if number < 10**6:
        many, rest = divmod(number, 1000)
        head = "mille" if many == 1 else f"{_italian(many)}mila"
        return head + (_italian(rest) if rest else "")
    return _large(number, _italian, ((10**9, "un miliardo", "miliardi"), (10**6, "un milione", "milioni")))


def _large(number: int, words: Callable[[int], str], steps: tuple[tuple[int, str, str], ...]) -> str:
    parts = []
    for size, one, many in steps:
        count, number = divmod(number, size)
        if count:
            parts.append(one if count == 1 else f"{words(count)} {many}")
    return " ".join([*parts, *([words(number)] if number else [])])


_WORDS: Mapping[str, Callable[[int], str]] = {
    "english": _english, "french": _french, "german": _german, "spanish": _spanish, "italian": _italian,
}  # fmt: skip


def cardinal(number: int, language: str = "english") -> str | None:
    """Return a whole number as words, or None where the language or the size is not covered.

    Args:
        number: from 0 to a million millions less one.
        language: "english", "french", "german", "spanish" or "italian".

    Example:
        >>> cardinal(1234)
        'one thousand two hundred and thirty-four'
        >>> cardinal(91, "french"), cardinal(21, "german"), cardinal(28, "italian")
        ('quatre-vingt-onze', 'einundzwanzig', 'ventotto')
    """
    words = _WORDS.get(language)
    return words(number) if words is not None and 0 <= number <= LARGEST else None


_IRREGULAR = {
    "one": "first", "two": "second", "three": "third", "five": "fifth", "eight": "eighth", "nine": "ninth",
    "twelve": "twelfth",
}  # fmt: skip


def english_ordinal(number: int) -> str:
    """Return an English ordinal number as words.

    Example:
        >>> english_ordinal(21), english_ordinal(40)
        ('twenty-first', 'fortieth')
    """
    words = _english(number)
    last = words.replace("-", " ").split()[-1]
    stem = words.removesuffix(last)
    regular = f"{last[:-1]}ieth" if last.endswith("y") else f"{last}th"
    return stem + _IRREGULAR.get(last, regular)


def english_year(year: int) -> str:
    """Return a year as English says it.

    Example:
        >>> english_year(1995), english_year(1905), english_year(1900)
        ('nineteen ninety-five', 'nineteen oh five', 'nineteen hundred')
        >>> english_year(2000), english_year(2007), english_year(2024)
        ('two thousand', 'two thousand seven', 'twenty twenty-four')
    """
    century, rest = divmod(year, 100)
    if year % 1000 < 10:
        return _english(year - rest) + (f" {_english(rest)}" if rest else "")
    if rest == 0:
        return f"{_english(century)} hundred"
    return f"{_english(century)} {'oh ' if rest < 10 else ''}{_english(rest)}"
