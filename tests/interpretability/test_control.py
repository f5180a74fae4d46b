"""Closed loops: strengths that follow what is read of an agent's replies."""

from __future__ import annotations

import itertools
import json
from typing import Any

import numpy
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import mood_direction as mood
from sdialog.agents import Agent
from sdialog.agents.inspection import ModelCall
from sdialog.core.errors import ConfigError, UserError
from sdialog.core.sync import run
from sdialog.interpretability.control import HoldReading
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.probes import Probe
from sdialog.interpretability.running.dialog_sampling import talk
from sdialog.interpretability.running.traces import Capture
from sdialog.llm.scheduler import Scheduler
from sdialog.llm.types import GenerateRequest, GenerateResult, Message
from sdialog.personas import Customer

MODEL = "embedded:mini"
SITE = "layers.1.resid_post"
AXIS = Direction([1.0, 0.0])
REQUEST = GenerateRequest((Message("user", "Hi."),))


def call(turn: int, session: str = "s", number: int = 0, lookahead: bool = False) -> ModelCall:
    return ModelCall(session, f"{session}/Ann", "Ann", 0, turn, number, lookahead)


def hold(target: Any, **options: Any) -> HoldReading:
    return HoldReading(
        AXIS, target, **{"site": SITE, "read_site": SITE, "limits": (-5, 5), "correction": 1.0, **options}
    )


def strength(loop: HoldReading, at: ModelCall) -> float:
    (plan,) = loop.interventions(at)
    return float(plan.edits[0].strength) if plan.edits else 0.0


def tell(loop: HoldReading, at: ModelCall, reading: float | None) -> None:
    (plan,) = loop.interventions(at)
    values = torch.empty(0) if reading is None else torch.tensor([[reading, 3.0]])
    capture = Capture(SITE, values, (), None)  # type: ignore[arg-type]
    loop.received(at, REQUEST, GenerateResult(captures={f"{plan.prefix}{plan.reads[0].title}": capture}))


def run_plant(loop: HoldReading, slope: float, rest: float, turns: int, session: str = "s") -> list[float]:
    readings = []
    for turn in range(turns):
        readings.append(slope * strength(loop, call(turn, session)) + rest)
        tell(loop, call(turn, session), readings[-1])
    return readings


@settings(max_examples=50, deadline=None)
@given(st.floats(0.2, 3), st.floats(-1, 1), st.floats(0.3, 1.0), st.floats(-1, 1))
def test_a_steady_target_is_reached(slope: float, rest: float, share: float, target: float) -> None:
    loop = hold(target, gain=share / slope, limits=(-50, 50))
    readings = run_plant(loop, slope, rest, 40)
    assert readings[-1] == pytest.approx(target, abs=1e-3)
    # With 0 < gain times slope <= 1 each error is smaller than the one before.
    errors = [abs(one - target) for one in readings]
    assert all(later <= earlier + 1e-5 for earlier, later in itertools.pairwise(errors))


def test_a_step_is_met_in_the_turn_in_which_it_comes() -> None:
    target = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
    loop = hold(target, gain=0.5, rest=0.25)
    assert run_plant(loop, 2.0, 0.25, 8) == pytest.approx([*target, 1.0, 1.0])
    (trace,) = loop.traces
    assert trace.tracking_error == pytest.approx(0) and [one.turn for one in trace.steps] == list(range(8))
    ramp = hold(lambda turn: turn / 5, gain=0.5, rest=0.25)
    assert run_plant(ramp, 2.0, 0.25, 6) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])


def test_less_correction_follows_the_target_and_takes_an_offset_back_slowly() -> None:
    loop = hold([0.0, 0.0, 1.0, 1.0, 1.0], gain=0.5, correction=0.5)
    # The plant reads 0.8 more than the loop expects: half of what is left goes with each reply.
    assert run_plant(loop, 2.0, 0.8, 5) == pytest.approx([0.8, 0.4, 1.2, 1.1, 1.05])
    blind = hold([0.0, 1.0], gain=0.5, correction=0.0)
    assert run_plant(blind, 2.0, 0.8, 3) == pytest.approx([0.8, 1.8, 1.8])


def test_strengths_stay_within_limits_and_do_not_wind_up() -> None:
    loop = hold([9.0] * 6 + [0.0] * 3, gain=1.0, limits=(-1, 2))
    run_plant(loop, 1.0, 0.0, 9)
    strengths = [step.strength for step in loop.traces[0].steps]
    assert strengths[:6] == [2.0] * 6 and strengths[6] == 0.0 and loop.traces[0].steps[0].limits == (-1.0, 2.0)


def test_dialogs_have_loops_of_their_own_and_lookaheads_count_nothing() -> None:
    loop = hold(1.0, gain=0.5)
    run_plant(loop, 1.0, 0.0, 3, "one")
    run_plant(loop, 1.0, 0.5, 2, "two")
    assert [trace.key for trace in loop.traces] == ["one/Ann", "two/Ann"]
    assert [len(trace.steps) for trace in loop.traces] == [3, 2]
    before = strength(loop, call(3, "one"))
    (plan,) = loop.interventions(call(3, "one", lookahead=True))
    assert not plan.reads and plan.edits[0].strength == before
    loop.received(call(3, "one", lookahead=True), REQUEST, GenerateResult())
    assert strength(loop, call(3, "one")) == before and len(loop.traces[0].steps) == 3


def test_of_several_drafts_the_last_counts_and_silence_holds_the_strength() -> None:
    loop = hold(1.0, gain=1.0, start=0.0)
    tell(loop, call(0), 5.0)
    tell(loop, call(0, number=1), 0.25)
    assert strength(loop, call(1)) == 0.75
    tell(loop, call(1), None)
    assert strength(loop, call(2)) == 0.75
    assert loop.traces[0].steps[1].reading is None and loop.traces[0].steps[1].error is None


def test_probes_are_read_as_probabilities_logits_or_numbers() -> None:
    rows = numpy.array([[float(place % 2), place % 3] for place in range(24)])
    probe = Probe.fit(rows, [place % 2 == 1 for place in range(24)], list(range(24)))
    numbers = Probe.fit(rows, 2.0 * rows[:, 0] + 0.5, list(range(24)))
    seen = numpy.array([[1.0, 3.0]])
    for options, expected in (
        ({"probe": probe}, probe.predict_proba(seen)[0, 1]),
        ({"probe": probe, "logit": True}, probe.outputs(seen)[0, 0]),
        ({"probe": numbers}, numbers.outputs(seen)[0, 0]),
        ({"probe": Direction([2.0, 0.0])}, 0.5),
    ):
        loop = hold(1.0, **options)
        tell(loop, call(0), 1.0)
        assert loop.traces[0].steps[0].reading == pytest.approx(expected)


def test_what_cannot_be_held_is_refused() -> None:
    with pytest.raises(UserError, match="give site="):
        HoldReading(AXIS, 1.0)
    with pytest.raises(UserError, match="give read_site="):
        HoldReading(AXIS, 1.0, site=SITE)
    with pytest.raises(ConfigError, match="lower and an upper"):
        hold(1.0, limits=(1, -1))
    with pytest.raises(ConfigError, match="a share from 0 to 1"):
        hold(1.0, correction=2.0)
    with pytest.raises(ConfigError, match="at least one turn"):
        hold([])
    with pytest.raises(ConfigError, match="network="):
        tell(hold(1.0, max_loss=2.0), call(0), 1.0)
    three = Probe.fit(numpy.eye(3).repeat(8, axis=0), ["a", "b", "c"] * 8, list(range(24)))
    with pytest.raises(ConfigError, match="tells 3 classes apart"):
        hold(1.0, probe=three)


def wide(size: float = 4.0) -> Direction:
    vector = torch.randn(192, generator=torch.Generator().manual_seed(0))
    return Direction(size * vector / vector.norm())


def dialogs(loop: HoldReading | None, count: int = 3, turns: int = 6) -> list[str]:
    async def all_of_them() -> list[str]:
        import asyncio

        scheduler = Scheduler()
        made = []
        for number in range(count):
            ann = Agent(Customer(name="Ann"), model=MODEL, max_tokens=12)
            bob = Agent(Customer(name="Bob"), model=MODEL, max_tokens=12)
            pair = [ann if loop is None else ann | loop, bob]
            made.append(talk(pair, turns, number, scheduler, f"d{number}"))
        return [str(one) for one in await asyncio.gather(*made)]

    return run(all_of_them())


def test_a_real_reading_is_held_in_many_dialogs_at_once() -> None:
    # Read where it is added, the reading follows the strength one for one, beside what the words do.
    target = [0.0, 8.0, 16.0]
    loop = HoldReading(wide(), target, site=SITE, read_site=SITE, gain=1.0, limits=(-40, 40), span="everything")
    dialogs(loop)
    assert len(loop.traces) == 3
    for trace in loop.traces:
        steps = trace.steps[1:]
        assert steps and all(step.error is not None and abs(step.error) < 4 for step in steps)
    assert json.dumps(loop.json()) and "target" in loop.traces[0].table()


def test_a_loop_without_gain_and_strength_changes_nothing() -> None:
    loop = HoldReading(wide(), 1.0, site=SITE, read_site=SITE, gain=0.0)
    assert dialogs(loop) == dialogs(None)
    assert {step.strength for trace in loop.traces for step in trace.steps} == {0.0}


def test_the_fluency_limit_takes_strength_back() -> None:
    options: dict[str, Any] = {"site": SITE, "read_site": SITE, "gain": 0.0, "start": 100.0, "limits": (-200, 200)}
    free = HoldReading(wide(), 0.0, **options)
    bound = HoldReading(wide(), 0.0, max_loss=2.0, network=network_of(MODEL), **options)
    dialogs(free)
    dialogs(bound)
    assert {step.strength for trace in free.traces for step in trace.steps} == {100.0}
    for trace in bound.traces:
        for step, later in itertools.pairwise(trace.steps):
            assert step.loss is not None
            shrunk = step.loss > 2.0
            assert later.strength == pytest.approx(0.8 * step.strength if shrunk else step.strength)
    assert any(step.loss > 2.0 for trace in bound.traces for step in trace.steps if step.loss is not None)


def test_an_odd_reply_that_was_not_steered_takes_nothing_back() -> None:
    loop = HoldReading(wide(), 0.0, site=SITE, read_site=SITE, gain=0.0, max_loss=0.01)
    dialogs(loop, 1, 5)
    steps = loop.traces[0].steps
    assert any(step.over for step in steps[:-1]) and {step.limits for step in steps} == {(-2.0, 2.0)}


def test_no_number_of_conversations_makes_a_loop_forget() -> None:
    loop = hold(1.0, gain=0.5)
    own: list[Any] = [loop.for_session(Agent(name="Ann", model=MODEL)) for _ in range(1100)]
    for number, one in enumerate(own):
        tell(one, call(0, str(number)), 0.25)
    assert [strength(one, call(1, str(number))) for number, one in enumerate(own)] == [0.875] * 1100
    assert len(loop.traces) == 1024 and loop.traces[0].key == "76/Ann"


def test_figures() -> None:
    pytest.importorskip("matplotlib")
    loop = hold([0.0, 1.0])
    run_plant(loop, 1.0, 0.0, 2)
    assert len(loop.traces[0].plot().axes) == 2


@pytest.mark.long
def test_the_loop_halves_the_error_of_the_best_fixed_strength() -> None:
    """The figures are printed by benchmarks/mood_direction.py."""
    found, direction = mood.mood_probe(), mood.mood_direction(mood.STEERED)
    plant = mood.calibrate(direction, found)
    for target in mood.targets(plant).values():
        result = mood.track(direction, found.probe, plant, target)
        assert result.loop <= result.fixed / 2 and result.accepted >= 0.8
        # What feedback is for: a schedule alone never takes a wrong beginning back.
        assert result.loop_off < 0.8 * result.schedule_off
