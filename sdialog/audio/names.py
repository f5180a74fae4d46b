"""Names of speakers and dialogs as names of files, and as words of the line formats of speech tools."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Iterable

_PLAIN = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_MARKED = re.compile(r"-[0-9a-f]{8}$")
# Names that Windows keeps for devices, with any suffix.
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
_LONGEST = 48
EMPTY = "<NA>"


def file_stem(name: str) -> str:
    """Return a name as the stem of a file that every file system takes, the same each time.

    A plain name stays. Any other keeps what is plain in it and gets a digest of the whole, so that two different names
    never share a stem.

    Example:
        >>> file_stem("Ann-2"), file_stem("Zoë / 小明"), file_stem("")
        ('Ann-2', 'Zoe-a1af4677', 'unnamed-1271cf25')
    """
    plain = _PLAIN.fullmatch(name) and not name.endswith(".")
    if plain and not _RESERVED.fullmatch(name) and not _MARKED.search(name):
        return name
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    kept = re.sub(r"[^A-Za-z0-9_.]+", "-", ascii_only).strip("-._")[:_LONGEST].rstrip("-._")
    return f"{kept or 'unnamed'}-{digest}"


def file_stems(names: Iterable[str]) -> dict[str, str]:
    """Return the stem of each name, different also where a file system does not tell capitals from small letters.

    Example:
        >>> file_stems(["Ann", "Bob"])
        {'Ann': 'Ann', 'Bob': 'Bob'}
        >>> sorted(stem.lower() for stem in file_stems(["Ann", "ANN"]).values())
        ['ann', 'ann-37d1e18b']
    """
    stems: dict[str, str] = {}
    taken: set[str] = set()
    for name in dict.fromkeys(names):
        stem = file_stem(name)
        if stem.casefold() in taken:
            digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=4).hexdigest()
            stem = f"{stem}-{digest}"
        stems[name] = stem
        taken.add(stem.casefold())
    return stems


def field(text: str, sign: str = "%", also: str = "") -> str:
    r"""Return a text as one field of a line whose fields are parted by spaces.

    Spaces and characters without a shape become their UTF-8 bytes in capital hexadecimals after ``%``, as in a web
    address (RFC 3986, 2.1); so does a ``;`` at the beginning, which would make the line a comment, and a ``%`` that
    could be taken for such a byte. An empty text is ``<NA>``.

    Args:
        text: any.
        sign: stands before the bytes.
        also: further characters to write as bytes.

    Example:
        >>> field("Dr. Ann\tLee"), field("100%"), field("小明"), field("")
        ('Dr.%20Ann%09Lee', '100%', '小明', '<NA>')
    """
    if not text:
        return EMPTY
    made = []
    for place, character in enumerate(text):
        mistaken = character == sign and (sign in also or re.match(r"[0-9A-F]{2}", text[place + 1 :]))
        comment = place == 0 and (character == ";" or text == EMPTY)
        if mistaken or comment or character in also or character.isspace() or not character.isprintable():
            made += [f"{sign}{byte:02X}" for byte in character.encode("utf-8", "surrogatepass")]
        else:
            made.append(character)
    return "".join(made)


def from_field(text: str, sign: str = "%") -> str:
    """Return the text that :func:`field` wrote.

    Example:
        >>> from_field(field("50%20 off"))
        '50%20 off'
    """
    if text == EMPTY:
        return ""

    def decoded(run: re.Match[str]) -> str:
        return bytes.fromhex(run[0].replace(sign, "")).decode("utf-8", "surrogatepass")

    return re.sub(rf"(?:{re.escape(sign)}[0-9A-F]{{2}})+", decoded, text)


def one_line(text: str) -> str:
    r"""Return a text on one line: runs of white space become a space, other control characters go.

    Halves of surrogate pairs, which no UTF-8 file can hold, become U+FFFD.

    Example:
        >>> one_line("Well,\n\tyes. ")
        'Well, yes.'
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    kept = "".join(" " if one.isspace() else one for one in whole if one.isspace() or unicodedata.category(one) != "Cc")
    return " ".join(kept.split())
