"""Were the right tools called, in the right order, with the right arguments, by the right agent?"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.validators import validators
from sdialog.evaluation.validators.base import BaseValidator, Explanation

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

_NOT, _NEVER = "not:", "never:"
Wanted = Mapping[str, Any] | Callable[[Any], object] | None


@dataclass(frozen=True, slots=True)
class ToolCalled:
    """A call that a dialog should hold.

    Args:
        name: the tool.
        args: arguments the call must have: a mapping of which each entry must be equal, or hold where it is a function
            of the value; or a function of all arguments. Other arguments may be anything.
        agent: who must make the call.
        output: what must come back: a value, or a function of it. Outputs are text, as they are recorded.
        count: how many such calls there must be, one after the other.
    """

    name: str
    args: Wanted = None
    agent: str | None = None
    output: Any = None
    count: int = 1

    def __post_init__(self) -> None:
        if not isinstance(self.name, str) or not self.name:
            raise ConfigError(f"a tool's name is text, not {self.name!r}")
        if not isinstance(self.count, int) or self.count < 1:
            raise ConfigError(f"count is a whole number from 1 up, not {self.count!r}")

    def fits(self, call: Call) -> bool:
        """Return whether a call is such a one."""
        if call.name != self.name or (self.agent is not None and call.agent != self.agent):
            return False
        return _fits(call.args, self.args) and (self.output is None or _fits(call.output, self.output))


@dataclass(frozen=True, slots=True)
class Call:
    """A tool call that a dialog holds: who called what when, and what came back (None if nothing is recorded)."""

    place: int
    name: str
    agent: str | None
    args: Mapping[str, Any]
    output: Any


@validators.register("tool_sequence")
class ToolSequenceValidator(BaseValidator):
    """Passes dialogs in which the tools were called in this order; other calls may come in between.

    Entries are names of tools that must be called (or :class:`ToolCalled`, or a dict of its fields, where arguments,
    agent, output or number matter), and two kinds that forbid: ``not:X``, for no call of X before the next required
    one (none at all, if no required one follows), and ``never:X``, for no call of X anywhere. The first required call
    must come after somebody has spoken.

    Args:
        tool_names: the entries, in order. An empty list passes no dialog.
        name: what it is called in tables.

    Raises:
        ConfigError: if an entry cannot be read.

    Example:
        >>> from sdialog import Dialog, Event
        >>> said = Event(agent="Ann", action="utter", content="Charge me and tell me.", timestamp=0)
        >>> def calls(*names):
        ...     made = {"agent": "Bot", "action": "tool", "actionLabel": "call", "timestamp": 1}
        ...     return Dialog(events=[said, *(Event(**made, content={"name": name}) for name in names)])
        >>> validator = ToolSequenceValidator(["not:send", "charge", "update"])
        >>> validator(calls("charge", "send", "update")), validator(calls("send", "charge", "update"))
        (1, 0)
        >>> validator.explain(calls("send", "charge", "update")).reason
        'send was called before charge'
    """

    def __init__(
        self, tool_names: Sequence[str | ToolCalled | Mapping[str, Any]], name: str = "tool-sequence-validator"
    ) -> None:
        super().__init__(name)
        if isinstance(tool_names, (str, Mapping)):
            raise ConfigError(f"tool_names is a list of tools, not {tool_names!r:.60}")
        self.tool_names = list(tool_names)
        self._entries = [_entry(given) for given in tool_names]

    def explain(self, dialog: Dialog) -> Explanation:
        """Return whether the tools were called as they should be, and what is wrong first."""
        if dialog.events is None:
            return Explanation(None, "the dialog records no events, so its tool calls are not known")
        calls, spoken = tool_calls(dialog)
        details = {"calls": [call.name for call in calls]}
        if not self._entries:
            return Explanation(False, "no tools are named, so there is nothing to pass", details)
        for kind, wanted in self._entries:
            if kind == _NEVER and any(wanted.fits(call) for call in calls):
                return Explanation(False, f"{wanted.name} was called, and never should be", details)
        return Explanation(*self._in_order(calls, spoken), details)

    def _in_order(self, calls: list[Call], spoken: float) -> tuple[bool, str | None]:
        """Match every required call as early as can be: whatever is forbidden before it then has least room."""
        after, forbidden = spoken, list[ToolCalled]()
        for kind, wanted in self._entries:
            if kind == _NOT:
                forbidden.append(wanted)
            elif kind == "":
                for number in range(wanted.count):
                    found = next((call.place for call in calls if call.place > after and wanted.fits(call)), None)
                    if found is None:
                        return False, _missing(wanted, number, calls, spoken)
                    early = _early(forbidden, calls, found)
                    if early is not None:
                        return False, f"{early} was called before {wanted.name}"
                    after = found
                forbidden = []
        early = _early(forbidden, calls, math.inf)
        return (True, None) if early is None else (False, f"{early} was called, and should not be")


def _entry(given: Any) -> tuple[str, ToolCalled]:
    if isinstance(given, ToolCalled):
        return "", given
    if isinstance(given, Mapping):
        known = ToolCalled.__dataclass_fields__
        unknown = [str(key) for key in given if key not in known]
        if unknown or "name" not in given:
            raise ConfigError(
                f"a tool call is told by {', '.join(known)}, name being needed; not by {dict(given)!r:.80}"
            )
        given = dict(given)
        kind, bare = _split(given.pop("name"))
        return kind, ToolCalled(bare, **given)
    if isinstance(given, str):
        kind, bare = _split(given)
        return kind, ToolCalled(bare)
    raise ConfigError(f"{given!r:.60} names no tool; give a name, a ToolCalled or a dict")


def _split(name: Any) -> tuple[str, Any]:
    for kind in (_NOT, _NEVER):
        if isinstance(name, str) and name.startswith(kind):
            return kind, name.removeprefix(kind).strip()
    return "", name


def tool_calls(dialog: Dialog) -> tuple[list[Call], float]:
    """Return the calls with their outputs, and the place of the first utterance (infinity if there is none)."""
    outputs: dict[Any, Any] = {}
    for event in dialog.events or ():
        if event.action == "tool" and event.actionLabel == "output" and isinstance(event.content, Mapping):
            outputs.setdefault(event.content.get("call_id"), event.content.get("output"))
    calls, spoken = [], math.inf
    for place, event in enumerate(dialog.events or ()):
        if event.action == "utter":
            spoken = min(spoken, place)
        elif event.action == "tool" and event.actionLabel == "call" and isinstance(event.content, Mapping):
            content = event.content
            name, args = content.get("name"), content.get("args") or content.get("arguments") or {}
            if isinstance(name, str):
                output = outputs.get(content["id"]) if content.get("id") is not None else None
                calls.append(Call(place, name, event.agent, args if isinstance(args, Mapping) else {}, output))
    return calls, spoken


def _fits(value: Any, wanted: Any) -> bool:
    if wanted is None:
        return True
    if callable(wanted):
        return bool(wanted(value))
    if isinstance(wanted, Mapping):
        return isinstance(value, Mapping) and all(key in value and _holds(value[key], wanted[key]) for key in wanted)
    return bool(value == wanted)


def _holds(value: Any, wanted: Any) -> bool:
    return value is None if wanted is None else _fits(value, wanted)


def _early(forbidden: Sequence[ToolCalled], calls: Sequence[Call], before: float) -> str | None:
    return next((one.name for one in forbidden for call in calls if call.place < before and one.fits(call)), None)


def _missing(wanted: ToolCalled, number: int, calls: Sequence[Call], spoken: float) -> str:
    named = [call for call in calls if call.name == wanted.name]
    if number:
        return f"{wanted.name} was called {number} times in its place, not {wanted.count}"
    if not named:
        return f"{wanted.name} was not called"
    if not any(wanted.fits(call) for call in named):
        return f"{wanted.name} was not called with the arguments, by the agent or with the output that it should"
    if all(call.place < spoken for call in named):
        return f"{wanted.name} was called before anybody had spoken"
    return f"{wanted.name} was not called in its place"
