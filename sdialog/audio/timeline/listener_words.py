"""What listeners say while another speaks, by language: short, and without laughter."""

from __future__ import annotations

from sdialog.core.errors import UnknownNameError

LISTENER_WORDS: dict[str, tuple[str, ...]] = {
    "english": ("Mm-hm.", "Uh-huh.", "Yeah.", "Right.", "Okay.", "I see.", "Sure."),
    "french": ("Mm.", "Oui.", "D'accord.", "Ah oui.", "Je vois.", "Voilà."),
    "german": ("Mhm.", "Ja.", "Genau.", "Okay.", "Ach so.", "Stimmt."),
    "spanish": ("Ajá.", "Sí.", "Claro.", "Vale.", "Ya.", "Entiendo."),
    "italian": ("Mm.", "Sì.", "Certo.", "Ah, ecco.", "Capisco.", "Già."),
    "portuguese": ("Aham.", "Sim.", "Certo.", "Claro.", "Pois.", "Entendi."),
    "dutch": ("Mm-hm.", "Ja.", "Oké.", "Precies.", "Ah ja.", "Klopt."),
    "swedish": ("Mm.", "Ja.", "Okej.", "Just det.", "Precis."),
    "polish": ("Mhm.", "Tak.", "No tak.", "Jasne.", "Rozumiem."),
    "russian": ("Угу.", "Да.", "Ясно.", "Понятно.", "Конечно."),
    "turkish": ("Hı hı.", "Evet.", "Tamam.", "Anladım.", "Tabii."),
    "hindi": ("हाँ।", "जी।", "अच्छा।", "ठीक है।"),
    "mandarin": ("嗯。", "对。", "好。", "是啊。"),
    "japanese": ("はい。", "ええ。", "うん。", "なるほど。"),
    "arabic": ("نعم.", "أجل.", "طيب.", "تمام."),
}
_ALSO = {"chinese": "mandarin", "castilian": "spanish"}


def listener_words(language: str) -> tuple[str, ...]:
    """Return short responses of listeners in a language.

    Args:
        language: its name in English, in any case; a region in brackets or after a hyphen is not looked at.

    Raises:
        UnknownNameError: if there is no list for it.

    Example:
        >>> listener_words("English (Scotland)")[0]
        'Mm-hm.'
    """
    name = language.casefold().split("(")[0].split("-")[0].strip()
    name = _ALSO.get(name, name)
    if name not in LISTENER_WORDS:
        raise UnknownNameError(
            "language of listeners",
            language,
            LISTENER_WORDS,
            hint="Give a list of your own, backchannel_words of the timing, or ask for no back-channels.",
        )
    return LISTENER_WORDS[name]
