"""Utterances and their answers, which say more of a conversation than utterances alone."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


def dialogs_to_utt_pairs(dialogs: Iterable[Dialog], ai_speaker: str | None = None) -> tuple[list[str], list[str]]:
    """Return utterances, and what was said next.

    Args:
        dialogs: where from.
        ai_speaker: take only pairs in which this speaker answers somebody else; letter case does not matter. None
            takes every turn with the one after it.

    Returns:
        Two lists of equal length: utterances, and the utterance after each.

    Raises:
        UserError: if there is no such pair.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker=s, text=t) for s, t in (("A", "Hi!"), ("B", "Hello."), ("A", "Bye!"))])
        >>> dialogs_to_utt_pairs([dialog], ai_speaker="b")
        (['Hi!'], ['Hello.'])
    """
    wanted = None if ai_speaker is None else ai_speaker.casefold()
    first: list[str] = []
    second: list[str] = []
    for dialog in dialogs:
        for turn, answer in itertools.pairwise(dialog):
            answers = (answer.speaker or "").casefold() == wanted != (turn.speaker or "").casefold()
            if wanted is None or answers:
                first.append(turn.text)
                second.append(answer.text)
    if not first:
        whose = f" in which {ai_speaker!r} answers" if ai_speaker else ""
        raise UserError(f"the dialogs hold no pair of turns{whose}")
    return first, second
