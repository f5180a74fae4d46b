"""Who speaks next."""

from __future__ import annotations

import itertools
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.sync import run
from sdialog.llm.types import GenerateRequest
from sdialog.simulation import Conversation, Outcome, TurnTaking, converse
from sdialog.simulation.conversation import Conduct
from sdialog.simulation.turn_taking import Floor, policies, policy
from sdialog.simulation.turn_taking.base import named_in
from sdialog.simulation.turn_taking.model import read_choice


def speaker(name: str, text: str = "") -> Agent:
    def reply(request: GenerateRequest) -> str:
        return text or f"{name} makes point {sum(m.role == 'assistant' for m in request.messages)} of many."

    return Agent(name=name, model=ScriptedModel(reply))


def order(*agents: Agent, turn_taking: Any, most: int = 9, seed: int = 1) -> list[str | None]:
    dialog = run(converse(agents, turn_taking=turn_taking, max_turns=most, seed=seed))
    return [turn.speaker for turn in dialog]


def outcome(agents: list[Agent], turn_taking: Any, most: int = 6) -> Outcome:
    return run(Conversation(agents, Conduct(max_turns=most, turn_taking=turn_taking), seed=1).run())


THREE = [speaker("Ana"), speaker("Ben"), speaker("Cleo")]


def test_alternate_and_round_robin_go_round() -> None:
    for name in ("alternate", "round_robin"):
        assert order(*THREE, turn_taking=name, most=7) == ["Ana", "Ben", "Cleo", "Ana", "Ben", "Cleo", "Ana"]


@pytest.mark.parametrize("seed", range(5))
def test_shuffled_rounds_hold_everybody_once_and_nobody_twice_running(seed: int) -> None:
    found = order(*THREE, turn_taking={"round_robin": {"shuffle": True}}, most=12, seed=seed)
    assert all(a != b for a, b in itertools.pairwise(found))
    assert all(set(found[start : start + 3]) == {"Ana", "Ben", "Cleo"} for start in range(0, 12, 3))


def test_random_is_fair_seeded_and_never_the_same_twice_running() -> None:
    found = order(*THREE, turn_taking="random", most=90)
    assert found == order(*THREE, turn_taking="random", most=90)
    assert found != order(*THREE, turn_taking="random", most=90, seed=2)
    assert all(a != b for a, b in itertools.pairwise(found))
    assert min(Counter(found).values()) > 15


def test_the_one_addressed_speaks_and_otherwise_the_one_silent_the_longest() -> None:
    ana, ben, cleo = speaker("Ana Diaz", "What do you think, cleo?"), speaker("Ben Ode"), speaker("Cleo Roy")
    assert order(ana, ben, cleo, turn_taking="addressed", most=5) == [
        "Ana Diaz",
        "Cleo Roy",
        "Ben Ode",
        "Ana Diaz",
        "Cleo Roy",
    ]


def chooser(*answers: str) -> ScriptedModel:
    """A model that talks as a party and answers the question who is next with ``answers``, in turn."""
    asked: list[str] = []

    def reply(request: GenerateRequest) -> str:
        if not any("Who speaks next?" in message.content for message in request.messages):
            return f"Point {len(request.messages)} is important to me."
        asked.append(request.key)
        return answers[(len(asked) - 1) % len(answers)]

    return ScriptedModel(reply)


def test_a_model_chooses_and_the_choice_is_logged_and_paid_for() -> None:
    found = outcome([Agent(name="Ana", model=chooser("Cleo should.")), speaker("Ben"), speaker("Cleo")], "model", 2)
    assert [turn.speaker for turn in found.dialog] == ["Ana", "Cleo"]
    assert [e.content for e in found.dialog.events or [] if e.action == "select_speaker"] == ["Cleo"]
    assert found.usage["(turn taking)"].calls == 1


def test_a_model_that_names_nobody_is_asked_again_and_then_replaced_by_the_order() -> None:
    model = chooser("I have no idea.", "Somebody else", "")
    found = outcome([Agent(name="Ana", model=model), speaker("Ben"), speaker("Cleo")], {"model": {"retries": 2}}, 2)
    assert [turn.speaker for turn in found.dialog] == ["Ana", "Ben"]
    assert found.counts == {"choice_unreadable": 3, "choice_fallback": 1}
    assert found.usage["(turn taking)"].calls == 3


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("Ben", "Ben Ode"),
        ('{"speaker": "Ana Diaz"}', "Ana Diaz"),
        ('Sure! {"next": "ben ode", "why": null} Bye', "Ben Ode"),
        ("2.", "Ben Ode"),
        ("The next speaker should be ANA.", "Ana Diaz"),
        ("I think ben should reply.", "Ben Ode"),
        ("**ben**", "Ben Ode"),
        ("7", None),
        ("Ana or Ben", None),
        ("nobody", None),
        ("{broken", None),
        ("Anabel", None),
    ],
)
def test_choices_are_read_leniently(answer: str, expected: str | None) -> None:
    assert read_choice(answer, ["Ana Diaz", "Ben Ode"]) == expected


def test_a_moderator_who_names_nobody_gives_the_word_to_the_longest_silent() -> None:
    agents = [speaker("Chair", "Please go on, somebody, with something new."), speaker("Ana"), speaker("Ben")]
    found = outcome(agents, {"moderator": "Chair"}, 5)
    assert [turn.speaker for turn in found.dialog] == ["Chair", "Ana", "Chair", "Ben", "Chair"]
    assert found.counts["choice_fallback"] == 2


@pytest.mark.parametrize(
    ("text", "silent"),
    [("Ben", True), ("Next: Ben.", True), ("Ben, it's your turn", True), ("Ben, do you agree?", False)],
)
def test_a_bare_name_is_a_choice_without_a_turn(text: str, silent: bool) -> None:
    found = outcome([speaker("Chair", text), speaker("Ana"), speaker("Ben")], {"moderator": "Chair"}, 2)
    assert [turn.speaker for turn in found.dialog] == (["Ben", "Ben"] if silent else ["Chair", "Ben"])


def test_policies_are_plug_ins() -> None:
    assert {"alternate", "round_robin", "random", "addressed", "model", "moderator"} <= set(policies.names())

    class Backwards(TurnTaking):
        async def next(self, floor: Floor) -> str:
            present = floor.candidates()
            return present[(present.index(floor.last) if floor.last else 0) - 1]

    assert order(*THREE, turn_taking=Backwards(), most=4) == ["Cleo", "Ben", "Ana", "Cleo"]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("moderater", "moderator"),
        ("moderator", "name"),
        ({"round_robin": {"shufle": True}}, "shufle"),
        ({"a": 1, "b": 2}, "one name with its options"),
        (7, "one name with its options"),
    ],
)
def test_wrong_policies_are_refused(spec: Any, message: str) -> None:
    with pytest.raises((ConfigError, UnknownNameError), match=message):
        policy(spec)


@given(st.text(max_size=60), st.lists(st.sampled_from(["Ana", "Ben Ode", "C.", "Zoë", "李"]), unique=True))
def test_naming_never_fails_and_finds_only_given_names(text: str, names: list[str]) -> None:
    assert set(named_in(text, names)) <= set(names)
    for name in names:
        assert name in named_in(f"{text} {name}!", names)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("田中さん、どう思いますか。", ["田中"]),
        ("What do you say, Dr. Diaz?", ["Ana Diaz"]),
        ("I will ask later, and they may agree.", []),
        ("Will that be all?", []),
        ("May I ask? It is late.", []),
        ("Will, that was all.", ["Will"]),
        ("Over to you, will", ["Will"]),
        ("Thank you, ANA. Then May.", ["Ana Diaz", "May"]),
        ("Will you tell us, Ana?", ["Ana Diaz"]),
        ("Willow and Mayor Anand", []),
        ("Next speaker:\nwill", ["Will"]),
        ('"Will that be all?" she asked.', []),
    ],
)
def test_who_is_named(text: str, named: list[str]) -> None:
    assert named_in(text, ["Ana Diaz", "Will", "May", "田中"]) == named


def test_a_dialog_without_turns_has_no_last_speaker() -> None:
    import random

    floor = Floor(("A", "B"), Dialog(), random.Random(1), 1, {}, lambda model: None)  # type: ignore[arg-type, return-value]
    assert floor.last is None
    assert floor.after(None) == "A"
    assert floor.longest_silent(["B", "A"]) == "B"
