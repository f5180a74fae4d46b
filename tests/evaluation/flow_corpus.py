"""A made corpus whose flow is known: a Markov chain of things said, each in several wordings."""

from __future__ import annotations

from sdialog import Dialog, Turn
from sdialog.core.seeds import rng

# State -> speaker, wordings, and how likely each next state is.
CHAIN = {
    "greet": ("User", ["Hello, good morning.", "Good morning, hello!", "Hello there, good morning to you."]),
    "ask_name": ("Bot", ["May I have your name please?", "Could I have your name please?", "Your name please?"]),
    "ask_number": ("Bot", ["What is the order number?", "Tell me the order number.", "Which order number is it?"]),
    "give_name": ("User", ["My surname is {0}.", "The surname is {0}.", "It is under the surname {0}."]),
    "give_number": ("User", ["Parcel {1}.", "It says parcel {1}.", "The paper says parcel {1}."]),
    "ship": ("Bot", ["It will be delivered tomorrow.", "Delivered tomorrow at noon.", "That is delivered tomorrow."]),
    "lost": ("Bot", ["Sorry, we have lost it.", "Sorry, it seems we lost it.", "We lost it, sorry."]),
    "thank": ("User", ["Thanks a lot, bye!", "Thanks, bye!", "Thanks a lot and bye."]),
}
STEPS = {
    None: {"greet": 1.0},
    "greet": {"ask_name": 0.7, "ask_number": 0.3},
    "ask_name": {"give_name": 1.0},
    "ask_number": {"give_number": 1.0},
    "give_name": {"ask_number": 0.6, "ship": 0.4},
    "give_number": {"ship": 0.8, "lost": 0.2},
    "ship": {"thank": 1.0},
    "lost": {"thank": 0.5, None: 0.5},
    "thank": {None: 1.0},
}
SURNAMES = ["Keller", "Okafor", "Moreau", "Lindqvist", "Tanaka", "Rossi"]


def walk(seed: int, number: int) -> list[str]:
    """Return the states of one dialog."""
    draw, state, path = rng(seed, "walk", number), None, []
    while True:
        state = draw.choices(list(STEPS[state]), list(STEPS[state].values()))[0]
        if state is None:
            return path
        path.append(state)


def said(path: list[str], seed: int, number: int) -> Dialog:
    """Return a dialog that goes through these states."""
    draw = rng(seed, "words", number)
    turns = []
    for state in path:
        speaker, wordings = CHAIN[state]
        text = draw.choice(wordings).format(draw.choice(SURNAMES), draw.randint(1000, 9999))
        turns.append(Turn(speaker=speaker, text=text))
    return Dialog(id=number, turns=turns)


def corpus(count: int, seed: int = 7) -> list[Dialog]:
    """Return dialogs drawn from the chain."""
    return [said(walk(seed, number), seed, number) for number in range(count)]
