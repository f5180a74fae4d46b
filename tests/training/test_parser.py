"""The exact parser: dialogs as written pass, and every kind of mistake is noticed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from training.dialogs import draw_script
from training.parser import Record, asked, followed, gold, judge
from training.script import Order, other


def golden(count: int, seed: int, *, orders: bool) -> list[Record]:
    rng = random.Random(seed)
    records = []
    while len(records) < count:
        script = draw_script(rng, orders=orders)
        if sum(step.kind == "order" for step in script.steps) <= 1:
            records.append(gold(script))
    return records


@pytest.mark.parametrize("orders", [False, True])
def test_dialogs_as_written_are_wholly_right(orders):
    for record in golden(150, 77, orders=orders):
        verdict = judge(record)
        assert verdict.role and verdict.facts and verdict.ended, verdict.errors
        assert verdict.tool is not False and verdict.order is not False, verdict.errors
        assert verdict.right == verdict.values and verdict.foreign == 0


def test_a_corrupted_value_is_noticed():
    tried = 0
    for record in golden(120, 5, orders=False):
        caller = record.script.parties["I"]
        values = [caller.facts[k] for k in caller.known]
        spots = [(n, v) for n, (side, text) in enumerate(record.turns) for v in values if side == "I" and v in text]
        if not spots:
            continue
        turn, value = spots[len(spots) // 2]
        bad = str(int(value) + 1) if value.isdigit() else value[:-1] + ("x" if value[-1] != "x" else "q")
        side, text = record.turns[turn]
        record.turns[turn] = (side, text.replace(value, bad))
        tried += 1
        assert not judge(record).facts, (text, value, bad)
    assert tried > 80


def test_swapped_roles_are_noticed():
    for record in golden(80, 6, orders=False):
        if record.script.domain != "smalltalk":
            record.turns = [(other(side), text) for side, text in record.turns]
            assert not judge(record).role


def test_a_false_denial_is_noticed():
    tried = 0
    for record in golden(120, 7, orders=False):
        known = set(record.script.parties["I"].known)
        spots = [
            n for n in range(1, len(record.turns))
            if record.turns[n][0] == "I" and (keys := asked(record.turns[n - 1][1])) and keys <= known
        ]  # fmt: skip
        if spots:
            record.turns[spots[0]] = ("I", "Sorry, I do not have that.")
            tried += 1
            assert not judge(record).facts
    assert tried > 60


def test_an_invented_fact_and_gibberish_are_noticed():
    record = next(r for r in golden(40, 8, orders=False) if r.script.domain == "delivery")
    party = record.script.parties["I"]
    party.known = [k for k in party.known if k != "email"]
    invented = replace(record, turns=[*record.turns, ("I", f"My email is {party.facts['email']}.")])
    assert "invents email" in judge(invented).errors[-1]
    garbled = judge(replace(record, turns=[*record.turns, ("I", "Order the lamp of is 44 of the.")]))
    assert garbled.foreign == 1 and not garbled.facts


def test_a_wrong_tool_name_and_a_wrong_argument_are_noticed():
    for record in golden(200, 9, orders=False):
        if record.calls:
            name, arguments = record.calls[0]
            for calls in ([("no_such_tool", arguments)], [(name, dict.fromkeys(arguments, "999"))], []):
                assert judge(replace(record, calls=calls)).tool is False


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("ask", "Can you tell me your shoe size?", "Can you tell me your email?"),
        ("apologize", "I am so sorry about that. It is Ann.", "It is Ann."),
        ("brief", "Okay.", "The refund of $20 will arrive in 3 days."),
        ("refuse", "I am sorry, but that is not possible.", "I am sorry."),
        ("thank", "Many thanks. All right.", "All right."),
        ("mention", "By the way, the lamp is broken. All right.", "By the way, the lamp is red."),
        ("mood", "Whatever. It is Ann.", "Of course, with pleasure. It is Ann."),
        ("end", "Goodbye and thank you very much.", "All right."),
        ("keep", "Anything else?", "Goodbye."),
        ("change", "On second thought, I have changed my mind.", "All right."),
        ("change because", "I have changed my mind, because the lamp is broken.", "I have changed my mind."),
    ],
)
def test_instructions_are_judged_by_what_the_reply_holds(kind, good, bad):
    order = Order(kind, "", key="shoe size", text="the lamp is broken", mood="rude")
    assert followed(order, "R", good)
    assert not followed(order, "R", bad)
