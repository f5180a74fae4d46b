"""What a closed loop asked, read and did, reply by reply: while it runs, and from the dialogs of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

STEERED, HELD = "steer", "hold"
"""Action and label of the events in which dialogs keep the steps of a loop."""


class ControlStep(NamedTuple):
    """One reply under control.

    Attributes:
        turn: which of the agent's replies, from 0, its first utterance included.
        target: what the reading should have been.
        reading: what it was; None where the reply had no token to read.
        strength: how strongly the reply was steered.
        limits: between which ends the strength was kept.
        loss: mean negative log-likelihood of the reply under the model without steering, in nats a token; None where
            it was not asked for.
        wanted: the strength before it was kept within the limits; None where that is not known.
        over: whether the loss was above the fluency limit.
        name: what tells several loops of one agent apart; empty where there is one.
    """

    turn: int
    target: float
    reading: float | None
    strength: float
    limits: tuple[float, float]
    loss: float | None = None
    wanted: float | None = None
    over: bool = False
    name: str = ""

    @property
    def error(self) -> float | None:
        """Reading less target."""
        return None if self.reading is None else self.reading - self.target

    @property
    def clipped(self) -> bool:
        """Whether the loop wanted a strength beyond the limits."""
        return self.wanted is not None and self.wanted != self.strength

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**self._asdict(), "limits": list(self.limits), "clipped": self.clipped}

    @classmethod
    def of(cls, told: Mapping[str, Any]) -> ControlStep:
        """Return the step that :meth:`json` told."""
        known = {key: told[key] for key in cls._fields if key in told}
        return cls(**{**known, "limits": tuple(told["limits"])})


@dataclass(frozen=True)
class ControlTrace:
    """The replies of one agent in one dialog.

    Attributes:
        key: names the agent and its dialog.
        steps: one a reply.
        name: what tells several loops of one agent apart; empty where there is one.
    """

    key: str
    steps: tuple[ControlStep, ...]
    name: str = ""

    @property
    def tracking_error(self) -> float | None:
        """Root of the mean squared error of the readings; None where nothing was read."""
        errors = [step.error for step in self.steps if step.error is not None]
        return (sum(error * error for error in errors) / len(errors)) ** 0.5 if errors else None

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        steps = [one.json() for one in self.steps]
        return {"key": self.key, "name": self.name, "tracking_error": self.tracking_error, "steps": steps}

    def table(self) -> str:
        """Return the steps as a Markdown table."""
        from sdialog.interpretability.figures.heat_maps import markdown

        rows = []
        for one in self.steps:
            numbers = (one.target, one.reading, one.strength, one.loss)
            rows.append([str(one.turn), *("-" if number is None else f"{number:.3f}" for number in numbers)])
        return markdown(["turn", "target", "reading", "strength", "loss"], rows)

    def plot(self) -> Any:
        """Return a matplotlib figure of target, reading and strength by turn.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        from sdialog.interpretability.figures.effect_figures import draw_control

        return draw_control(self)


def control_traces(dialogs: Dialog | Iterable[Dialog]) -> list[ControlTrace]:
    """Return what the loops of steered dialogs asked, read and did, from the dialogs alone.

    Args:
        dialogs: a dialog or several, such as those of a run folder.

    Returns:
        One for each dialog, agent and loop, in the order of the dialogs; dialogs without a loop give none.

    Example:
        >>> from sdialog import Dialog, Event
        >>> step = ControlStep(0, target=1.0, reading=0.5, strength=0.2, limits=(-1.0, 1.0))
        >>> event = Event(agent="Ava", action="steer", actionLabel="hold", content=step.json(), timestamp=0)
        >>> control_traces(Dialog(id="d7", events=[event]))[0].tracking_error
        0.5
    """
    from sdialog.core.dialog import Dialog

    found: list[ControlTrace] = []
    for dialog in [dialogs] if isinstance(dialogs, Dialog) else dialogs:
        steps: dict[tuple[str, str], list[ControlStep]] = {}
        for event in dialog.events or ():
            if (event.action, event.actionLabel) == (STEERED, HELD) and isinstance(event.content, Mapping):
                step = ControlStep.of(event.content)
                steps.setdefault((event.agent or "", step.name), []).append(step)
        found += [ControlTrace(f"{dialog.id}/{agent}", tuple(own), name) for (agent, name), own in steps.items()]
    return found
