"""A rough guess of how an English word sounds, from its letters: for words that a pronouncing dictionary lacks."""

from __future__ import annotations

import re

# In the order in which they are tried; sounds are those of the CMU Pronouncing Dictionary.
_SOUNDS = {
    "tion": "SH AH N", "sion": "ZH AH N", "ough": "AO", "augh": "AO", "eigh": "EY", "igh": "AY", "tch": "CH",
    "dge": "JH", "sch": "S K", "ch": "CH", "sh": "SH", "th": "TH", "ph": "F", "wh": "W", "ck": "K", "ng": "NG",
    "qu": "K W", "gh": "G", "kn": "N", "wr": "R", "ee": "IY", "ea": "IY", "oo": "UW", "ou": "AW", "ow": "OW",
    "oi": "OY", "oy": "OY", "ai": "EY", "ay": "EY", "au": "AO", "aw": "AO", "ie": "IY", "ei": "EY", "ey": "IY",
    "oa": "OW", "ue": "UW", "er": "ER", "ir": "ER", "ur": "ER", "ar": "AA R", "or": "AO R",
    "a": "AE", "b": "B", "c": "K", "d": "D", "e": "EH", "f": "F", "g": "G", "h": "HH", "i": "IH", "j": "JH",
    "k": "K", "l": "L", "m": "M", "n": "N", "o": "OW", "p": "P", "q": "K", "r": "R", "s": "S", "t": "T", "u": "AH",
    "v": "V", "w": "W", "x": "K S", "y": "IY", "z": "Z",
}  # fmt: skip
_PARTS = re.compile("|".join(_SOUNDS))


def guessed_sounds(word: str) -> str:
    """Return the sounds of a word in lower case, parted by spaces; empty where it has no letter from a to z.

    Example:
        >>> guessed_sounds("brishton"), guessed_sounds("ää")
        ('B R IH SH T OW N', '')
    """
    return " ".join(_SOUNDS[part] for part in _PARTS.findall(re.sub(r"(.)\1|(?<=\w\w)e$", r"\1", word)))
