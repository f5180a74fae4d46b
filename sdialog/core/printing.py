"""Dialogs, turns and attributes on the console.

Colour is used when standard output is a terminal. ``NO_COLOR`` (any value) turns it off, ``FORCE_COLOR`` turns it on.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.core.attributes import AttributeModel
    from sdialog.core.dialog import Dialog
    from sdialog.core.turns import Event, Turn

# SGR parameters (ECMA-48, 5th edition, 8.3.117).
SPEAKER_COLOURS = ("31", "34", "33", "35", "32", "36", "91")
BOLD = "1"
HEAD, BANNER = "1;35", "1;36"
THOUGHT, INSTRUCTION, TOOL_CALL, TOOL_OUTPUT, OTHER = "3;90", "33", "36", "32", "90"

# What a model wrote must not steer the terminal: control characters are shown, not obeyed.
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Paint = Callable[[object, str], str]


def painter() -> Paint:
    """Return a function ``(text, style) -> text`` that colours for standard output as it is now."""
    if _in_colour():
        return lambda text, style: f"\x1b[{style}m{text}\x1b[0m"
    return lambda text, style: str(text)


def print_dialog(
    dialog: Dialog,
    *,
    scenario: bool = False,
    orchestration: bool = False,
    think: bool = False,
    everything: bool = False,
) -> None:
    """Print a dialog; see ``Dialog.print``."""
    paint = painter()
    lines = _header(dialog, paint)
    if (scenario or everything) and dialog.scenario:
        lines += [paint("scenario", HEAD), _structured(dialog.scenario)]
    lines.append(paint("--- Dialogue Begins ---", BANNER))
    colour_of = _speaker_colours(dialog)
    if (orchestration or think or everything) and dialog.events:
        for event in dialog.events:
            if everything or _is_wanted(event, orchestration=orchestration, think=think):
                lines.append(_event_line(event, colour_of, paint))
    else:
        lines += [_speech(turn.speaker, turn.text, colour_of, paint) for turn in dialog]
    ending = f" ({_inline(dialog.stopReason)})" if dialog.stopReason else ""
    lines.append(paint(f"--- Dialogue Ends{ending} ---", BANNER))
    _write(lines)


def print_turn(turn: Turn) -> None:
    """Print one turn."""
    _write([_speech(turn.speaker, turn.text, {turn.speaker: SPEAKER_COLOURS[0]}, painter())])


def print_attributes(model: AttributeModel) -> None:
    """Print an attribute model: its metadata, then its attributes between banners with the class name."""
    paint = painter()
    name = type(model).__name__
    metadata = model.get_metadata()
    lines = []
    if metadata is not None:
        given = metadata.model_dump(mode="json", fallback=str, exclude_none=True)
        lines += [f"{paint(field, HEAD)}: {_inline(value)}" for field, value in given.items()]
    lines.append(paint(f"--- {name} Begins ---", BANNER))
    for field, value in model.model_dump(mode="json", fallback=str).items():
        if value is not None and value not in ("", []):
            lines.append(f"{paint(field.replace('_', ' '), BOLD)}: {_inline(value)}")
    lines.append(paint(f"--- {name} Ends ---", BANNER))
    _write(lines)


def print_fields(name: str, described: Mapping[str, str]) -> None:
    """Print the attributes a class has, with what they mean."""
    paint = painter()
    lines = [paint(f"--- {name} attributes ---", BANNER)]
    lines += [f"{paint(field, BOLD)}{': ' + meaning if meaning else ''}" for field, meaning in described.items()]
    _write(lines)


def _in_colour() -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and os.environ.get("TERM") != "dumb"


def _write(lines: list[str]) -> None:
    text = "\n".join(lines) + "\n"
    # A console that cannot show a character shows an escape instead of failing.
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))


def _header(dialog: Dialog, paint: Paint) -> list[str]:
    model: Any = dialog.model
    name = model.get("name", model) if isinstance(model, dict) else model
    shown = {"id": dialog.id, "complete": dialog.complete, "model": name, "seed": dialog.seed}
    return [f"{paint(field, HEAD)}: {_inline(value)}" for field, value in shown.items() if value not in (None, "")]


def _speaker_colours(dialog: Dialog) -> dict[str | None, str]:
    names = {turn.speaker for turn in dialog} | {event.agent for event in dialog.events or ()}
    ordered = sorted((name for name in names if name), key=str)
    return {name: SPEAKER_COLOURS[i % len(SPEAKER_COLOURS)] for i, name in enumerate(ordered)}


def _is_wanted(event: Event, *, orchestration: bool, think: bool) -> bool:
    if event.action.startswith("instruct"):
        return orchestration
    return event.action == "utter" or (think and event.action == "think")


def _speech(speaker: str | None, text: object, colour_of: Mapping[str | None, str], paint: Paint) -> str:
    if not speaker:
        return _inline(text)
    return f"{paint(f'[{_inline(speaker)}]', f'1;{colour_of.get(speaker, OTHER)}')} {_inline(text)}"


def _event_line(event: Event, colour_of: Mapping[str | None, str], paint: Paint) -> str:
    content = event.content
    if event.action == "utter":
        return _speech(event.agent, content, colour_of, paint)
    tag = _inline(f"{event.action}-{event.actionLabel}" if event.actionLabel else event.action)
    who = f"({_inline(event.agent)}) " if event.agent else ""
    body, style = _inline(content), OTHER
    if event.action == "tool" and isinstance(content, dict):
        calling = event.actionLabel == "call"
        body = _call(content) if calling else f"{_name(content)} -> {_inline(content.get('output'))}"
        style = TOOL_CALL if calling else TOOL_OUTPUT
    elif event.action == "think":
        style = THOUGHT
    elif event.action.startswith("instruct"):
        style = INSTRUCTION
    return f"  {paint(f'[{tag}]', BOLD)} {paint(f'{who}{body}', style)}"


def _call(content: Mapping[str, Any]) -> str:
    arguments = content.get("args")
    shown = (
        ", ".join(f"{_inline(name)}={_inline(value, quoted=True)}" for name, value in arguments.items())
        if isinstance(arguments, Mapping)
        else _inline(arguments)
    )
    return f"{_name(content)}({shown})"


def _name(content: Mapping[str, Any]) -> str:
    return _inline(str(content.get("name", "")))


def _inline(value: object, quoted: bool = False) -> str:
    """Show text as it is (in quotes on request) and data as JSON on one line."""
    bare = isinstance(value, str) and not quoted
    return _shown(str(value) if bare else json.dumps(value, ensure_ascii=False, default=str))


def _structured(value: object) -> str:
    return _shown(value if isinstance(value, str) else json.dumps(value, indent=2, ensure_ascii=False, default=str))


def _shown(text: str) -> str:
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)
