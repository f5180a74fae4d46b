"""The exact parser: reads every sentence of a dialog back into templates and compares each value with the truth."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple

from training.domains import second_person, with_articles
from training.player import RELAYED
from training.script import SLOT, Answer, Order, Script, Side, other
from training.sentences import ASK_ANYTHING, ASK_FOR, MOODS, REQUESTS, SENTENCES

EXTRAS = ("age", "hobby", "city", "occupation")


@dataclass
class Record:
    """What happened in one simulated dialog.

    Attributes:
        script: who took part and what is true of them.
        turns: side and text of every utterance, without the end marker.
        calls: name and arguments of the helper's tool calls.
        result: what the last call gave.
        ended: whether a party ended the dialog within the limit of turns.
        order, side, reply: the instruction given, to whom, and the utterance under it (None: never reached).
    """

    script: Script
    turns: list[tuple[Side, str]]
    calls: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)
    result: Answer | None = None
    ended: bool = False
    order: Order | None = None
    side: Side | None = None
    reply: str | None = None


class Reading(NamedTuple):
    """One way to read a sentence: its act, its slots with their values, and the template."""

    act: str
    slots: list[tuple[str, str]]
    template: str


@dataclass
class Verdict:
    """What the parser makes of one record."""

    role: bool = True
    facts: bool = True
    ended: bool = False
    sentences: int = 0
    foreign: int = 0
    values: int = 0
    right: int = 0
    tool: bool | None = None
    order: bool | None = None
    errors: list[str] = field(default_factory=list)

    def wrong(self, what: str, count: int = 1) -> None:
        """Count wrong values."""
        self.facts = False
        self.errors.append(what)


def _pattern(template: str) -> re.Pattern[str]:
    """Compile a template; "a" before a slot may be "an"."""
    out, position = "", 0
    for slot in SLOT.finditer(template):
        out += re.sub(r"\b([Aa])\\ \Z", r"\1n?\\ ", re.escape(template[position : slot.start()])) + "(.+?)"
        position = slot.end()
    return re.compile("(?i)" + out + re.escape(template[position:]) + r"\Z")


@lru_cache(maxsize=1)
def _patterns() -> dict[str, list[tuple[re.Pattern[str], list[str], str, str]]]:
    out: dict[str, list[tuple[re.Pattern[str], list[str], str, str]]] = {"I": [], "R": []}
    for (side, act), templates in SENTENCES.items():
        out[side] += [(_pattern(t), SLOT.findall(t), act, t) for t in templates]
    for pattern, key in _questions():
        for side in "IR":
            out[side].append((pattern, [], f"ask_{key}", ""))
    for side in "IR":
        out[side].append((re.compile(r"(?i)no\.\Z"), [], "brief", ""))
    return out


@lru_cache(maxsize=1)
def _questions() -> list[tuple[re.Pattern[str], str]]:
    """Patterns of all requests, with the fact they ask for ("" for the wording that fits anything)."""
    out = []
    for form in (form for forms in REQUESTS.values() for form in forms):
        for key, phrases in ASK_FOR.items():
            out += [(_pattern(form.replace("{vp}", phrase)), key) for phrase in phrases]
        out += [(_pattern(form.replace("{vp}", phrase)), "") for phrase in ASK_ANYTHING]
    return out


def sentences(text: str) -> list[str]:
    """Cut an utterance into sentences."""
    return [s for s in re.split(r"(?<=[.!?])\s+", re.sub(r"\s+", " ", text).strip()) if s]


def asked(text: str) -> set[str]:
    """Return the facts, or free words, that an utterance asks for."""
    out: set[str] = set()
    for sentence in sentences(text):
        hits = [(key, m) for pattern, key in _questions() if (m := pattern.match(sentence))]
        named = {key for key, _ in hits if key}
        out |= named or {m.group(1).lower() for key, m in hits if not key}
    return out


def readings(sentence: str, side: str) -> list[Reading]:
    """Return every way a side may have meant a sentence."""
    out = []
    for pattern, names, act, template in _patterns()[side]:
        found = pattern.match(sentence)
        if found:
            out.append(Reading(act, list(zip(names, found.groups(), strict=False)), template))
    return out


def truth(record: Record, side: Side, slot: str) -> list[str]:
    """Return the values a slot may truly have when this side fills it."""
    script, result = record.script, record.result
    caller, speaker, partner = script.parties["I"], script.parties[side], script.parties[other(side)]
    special: dict[str, list[str | None]] = {
        "your issue": [second_person(caller.facts["issue"])],
        "x": [record.order.text if record.order else None],
        "wants": [caller.wants],
        "your wants": [second_person(caller.wants) if caller.wants else None],
        "day": [script.parties["R"].day],
        "treatment": [script.parties["R"].treatment],
        "name": [speaker.name],
        "relay": [result] if isinstance(result, str) else [v for k, v in (result or {}).items() if k in RELAYED],
    }
    if slot in special:
        return [v for v in special[slot] if v]
    if slot.startswith("their "):
        return [partner.facts[slot[6:]]]
    if isinstance(result, Mapping) and slot in result:
        return [result[slot]]
    own = slot in EXTRAS or side == "I" or script.domain == "smalltalk"
    return [(speaker if own else caller).facts[slot]] if slot in caller.facts else []


def _flaws(record: Record, side: Side, reading: Reading, questions: set[str], sentence: str) -> list[str]:
    """Return what is wrong with one reading of a sentence."""
    party = record.script.parties[side]
    truths = {slot: truth(record, side, slot) for slot, _ in reading.slots}
    bad = [
        f"{slot}={value!r} not {truths[slot]}"
        for slot, value in reading.slots
        if value.lower().strip() not in [t.lower() for t in truths[slot]]
    ]
    if bad and len(reading.slots) > 1 and all(truths.values()):
        told = with_articles(SLOT.sub(lambda m: truths[m.group(1)][0], reading.template))
        bad = [] if told.lower() == sentence.lower() else bad
    known = {*party.known, "name"}
    if reading.act == "deny" and questions and questions <= known:
        bad.append(f"denies {sorted(questions)}")
    key = reading.act.removeprefix("give_")
    if key != reading.act and key not in known:
        bad.append(f"invents {key}")
    return bad


def judge(record: Record) -> Verdict:
    """Judge one dialog.

    A sentence that no template of either side can have made counts as one wrong value: nothing is known of it.
    """
    verdict = Verdict(ended=record.ended)
    parties = record.script.parties
    bare = {v.lower() for p in parties.values() for v in [*(p.facts[k] for k in p.known), p.name]}
    last: dict[Side, str] = {"I": "", "R": ""}
    for side, text in record.turns:
        last[side] = text
        questions = asked(last[other(side)])
        for sentence in sentences(text):
            verdict.sentences += 1
            _judge_sentence(verdict, record, side, sentence, questions, bare)
    _judge_tool(verdict, record)
    if record.order and record.reply is not None and record.side:
        verdict.order = followed(record.order, record.side, record.reply)
        if not verdict.order:
            verdict.errors.append(f"order {record.order.wording!r} -> {record.reply!r}")
    return verdict


def _judge_sentence(
    verdict: Verdict, record: Record, side: Side, sentence: str, questions: set[str], bare: set[str]
) -> None:
    options = readings(sentence, side)
    if not options and sentence.rstrip(".").lower() in bare:
        return
    if not options:
        if readings(sentence, other(side)):
            verdict.role = False
            verdict.errors.append(f"role {side}: {sentence}")
        else:
            verdict.foreign += 1
            verdict.values += 1
            verdict.wrong(f"foreign {side}: {sentence}")
        return
    flaws = [(_flaws(record, side, option, questions, sentence), option) for option in options]
    bad, best = min(flaws, key=lambda pair: len(pair[0]))
    count = max(len(best.slots), 1) if bad else len(best.slots)
    verdict.values += count
    verdict.right += count - min(count, len(bad))
    if bad:
        verdict.wrong(f"fact {side}: {sentence} {bad}")


def _judge_tool(verdict: Verdict, record: Record) -> None:
    """A needed tool must have been called once with its name and all arguments right."""
    tool, caller = record.script.tool, record.script.parties["I"]
    if tool is None or (not record.calls and record.order and record.order.kind == "end" and record.reply is not None):
        return
    known = {*caller.known, "name"}
    wanted = {a: caller.facts[f] if f in known else "unknown" for a, f in zip(tool.arguments, tool.facts, strict=True)}
    verdict.tool = any(
        name == tool.name and {k: str(v).lower() for k, v in given.items()} == {k: v.lower() for k, v in wanted.items()}
        for name, given in record.calls
    )
    if not verdict.tool:
        verdict.errors.append(f"tool {tool.name}({wanted}) but called {record.calls}")


def _any(side: str, acts: Iterable[str], text: str) -> bool:
    return any(s.lower() in text for act in acts for s in SENTENCES.get((side, act), []))


def followed(order: Order, side: Side, reply: str) -> bool:
    """Say whether a reply does what the instruction asks."""
    text, kind = reply.lower(), order.kind
    farewell = _any(side, [f"bye_{m}" for m in MOODS], text)
    if kind == "ask":
        phrases = [*ASK_FOR.get(order.key, []), *(p.format(k=order.key) for p in ASK_ANYTHING)]
        return any(p.lower() in text for p in phrases)
    if kind == "mood":
        if order.mood == "neutral":
            return not _any(side, [f"pre_{m}" for m in MOODS], text)
        acts = ("pre_", "post_", "bye_", "accept_", "greet_", "else_")
        return any(mark in text for mark in _marks(side, [a + order.mood for a in acts]))
    checks = {
        "apologize": lambda: re.search("sorry|apolog", text) is not None,
        "brief": lambda: len(text.split()) <= 4,
        "refuse": lambda: re.search("cannot do that|must decline|not possible", text) is not None,
        "thank": lambda: "thank" in text,
        "mention": lambda: order.text.lower() in text,
        "end": lambda: farewell,
        "keep": lambda: not farewell,
        "change": lambda: "changed my mind" in text,
        "change because": lambda: "changed my mind" in text and order.text.lower() in text,
    }
    return bool(checks[kind]())


def _marks(side: str, acts: Sequence[str]) -> list[str]:
    """Sentences that give a mood away, up to their first slot."""
    return [
        part
        for act in acts
        for s in SENTENCES.get((side, act), [])
        if (part := SLOT.split(s)[0].strip().lower() or SLOT.split(s)[-1].strip().lower())
    ]


def gold(script: Script) -> Record:
    """Return the record of a script played as written."""
    turns: list[tuple[Side, str]] = [(s.side, s.text.removesuffix(" STOP")) for s in script.steps if s.kind == "say"]
    record = Record(script, turns, result=script.outcome[-1] if script.outcome else None, ended=True)
    pending: Order | None = None
    for step in script.steps:
        if step.kind == "order":
            pending = step.order
            record.order, record.side = step.order, step.side
        elif step.kind == "say" and pending and step.side == record.side:
            record.reply, pending = step.text.removesuffix(" STOP"), None
        elif step.kind == "call":
            call = re.match(r"<tool_call>(.*)</tool_call>", step.text)
            record.calls.append(_read_call(call.group(1) if call else "{}"))
    return record


def _read_call(text: str) -> tuple[str, Mapping[str, Any]]:
    data = json.loads(text)
    return data.get("name", ""), data.get("arguments", {})
