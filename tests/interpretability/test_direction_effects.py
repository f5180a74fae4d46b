"""What a direction does: what strengths are measured against, and what cannot be measured."""

from __future__ import annotations

from typing import Any

import pytest

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.sync import run
from sdialog.interpretability import Direction, evaluate_direction
from sdialog.interpretability.running.dialog_sampling import talk
from sdialog.llm.scheduler import Scheduler

pytest.importorskip("torch")


def measured(op: str, *strengths: float, **options: Any) -> Any:
    axis = Direction([4.0] + [0.0] * 191)
    agent = Agent(name="Ann", model="embedded:mini", max_tokens=8)
    given = {"site": "layers.1.resid_post", "n": 2, "metric": len, "controls": False, "span": "everything"}
    return evaluate_direction(axis, agent, ["Hello."], op=op, strengths=strengths, **{**given, **options})


def test_clamping_to_zero_is_done_and_measured_against_the_agent_as_it_is() -> None:
    clamped, taken_out, plain = measured("clamp", 0, 90), measured("project_out", 1), measured("add", 0)
    assert [point.strength for point in clamped.points] == [0.0, 90.0]
    assert clamped.said[0] == taken_out.said[1] and clamped.said[1] != plain.said[0]
    usual = [len(text) for text in plain.said[0]]
    changes = [len(text) - length for text, length in zip(clamped.said[1], usual, strict=True)]
    assert clamped.at(90).change.value == pytest.approx(sum(changes) / 2)


def test_what_cannot_be_measured_is_told() -> None:
    with pytest.raises(UnknownNameError, match="project_out"):
        measured("scale", 2)
    with pytest.raises(UserError, match="prompts is empty"):
        evaluate_direction(
            Direction(
                [1.0, 0.0],
            ),
            Agent(name="A", model="embedded:mini"),
            [],
            site="embed",
            metric=len,
        )
    with pytest.raises(UserError, match="no agent to steer"):
        evaluate_direction(Direction([1.0, 0.0]), [], ["Hi."], site="embed", metric=len)
    with pytest.raises(UserError, match="no partner"):
        evaluate_direction(Direction([1.0]), Agent(model="embedded:mini"), partner=[], site="embed", metric=len)


def test_a_dialog_ends_where_nothing_is_said() -> None:
    heard: list[str] = []

    def partner(messages: Any) -> str:
        heard.append(messages[-1].content)
        return "Go on."

    ann = Agent(name="Ann", model=ScriptedModel(["Hello.", "", "Still here."]))
    dialog = run(talk([ann, Agent(name="Bob", model=partner)], 6, 1, Scheduler(), "d"))
    assert [turn.text for turn in dialog] == ["Hello.", "Go on."] and "Go on." not in heard
