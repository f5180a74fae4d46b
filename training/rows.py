"""Training rows: one side's view of a dialog, interviews, fact lists and instruction drills, as chat messages."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sdialog.agents.toolloop import unknown_tool
from training.dialogs import draw_script
from training.domains import (
    DOMAINS,
    Tool,
    anything,
    choose_domain,
    draw_facts,
    draw_result,
    draw_tool,
    free_issue,
    full_name,
    with_articles,
)
from training.player import Player
from training.prompts import KEY_NAMES, system_prompt
from training.script import SLOT, Party, Script, Side, Step, capital, draw_order, other, request
from training.sentences import ASK_FOR, BYES, GIVE, HELLOS, MOODS, OFFERS, QUESTIONS, SENTENCES

RARE = 0.17
_ROLES = ["customer", "patient", "guest", "user", "caller", "friend", "shopper"]
_PARTNERS = ["support agent", "doctor", "interviewer", "receptionist", "friend", "technician"]


@dataclass(frozen=True)
class Message:
    """A chat message; ``learn`` says whether the model is trained to say it."""

    role: str
    content: str
    learn: bool = False


def view(script: Script, side: Side, system: str, *, keep: int | None = None, finish: bool = True) -> list[Message]:
    """Return the dialog as one side sees it.

    A one-time instruction is in an agent's memory only while it answers it. ``keep`` is the index (among the side's
    instructions) of the one this row is about: the row ends with the answer to it. With None the row is the whole
    dialog, without one-time instructions, and the answers to them are not learnt.
    """
    messages = [Message("system", system)]
    number, shown, hidden = -1, False, False
    for step in script.steps:
        if step.kind == "order" and step.side == side and step.order:
            number += 1
            shown = number == keep
            hidden = not shown and not step.order.persistent and step.order.kind != "keep"
            if shown or step.order.persistent:
                messages.append(Message("system", step.text))
        elif step.kind in ("call", "result") and side == "R":
            messages.append(
                Message("assistant", step.text, not hidden) if step.kind == "call" else Message("tool", step.text)
            )
        elif step.kind == "say" and step.side == side:
            text = step.text if finish else step.text.removesuffix(" STOP")
            messages.append(Message("assistant", text, not hidden and not step.given))
            if shown:
                return messages
            hidden = False
        elif step.kind == "say":
            messages.append(Message("user", step.text.removesuffix(" STOP")))
    return messages


def dialog_row(rng: random.Random) -> list[Message]:
    """Draw a dialog and one side's view of it."""
    script = draw_script(rng, rare=RARE, tool=None if rng.random() < 0.5 else True)
    _give_opening(rng, script)
    orders = [s for s in script.steps if s.kind == "order"]
    side: Side = rng.choice("RRI")
    if orders and rng.random() < 0.75:
        side = orders[0].side
    own = [s for s in orders if s.side == side]
    keep = rng.randrange(len(own)) if own and rng.random() < 0.65 else None
    finish = rng.random() >= 0.06
    party, partner = script.parties[side], script.parties[other(side)]
    system = system_prompt(
        rng, party, partner, script.domain, script.tools, can_finish=finish, full=0.65 if finish else 1.0
    )
    return view(script, side, system, keep=keep, finish=finish)


def _give_opening(rng: random.Random, script: Script) -> None:
    """Now and then let a party open with a first utterance that somebody else wrote."""
    first = script.steps[0]
    if first.kind != "say" or first.side != "R" or rng.random() > 0.2:
        return
    if rng.random() < 0.6:
        script.steps.insert(0, Step("say", "I", rng.choice(HELLOS), given=True))
    else:
        script.steps[0] = Step("say", "R", rng.choice(OFFERS), given=True)


def _draw_party(rng: random.Random, low: int, high: int) -> tuple[Party, Party, str]:
    """Draw someone with facts of any domain and the one they talk to."""
    name = full_name(rng, RARE)
    facts = draw_facts(rng, name, RARE)
    known = rng.sample([k for k in GIVE if k != "name"], rng.randint(low, high))
    party = Party("I", name, rng.choice(_ROLES), rng.choice(MOODS), facts, known)
    partner = Party("R", full_name(rng, RARE), rng.choice(_PARTNERS), "neutral", facts, [])
    return party, partner, "smalltalk"


def _domain_party(rng: random.Random) -> tuple[Party, Party, str]:
    """Draw the caller of a dialog, in the shapes callers have."""
    script = draw_script(rng, orders=False, rare=RARE)
    party = script.parties["I"]
    return party, script.parties["R"], script.domain


def _ask_any(rng: random.Random, mood: str, key: str) -> str:
    form = rng.random()
    if form < 0.35 and key in QUESTIONS:
        return rng.choice(QUESTIONS[key])
    if form < 0.65 and key in ASK_FOR:
        return request(rng, mood, key)
    if form < 0.85:
        return request(rng, mood, key, anyhow=True)
    return rng.choice([f"What is your {key}?", f"Your {key}?", f"And the {key}?"])


def interview_row(rng: random.Random) -> list[Message]:
    """Question after question about one's facts; absent ones are denied."""
    party, partner, domain = _domain_party(rng) if rng.random() < 0.5 else _draw_party(rng, 4, 8)
    mood = rng.choice(MOODS)
    messages = [Message("system", system_prompt(rng, party, partner, domain, full=0.5))]
    answerable = [k for k in party.known if k in GIVE] + ["name"]
    keys = rng.sample(answerable, min(len(answerable), rng.randint(4, 7)))
    absent = [k for k in ASK_FOR if k not in answerable and k not in DOMAINS[domain].core and k != "issue"]
    keys += [rng.choice(absent) if rng.random() < 0.7 else anything(rng, RARE) for _ in range(rng.randint(0, 2))]
    rng.shuffle(keys)
    for key in keys:
        messages.append(Message("user", _ask_any(rng, mood, key)))
        if key in answerable:
            text = with_articles(capital(rng.choice(GIVE[key]).replace("{" + key + "}", party.facts[key])))
        else:
            text = rng.choice(SENTENCES["I", "deny"])
        if party.mood != "neutral" and rng.random() < 0.3:
            text = f"{rng.choice(SENTENCES['I', f'pre_{party.mood}'])} {text}"
        messages.append(Message("assistant", text, True))
    return messages


def list_row(rng: random.Random) -> list[Message]:
    """All facts of the prompt, said in another order: dense training in copying."""
    party, partner, domain = _draw_party(rng, 2, 6)
    messages = [Message("system", system_prompt(rng, party, partner, domain, full=0.2))]
    keys = [*party.known, "name"]
    rng.shuffle(keys)
    messages.append(Message("user", rng.choice(["Tell me all you know.", "List your facts.", "Summarize yourself."])))
    text = "\n".join(f"{KEY_NAMES.get(k, k)}: {party.facts[k]}" for k in keys)
    return [*messages, Message("assistant", text, True)]


def drill_row(rng: random.Random) -> list[Message]:
    """Short exchanges, then one instruction and the reply to it."""
    party, partner, domain = _domain_party(rng) if rng.random() < 0.4 else _draw_party(rng, 1, 4)
    side: Side = rng.choice("IR") if domain == "smalltalk" else "I"
    party = replace(party, side=side)
    messages = [Message("system", system_prompt(rng, party, partner, domain, full=0.6))]
    for _ in range(rng.randint(0, 3)):
        messages.append(Message("user", _small_remark(rng)))
        messages.append(Message("assistant", rng.choice(SENTENCES[side, "go_on"])))
    messages.append(Message("user", _small_remark(rng)))
    kinds = ["ask", "mention", "change because", "mood", "apologize", "refuse", "thank", "brief", "change", "end"]
    kind = rng.choices(kinds, [4, 2.5, 2, 1.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.7])[0]
    order = draw_order(rng, kind, party.mood, RARE)
    messages.append(Message("system", order.wording))
    said: dict[str, Callable[[], str]] = {
        "ask": lambda: request(rng, party.mood, order.key, anyhow=True),
        "end": lambda: rng.choice(SENTENCES[side, f"bye_{party.mood}"]),
        "mood": lambda: rng.choice(SENTENCES.get((side, f"pre_{order.mood}"), SENTENCES[side, "do_brief"])),
    }
    text = said[kind]() if kind in said else rng.choice(SENTENCES[side, f"do_{kind}"]).replace("{x}", order.text)
    if kind == "mood" or (kind in ("apologize", "thank", "mention") and rng.random() < 0.6):
        text = f"{text} {rng.choice(SENTENCES[side, 'go_on'])}"
    return [*messages, Message("assistant", text, True)]


def _small_remark(rng: random.Random) -> str:
    if rng.random() < 0.4:
        return rng.choice(
            ["Okay, that works.", "I understand.", "Let us continue.", "All right.", "Thank you very much for that."]
        )
    if rng.random() < 0.4:
        return capital(free_issue(rng, RARE)) + "."
    key = rng.choice(list(GIVE))
    value = draw_facts(rng, full_name(rng, RARE), RARE)[key]
    return with_articles(capital(rng.choice(GIVE[key]).replace("{" + key + "}", value)))


def hello_row(rng: random.Random) -> list[Message]:
    """A greeting, a question or two and a farewell in words people may use."""
    script = draw_script(rng, orders=False, rare=RARE)
    side: Side = rng.choice("IR")
    party, partner = script.parties[side], script.parties[other(side)]
    finish = rng.random() < 0.8
    messages = [
        Message(
            "system",
            system_prompt(
                rng, party, partner, script.domain, script.tools, can_finish=finish, full=0.65 if finish else 1.0
            ),
        )
    ]
    greeting = rng.choice(SENTENCES[side, f"greet_{party.mood}"]).replace("{name}", party.name)
    if script.domain == "smalltalk":
        greeting = f"{greeting} {rng.choice(SENTENCES['I', 'chat_open'])}" if side == "I" else f"Hi, I am {party.name}."
    elif side == "I":
        issues = [
            t for t in SENTENCES["I", f"issue_{script.domain}"] if all(slot in party.known for slot in SLOT.findall(t))
        ]
        issue = SLOT.sub(lambda m: party.facts[m.group(1)], rng.choice(issues))
        greeting = f"{greeting} {with_articles(capital(issue))}"
    if rng.random() < 0.8:
        messages += [Message("user", rng.choice(HELLOS)), Message("assistant", greeting, True)]
    keys = [k for k in party.known if k in GIVE] + ["name"]
    for key in rng.sample(keys, rng.randint(0, min(2, len(keys)))):
        text = with_articles(capital(rng.choice(GIVE[key]).replace("{" + key + "}", party.facts[key])))
        messages += [Message("user", _ask_any(rng, "neutral", key)), Message("assistant", text, True)]
    bye = rng.choice(SENTENCES[side, f"bye_{party.mood}"]) + (" STOP" if finish else "")
    return [*messages, Message("user", rng.choice(BYES)), Message("assistant", bye, True)]


def tool_row(rng: random.Random) -> list[Message]:
    """A tool's arguments are told or asked for one by one; then come the call, its result and the report."""
    domain = choose_domain(rng, [name for name, spec in DOMAINS.items() if spec.tools])
    script = draw_script(rng, domain=domain, tool=True, orders=False, rare=RARE)
    caller, helper = script.parties["I"], script.parties["R"]
    tool, script.tools = _drill_tools(rng, domain)
    script.tool = tool
    player = Player(rng, script, {}, RARE)
    messages = [Message("system", system_prompt(rng, helper, caller, domain, script.tools, full=0.5))]
    told = [fact for fact in tool.facts if fact in {*caller.known, "name"} and rng.random() < 0.5]
    opening = [player.answer("I", fact) for fact in told] or [player.sentence("I", f"issue_{domain}")]
    messages.append(Message("user", " ".join(opening)))
    for fact in tool.facts:
        if fact not in told and fact not in player.told:
            messages.append(Message("assistant", request(rng, helper.mood, fact), True))
            messages.append(Message("user", player.answer("I", fact)))
    order = None
    if rng.random() < 0.4:
        kind = rng.choice(["apologize", "apologize", "mention", "thank", "mood"])
        order = draw_order(rng, kind, helper.mood, RARE)
        messages.append(Message("system", order.wording))
    if rng.random() < 0.12:
        messages += _wrong_call(rng, player, script.tools)
    result = script.result = draw_result(rng, domain)
    messages.append(Message("assistant", player.call_text(tool), True))
    messages.append(Message("tool", json.dumps(result)))
    report = [player.sentence("R", f"result_{domain}")]
    if order and order.kind != "mood":
        report = [player.sentence("R", f"do_{order.kind}", x=order.text), *report]
    elif order and order.mood != "neutral":
        report = [player.sentence("R", f"pre_{order.mood}"), *report]
    return [*messages, Message("assistant", " ".join(report), True)]


def _drill_tools(rng: random.Random, domain: str) -> tuple[Tool, list[Tool]]:
    """Draw a tool, often one of two arguments or with a new name, and often beside one of another domain."""
    known = [Tool(n, a, DOMAINS[domain].sources[: len(a)]) for n, a in DOMAINS[domain].tools]
    long = [tool for tool in known if len(tool.arguments) > 1]
    choice = rng.random()
    tool = draw_tool(rng, domain, 1.0) if choice < 0.45 else rng.choice(long if long and choice < 0.7 else known)
    listed = [tool]
    if rng.random() < 0.45:
        other_domain = rng.choice([key for key, spec in DOMAINS.items() if spec.tools and key != domain])
        listed.append(draw_tool(rng, other_domain, 0.3))
        rng.shuffle(listed)
    return tool, listed


def _wrong_call(rng: random.Random, player: Player, listed: Sequence[Tool]) -> list[Message]:
    """A call of a tool that is not there, and what the toolkit answers; only what follows is to be learnt."""
    names = {tool.name for tool in listed}
    verb, _, noun = rng.choice(listed).name.partition("_")
    unknown = draw_tool(rng, choose_domain(rng, [name for name, spec in DOMAINS.items() if spec.tools]), 0.5)
    near_verb, _, near_noun = unknown.name.partition("_")
    name = rng.choice([unknown.name, f"{near_verb}_{noun}", f"{verb}_{near_noun}", f"{verb}_ {noun}"])
    if name in names or player.script.tool is None:
        return []
    error = json.dumps({"error": unknown_tool(name, names)}, ensure_ascii=False)
    return [Message("assistant", player.call_text(player.script.tool._replace(name=name))), Message("tool", error)]


MIX: tuple[tuple[float, Callable[[random.Random], list[Message]]], ...] = (
    (0.55, dialog_row),
    (0.12, interview_row),
    (0.03, list_row),
    (0.08, drill_row),
    (0.02, hello_row),
    (0.20, tool_row),
)


def draw_row(rng: random.Random) -> list[Message]:
    """Draw one training row of any kind.

    In one dialog of 1,600 whoever is to be learnt says nothing but an answer to a one-time instruction; such a row
    teaches nothing and is drawn again.
    """
    while True:
        row = rng.choices([f for _, f in MIX], [w for w, _ in MIX])[0](rng)
        if any(message.learn for message in row):
            return row
