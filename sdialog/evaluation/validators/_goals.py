"""Goals of tasks: which state the environment should be in at the end, and what should have been said."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.differences import Difference, differences
from sdialog.core.environment import EnvironmentFactory, as_data
from sdialog.core.errors import ConfigError
from sdialog.evaluation.validators._passages import spoken_by

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

KINDS = ("state", "subset", "actions", "check")


@dataclass(frozen=True, slots=True)
class Goal:
    """What is to come of a task.

    Attributes:
        kind: how the state is told: ``state`` (all of it), ``subset`` (some of it), ``actions`` (it is what these tool
            calls make of a fresh environment), ``check`` (a function of it), or None if any state will do.
        wanted: the state, the part of it, the calls or the function.
        outputs: texts that must have been said.
    """

    kind: str | None
    wanted: Any
    outputs: tuple[str, ...] = ()

    @classmethod
    def of(cls, given: Any) -> Goal:
        """Read a goal.

        Args:
            given: a list of tool calls (``{"name": ..., "args": {...}}``); a function of the final state; or a mapping
                with one of ``state``, ``subset``, ``actions``, ``check`` and, if wanted, ``outputs``.

        Raises:
            ConfigError: if it is none of these.
        """
        if isinstance(given, Goal):
            return given
        if callable(given):
            return cls("check", given)
        if isinstance(given, (list, tuple)):
            return cls("actions", _actions(given))
        if not isinstance(given, Mapping):
            raise ConfigError(f"a goal is a list of tool calls, a function or a mapping, not {given!r:.60}")
        kinds = [kind for kind in KINDS if kind in given]
        unknown = [str(key) for key in given if key not in (*KINDS, "outputs")]
        if unknown or len(kinds) > 1 or not given:
            wrong = f"{unknown[0]!r} is none of its keys" if unknown else f"it has {' and '.join(kinds) or 'no key'}"
            raise ConfigError(
                f"a goal is told by one of {', '.join(KINDS)}, and perhaps outputs; {wrong}. A whole state is written "
                "as {'state': ...}, a part of it as {'subset': ...}"
            )
        outputs = given.get("outputs") or ()
        if isinstance(outputs, str) or not all(isinstance(text, (str, int, float)) for text in outputs):
            raise ConfigError(f"outputs of a goal are a list of texts, not {outputs!r:.60}")
        kind = kinds[0] if kinds else None
        wanted = given[kind] if kind else None
        if kind == "check" and not callable(wanted):
            raise ConfigError(f"check is a function of the final state, not {wanted!r:.60}")
        return cls(kind, _actions(wanted) if kind == "actions" else wanted, tuple(str(text) for text in outputs))

    def state_problems(self, environment: EnvironmentFactory, found: Any) -> tuple[list[Difference], str | None]:
        """Return where a final state differs from the wanted one, and another reason why it will not do."""
        if self.kind is None:
            return [], None
        if self.kind == "check":
            return _answer(self.wanted(found))
        if self.kind == "subset":
            return list(_lacking(as_data(self.wanted, "the goal"), found, ())), None
        wanted = _replayed(environment, self.wanted) if self.kind == "actions" else as_data(self.wanted, "the goal")
        return differences(wanted, found), None

    def unsaid(self, dialog: Dialog, speaker: str | None) -> list[str]:
        """Return the wanted texts that nobody has said (or that ``speaker`` has not)."""
        said = [_folded(turn.text) for turn in dialog.turns or () if spoken_by(turn, speaker)]
        patterns = {text: _whole(_folded(text)) for text in self.outputs}
        return [text for text, pattern in patterns.items() if not any(pattern.search(line) for line in said)]


def _answer(answer: Any) -> tuple[list[Difference], str | None]:
    """Read what a check has answered: a bool, a bool with a reason, or a list of problems to be told."""
    reason = None
    if isinstance(answer, tuple) and len(answer) == 2:
        answer, reason = answer
    if not isinstance(answer, bool):
        raise ConfigError(f"the goal's check must return a bool or a (bool, reason) pair, and returned {answer!r:.60}")
    return [], None if answer else str(reason or "the goal's check does not hold")


def _actions(given: Any) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise ConfigError(f"actions of a goal are a list of tool calls, not {given!r:.60}")
    calls = []
    for call in given:
        named = isinstance(call, Mapping) and isinstance(call.get("name"), str)
        args = (call.get("args") or call.get("arguments") or {}) if named else None
        if not isinstance(args, Mapping):
            raise ConfigError(f"an action of a goal is {{'name': TOOL, 'args': {{...}}}}, not {call!r:.60}")
        calls.append((call["name"], args))
    return tuple(calls)


def _replayed(environment: EnvironmentFactory, actions: Sequence[tuple[str, Mapping[str, Any]]]) -> Any:
    world = environment()
    try:
        for name, args in actions:
            try:
                world.call(name, args)
            except Exception as error:
                raise ConfigError(f"the goal's own action {name}({dict(args)}) fails: {error}") from error
        return world.snapshot()
    finally:
        world.close()


def _lacking(wanted: Any, found: Any, path: tuple[str | int, ...]) -> Iterator[Difference]:
    if isinstance(wanted, Mapping) and isinstance(found, Mapping):
        for key, value in wanted.items():
            if key in found:
                yield from _lacking(value, found[key], (*path, key))
            else:
                yield Difference((*path, key), "removed", value)
    else:
        yield from (
            Difference((*path, *one.path), one.kind, one.before, one.after) for one in differences(wanted, found)
        )


def _whole(text: str) -> re.Pattern[str]:
    """Return a pattern of a text that is no part of a longer word or number: 59 is not said by 159 or 59.90."""
    before = r"(?<!\d\.)" if text[:1].isdigit() else ""
    after = r"(?!\.\d*[1-9])" if text[-1:].isdigit() else ""
    return re.compile(rf"(?<!\w){before}{re.escape(text)}(?!\w){after}")


def _folded(text: str) -> str:
    """Return a text as it is compared: without letter case, commas (of thousands, say) and runs of spaces."""
    return " ".join(text.casefold().replace(",", "").split())
