"""System messages: a party's facts in the shapes personas have, in the toolkit's template or a short form of it."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

from sdialog.llm.prompts import render
from training import words
from training.domains import DOMAINS, Tool
from training.script import Party, capital

KEY_NAMES = {"late": "days late", "techp": "problem", "bill": "problem"}
DEFAULT_DETAILS = "Keep it to one short utterance, as people do in spoken conversation."
_DETAILS = (
    DEFAULT_DETAILS,
    "Answer in one sentence.",
    "Be natural and short.",
    "One short sentence at a time.",
    "Use plain words.",
    "Reply in one or two sentences.",
)
_MOOD_WORDS = {
    "polite": ("polite", "polite", "very polite", "kind", "courteous"),
    "neutral": ("neutral", "neutral", "calm", "average"),
    "cheerful": ("cheerful", "cheerful", "happy", "friendly"),
    "rude": ("rude", "rude", "angry", "impatient", "not polite"),
}
_PUBLISHED = {
    "customer": (
        "name age gender language customer_id occupation issue issue_category issue_description issue_history "
        "desired_outcome sentiment politeness personality prior_interactions_summary urgency rules "
    ),
    "support": ("name language agent_id role experience_years product_scope communication_style politeness rules "),
    "patient": (
        "name age gender language formality hurriedness openness occupation reason_for_visit symptoms "
        "medical_history allergies "
    ),
    "doctor": ("name age gender language years_of_experience specialty formality openness "),
    "visitor": (
        "name age gender department case_type device_type issue_description travel_goal shopping_goal "
        "inquiry_topic loyalty_status politeness "
    ),
    "staff": ("name age gender hotel_name store_name branch years_of_experience specialty expertise_area politeness "),
    "persona": ("name age race gender language role background personality circumstances rules "),
}
_GOALS = {
    "delivery": ("{item}, {late} days late", "my {item} is {late} days late", "the {item} is {late} days late"),
    "refund": ("{item} {problem}", "my {item} {problem}", "the {item} {problem}"),
    "billing": ("bill of {month}, {bill}", "{month} bill, {bill}", "the bill of {month}, {bill}"),
    "doctor": ("{symptom}", "a {symptom}", "I have a {symptom}"),
    "hotel": ("book a {room}", "{room}", "a {room}"),
    "tech": ("{techp}", "my {device} {techp}", "it {techp}"),
    "shop": ("buy a {item}", "{item}", "find a {item}"),
    "generic": ("{issue}",),
}


def tool_line(tools: Sequence[Tool]) -> str:
    """Return the line the chat template adds for tools."""
    return "tools: " + ", ".join(f"{t.name}({', '.join(t.arguments)})" for t in tools) if tools else ""


def persona_fields(rng: random.Random, party: Party, domain: str) -> dict[str, Any]:
    """Return a persona's non-empty fields, in one of the three kinds of shape."""
    kind = rng.random()
    if kind < 0.4 and domain != "smalltalk":
        return _class_fields(rng, party, domain)
    return _custom_fields(rng, party) if kind < 0.75 else _prose_fields(rng, party, domain)


def _number(rng: random.Random, value: str, chance: float = 0.5) -> str | int:
    return int(value) if value.isdigit() and value[0] != "0" and rng.random() < chance else value


def _own_facts(party: Party) -> list[tuple[str, str]]:
    facts = [(KEY_NAMES.get(k, k), party.facts[k]) for k in party.known]
    facts += [("wants", party.wants)] if party.wants else []
    facts += [("next step day", party.day)] if party.day else []
    return facts + ([("treatment", party.treatment)] if party.treatment else [])


def _custom_fields(rng: random.Random, party: Party) -> dict[str, Any]:
    """A persona of one's own whose fields are named after the facts."""
    facts = _own_facts(party)
    rng.shuffle(facts)
    names = {"wants": rng.choice(["wants", "wants", "desired_outcome", "goal"])}
    pairs = [(names.get(k, k).replace(" ", "_").replace("-", "_"), _number(rng, v)) for k, v in facts]
    head: list[tuple[str, Any]] = [("name", party.name), ("role", party.role)]
    if party.mood != "neutral" or rng.random() < 0.5:
        key = rng.choice(["mood", "politeness", "personality"])
        head.append((key, party.mood if key == "mood" else rng.choice(_MOOD_WORDS[party.mood])))
    if rng.random() < 0.25:
        head.append(("language", "English"))
    return dict(head + pairs if rng.random() < 0.7 else [head[0], *pairs, *head[1:]])


def _phrases(rng: random.Random, facts: Sequence[tuple[str, str]]) -> str:
    """Write facts down as phrases of one text."""
    facts = list(facts)
    rng.shuffle(facts)
    form = rng.choice(["{k}: {v}", "{k}: {v}", "{k} {v}", "the {k} is {v}", "{k} is {v}"])
    parts = [("{k}: {v}" if v.startswith(("is ", "I ")) else form).format(k=k, v=v) for k, v in facts]
    join = rng.choice(["; ", ". ", ", ", ". "])
    if join == ". ":
        return ". ".join(capital(p) for p in parts) + "."
    return capital(join.join(parts)) + rng.choice(["", "."])


def _prose_fields(rng: random.Random, party: Party, domain: str) -> dict[str, Any]:
    """The plain ``Persona`` class: facts are phrases in its background and circumstances."""
    facts = [(k, v) for k, v in _own_facts(party) if k != "age"]
    rng.shuffle(facts)
    cut = rng.randint(0, len(facts))
    values: dict[str, Any] = {"name": party.name, "language": "English", "role": party.role}
    if "age" in party.known:
        values["age"] = _number(rng, party.facts["age"], 0.8)
    if rng.random() < 0.5:
        cut = rng.choice([0, len(facts)])
    texts = {"background": facts[:cut], "circumstances": facts[cut:]}
    values.update({field: _phrases(rng, part) for field, part in texts.items() if part})
    if domain == "smalltalk" and rng.random() < 0.4:
        life = rng.choice(words.LIVES)
        old = values.get("background", "")
        values["background"] = f"{old.rstrip('.')}. {capital(life)}." if old else _text(rng, life)
    if party.mood != "neutral" or rng.random() < 0.4:
        values["personality"] = rng.choice(_MOOD_WORDS[party.mood])
    if rng.random() < 0.1:
        values["rules"] = rng.choice(["Be honest.", "Stay calm.", "Do not talk too much.", "Be clear."])
    return _ordered("persona", values)


def _ordered(shape: str, values: dict[str, Any]) -> dict[str, Any]:
    return {key: values[key] for key in _PUBLISHED[shape].split() if key in values}


def _text(rng: random.Random, text: str) -> str:
    """Write a text as people do: with a capital or not, with a full stop or not."""
    return (capital(text) if rng.random() < 0.45 else text) + ("." if rng.random() < 0.25 else "")


def _class_fields(rng: random.Random, party: Party, domain: str) -> dict[str, Any]:
    """A persona of the published classes."""
    values: dict[str, Any] = {"name": party.name}
    if "age" in party.known:
        values["age"] = _number(rng, party.facts["age"], 0.8)
    if rng.random() < 0.2:
        values["gender"] = rng.choice(["female", "male", "woman", "man"])
    if party.side == "R":
        return _staff_fields(rng, party, domain, values)
    facts = party.facts
    goal = rng.choice(_GOALS[domain])
    said = {fact for fact in DOMAINS[domain].core if "{" + fact + "}" in goal}
    text = _text(rng, goal.format(**facts))
    if domain == "doctor":
        return _patient_fields(rng, party, values, text)
    rest = [(KEY_NAMES.get(k, k), facts[k]) for k in party.known if k not in said | {"age", "customer id"}]
    if domain in ("tech", "hotel", "shop") and rng.random() < 0.6:
        field = {"tech": "issue_description", "hotel": "travel_goal", "shop": "shopping_goal"}[domain]
        if domain == "tech" and "device" in party.known:
            values["device_type"] = facts["device"]
            rest = [(k, v) for k, v in rest if k != "device"]
        rest += [("wants", party.wants)] if party.wants else []
        values[field] = text.rstrip(".") + "; " + _phrases(rng, rest).rstrip(".") if rest else text
        _mood_field(rng, party, values, ("politeness",))
        return _ordered("visitor", values)
    return _customer_fields(rng, party, domain, values, text, rest)


def _customer_fields(
    rng: random.Random, party: Party, domain: str, values: dict[str, Any], text: str, rest: list[tuple[str, str]]
) -> dict[str, Any]:
    values.update(language="English", issue=text)
    if "customer id" in party.known:
        values["customer_id"] = _number(rng, party.facts["customer id"])
    if "occupation" in party.known:
        values["occupation"] = party.facts["occupation"]
        rest = [(k, v) for k, v in rest if k != "occupation"]
    if rest:
        values[rng.choice(["issue_description", "issue_description", "prior_interactions_summary", "rules"])] = (
            _phrases(rng, rest)
        )
    if party.wants:
        values["desired_outcome"] = _text(rng, party.wants)
    if rng.random() < 0.15:
        values["issue_category"] = domain
    _mood_field(rng, party, values, ("politeness", "politeness", "personality", "sentiment"))
    return _ordered("customer", values)


def _patient_fields(rng: random.Random, party: Party, values: dict[str, Any], text: str) -> dict[str, Any]:
    facts, known = party.facts, party.known
    values["language"] = "English"
    as_list = rng.random() < 0.4
    form = rng.random()
    since = f" since {facts['since']}" if "since" in known else ""
    if form < 0.5:
        values["symptoms"] = [facts["symptom"]] if as_list else facts["symptom"]
        if since:
            values["reason_for_visit"] = rng.choice(["since {s}", "it started {s}", "{y}, it started {s}"]).format(
                s=facts["since"], y=facts["symptom"]
            )
    else:
        values["reason_for_visit"] = text.rstrip(".") + (
            rng.choice([", since {}", ", it started {}"]).format(facts["since"]) if since else ""
        )
    if "allergy" in known:
        values["allergies"] = [facts["allergy"]] if as_list else facts["allergy"]
    if "occupation" in known:
        values["occupation"] = facts["occupation"]
    extra = [(k, facts[k]) for k in ("hobby", "city") if k in known]
    extra += [("wants", party.wants)] if party.wants else []
    if extra:
        values["medical_history"] = _phrases(rng, extra)
    _mood_field(rng, party, values, ("openness", "formality"))
    return _ordered("patient", values)


def _staff_fields(rng: random.Random, party: Party, domain: str, values: dict[str, Any]) -> dict[str, Any]:
    """The class of whoever helps in a domain."""
    years = rng.randint(1, 35)
    facts = [(k, party.facts[k]) for k in party.known if k != "age"]
    facts += [("next step day", party.day)] if party.day else []
    facts += [("treatment", party.treatment)] if party.treatment else []
    if facts and domain in ("doctor", "hotel", "shop", "tech"):
        return _prose_fields(rng, party, domain)
    if domain == "doctor":
        values.update(language="English", specialty=rng.choice(words.SPECIALTIES), years_of_experience=years)
        _mood_field(rng, party, values, ("openness", "formality"))
        return _ordered("doctor", values)
    if domain in ("hotel", "shop", "tech") and rng.random() < 0.75:
        field, options = {
            "hotel": ("hotel_name", words.HOTELS),
            "shop": ("store_name", words.STORES),
            "tech": ("expertise_area", ["hardware", "networks", "software", "computers"]),
        }[domain]
        values.update({field: rng.choice(options), "years_of_experience": years})
        _mood_field(rng, party, values, ("politeness",))
        return _ordered("staff", values)
    values.pop("age", None)
    role = "Customer Support Agent" if rng.random() < 0.7 else party.role
    values.update(language="English", role=role)
    if "age" in party.known:
        facts.append(("age", party.facts["age"]))
    if rng.random() < 0.4:
        values["agent_id"] = rng.randint(100, 9999)
    if rng.random() < 0.3:
        values["experience_years"] = years
    if facts:
        values["rules"] = _phrases(rng, facts)
    _mood_field(rng, party, values, ("politeness", "communication_style"))
    return _ordered("support", values)


def _mood_field(rng: random.Random, party: Party, values: dict[str, Any], fields: Sequence[str]) -> None:
    if party.mood != "neutral" or rng.random() < 0.4:
        values[rng.choice(fields)] = rng.choice(_MOOD_WORDS[party.mood])


def persona_text(fields: dict[str, Any]) -> str:
    """Return the JSON a persona puts into the prompt."""
    return json.dumps(fields, indent=2, ensure_ascii=False)


def full_prompt(
    rng: random.Random,
    fields: dict[str, Any],
    party: Party,
    partner: Party,
    *,
    plain: bool = False,
    can_finish: bool = True,
) -> str:
    """Render the toolkit's template; ``plain`` leaves out the optional parts, as an agent does by default."""
    context, details, response, examples = None, "", DEFAULT_DETAILS, []
    if not plain:
        context = draw_context(rng, party, partner) if rng.random() < 0.2 else None
        details = _dialogue_details(rng, party, partner) if rng.random() < 0.08 else ""
        response = DEFAULT_DETAILS if rng.random() < 0.75 else rng.choice([*_DETAILS, "", ""])
        if rng.random() < 0.02:
            examples = [f"{partner.name}: Hello.\n{party.name}: Hi, how are you?\n{partner.name}: Fine, bye."]
    return render(
        "agent/persona",
        persona=persona_text(fields),
        context=context,
        dialogue_details=details,
        response_details=response,
        example_dialogs=examples,
        can_finish=can_finish,
        stop_word="STOP",
    )


def draw_context(rng: random.Random, party: Party, partner: Party) -> str:
    """Draw what a ``Context`` with one or two fields says in a prompt."""
    lines = [
        ("Location", ["a phone call", "an office", "a chat", "a small town", "the city center", "a call center"]),
        ("Datetime", ["Monday morning", "Friday, 10:00", "a summer evening", "today"]),
        ("Environment", ["quiet", "a busy office", "a calm room"]),
        (
            "Participants Shared Knowledge",
            [f"{party.name} talks to the {partner.role}", f"a {party.role} talks to a {partner.role}"],
        ),
        ("Goals", ["solve the problem", "help each other", "have a nice talk"]),
        ("Topics", ["the problem of today", "daily life", "service"]),
    ]
    chosen = sorted(rng.sample(range(len(lines)), rng.randint(1, 2)))
    return "\n".join(f"- {lines[n][0]}: {rng.choice(lines[n][1])}" for n in chosen)


def _dialogue_details(rng: random.Random, party: Party, partner: Party) -> str:
    return rng.choice(
        [
            f"A {party.role} talks to a {partner.role}.",
            "A phone call.",
            "A short talk between two people.",
            f"You are talking to a {partner.role}.",
        ]
    )


def system_prompt(
    rng: random.Random,
    party: Party,
    partner: Party,
    domain: str,
    tools: Sequence[Tool] = (),
    full: float = 0.65,
    can_finish: bool = True,
) -> str:
    """Return a system message: the whole template with probability ``full``, otherwise a short form of it."""
    fields = persona_fields(rng, party, domain)
    if rng.random() < full:
        text = full_prompt(rng, fields, party, partner, can_finish=can_finish)
    elif rng.random() < 0.6:
        text = f"<persona>\n{persona_text(fields)}\n</persona>"
    else:
        pairs = [("name", party.name), ("role", party.role), ("mood", party.mood), *_own_facts(party)]
        text = "\n".join(f"{k}: {v}" for k, v in pairs)
    line = tool_line(tools) if party.side == "R" else ""
    return f"{text}\n{line}" if line else text
