"""Does a speaker talk as the other one?"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import pairwise
from typing import ClassVar

from sdialog.evaluation.integrity.base import Fault, IntegrityDetector
from sdialog.evaluation.integrity.parties import CLIENTS, HELPERS
from sdialog.evaluation.integrity.role_cues import STRONG, swapped, things_of_client, voice
from sdialog.evaluation.integrity.talk import Talk
from sdialog.evaluation.metrics.text import sentences

_ASKED = re.compile(r"\byour? [^?]*\?$|\byou\?$", re.IGNORECASE)
_ASKED_FOR = re.compile(r"\byour ([^?]*)\?$", re.IGNORECASE)
_CONSENT = re.compile(
    r"(?:yes|yeah|yep|no|nope|sure|of course|certainly|absolutely)\b[,.! ]+(?:I|it's|it is|my|that's|here)\b",
    re.IGNORECASE,
)
_VALUE = re.compile(r"(?:It's|It is|That's|That is|That would be)(?: [A-Z]\S*| \S*\d\S*)+$")
_MINE = re.compile(r"(?:sure, |yes, |of course, )?my ([\w ]+?)(?: is|'s)\b", re.IGNORECASE)
_INTRODUCED = re.compile(
    r"\b(?:[Mm]y name is|[Tt]his is|I am|I'm)\s+([A-Z][a-z]+ [A-Z][a-z]+)(?=\s*(?:[.,!?]|$|and\b))"
)
_SELF = re.compile(
    r"\b[Mm]y name is ([A-Z][a-z]+(?: [A-Z][a-z]+)?)"
    r"|\b(?:[Tt]his is|I am|I'm) ([A-Z][a-z]+ [A-Z][a-z]+)(?=\s*(?:[.,!?]|$|and\b))"
)
_HOUSE = re.compile(
    r"\b(?:support|service|services|desk|care|bank|hotel|team|cent(?:er|re)|office|line|airlines?|shop|company|clinic)\b",
    re.I,
)
_LIKEWISE = re.compile(r"\b(?:too|also)\b", re.IGNORECASE)
_ENDS = r"(?=\s*(?:[.,!?;:()–—-]|$|(?:and|speaking|here|from|with)\b))"


class RoleFlipDetector(IntegrityDetector):
    """Finds turns in which a speaker talks as another one.

    The signs: the turn is labelled with another's name, or with the other role; the speaker claims another's name
    or speaks to somebody of its own name; answers its own question; or, where it is known who helps and who is
    helped, the helper talks as somebody who needs help, or the other way round.

    Who helps is told by ``ai_speaker``, by usual labels (``Agent``, ``User``), by the personas, or by how the two
    talk on the whole; in small talk it is not known, and only the other signs count.

    Args:
        name: what it is called in tables.
        ai_speaker: who helps; only the faults of this speaker count.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = [("Agent", "How can I help?"), ("Customer", "My lamp is late."), ("Agent", "I want my money back.")]
        >>> dialog = Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in said])
        >>> RoleFlipDetector().inspect(dialog).reason
        'turn 2: the helper talks as a client'
        >>> RoleFlipDetector(ai_speaker="Agent")(dialog), RoleFlipDetector()(dialog[:2])
        (1, 0)
    """

    kind = "role_flip"
    english: ClassVar[bool] = True

    def unknown(self, talk: Talk) -> str | None:
        """Return that it takes two."""
        return None if len(set(talk.speakers)) > 1 else "there is only one speaker, so no role to fall into"

    def find(self, talk: Talk) -> Iterator[Fault]:
        """Yield a fault for each turn with a sign."""
        names = _all_names(talk)
        things = list(things_of_client(zip(talk.roles, talk.own_words, strict=True)))
        for number in talk.spoken:
            found = (
                _name_sign(talk, number, names)
                or _own_answer(talk.own_words[number], chatty=talk.roles[number] is None)
                or _wrong_voice(talk, number, things[number])
            )
            if found is not None:
                yield Fault(number, talk.labels[number], *found)


def _all_names(talk: Talk) -> dict[str, frozenset[str]]:
    """Add the full names by which speakers introduce themselves, unless they are known to be somebody else's."""
    names = dict(talk.names)
    for number, text in enumerate(talk.own_words):
        speaker = talk.speakers[number]
        for match in _INTRODUCED.finditer(text):
            taken = frozenset[str]().union(*names.values())
            if not names.get(speaker) and match[1] not in taken and match[1].split()[0] not in taken:
                names[speaker] = frozenset({match[1], match[1].split()[0]})
    return names


def _name_sign(talk: Talk, number: int, names: dict[str, frozenset[str]]) -> tuple[str, str] | None:
    speaker, text = talk.speakers[number], talk.own_words[number]
    own = names.get(speaker, frozenset())
    for other in dict.fromkeys([*talk.speakers, *talk.personas]):
        if other == speaker:
            continue
        called = names.get(other, frozenset()) - own
        label = _label(frozenset({*called, *({other} if other else ())}) - {name.casefold() for name in own}).search(
            text
        )
        if label is not None:
            return "the turn is labelled with another speaker's name", label[0].strip()
        claim = _claim(called, len(names) > 2).search(text) if called else None
        if claim is not None and not _LIKEWISE.search(text):
            return "the speaker claims another's name", claim[0]
        own = own - names.get(other, frozenset())
    if own:
        for named in _SELF.finditer(text):
            words = set((named[1] or named[2]).split())
            if not _HOUSE.search(named[0]) and words.isdisjoint(word for name in own for word in name.split()):
                return "the speaker claims another name", named[0]
    role = talk.roles[number]
    label = _label(CLIENTS if role == "helper" else HELPERS).match(text) if role else None
    if label is not None and label[0].strip(' :[]()*"').casefold() != speaker:
        return "the turn is labelled with the other role", label[0].strip()
    addressed = _address(own).search(text) if own else None
    return None if addressed is None else ("the speaker speaks to its own name", addressed[0].strip())


def _own_answer(text: str, chatty: bool) -> tuple[str, str] | None:
    said = sentences(text)
    for asked, answer in pairwise(said):
        if _ASKED.search(asked) is None:
            continue
        thing, mine = _ASKED_FOR.search(asked), _MINE.match(answer)
        same = thing is not None and mine is not None and mine[1].split()[-1].casefold() in thing[1].casefold()
        value = thing is not None and _VALUE.match(answer.rstrip(".!"))
        if _CONSENT.match(answer) or value or (same and not chatty):
            return "the speaker answers its own question", f"{asked} {answer}"
    return None


def _wrong_voice(talk: Talk, number: int, things: set[str]) -> tuple[str, str] | None:
    role, text = talk.roles[number], talk.own_words[number]
    if role is None:
        return None
    heard, thing = voice(text), swapped(text, role, things)
    if role == "helper":
        right, wrong, words = heard.helper, heard.client, heard.client_words or f"my {thing}"
    else:
        right, wrong, words = heard.client, heard.helper, heard.helper_words or f"your {thing}"
    wrong += STRONG if thing else 0
    # "Your office" sounds like a client, unless the client has spoken of it as "my office".
    right += STRONG if swapped(text, "client" if role == "helper" else "helper", things) else 0
    if right or wrong < STRONG:
        return None
    return ("the helper talks as a client" if role == "helper" else "the client talks as a helper"), words


@lru_cache(maxsize=1024)
def _label(names: frozenset[str]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name)))) or r"(?!)"
    return re.compile(rf"(?:^|\n)\s*[\[(*\"]*\s*(?:{either})\s*[\])*\"]*\s*[:：]", re.IGNORECASE)


@lru_cache(maxsize=1024)
def _claim(names: frozenset[str], many: bool) -> re.Pattern[str]:
    either = "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))
    # "Nora, this is Diego" introduces somebody where there are more than two.
    this = "" if many else "|this is"
    begins = rf"I am|I'm|my name is|my name's|(?:you're|you are) (?:talking|speaking) (?:to|with){this}"
    claims = rf"(?i:\b(?:{begins}))\s+(?:{either}){_ENDS}"
    return re.compile(rf"{claims}|(?:^|[.!?,]\s+)(?:{either}) (?:here|speaking)\b(?!\?)")


@lru_cache(maxsize=1024)
def _address(names: frozenset[str]) -> re.Pattern[str]:
    either = "|".join(map(re.escape, sorted(names, key=lambda name: (-len(name), name))))
    thanks = rf"(?i:\bthank(?:s| you)(?: so much| very much| a lot)?),? (?:{either})(?=[.!?,])"
    greeting = rf"(?:^|[.!?]\s+)(?i:hi|hello|hey|dear|good (?:morning|afternoon|evening)) (?:{either})(?=[.!?,])"
    calling = (
        rf"(?:^|[.!?]\s+)(?i:listen|sorry|well|okay|please|look|bye|goodbye),? (?:{either})(?=[,!])|, (?:{either})\?"
    )
    return re.compile(f"{thanks}|{greeting}|{calling}")
