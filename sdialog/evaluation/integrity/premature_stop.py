"""Does the dialog end in the middle?"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import ClassVar

from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.talk import Talk, tokens
from sdialog.evaluation.integrity.wording import asks_to_wait, is_closing, says_goodbye
from sdialog.evaluation.metrics.text import sentences
from sdialog.evaluation.metrics.transcript import is_question

# "Please don't hesitate to call" and "please come again" ask for nothing that is still to come.
_KIND = (
    r"\b(?! (?:(?:do not|don't) (?:hesitate|worry|mention)|hesitate|feel free|enjoy|take (?:care|your time)"
    r"|(?:come|call|visit)(?: us)? (?:again|back|any ?time)|accept|rest assured|be (?:careful|safe|assured|aware)"
    r"|reach out|keep in mind|note|remember|leave (?:a|us a) review|stay safe|drive safely|have a"
    r"|(?:contact|call|ask|ring|text|write to|e-?mail|message) (?:me|us|again)?\b[^.?]*"
    r"\b(?:if|should|when\w*|any ?time)\b"
    r"|let (?:me|us) know (?:if|should|when\w*)\b[^.?]*\b(?:else|more|further|need|help|questions?|concerns?|problems?"
    r"|issues?|changes?)\b)\b)"
)
_REQUEST = re.compile(
    rf"^(?:\w+, )?(?:(?:please|kindly){_KIND}|(?:can you|could you|would you|will you|may I|could I|can I)\b)"
    rf"|\bplease{_KIND} \w+ (?:me|us)\b"
    r"|\b(?:I|we)(?:'d| would) (?:like|love|need)\b(?! to (?:thank|apolog|wish|express|congratulate)"
    r"|(?: (?:that|it|this|to))?\W*$)"
    r"|\bI need (?:you|to know|your|the|a)\b"
    r"|\bI (?:want|need) (?:you|a|an|to (?:know|change|cancel|book|return|speak|talk))\b",
    re.IGNORECASE,
)
# What somebody who helps asks for and waits for; whatever else is begged for ("please keep the receipt") is advice.
_ASKING = re.compile(
    r"\b(?:please|kindly) (?:\w+ly )?(?:(?:tell|give|send|show|read|spell|let) (?:me|us)|provide|confirm|share|verify"
    r"|describe|repeat|state|specify|hold|wait|stay|stand by|choose|pick|select|try|restart|press|open|click|enter|type"
    r"|say|spell|explain|answer|check whether|read)\b",
    re.IGNORECASE,
)
_BEGGED = re.compile(r"\b(?:please|kindly)\b", re.IGNORECASE)
# Words no English sentence ends in; and those that only one ends in that moves what they go with to its front, as in
# "that is what I am looking for".
_OPEN = frozenset({
    "the", "a", "an", "and", "or", "but", "my", "your", "our", "their", "because", "that's", "i'm", "you're",
    "than", "as",
})  # fmt: skip
_HALF_OPEN = frozenset({"to", "of", "with", "from", "about", "for", "is", "are", "was", "if", "when", "which"})
_MOVED = frozenset({
    "what", "what's", "who", "who's", "whom", "where", "where's", "which", "how", "how's", "whatever", "that", "thing",
    "things", "something", "nothing", "anything", "everything", "one", "ones", "yes", "no", "there", "here", "they",
    "it", "care", "waiting", "listen", "talk", "say", "when", "if", "know", "all",
})  # fmt: skip
_SHORT = 4
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
    if said and _requests(said[-1], talk.roles[last] == "helper"):
        return "ends with a request"
    if asks_to_wait(said[-1] if said else text):
        return "ends with a promise to be back"
    words = tokens(text)
    if words and not text.endswith(_STOPS) and (text.endswith(",") or _is_open(tokens(said[-1] if said else text))):
        return "breaks off in the middle of a sentence"
    if _only_answers(talk, last):
        return "ends with an answer that was asked for"
    closed = any(is_closing(talk.own_words[number]) for number in talk.spoken[-2:])
    return "is marked as not complete, and nobody closes it" if talk.complete is False and not closed else None


def _requests(sentence: str, helper: bool) -> bool:
    found = _REQUEST.search(sentence)
    if found is None or not helper or _BEGGED.search(found[0]) is None:
        return found is not None
    return _ASKING.search(sentence) is not None


def _is_open(words: Sequence[str]) -> bool:
    """Return whether a sentence cannot end in its last word."""
    if not words or words[-1] in _OPEN:
        return bool(words)
    return words[-1] in _HALF_OPEN and len(words) > _SHORT and _MOVED.isdisjoint(words[:-1])


def _only_answers(talk: Talk, last: int) -> bool:
    """Return whether the last turn gives a number that the turn before asked for."""
    asked = talk.before(last)
    if asked is None or talk.speakers[asked] == talk.speakers[last]:
        return False
    wants = re.search(
        r"\b(?:your|the|a) (?:[\w-]+ ){0,2}(?:number|code|reference|id|digits|postcode)\b", talk.own_words[asked]
    )
    return bool(wants) and is_question(talk.texts[asked]) and any(sign.isdigit() for sign in talk.texts[last])
