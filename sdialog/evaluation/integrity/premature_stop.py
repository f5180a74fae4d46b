"""Does the dialog end in the middle?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import ClassVar

from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk, tokens
from sdialog.evaluation.integrity.wording import asks_to_wait, is_closing, says_goodbye
from sdialog.evaluation.metrics.text import sentences
from sdialog.evaluation.metrics.transcript import is_question

_REQUEST = re.compile(
    r"^(?:\w+, )?(?:please|kindly|can you|could you|would you|will you|may I|could I|can I)\b"
    r"|\bplease (?!d|hesitate)\w+ (?:me|us)\b"
    r"|\b(?:I|we)(?:'d| would) (?:like|love|need)\b(?! to (?:thank|apolog))|\bI need (?:you|to know|your|the|a)\b"
    r"|\bI (?:want|need) (?:you|a|an|to (?:know|change|cancel|book|return|speak|talk))\b",
    re.IGNORECASE,
)
# Words no English sentence ends in.
_OPEN = frozenset({
    "the", "a", "an", "and", "or", "but", "my", "your", "our", "their", "to", "of", "with", "from", "about",
    "for", "because", "if", "when", "that's", "i'm", "you're", "which", "than", "as", "is", "are", "was",
})  # fmt: skip
_STOPS = tuple(".!?…\"'”’)*。！？؟]>:;~-–—")


class PrematureStopDetector(IntegrityDetector):
    """Finds dialogs that end while something is still awaited.

    That is so when the last turn asks a question, makes a request, promises to be back in a moment or breaks off in
    the middle of a sentence, or just answers a question for data; or when the dialog is marked as not complete and
    nobody closes it. A goodbye in the last turn lets everything pass. A dialog that ends in a statement, without a
    goodbye, is none: corpora often leave goodbyes out.

    Args:
        name: what it is called in tables.
        ai_speaker: who helps; the dialog counts as a whole, whoever speaks last.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = [("User", "My lamp is late."), ("Bot", "Which lamp?")]
        >>> dialog = Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in said])
        >>> PrematureStopDetector().inspect(dialog).reason
        'turn 1: ends with a question'
    """

    kind = "premature_stop"
    of_one: ClassVar[bool] = False
    english: ClassVar[bool] = True

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield the last turn if something is still awaited."""
        if not talk.spoken:
            return
        last = talk.spoken[-1]
        sign = _awaited(talk, last)
        if sign is not None:
            yield Fault(last, talk.labels[last], sign, talk.texts[last])


def _awaited(talk: Talk, last: int) -> str | None:
    text = talk.own_words[last].strip()
    if says_goodbye(text) or is_closing(text):
        return None
    said = sentences(text)
    if said and is_question(said[-1]):
        return "ends with a question"
    if said and any(_REQUEST.search(sentence) for sentence in said[-1:]):
        return "ends with a request"
    if asks_to_wait(said[-1] if said else text):
        return "ends with a promise to be back"
    words = tokens(text)
    if words and not text.endswith(_STOPS) and (words[-1] in _OPEN or text.endswith(",")):
        return "breaks off in the middle of a sentence"
    if _only_answers(talk, last):
        return "ends with an answer that was asked for"
    closed = any(is_closing(talk.own_words[number]) for number in talk.spoken[-2:])
    return "is marked as not complete, and nobody closes it" if talk.complete is False and not closed else None


def _only_answers(talk: Talk, last: int) -> bool:
    """Return whether the last turn gives a number that the turn before asked for."""
    asked = talk.before(last)
    if asked is None or talk.speakers[asked] == talk.speakers[last]:
        return False
    wants = re.search(
        r"\b(?:your|the|a) (?:[\w-]+ ){0,2}(?:number|code|reference|id|digits|postcode)\b", talk.own_words[asked]
    )
    return bool(wants) and is_question(talk.texts[asked]) and any(sign.isdigit() for sign in talk.texts[last])
