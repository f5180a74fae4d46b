"""Every turn-taking policy keeps the rules that conversations rely on, whatever has been said."""

from __future__ import annotations

import asyncio
import itertools
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import sdialog.simulation.turn_taking
from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.sync import run
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.types import GenerateRequest
from sdialog.simulation import TurnTaking, converse
from sdialog.simulation.turn_taking import Floor, policies, policy

FOLDER = Path(sdialog.simulation.turn_taking.__file__).parent
FILES = sorted(file.stem for file in FOLDER.glob("[a-z]*.py") if file.stem != "base")
PARTIES = ("Ana Diaz", "Ben", "Cleo", "李", "Ana Roy")

# How a scenario would write each policy that is not just its name.
SPECS: dict[str, Any] = {"moderator": {"moderator": PARTIES[0]}, "round_robin": {"round_robin": {"shuffle": True}}}
TEXTS = [
    *PARTIES,
    "Ben, do you agree?",
    "Next: Cleo.",
    "Ana and Ben?",
    "Hello!",
    "",
    "2",
    '{"speaker": "Ben"}',
    "I am Ana.",
]


class State(NamedTuple):
    """A conversation at some point: who takes part, who has left, what was said."""

    parties: tuple[str, ...]
    left: frozenset[str]
    turns: tuple[tuple[str, str], ...]
    answer: str


@st.composite
def states(draw: st.DrawFn) -> State:
    """Two parties or more are there, the first among them; others may have left at any time."""
    parties = PARTIES[: draw(st.integers(2, len(PARTIES)))]
    left = draw(st.sets(st.sampled_from(parties[1:]), max_size=len(parties) - 2))
    turns = draw(st.lists(st.tuples(st.sampled_from(parties), st.sampled_from(TEXTS)), max_size=8))
    return State(parties, frozenset(left), tuple(turns), draw(st.sampled_from(TEXTS)))


def floor(state: State, seed: int) -> Floor:
    model = ScriptedModel([state.answer or "nobody"])
    return Floor(
        parties=state.parties,
        dialog=Dialog(id="d", timestamp=None, turns=[Turn(speaker=name, text=text) for name, text in state.turns]),
        rng=random.Random(seed),
        seed=seed,
        models=dict.fromkeys(state.parties, model),
        client=Scheduler().client,
        left=set(state.left),
    )


def spec(name: str) -> Any:
    return SPECS.get(name, name)


def talk(taking: Any, names: Sequence[str], seed: int) -> list[str | None]:
    def says(name: str) -> Agent:
        def reply(request: GenerateRequest) -> str:
            someone = names[(request.config.seed or 0) % len(names)]
            return f"Point {len(request.messages)} is mine. What do you say, {someone}?"

        return Agent(name=name, system_prompt=f"You are {name}.", model=ScriptedModel(reply))

    dialog = run(converse([says(name) for name in names], turn_taking=taking, max_turns=9, seed=seed))
    return [turn.speaker for turn in dialog]


every = pytest.mark.parametrize("name", FILES)
often = settings(deadline=None, max_examples=50)


def test_every_built_in_policy_is_checked_here() -> None:
    assert set(FILES) <= set(policies.names()) and set(SPECS) <= set(FILES)


@every
@often
@given(state=states(), seed=st.integers(0, 2**32))
def test_it_chooses_one_who_is_there_and_changes_nothing_else(name: str, state: State, seed: int) -> None:
    taking, here = policy(spec(name)), floor(state, seed)
    taking.check(state.parties)
    before = here.dialog.json_line()
    chosen = run(taking.next(here))
    assert chosen in here.candidates()
    assert taking.chooser(here, chosen) is None or isinstance(taking.chooser(here, chosen), str)
    assert taking.over(here) is False
    assert here.dialog.json_line() == before and here.left == state.left and here.parties == state.parties


@every
@often
@given(state=states(), seed=st.integers(0, 2**32))
def test_the_same_seed_gives_the_same_choice_also_from_a_used_policy(name: str, state: State, seed: int) -> None:
    used = policy(spec(name))
    run(used.next(floor(State(PARTIES, frozenset(), ((PARTIES[1], "Hello!"),), "Cleo"), 1)))
    assert run(used.next(floor(state, seed))) == run(policy(spec(name)).next(floor(state, seed)))


@every
@often
@given(state=states(), text=st.sampled_from(TEXTS) | st.text(max_size=20))
def test_a_silent_choice_is_a_party_that_is_there(name: str, state: State, text: str) -> None:
    here = floor(state, 1)
    for speaker in here.candidates():
        chosen = policy(spec(name)).silent_choice(here, speaker, text)
        assert chosen is None or (chosen in here.candidates() and chosen != speaker)


@every
def test_it_describes_its_options_as_data(name: str) -> None:
    described = policy(spec(name)).describe()
    assert json.loads(json.dumps(described)) == described
    assert policy({name: described or None}).describe() == described


@every
@pytest.mark.parametrize("seed", [1, 2])
def test_conversations_with_it_are_lively_and_repeatable(name: str, seed: int) -> None:
    names = PARTIES[:3]
    found = talk(spec(name), names, seed)
    assert len(found) == 9 and set(found) == set(names)
    assert all(one != other for one, other in itertools.pairwise(found))
    assert found == talk(policy(spec(name)), names, seed)


def test_one_policy_object_serves_conversations_side_by_side() -> None:
    async def both(taking: TurnTaking) -> list[list[str | None]]:
        def party(name: str) -> Agent:
            return Agent(
                name=name,
                system_prompt=f"You are {name}.",
                model=ScriptedModel(lambda request: f"{name} has point {len(request.messages)}."),
            )

        agents = [party(name) for name in PARTIES[:3]]
        dialogs = await asyncio.gather(
            *(converse(agents, turn_taking=taking, max_turns=7, seed=seed) for seed in (1, 2, 1))
        )
        return [[turn.speaker for turn in dialog] for dialog in dialogs]

    for name in FILES:
        first, second, third = run(both(policy(spec(name))))
        assert first == third and len(second) == 7
