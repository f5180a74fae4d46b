"""What the corpus talks about: the facts, questions, tools and roles of each domain, and how their values are drawn."""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from training import words


class Tool(NamedTuple):
    """A tool as the prompt shows it: a name and argument names; ``facts`` says which fact fills each argument."""

    name: str
    arguments: tuple[str, ...]
    facts: tuple[str, ...]


@dataclass(frozen=True)
class Domain:
    """One kind of conversation."""

    facts: tuple[str, ...]
    core: tuple[str, ...]
    asks: tuple[str, ...]
    roles: tuple[str, str]
    tools: tuple[tuple[str, tuple[str, ...]], ...] = ()
    sources: tuple[str, ...] = ()
    nouns: tuple[str, ...] = ()
    wants: tuple[str, ...] = ()
    weight: float = 1.0


DOMAINS = {
    "delivery": Domain(
        ("order number", "item", "late", "city", "email", "customer id"),
        ("item", "late"),
        ("order number", "city", "email", "customer id"),
        ("customer", "support agent"),
        (("check_order", ("order_number",)), ("track_order", ("order_id",)), ("get_delivery", ("order",))),
        ("order number",),
        ("order", "parcel", "delivery", "shipment", "package"),
        ("a new delivery date", "a replacement", "an answer today"),
        1.2,
    ),
    "refund": Domain(
        ("order number", "item", "problem", "email", "phone"),
        ("item", "problem"),
        ("order number", "email", "phone"),
        ("customer", "support agent"),
        (("issue_refund", ("order_number",)), ("refund_order", ("order_id",)), ("make_refund", ("order", "item"))),
        ("order number", "item"),
        ("refund", "return", "money"),
        ("a full refund", "a replacement", "a voucher"),
    ),
    "billing": Domain(
        ("account number", "month", "bill", "phone", "customer id"),
        ("month", "bill"),
        ("account number", "month", "phone", "customer id"),
        ("customer", "billing agent"),
        (("get_bill", ("account_number",)), ("check_bill", ("account", "month")), ("lookup_account", ("account_id",))),
        ("account number", "month"),
        ("bill", "invoice", "account", "payment"),
        ("a corrected bill", "a discount", "my money back"),
    ),
    "doctor": Domain(
        ("symptom", "since", "allergy", "age"),
        ("symptom",),
        ("since", "allergy", "age"),
        ("patient", "doctor"),
        (("book_appointment", ("patient",)), ("schedule_visit", ("name", "reason")), ("make_appointment", ("name",))),
        ("name", "symptom"),
        ("appointment", "visit", "checkup"),
        ("a prescription", "a sick note", "a blood test"),
        1.2,
    ),
    "hotel": Domain(
        ("room", "nights", "check-in", "email"),
        ("room",),
        ("check-in", "nights", "email"),
        ("guest", "receptionist"),
        (("check_rooms", ("room",)), ("find_room", ("room_type", "nights")), ("get_price", ("room", "nights"))),
        ("room", "nights"),
        ("room", "booking", "stay"),
        ("a late checkout", "breakfast included", "a quiet floor"),
        1.2,
    ),
    "tech": Domain(
        ("device", "techp", "error code", "phone"),
        ("device", "techp"),
        ("error code", "device", "phone"),
        ("user", "technician"),
        (("run_diagnostic", ("error_code",)), ("find_fix", ("code",)), ("diagnose", ("error", "device"))),
        ("error code", "device"),
        ("error", "fix", "diagnostic", "fault"),
        ("a quick fix", "a new device", "a technician at home"),
    ),
    "shop": Domain(
        ("item", "size", "budget", "phone"),
        ("item",),
        ("size", "budget", "phone"),
        ("shopper", "sales associate"),
        (("check_stock", ("item",)), ("find_product", ("product", "size")), ("get_item_price", ("item",))),
        ("item", "size"),
        ("stock", "product", "article"),
        ("a discount", "a gift box", "a good price"),
        0.8,
    ),
    "generic": Domain(
        ("issue", "email", "phone"),
        ("issue",),
        ("name", "issue", "email", "phone"),
        ("caller", "assistant"),
        (("open_ticket", ("name",)), ("create_case", ("customer",)), ("new_ticket", ("name", "issue"))),
        ("name", "issue"),
        ("ticket", "case", "request"),
        ("a solution today", "someone to call me", "a clear answer"),
        1.8,
    ),
    "smalltalk": Domain(("hobby", "food", "plan", "city"), (), ("hobby", "food", "plan", "city"), ("friend", "friend")),
}
_TOOL_VERBS = (
    "get", "find", "check", "fetch", "lookup", "query", "search", "read", "show", "load", "run", "make", "create",
)  # fmt: skip
_ARGUMENT_NAMES = {
    "order number": ("order_number", "order_id", "order", "order_no", "number"),
    "account number": ("account_number", "account_id", "account", "account_no"),
    "error code": ("error_code", "code", "error"),
    "name": ("name", "customer", "customer_name", "patient", "full_name"),
    "room": ("room", "room_type", "kind_of_room"),
    "item": ("item", "product", "article", "item_name"),
}


def pseudo(rng: random.Random, syllables: int = 0) -> str:
    """Return an invented word, so that copying is learnt rather than a list of words."""
    count = syllables or rng.randint(2, 3)
    body = "".join(rng.choice(words.CONSONANTS) + rng.choice(words.VOWELS) for _ in range(count))
    return body + rng.choice(["", "n", "s", "l", "r", "x"])


def full_name(rng: random.Random, rare: float) -> str:
    """Return a first name, mostly with a last name; each is invented with probability ``rare``."""
    first = pseudo(rng).capitalize() if rng.random() < rare else rng.choice(words.FIRST_NAMES)
    if rng.random() < 0.25:
        return first
    return first + " " + (pseudo(rng).capitalize() if rng.random() < rare else rng.choice(words.LAST_NAMES))


def digits(rng: random.Random, low: int, high: int) -> str:
    """Return ``low``-``high`` different digits: repeats make copying ambiguous for so small a model."""
    return "".join(rng.sample("0123456789", rng.randint(low, high)))


def code(rng: random.Random) -> str:
    """Return an order or account number."""
    return rng.choice(["", "", "A", "B", "C", "X", "T", "R", "Q", "Z"]) + digits(rng, 4, 5)


def word(rng: random.Random, rare: float) -> str:
    """Return a noun; rare or invented with probability ``rare``."""
    if rng.random() >= rare:
        return rng.choice(words.NOUNS)
    return rng.choice(words.RARE_WORDS) if rng.random() < 0.5 else pseudo(rng)


def item(rng: random.Random, rare: float) -> str:
    """Return a thing one can buy, of two words."""
    kind = rng.random()
    if kind < 0.6:
        return f"{rng.choice(words.COLORS)} {rng.choice(words.PRODUCTS)}"
    if kind < 0.8:
        return f"{rng.choice(words.COLORS)} {word(rng, rare)}"
    return f"{word(rng, rare)} {rng.choice(words.PRODUCTS)}"


def free_issue(rng: random.Random, rare: float) -> str:
    """Return a problem in free words."""
    noun = rng.choice(words.PRODUCTS) if rng.random() < 0.5 else word(rng, rare)
    state = rng.choice(
        [
            "is broken",
            "stopped working",
            "is missing",
            "makes a strange noise",
            "is too slow",
            "never arrived",
            f"does not {rng.choice(words.VERBS)} well",
            f"looks {rng.choice(words.ADJECTIVES)}",
            f"has a {word(rng, rare)} problem",
            f"turned {rng.choice(words.COLORS)}",
            "was stolen",
            f"is {rng.choice(words.ADJECTIVES)} and {rng.choice(words.ADJECTIVES)}",
        ]
    )
    form = rng.choice(
        [
            "my {n} {s}",
            "the {n} {s}",
            "I cannot {v} the {n}",
            "my {n} {s} since {d}",
            "the {n} does not {v}",
            "I lost my {n} in {c}",
            "someone took my {w} {n}",
            "my {w} and my {n} {s}",
            "the {n} in the {w} {s}",
            "I need a new {w} for my {n}",
            "the {w} of my {n} {s}",
        ]
    )
    return with_articles(
        form.format(
            n=noun,
            w=word(rng, rare),
            s=state,
            v=rng.choice(words.VERBS),
            d=rng.choice(words.DAYS),
            c=rng.choice(words.CITIES),
        )
    )


def with_articles(text: str) -> str:
    """Write "an" before a vowel."""
    return re.sub(r"\b([Aa]) (?=[aeiou])", r"\1n ", text)


def draw_facts(rng: random.Random, name: str, rare: float) -> dict[str, str]:
    """Draw a value for every fact there is."""
    pick = rng.choice
    user = pick([name.split()[0].lower(), pick(words.FIRST_NAMES).lower(), pick(words.NOUNS)])
    hobby = pick(words.HOBBIES)
    visit = rng.random() < 0.4
    plan = f"visit {pick(words.CITIES)}" if visit else f"{pick(['buy a', 'clean my'])} {item(rng, rare)}"
    return {
        "name": name,
        "order number": code(rng),
        "account number": code(rng),
        "customer id": code(rng),
        "item": item(rng, rare),
        "email": f"{pseudo(rng) if rng.random() < rare else user}@{pick(['mail', 'post', 'web'])}.com",
        "city": pick(words.CITIES),
        "month": pick(words.MONTHS),
        "symptom": pick(words.SYMPTOMS),
        "since": pick(
            [
                f"{rng.randint(2, 9)} days ago",
                "last night",
                "last week",
                "this morning",
                "yesterday",
                f"on {pick(words.DAYS)}",
            ]
        ),
        "allergy": pick(words.ALLERGIES),
        "age": str(rng.randint(18, 90)),
        "check-in": pick(words.DAYS),
        "nights": str(rng.randint(2, 14)),
        "room": pick(words.ROOMS),
        "device": pick(words.DEVICES),
        "error code": pick("ABCDEFX") + digits(rng, 3, 4),
        "hobby": hobby if rng.random() < 0.7 else f"{pick(words.ADJECTIVES)} {hobby}",
        "food": pick(words.FOODS),
        "plan": with_articles(plan),
        "phone": digits(rng, 4, 5),
        "issue": free_issue(rng, rare),
        "late": str(rng.randint(2, 30)),
        "problem": pick(words.PROBLEMS),
        "bill": pick(words.BILL_PROBLEMS),
        "techp": pick(words.DEVICE_PROBLEMS),
        "size": pick(words.SIZES),
        "budget": str(rng.randint(20, 400)),
        "occupation": pick(words.OCCUPATIONS),
    }


def draw_result(rng: random.Random, domain: str) -> dict[str, str]:
    """Draw what the tools of a domain answer."""
    return {
        "delivery": lambda: {
            "status": rng.choice(["in transit", "delayed", "lost", "on its way"]),
            "eta": rng.choice(words.DAYS),
        },
        "refund": lambda: {"amount": str(rng.randint(20, 400)), "days": str(rng.randint(2, 9))},
        "billing": lambda: {"amount": str(rng.randint(20, 400))},
        "doctor": lambda: {"appt": rng.choice(words.DAYS), "hour": str(rng.randint(8, 18))},
        "hotel": lambda: {"price": str(rng.randint(20, 400))},
        "tech": lambda: {"fix": rng.choice(words.FIXES)},
        "shop": lambda: {"price": str(rng.randint(20, 400))},
        "generic": lambda: {"ticket": digits(rng, 4, 5)},
    }[domain]()


def draw_tool(rng: random.Random, name: str, unseen: float) -> Tool:
    """Draw one tool of a domain; with probability ``unseen`` its name is made up on the spot."""
    domain = DOMAINS[name]
    if rng.random() >= unseen:
        tool, arguments = rng.choice(domain.tools)
        return Tool(tool, arguments, domain.sources[: len(arguments)])
    noun = rng.choice(domain.nouns) if rng.random() < 0.6 else rng.choice(words.NOUNS + words.RARE_WORDS)
    fact = domain.sources[0]
    return Tool(f"{rng.choice(_TOOL_VERBS)}_{noun}", (rng.choice(_ARGUMENT_NAMES[fact]),), (fact,))


def draw_tools(rng: random.Random, name: str, unseen: float = 0.2) -> tuple[Tool, list[Tool]]:
    """Return the tool a dialog needs and the list it is shown in, sometimes next to one of another domain."""
    tool = draw_tool(rng, name, unseen)
    listed = [tool]
    if rng.random() < 0.3 and tool in {Tool(n, a, DOMAINS[name].sources[: len(a)]) for n, a in DOMAINS[name].tools}:
        other = rng.choice([key for key, domain in DOMAINS.items() if domain.tools and key != name])
        listed.append(draw_tool(rng, other, 0.0))
        rng.shuffle(listed)
    return tool, listed


def second_person(text: str) -> str:
    """Say a first-person text back to its speaker: "my lamp" becomes "your lamp"."""
    out = text.replace("call me", "call you").replace("I cannot", "you cannot").replace("I lost", "you lost")
    out = out.replace("I need", "you need")
    return " ".join({"my": "your", "My": "your"}.get(part, part) for part in out.split(" "))


def anything(rng: random.Random, rare: float) -> str:
    """Return something one may ask for that no domain knows."""
    kind = rng.random()
    if kind < 0.5:
        return f"{rng.choice(words.ASK_FIRST)} {rng.choice(words.ASK_SECOND)}"
    if kind < 0.65:
        return rng.choice(words.ASK_SECOND)
    return word(rng, rare) if kind < 0.8 else f"{word(rng, rare)} {rng.choice(words.ASK_SECOND)}"


def choose_domain(rng: random.Random, names: Sequence[str] = tuple(DOMAINS)) -> str:
    """Pick a domain by weight."""
    return rng.choices(list(names), [DOMAINS[name].weight for name in names])[0]
