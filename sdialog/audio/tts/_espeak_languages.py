"""The languages and variants of espeak-ng: what people call them, and what its files are called."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from sdialog.core.errors import UnknownNameError

# Names in English, lower case, against names of espeak-ng's voice files.
LANGUAGES = {
    "afrikaans": "af", "albanian": "sq", "arabic": "ar", "armenian": "hy", "basque": "eu", "bengali": "bn",
    "bosnian": "bs", "brazilian": "pt-BR", "bulgarian": "bg", "cantonese": "yue", "catalan": "ca", "chinese": "cmn",
    "croatian": "hr", "czech": "cs", "danish": "da", "dutch": "nl", "english": "en", "american": "en-US",
    "british": "en", "scottish": "en-GB-scotland", "esperanto": "eo", "estonian": "et", "finnish": "fi", "french": "fr",
    "belgian": "fr-BE", "swiss": "fr-CH", "georgian": "ka", "german": "de", "greek": "el", "gujarati": "gu",
    "hebrew": "he", "hindi": "hi", "hungarian": "hu", "icelandic": "is", "indonesian": "id", "irish": "ga",
    "italian": "it", "japanese": "ja", "kannada": "kn", "kazakh": "kk", "korean": "ko", "latin": "la", "latvian": "lv",
    "lithuanian": "lt", "macedonian": "mk", "malay": "ms", "malayalam": "ml", "mandarin": "cmn", "marathi": "mr",
    "nepali": "ne", "norwegian": "nb", "persian": "fa", "polish": "pl", "portuguese": "pt", "punjabi": "pa",
    "romanian": "ro", "russian": "ru", "serbian": "sr", "slovak": "sk", "slovenian": "sl", "spanish": "es",
    "swahili": "sw", "swedish": "sv", "tamil": "ta", "telugu": "te", "thai": "th", "turkish": "tr", "ukrainian": "uk",
    "urdu": "ur", "vietnamese": "vi", "welsh": "cy",
}  # fmt: skip


def language_file(name: str, data: Path) -> str:
    """Return the name of the voice file of a language.

    Args:
        name: in English ("french"), of a file ("fr", "en-US"), or a code that a file declares ("en-gb", "fr-fr").
        data: data folder of espeak-ng.

    Raises:
        UnknownNameError: if espeak-ng has no such language.
    """
    wanted = name.strip().casefold().replace("_", "-")
    files = _files(data)
    declared = _declared(data) if wanted not in LANGUAGES and wanted not in files else {}
    found = LANGUAGES.get(wanted) or files.get(wanted) or declared.get(wanted)
    if found is None:
        raise UnknownNameError("language of espeak-ng", name, [*LANGUAGES, *files.values()])
    return found


@lru_cache(maxsize=256)
def variant_file(name: str, data: Path) -> str:
    """Return the name of the file of a variant, such as ``f2``, in the spelling of espeak-ng.

    Raises:
        UnknownNameError: if espeak-ng has no such variant.
    """
    variants = {path.name.casefold(): path.name for path in (data / "voices" / "!v").iterdir()}
    found = variants.get(name.strip().removeprefix("+").casefold())
    if found is None:
        raise UnknownNameError("variant of espeak-ng", name, variants.values())
    return found


@lru_cache(maxsize=256)
def echo_of(language: str, variant: str, data: Path) -> tuple[int, int]:
    """Return delay in milliseconds and strength in 1/256 of the echo that the files of a voice ask for."""
    found = (0, 0)
    folders = [path for path in (data / "lang").rglob(language) if path.is_file()]
    for path in [*folders, *([data / "voices" / "!v" / variant] if variant else [])]:
        for match in re.finditer(r"(?m)^echo\s+(\d+)\s+(\d+)", path.read_text(encoding="utf-8", errors="replace")):
            found = (int(match[1]), int(match[2]))
    return found


@lru_cache(maxsize=4)
def _files(data: Path) -> dict[str, str]:
    return {path.name.casefold(): path.name for path in sorted((data / "lang").rglob("*")) if path.is_file()}


@lru_cache(maxsize=4)
def _declared(data: Path) -> dict[str, str]:
    """Return the codes inside the files; where two declare a code, the one with the lower number is meant."""
    best: dict[str, tuple[int, str]] = {}
    for path in sorted((data / "lang").rglob("*")):
        if not path.is_file():
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for code, priority in re.findall(r"(?m)^language\s+(\S+)(?:[ \t]+(\d+))?", text):
            rank = (int(priority or 5), path.name)
            best[code.casefold()] = min(best.get(code.casefold(), rank), rank)
    return {code: name for code, (_, name) in best.items()}
