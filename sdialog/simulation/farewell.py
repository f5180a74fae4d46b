"""Telling a goodbye from other talk, in the languages people most often simulate."""

from __future__ import annotations

import re

_LATIN = (
    # English
    r"good\s?bye|bye(?:[ -]bye)?|farewell|see (?:you|ya)(?: (?:soon|later|then|around|tomorrow|next \w+))?|take care",
    r"have an? (?:\w+ ){0,2}(?:day|evening|night|weekend|afternoon|morning|week|one|trip|flight|stay)",
    r"talk (?:to you )?(?:soon|later)|so long|cheerio",
    # Spanish, Portuguese, Catalan
    r"adi[oó]s|hasta (?:luego|pronto|la vista|mañana)|nos vemos|chao|adeus|tchau|at[eé] (?:logo|breve|mais|amanhã)",
    r"ad[eé]u|fins aviat",
    # French, Italian
    r"au revoir|[aà] bient[oô]t|bonne (?:journ[eé]e|soir[eé]e)|adieu|arrivederci|ciao|a presto|buona giornata",
    # German, Dutch, Nordic
    r"auf wieder(?:sehen|h[oö]ren)|tsch(?:ü|ue)ss|bis (?:bald|dann|sp[aä]ter|morgen)|tot ziens|doei|dag hoor",
    r"hej\s?d[aå]|vi ses|ha det(?: bra| godt)?|farvel|n[aä]kemiin|hei hei",
    # Polish, Czech, Romanian, Hungarian, Turkish, Indonesian, Vietnamese, Swahili
    r"do widzenia|na shledanou|la revedere|viszontl[aá]t[aá]sra|ho[sş][cç]a ?kal[ıi]?n?|g[uü]le g[uü]le",
    r"sampai jumpa|selamat tinggal|t[aạ]m bi[eệ]t|kwaheri",
    # Cyrillic, Greek, Arabic, Hebrew, Persian: scripts with spaces between words
    r"до свидания|до встречи|до побачення|всего доброго|αντ[ίι]ο|γεια σας|مع السلامة|وداعا|إلى اللقاء|להתראות",
    r"خداحافظ",
)
# Scripts without spaces between words, or whose vowel signs are no word characters: a word boundary fails there.
_UNSPACED = (
    *("再见", "再見", "拜拜", "回头见", "さようなら", "さよなら", "じゃあね", "またね", "失礼します"),
    *("안녕히", "잘 가", "ลาก่อน", "अलविदा"),
)

_FAREWELL = re.compile(rf"\b(?:{'|'.join(_LATIN)})\b|{'|'.join(_UNSPACED)}", re.IGNORECASE)


def is_farewell(text: str) -> bool:
    """Tell whether an utterance says goodbye.

    It looks for set phrases of about thirty languages. An utterance that asks something after its goodbye
    ("Goodbye then. Or is there anything else?") still wants an answer and is none.

    Args:
        text: one utterance.

    Returns:
        True if it is a goodbye.

    Example:
        >>> is_farewell("Thanks for everything, have a lovely day!"), is_farewell("By the way, where is it?")
        (True, False)
    """
    last = None
    for last in _FAREWELL.finditer(text):  # noqa: B007  only the last one decides
        pass
    return last is not None and not any(mark in text[last.end() :] for mark in "?？؟")
