"""Did the tools leave the environment in the state that the task asks for?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.differences import Difference, applied, spelled
from sdialog.core.environment import STATE_EVENT, Environment, EnvironmentFactory, as_factory, data_hash
from sdialog.core.errors import ConfigError, EvaluationError, UnknownNameError
from sdialog.core.validators import validators
from sdialog.evaluation.validators._goals import Goal
from sdialog.evaluation.validators.base import BaseValidator, Explanation
from sdialog.evaluation.validators.tool_sequence import tool_calls

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Source = Literal["auto", "recorded", "replay"]


@validators.register("state")
class StateValidator(BaseValidator):
    """Passes dialogs after which the environment is in the goal state: the reward of tau-bench (Yao et al., 2024).

    The reward is 1 when the final state equals the goal state and all ``outputs`` of the goal were said, else 0. What
    the tools were called with on the way does not matter.

    Args:
        environment: the class, a factory, or ``file.py:Class``.
        goal: what is wanted, the same for all dialogs: a list of tool calls (``{"name": ..., "args": {...}}``), which
            are made on a fresh environment to get the goal state; a function of the final state, which returns a bool
            or ``(bool, reason)``; or a mapping with one of ``state``, ``subset``, ``actions``, ``check`` and perhaps
            ``outputs`` (texts that must have been said, by ``ai_speaker`` if that is given; letter case and commas do
            not count). Default: the goal that the dialog records of its task.
        goals: what is wanted, by the id of the task that a dialog records.
        source: where the final state comes from: ``recorded`` in the dialog; ``replay`` of its recorded tool calls on
            a fresh environment, so that dialogs from anywhere can be scored; ``auto`` is the first where it is there.
            A replay leaves out calls whose recorded output is an error.
        name: what it is called in tables.
        ai_speaker: who must have said the outputs, in any letter case; None for anybody.

    Raises:
        ConfigError: if the environment is none, or a goal cannot be read.
        UnknownNameError: if there is no such source.

    Example:
        >>> from sdialog import Dialog, Event
        >>> class Orders(Environment):
        ...     fixture = {"B1": "paid", "B2": "paid"}
        ...     def refund(self, order: str) -> str:
        ...         self.data[order] = "refunded"
        ...         return "done"
        >>> def refunded(order):
        ...     content = {"name": "refund", "args": {"order": order}}
        ...     return Dialog(events=[Event(action="tool", actionLabel="call", content=content, timestamp=0)])
        >>> validator = StateValidator(Orders, goal=[{"name": "refund", "args": {"order": "B1"}}])
        >>> validator(refunded("B1")), validator(refunded("B2"))
        (1, 0)
        >>> validator.explain(refunded("B2")).reason
        "B1 is 'paid', and should be 'refunded'; 1 more difference"
    """

    def __init__(
        self,
        environment: type[Environment] | EnvironmentFactory | str,
        goal: Any = None,
        *,
        goals: Mapping[str, Any] | None = None,
        source: Source = "auto",
        name: str = "state-validator",
        ai_speaker: str | None = None,
    ) -> None:
        super().__init__(name, ai_speaker)
        if source not in ("auto", "recorded", "replay"):
            raise UnknownNameError("source of the final state", source, ["auto", "recorded", "replay"])
        if goal is not None and goals is not None:
            raise ConfigError("give one goal for all dialogs, or goals by task, not both")
        self.environment, self.source = as_factory(environment), source
        self.goal = None if goal is None else Goal.of(goal)
        self.goals = None if goals is None else {task: Goal.of(given) for task, given in goals.items()}

    def explain(self, dialog: Dialog) -> Explanation:
        """Return whether the goal was reached; if not, the reason and ``details["differences"]`` say what differs.

        Raises:
            ConfigError: if an action of the goal fails.
            EvaluationError: if the recorded state cannot be rebuilt.
        """
        task = task_of(dialog)
        goal = self._goal(dialog, task)
        if isinstance(goal, str):
            return Explanation(None, goal, _details(task))
        if dialog.events is None:
            return Explanation(None, "the dialog records no events, so what its tools did is not known", _details(task))
        record = None if self.source == "replay" else _record(dialog)
        if record is None and self.source == "recorded":
            return Explanation(None, "the dialog does not record the final state; use source='replay'", _details(task))
        found, failed = self._replayed(dialog) if record is None else (self._rebuilt(record), [])
        wrong, other = goal.state_problems(self.environment, found)
        unsaid = goal.unsaid(dialog, self.ai_speaker)
        details = {
            **_details(task),
            "source": "replay" if record is None else "recorded",
            "state_hash": data_hash(found),
            "differences": [_shown(one) for one in wrong],
            "unsaid": unsaid,
            **({"failed_calls": failed} if failed else {}),
        }
        reasons = [_told(wrong)] if wrong else []
        reasons += [other] if other else []
        reasons += [f"nobody said {', '.join(map(repr, unsaid))}"] if unsaid else []
        return Explanation(not reasons, "; ".join(reasons) or None, details)

    def _goal(self, dialog: Dialog, task: str | None) -> Goal | str:
        """Return the goal of a dialog, or why there is none."""
        if self.goal is not None:
            return self.goal
        if self.goals is not None:
            if task is None:
                return "the dialog does not record which task it is a trial of"
            return self.goals.get(task, f"there is no goal for task {task!r}")
        recorded = _task(dialog).get("goal")
        return "the dialog records no goal, and none is given" if recorded is None else Goal.of(recorded)

    def _rebuilt(self, record: Mapping[str, Any]) -> Any:
        """Return the final state that a dialog records: the first state with the recorded changes."""
        if "error" in record:
            raise EvaluationError(f"the final state was not recorded: {record['error']}")
        world = self.environment()
        try:
            first = world.snapshot()
        finally:
            world.close()
        if data_hash(first) != record.get("before"):
            raise EvaluationError(
                f"the dialog began in another state than a fresh {self.environment.name}; its fixture has changed "
                "since, or the dialog is of another environment"
            )
        try:
            last = applied(first, [Difference.from_json(change) for change in record["changes"]])
        except (LookupError, TypeError) as error:
            raise EvaluationError(f"the recorded changes of the state do not fit it: {error!r}") from error
        if data_hash(last) != record.get("after"):
            raise EvaluationError("the recorded changes do not lead to the recorded final state")
        return last

    def _replayed(self, dialog: Dialog) -> tuple[Any, list[str]]:
        """Return the state that the recorded calls of the environment's tools lead to, and which of them failed."""
        world, tools = self.environment(), self.environment.kind.tools()
        failed = []
        try:
            for call in tool_calls(dialog)[0]:
                if call.name in tools and not _is_error(call.output):
                    try:
                        world.call(call.name, call.args)
                    except Exception as error:  # noqa: BLE001 - as in the dialog: it changes nothing, and on it goes
                        failed.append(f"{call.name}: {type(error).__name__}: {error}")
            return world.snapshot(), failed
        finally:
            world.close()


def task_of(dialog: Dialog) -> str | None:
    """Return the id of the task that a dialog is a trial of, or None if it records none.

    It stands in the dialog's ``scenario``, under ``task``: the id itself, or a mapping with ``id``.

    Example:
        >>> from sdialog import Dialog
        >>> task_of(Dialog(scenario={"name": "desk", "task": {"id": "late"}})), task_of(Dialog(scenario="desk"))
        ('late', None)
    """
    found = _task(dialog).get("id")
    return None if found is None else str(found)


def _task(dialog: Dialog) -> Mapping[str, Any]:
    given = dialog.scenario.get("task") if isinstance(dialog.scenario, Mapping) else None
    return given if isinstance(given, Mapping) else {"id": given}


def _details(task: str | None) -> dict[str, Any]:
    return {} if task is None else {"task": task}


def _record(dialog: Dialog) -> Mapping[str, Any] | None:
    for event in reversed(dialog.events or ()):
        if (event.action, event.actionLabel) == STATE_EVENT and isinstance(event.content, Mapping):
            return event.content
    return None


def _is_error(output: Any) -> bool:
    """Whether a recorded output says that the call failed, in the words of agents' tool calls."""
    if isinstance(output, str) and output.startswith('{"error"'):
        try:
            output = json.loads(output)
        except json.JSONDecodeError:
            return False
    return isinstance(output, Mapping) and "error" in output and {*output} <= {"error", "traceback"}


def _shown(one: Difference) -> dict[str, Any]:
    """Return a difference as plain data: the path, and what was expected and found on the sides that have a value."""
    data = one.json()
    shown: dict[str, Any] = {"path": spelled(one.path)}
    if "before" in data:
        shown["expected"] = data["before"]
    if "after" in data:
        shown["found"] = data["after"]
    return shown


def _told(wrong: list[Difference]) -> str:
    first, more = wrong[0], len(wrong) - 1
    place = spelled(first.path)
    if first.kind == "removed":
        text = f"{place} is missing, and should be {first.before!r:.80}"
    elif first.kind == "added":
        text = f"{place} is {first.after!r:.80}, and should not be there"
    else:
        text = f"{place} is {first.after!r:.80}, and should be {first.before!r:.80}"
    return text + (f"; {more} more difference{'s' if more > 1 else ''}" if more else "")
