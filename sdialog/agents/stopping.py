"""How an agent says that the conversation is over: a marker word that ends a reply."""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

STOP_WORD = "STOP"

_CLOSERS = {")": "(", "]": "[", "}": "{", ">": "<", "”": "“", "’": "‘", "»": "«"}
_SYMMETRIC = ("**", "__", "~~", "*", "_", "`", '"', "'")
_OPENING = "*_~`\"'“‘«([{<#"
_EMOJI = {"So", "Sk", "Mn", "Cf"}
_HEADING = re.compile(r"^#+\s*\Z", re.MULTILINE)
_PIECES = re.compile(r"\*\*|__|~~|.", re.DOTALL)


class Ending(NamedTuple):
    """A reply without its stop marker, and whether it had one."""

    text: str
    found: bool


def split_stop(text: str, word: str = STOP_WORD) -> Ending:
    """Take the stop marker off the end of a reply.

    The marker counts only as a whole token in its exact spelling with nothing but punctuation, quotes, markdown
    or emoji behind it. A word that is part of the last sentence is speech and stays: one asked or exclaimed
    (``"make it STOP!"``), one quoted within the sentence (``'the sign says "STOP"'``), one joined to another
    (``"NON-STOP"``). Nothing but the marker and the punctuation that belongs to it is ever removed.

    Args:
        text: the reply.
        word: the marker.

    Returns:
        The text, stripped at its end, and whether the marker was there.

    Example:
        >>> split_stop("Thanks, goodbye! **STOP**")
        Ending(text='Thanks, goodbye!', found=True)
        >>> split_stop("Please STOP charging my card.")
        Ending(text='Please STOP charging my card.', found=False)
    """
    found = False
    while (shorter := _without_marker(text, word)) is not None:
        text, found = shorter, True
    return Ending(text.rstrip() if found else text, found)


def _without_marker(text: str, word: str) -> str | None:
    """Return the text before one trailing marker, or None when there is none."""
    body = text.rstrip()
    end = len(body)
    while end and not body[end - 1].isalnum():
        end -= 1
    if not body[:end].endswith(word):
        return None
    before, after = body[: end - len(word)], body[end:]
    head = before.rstrip(_OPENING)
    if _is_speech(head, wrapped=before[len(head) :], after=after):
        return None
    head, after = _drop_wrapping(_HEADING.sub("", before), "".join(filter(_is_mark, after)))
    return head.rstrip() + _belonging(head, after)


def _is_speech(head: str, wrapped: str, after: str) -> bool:
    if not head.strip():
        return False
    if _joins(head[-1]) or (wrapped[:1] == "#" and not head[-1].isspace()):
        return True
    if not _ends_in_word(head):
        return False
    quoted = any(mark in wrapped for mark in "\"'“‘«")
    return quoted or any(mark in after for mark in "!?！？")


def _joins(character: str) -> bool:
    """Tell whether the marker would be part of a word with this before it; caseless scripts make no such words."""
    in_word = character.isalnum() and unicodedata.category(character) != "Lo"
    return in_word or character in "-–'’@/\\"


def _ends_in_word(head: str) -> bool:
    last_line = head.rstrip(" \t")
    return last_line[-1].isalnum() or last_line[-1] in ",'’"


def _is_mark(character: str) -> bool:
    return character in _CLOSERS or character in "*_~`\"'" or unicodedata.category(character) in _EMOJI


def _drop_wrapping(before: str, after: str) -> tuple[str, str]:
    """Remove pairs of marks that stand directly around the marker, such as ``**STOP**`` or ``[STOP]``."""
    while before and after:
        pair = next((m for m in _SYMMETRIC if before.endswith(m) and after.startswith(m)), None)
        if pair is None:
            if _CLOSERS.get(after[0]) != before[-1]:
                break
            pair = after[0]
        before, after = before[: -len(pair)], after[len(pair) :]
    return before, after


def _belonging(head: str, after: str) -> str:
    """Return what of the tail belongs to the text before: marks opened there, and emoji."""
    kept = ""
    for piece in _PIECES.findall(after):
        opener = _CLOSERS.get(piece)
        if opener is not None:
            keep = (head + kept).count(opener) > (head + kept).count(piece)
        elif piece in _SYMMETRIC:
            keep = (head + kept).count(piece) % 2 == 1
        else:
            keep, piece = True, piece if kept or not head else f" {piece}"
        kept += piece if keep else ""
    return kept
