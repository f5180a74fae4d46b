"""Who takes part: by which names they go, and who of them helps and who is helped."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

from sdialog.evaluation.integrity.role_cues import STRONG, voice
from sdialog.evaluation.integrity.wording import asks_to_wait, offers_more

Party = Literal["helper", "client"]

# What data sets and personas call the two sides.
HELPERS = frozenset({
    "agent", "assistant", "system", "bot", "chatbot", "ai", "operator", "representative", "rep", "support",
    "advisor", "adviser", "clerk", "receptionist", "waiter", "wizard", "staff", "employee", "helpdesk",
    "supportagent", "doctor", "nurse", "librarian", "cashier", "seller", "salesperson",
})  # fmt: skip
CLIENTS = frozenset({
    "user", "human", "customer", "client", "caller", "patient", "guest", "shopper", "passenger", "tourist",
    "buyer", "visitor",
})  # fmt: skip
_WORD = re.compile(r"[a-z]+")
_SURE = 3
_CODE = re.compile(r"(?=\w*\d{3})[\w-]+")
_ASKS = re.compile(r"\?|\b(?:number|code|reference|id|digits)\b", re.IGNORECASE)


def party_names(labels: Sequence[str | None], personas: Mapping[str, Any]) -> dict[str, frozenset[str]]:
    """Return the names that each speaker goes by: the label, the persona's name, and the first word of both.

    Labels that name a role, such as ``Customer``, are no names.

    Args:
        labels: speaker of each turn.
        personas: persona of each speaker, by the label in lower case.

    Example:
        >>> names = party_names(["Agent", "Ann Lee"], {"agent": {"name": "Bo Berg"}})
        >>> sorted(names["agent"]), sorted(names["ann lee"])
        (['Bo', 'Bo Berg'], ['Ann', 'Ann Lee'])
    """
    speaking = {label for label in labels if label and label.strip()}
    everybody = {label.casefold(): label for label in speaking}
    found = {}
    for speaker in {**dict.fromkeys(personas), **everybody}:
        persona = personas.get(speaker)
        given = persona.get("name") if isinstance(persona, Mapping) else None
        whole = {name.strip() for name in (everybody.get(speaker), given) if isinstance(name, str) and name.strip()}
        whole = {name for name in whole if _role_of(name) is None}
        found[speaker] = frozenset(whole | {name.split()[0] for name in whole if len(name.split()[0]) > 1})
    return found


def parties(
    speakers: Sequence[str], texts: Sequence[str], ai_speaker: str | None, personas: Mapping[str, Any]
) -> dict[str, Party]:
    """Return the role of each speaker of whom it can be told.

    It is told by the helper's name if that is given, else by usual labels, else by the personas, else, of two
    speakers, by how all that they say sounds.

    Args:
        speakers: who says each turn, in lower case.
        texts: what is said, without quotations.
        ai_speaker: the helper.
        personas: persona of each speaker.
    """
    names = list(dict.fromkeys(speakers))
    if ai_speaker is not None:
        return {name: "helper" if name == ai_speaker.casefold() else "client" for name in names}
    for told in ({name: _role_of(name) for name in names}, {name: _persona_role(personas.get(name)) for name in names}):
        known: dict[str, Party] = {name: role for name, role in told.items() if role is not None}
        if len(names) == 2 and len(known) == 1:
            ((name, role),) = known.items()
            other = next(speaker for speaker in names if speaker != name)
            return {name: role, other: "client" if role == "helper" else "helper"}
        if len(set(known.values())) == 2:
            return known
    return _by_voice(names, speakers, texts) if len(names) == 2 else {}


def _by_voice(names: Sequence[str], speakers: Sequence[str], texts: Sequence[str]) -> dict[str, Party]:
    """Tell by how many turns sound like either side; no single turn, which may be out of its role, must decide."""
    balance: dict[str, int] = defaultdict(int)
    for speaker, text in zip(speakers, texts, strict=True):
        heard = voice(text)
        difference = heard.helper - heard.client
        balance[speaker] += (difference >= STRONG) - (difference <= -STRONG)
    for speaker, _, counts in set(_moves(speakers, texts)):
        balance[speaker] += counts
    helper, client = sorted(names, key=lambda name: -balance[name])
    if balance[helper] - balance[client] >= _SURE and balance[helper] >= 1:
        return {helper: "helper", client: "client"}
    return {}


def _moves(speakers: Sequence[str], texts: Sequence[str]) -> Iterator[tuple[str, str, int]]:
    """Yield who does what in a dialog about a client's matter, and what it counts, whatever the words."""
    for number, (speaker, text) in enumerate(zip(speakers, texts, strict=True)):
        if offers_more(text) and "?" in text:
            yield speaker, "offers more", 1
        if asks_to_wait(text):
            yield speaker, "lets the other wait", 1
        asker, asked = (speakers[number - 1], texts[number - 1]) if number else (speaker, "")
        gives = _CODE.search(text) and not _CODE.search(asked) and "?" not in text
        if asker != speaker and gives and _ASKS.search(asked):
            yield asker, "asks for a number", 1
            yield speaker, "gives a number", -1


def _persona_role(persona: Any) -> Party | None:
    if not isinstance(persona, Mapping):
        return None
    kind = (persona.get("_metadata") or {}).get("className") if isinstance(persona.get("_metadata"), Mapping) else None
    return _role_of(f"{persona.get('role') or ''} {re.sub(r'(?<=[a-z])(?=[A-Z])', ' ', str(kind or ''))}")


def _role_of(name: str) -> Party | None:
    words = set(_WORD.findall(name.casefold()))
    helper, client = not words.isdisjoint(HELPERS), not words.isdisjoint(CLIENTS)
    # "customer support agent" helps customers
    return "helper" if helper else "client" if client else None
