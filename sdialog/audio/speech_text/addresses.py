"""Web and mail addresses, and telephone numbers."""

from __future__ import annotations

import re

from sdialog.audio.speech_text.amounts import Amounts
from sdialog.audio.speech_text.spoken import Draft

_MAIL = re.compile(r"(?<![\w.])[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_WEB = re.compile(r"(?i)\b(?:(?:https?|ftp)://|www\.)[^\s<>\"']*[^\s<>\"'.,;:!?)\]}]")
_BARE = re.compile(
    r"(?i)(?<![\w@.])(?:[a-z0-9-]+\.)+(?:com|org|net|edu|gov|io|co|uk|de|fr|es|it|eu|ai|app)(?:/[\w./-]*\w)?\b"
)
_PHONE = re.compile(
    r"(?<![\w.,/-])(?:\+\d{1,3}[ .-]?)?(?:\(\d{1,4}\)[ .-]?)?\d{1,4}(?:[ .-]\d{2,4}){1,5}(?![\w/]|[.,-]\d)"
    r"|(?<![\w.,])\+\d{7,15}(?!\w)"
)
_LIST = re.compile(r"\d{4}-\d{2}-\d{2}|\d{1,2}\.\d{1,2}\.\d{2,4}")


def read_addresses(draft: Draft, amounts: Amounts) -> None:
    """Read addresses as people say them: ``a.b@c.org`` as "a dot b at c dot org", without ``https://www.``."""
    draft.rewrite(_MAIL, lambda match: _spelled(match[0], amounts))
    draft.rewrite(_WEB, lambda match: _spelled(re.sub(r"(?i)^\w+://", "", match[0]), amounts))
    draft.rewrite(_BARE, lambda match: _spelled(match[0], amounts))


def _spelled(address: str, amounts: Amounts) -> str:
    signs = amounts.words.signs
    address = re.sub(r"(?i)^www\.", "", address).partition("?")[0].rstrip("/")
    # Numbers inside an address are codes, and a point in them is no decimal mark.
    parts = re.findall(r"[^\W\d_]+|\d+|[^\w\s]|_", address)
    said = [f" {signs.get(part, '')} " if not part.isalnum() else part for part in parts]
    digits = [f" {amounts.one_by_one(part)} " if part.isdecimal() and len(part) > 2 else part for part in said]
    return " ".join("".join(digits).split())


def read_phones(draft: Draft, amounts: Amounts) -> None:
    """Read telephone numbers digit by digit, with a pause between the groups."""
    draft.rewrite(_PHONE, lambda match: _phone(match[0], amounts))


def _phone(written: str, amounts: Amounts) -> str | None:
    groups = re.findall(r"\d+", written)
    count = sum(len(group) for group in groups)
    if not 7 <= count <= 15 or _LIST.fullmatch(written):
        return None
    marked = written[0] in "+(0" or "(" in written
    dashes = "-" in written and (len(groups) > 2 or [len(group) for group in groups] == [3, 4])
    dots = [len(group) for group in groups] == [3, 3, 4]
    if not (marked or dashes or dots):
        return None
    plus = f"{amounts.words.signs.get('+', 'plus')} " if written[0] == "+" else ""
    return plus + ", ".join(amounts.one_by_one(group) for group in groups)
