"""Guards: what makes a draft of a reply be thrown away and written again.

A guard looks at one draft. The session asks again with the next sub-seed, a bounded number of times, and then takes
the reply as it is; each refusal is counted in ``run.json`` under the guard's name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from sdialog.simulation.repetition import normalised

if TYPE_CHECKING:
    from sdialog.agents.reply import Guard
    from sdialog.core.dialog import Dialog


@dataclass(frozen=True, slots=True)
class EmptyReplyGuard:
    """Refuses a reply without any words in it.

    Example:
        >>> EmptyReplyGuard().check("  ", None, "Ava")
        'the reply is empty'
    """

    name: str = "empty_reply"

    def check(self, text: str, dialog: Dialog | None, speaker: str) -> str | None:
        """Return why the draft is refused, or None."""
        return None if text.strip() else "the reply is empty"


@dataclass(frozen=True, slots=True)
class RoleFlipGuard:
    """Refuses a reply in which a party speaks as somebody else.

    A role is flipped when the reply is labelled with another party's name (``Riley: ...``), when the party says it
    is another one ("I am Riley"), or when it says back, word for word, what the other side just said.

    Args:
        echo_words: an echo shorter than this many words is fine; people do answer "Hello!" with "Hello!".

    Example:
        >>> from sdialog.core.dialog import Dialog
        >>> between = Dialog(personas={"Riley": {}, "Ava": {}})
        >>> RoleFlipGuard().check("Riley: I want a refund.", between, "Ava")
        "the reply is labelled with 'Riley', another party"
        >>> RoleFlipGuard().check("Hello Riley, how can I help?", between, "Ava") is None
        True
    """

    name: str = "role_flip"
    echo_words: int = 4

    def check(self, text: str, dialog: Dialog | None, speaker: str) -> str | None:
        """Return why the draft is refused, or None."""
        if dialog is None:
            return None
        for other in dialog.personas or ():
            if other == speaker:
                continue
            label, claim = _marks_of(other)
            if label.match(text):
                return f"the reply is labelled with {other!r}, another party"
            # "Nora, this is Diego" introduces somebody where there are more than two.
            claimed = claim.search(text)
            introduces = (
                claimed is not None and claimed[0].lower().startswith("this") and len(dialog.personas or ()) > 2
            )
            if claimed and not introduces and not _shares_name(other, speaker):
                return f"the reply claims to come from {other!r}, another party"
        return self._echo(text, dialog, speaker)

    def _echo(self, text: str, dialog: Dialog, speaker: str) -> str | None:
        last = dialog.turns[-1] if dialog.turns else None
        if last is None or last.speaker == speaker or len(text.split()) < self.echo_words:
            return None
        if normalised(text) == normalised(last.text):
            return "the reply says back, word for word, what was just said"
        return None


DEFAULT_GUARDS: tuple[Guard, ...] = (EmptyReplyGuard(), RoleFlipGuard())
"""The guards every simulation uses unless told otherwise."""


@lru_cache(maxsize=1024)
def _marks_of(name: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    whole = re.escape(name)
    first = re.escape(name.split()[0]) if name.split() else whole
    label = re.compile(rf"\s*[\[(*\"]*\s*(?:{whole}|{first})\s*[\])*\"]*\s*[:：]", re.IGNORECASE)
    # "I am Riley's manager" speaks about Riley, "I am Riley." speaks as Riley.
    # The name's own capitals count, and its clause must end: "this is customer support" names no party "Customer".
    ends = r"(?=\s*(?:[.,!?;:()–—-]|$|(?:and|speaking|here)\b))"
    claim = re.compile(rf"\b(?i:I am|I'm|I’m|my name is|this is)\s+(?:{whole}|{first}){ends}")
    return label, claim


def _shares_name(one: str, other: str) -> bool:
    return bool(set(one.casefold().split()) & set(other.casefold().split()))
