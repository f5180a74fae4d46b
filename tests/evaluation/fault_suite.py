"""Dialogs with known faults of role integrity, and clean ones that are hard to tell from them.

Each split has its own wording (``fault_wording_tuning``, ``fault_wording_held_out``): no sentence, name or domain is in
both. The third source, :func:`scripted_dialogs`, takes the sentences of the grammar that the embedded model was trained
on, which nobody wrote with the detectors in mind.
"""

from __future__ import annotations

import random
from types import ModuleType

from sdialog import Dialog, Turn

KINDS = (
    "role_flip", "echo", "leaked_reasoning", "goodbye_loop", "premature_stop", "early_disclosure", "empty_turn",
    "repeated_turn",
)  # fmt: skip
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]
CITIES = ["Oslo", "Lyon", "Porto", "Graz", "Leeds", "Turin"]
BLANKS = ["", "   ", "...", "\n", "…", "[no response]", "\u200b", "-"]


class Talk:
    """A dialog in the making: pairs of side (0 helper, 1 client) and text, with what its sentences are filled with."""

    def __init__(self, rng: random.Random, wording: ModuleType) -> None:
        self.rng, self.wording = rng, wording
        self.names = rng.sample(wording.NAMES, 2)
        roles = rng.choice(wording.ROLE_PAIRS)
        self.labels = list(self.names if rng.random() < 0.5 else roles)
        self.domain = rng.choice(wording.DOMAINS)
        self.slots = {
            "thing": rng.choice(self.domain["thing"]),
            "number": f"{rng.choice('ABCD')}{rng.randint(10_000, 99_999)}",
            "price": f"{rng.randint(20, 400)} euros",
            "day": rng.choice(DAYS),
            "city": rng.choice(CITIES),
            "name": self.names[1],
            "helper": self.names[0],
        }
        self.lines: list[tuple[int, str]] = []
        self.goal: list[str] | None = None
        self.task = False

    def fill(self, text: str, **more: str) -> str:
        return text.format(**{**self.slots, **more})

    def say(self, side: int, options: list[str], **more: str) -> None:
        self.lines.append((side, self.fill(self.rng.choice(options), **more)))

    def dialog(self) -> Dialog:
        return Dialog(
            turns=[Turn(speaker=self.labels[side], text=text) for side, text in self.lines],
            personas={label: {"name": name} for label, name in zip(self.labels, self.names, strict=True)},
            scenario={"goal": [self.fill(fact) for fact in self.goal]} if self.goal else None,
        )


def task(rng: random.Random, wording: ModuleType) -> Talk:
    """A client asks a helper for something."""
    talk = Talk(rng, wording)
    domain, talk.goal, talk.task = talk.domain, talk.domain["goal"], True
    if rng.random() < 0.7:
        talk.say(0, wording.HELPER_OPENINGS)
    talk.say(1, domain["problem"])
    talk.say(0, domain["ask"])
    talk.say(1, domain["give"])
    if rng.random() < 0.3:  # the number is read back, which is no echo
        talk.say(0, ["{number}, thank you.", "So that is {number}?"])
        talk.say(1, wording.BACK_CHANNELS)
    talk.say(0, domain["hold"])
    talk.say(1, wording.BACK_CHANNELS)
    talk.say(0, domain["result"])
    if rng.random() < 0.6:
        talk.say(1, domain["more"])
        talk.say(0, domain["answer"])
    talk.say(1, wording.CLIENT_REACTIONS)
    talk.say(0, wording.ANYTHING_ELSE)
    talk.say(1, wording.NO_MORE)
    _farewells(talk, 0, rng.randint(1, 3))
    return talk


def small_talk(rng: random.Random, wording: ModuleType) -> Talk:
    """Two people chat."""
    talk = Talk(rng, wording)
    talk.labels = list(talk.names)
    first = rng.randint(0, 1)
    topics = rng.sample(wording.SMALL_TALK, rng.choice([1, 1, 2]))
    for number, line in enumerate(line for topic in topics for line in topic):
        talk.say((first + number) % 2, [line])
        if rng.random() < 0.08:
            talk.lines.append(((first + number + 1) % 2, rng.choice(wording.BACK_CHANNELS)))
            talk.lines.append(((first + number) % 2, rng.choice(wording.BACK_CHANNELS)))
    if rng.random() < 0.8:
        _farewells(talk, 1 - talk.lines[-1][0], rng.randint(2, 3))
    return talk


def _farewells(talk: Talk, side: int, count: int) -> None:
    for number, text in enumerate(talk.rng.sample(talk.wording.FAREWELLS, count)):
        talk.lines.append(((side + number) % 2, text))


def _place(talk: Talk, low: int = 1, side: int | None = None) -> int:
    """Return where a fault may go: a turn of the side, not among the farewells."""
    places = [n for n, (who, _) in enumerate(talk.lines[:-2]) if n >= low and side in (None, who)]
    return talk.rng.choice(places)


def role_flip(talk: Talk) -> None:
    rng, wording = talk.rng, talk.wording
    side = rng.randint(0, 1)
    place = _place(talk, side=side)
    forms = ["label", "claim", "address"] + (["talk", "talk", "talk", "answer"] if talk.task else [])
    form = rng.choice(forms)
    if form == "answer":
        place = _place(talk, side=0)
        talk.lines[place] = (0, talk.fill(rng.choice(wording.SELF_ANSWERS)))
    elif form == "label":
        other = talk.labels[1 - side]
        shown = rng.choice([f"{other}: {{}}", f"[{other}] {{}}:", f"**{other}:** {{}}"])
        shown = shown.replace("{}:", "{}") if shown.startswith("**") else shown.replace("] {}:", "]: {}")
        talk.lines[place] = (side, shown.format(talk.lines[place][1]))
    elif form == "claim":
        talk.lines[place] = (side, talk.fill(rng.choice(wording.NAME_CLAIMS), other=talk.names[1 - side]))
    elif form == "address":
        talk.lines[place] = (side, talk.fill(rng.choice(wording.SELF_ADDRESS), own=talk.names[side].split()[0]))
    else:
        flipped = wording.FLIPPED_CLIENT if side else wording.FLIPPED_HELPER
        talk.lines[place] = (side, talk.fill(rng.choice(flipped)))


def echo(talk: Talk) -> None:
    long = [n for n, (_, text) in enumerate(talk.lines[:-2]) if len(text.split()) >= 6 and "thank" not in text.lower()]
    place = talk.rng.choice(long)
    side, text = talk.lines[place]
    form = talk.rng.randint(0, 3)
    if form == 1:
        text = text.rstrip(".!?").lower() + text[-1]
    elif form == 2:
        text = talk.rng.choice(["Well, ", "Yes, ", "Oh, "]) + text
    elif form == 3 and len(text.split()) >= 8:
        gone = text.split()
        del gone[talk.rng.randrange(1, len(gone) - 1)]
        text = " ".join(gone)
    talk.lines.insert(place + 1, (1 - side, text))


def leaked_reasoning(talk: Talk) -> None:
    place = _place(talk, low=0)
    side, text = talk.lines[place]
    talk.lines[place] = (side, talk.rng.choice(talk.wording.LEAKS).replace("{said}", text))


def goodbye_loop(talk: Talk) -> None:
    while talk.lines[-1][1] in map(talk.fill, talk.wording.FAREWELLS):
        talk.lines.pop()
    side = 1 - talk.lines[-1][0]
    if talk.rng.random() < 0.5:
        _farewells(talk, side, talk.rng.randint(6, 7))
    else:
        pair = talk.rng.sample(talk.wording.FAREWELLS, 2)
        talk.lines += [((side + n) % 2, pair[n % 2]) for n in range(talk.rng.randint(6, 14))]


def premature_stop(talk: Talk) -> None:
    last = _place(talk, low=2)
    if talk.rng.random() < 0.4:  # cut right after somebody has asked
        asked = [n for n, (_, text) in enumerate(talk.lines[:-2]) if text.endswith("?") and n]
        if asked:
            talk.lines = talk.lines[: talk.rng.choice(asked) + 1]
            return
    talk.lines = talk.lines[: last + 1]
    talk.lines[-1] = (talk.lines[-1][0], talk.fill(talk.rng.choice(talk.wording.PENDING)))


def early_disclosure(talk: Talk) -> None:
    first = next(n for n, (side, _) in enumerate(talk.lines) if side == 1)
    talk.lines[first] = (1, talk.fill(talk.rng.choice(talk.domain["tell_all"])))


def empty_turn(talk: Talk) -> None:
    place = _place(talk, low=0)
    talk.lines[place] = (talk.lines[place][0], talk.rng.choice(BLANKS))


def repeated_turn(talk: Talk) -> None:
    # An offer of further help may well be made twice.
    long = [n for n, (_, text) in enumerate(talk.lines[:-4]) if len(text.split()) >= 6 and " else" not in text]
    place = talk.rng.choice(long)
    side, text = talk.lines[place]
    later = [n for n, (who, _) in enumerate(talk.lines[:-1]) if n > place and who == side]
    if talk.rng.random() < 0.2:
        text = text + " " + " ".join([text.rstrip(".!?")] * 8)
        talk.lines[place] = (side, text)
    elif talk.rng.random() < 0.5:
        text = text.rstrip(".!?")
        talk.lines[talk.rng.choice(later)] = (side, text.lower() + "!")
    else:
        talk.lines[talk.rng.choice(later)] = (side, text)


FAULTS = {
    "role_flip": role_flip, "echo": echo, "leaked_reasoning": leaked_reasoning, "goodbye_loop": goodbye_loop,
    "premature_stop": premature_stop, "early_disclosure": early_disclosure, "empty_turn": empty_turn,
    "repeated_turn": repeated_turn,
}  # fmt: skip


def clean_dialogs(wording: ModuleType, count: int, seed: int = 0) -> list[Dialog]:
    """Return clean dialogs, two thirds of them with a task."""
    rng = random.Random(f"clean {seed}")
    return [(task if rng.random() < 2 / 3 else small_talk)(rng, wording).dialog() for _ in range(count)]


def unclosed_dialogs(wording: ModuleType, count: int, seed: int = 0) -> list[Dialog]:
    """Return clean dialogs with a task that end with a last word and no goodbye, as those of many corpora do."""
    rng = random.Random(f"unclosed {seed}")
    found = []
    for _ in range(count):
        talk = task(rng, wording)
        talk.lines = [line for line in talk.lines if line[1] not in wording.FAREWELLS]
        talk.lines.append((1 - talk.lines[-1][0], rng.choice(wording.LAST_WORDS)))
        found.append(talk.dialog())
    return found


def faulty_dialogs(wording: ModuleType, kind: str, count: int, seed: int = 0) -> list[Dialog]:
    """Return dialogs with one fault of a kind."""
    rng = random.Random(f"{kind} {seed}")
    found = []
    for _ in range(count):
        chatty = kind != "early_disclosure" and rng.random() < 1 / 3
        talk = (small_talk if chatty else task)(rng, wording)
        FAULTS[kind](talk)
        found.append(talk.dialog())
    return found


def scripted_dialogs(kind: str | None, count: int, seed: int = 0) -> list[Dialog]:
    """Return dialogs of the embedded model's training grammar, clean or with a fault made of its own sentences."""
    from evaluation import fault_wording_held_out as wording

    from training.dialogs import draw_script

    rng = random.Random(f"scripted {kind} {seed}")
    opposite: dict[tuple[str, int], list[str]] = {}
    found: list[Dialog] = []
    while len(found) < count:
        script = draw_script(rng, orders=False)
        talk = Talk(rng, wording)
        said = [step for step in script.steps if step.kind == "say"]
        talk.lines = [("RI".index(step.side), step.text.removesuffix("STOP").strip()) for step in said]
        talk.names = talk.labels = [script.parties[side].name for side in "RI"]
        others = opposite.copy()
        for side in (0, 1):
            own = [text for who, text in talk.lines if who == side]
            # Only what tells its role: what the client comes with, and what the helper asks the client for.
            opposite[script.domain, side] = own[:1] if side else [text for text in own if "your " in text]
        if kind == "role_flip":
            side = rng.randint(0, 1)
            options = [text for text in others.get((script.domain, 1 - side), ()) if len(text.split()) >= 8]
            if script.domain == "smalltalk" or len(talk.lines) < 6 or not options:
                continue
            talk.lines[_place(talk, low=2, side=side)] = (side, rng.choice(options))
        elif kind is not None:
            try:
                FAULTS[kind](talk)
            except (IndexError, StopIteration):  # too short a dialog for this fault
                continue
        found.append(talk.dialog())
    return found
