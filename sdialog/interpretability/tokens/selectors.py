"""The selectors of the span language: what they select, and how much of it is known while a reply is written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
from enum import Enum
from typing import TYPE_CHECKING, NamedTuple

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.interpretability.tokens.fillings import PARTS

if TYPE_CHECKING:
    from sdialog.interpretability.tokens.rendering import Label, Rendering

Argument = str | int


class State(Enum):
    """What is known of generated tokens: never or always meant, known as each passes, or known at the end."""

    NEVER = "never"
    ALWAYS = "always"
    RUNNING = "running"
    END = "end"


NEVER, ALWAYS, RUNNING, END = State.NEVER, State.ALWAYS, State.RUNNING, State.END

Mask = Callable[..., list[bool]]
Running = Callable[..., bool | None]


class Kind(NamedTuple):
    """A selector.

    Attributes:
        takes: the types of its arguments.
        mask: which tokens of a rendering it selects, given the arguments.
        state: what is known of generated tokens, given the arguments.
        running: where that is ``RUNNING``: whether the k-th generated token is selected.
        many: whether the last argument may come again and again.
        settled: whether it selects the same prompt tokens whatever is generated.
    """

    takes: tuple[type, ...]
    mask: Mask
    state: Callable[..., State]
    running: Running = lambda *_: None
    many: bool = False
    settled: bool = True


def check_arguments(name: str, arguments: Sequence[Argument]) -> None:
    """Refuse what a selector does not take.

    Raises:
        ConfigError: if number, type or value of an argument is wrong.
        UnknownNameError: for a part that there is not.
    """
    kind = KINDS[name]
    expected = kind.takes + kind.takes[-1:] * max(0, len(arguments) - len(kind.takes)) if kind.many else kind.takes
    if len(arguments) != len(expected):
        raise ConfigError(f"{name} takes {_signature(kind)}, not {len(arguments)} arguments")
    for argument, wanted in zip(arguments, expected, strict=True):
        if not isinstance(argument, wanted) or isinstance(argument, bool):
            hint = f'; quote it: {name}("{argument}")' if wanted is str else ""
            raise ConfigError(f"{name} takes {_signature(kind)}, not {argument!r}{hint}")
        if argument == "":
            raise ConfigError(f"{name} needs a text that is not empty")
    if name == "part" and arguments[0] not in PARTS:
        raise UnknownNameError("part", str(arguments[0]), PARTS)
    if name == "regex":
        _compiled(str(arguments[0]))
    if name == "characters" and not 0 <= int(arguments[0]) < int(arguments[1]):
        raise ConfigError(f"characters takes a start from 0 and a larger end, not {arguments[0]} and {arguments[1]}")
    if name in ("first", "last") and int(arguments[0]) < 1:
        raise ConfigError(f"{name} takes a number of at least 1, not {arguments[0]}")


def written_arguments(name: str, arguments: Sequence[Argument]) -> str:
    """Return arguments as an expression has them."""
    return ", ".join(_written(argument, raw=name == "regex") for argument in arguments)


def _written(argument: Argument, raw: bool) -> str:
    if isinstance(argument, int):
        return str(argument)
    if re.fullmatch(r"[^\W\d]\w*", argument):
        return argument
    if raw and "\\" in argument and not re.search(r'["\x00-\x1f]|\\$', argument):
        return f'r"{argument}"'
    return json.dumps(argument, ensure_ascii=False)


def _signature(kind: Kind) -> str:
    if not kind.takes:
        return "no arguments"
    said = " and ".join("a text" if one is str else "a whole number" for one in kind.takes)
    return f"{said} or more of them" if kind.many else said


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error as error:
        raise ConfigError(f"{pattern!r} is no regular expression: {error}") from error


def _by_label(test: Callable[..., bool]) -> Mask:
    def mask(rendering: Rendering, *arguments: Argument) -> list[bool]:
        return [test(label, *arguments) for label in rendering.labels]

    return mask


def _by_position(test: Callable[..., bool]) -> Mask:
    def mask(rendering: Rendering, *arguments: Argument) -> list[bool]:
        return [test(place, rendering, *arguments) for place in range(len(rendering))]

    return mask


def _always(state: State) -> Callable[..., State]:
    return lambda *_: state


def _from_end(index: int) -> State:
    return NEVER if index < 0 else RUNNING


def _turn(rendering: Rendering, index: int) -> list[bool]:
    wanted = index if index >= 0 else len(rendering.turns) + index
    return [label.turn == wanted for label in rendering.labels]


def _message(rendering: Rendering, index: int) -> list[bool]:
    wanted = index if index >= 0 else len(rendering.messages) + index
    return [label.message == wanted for label in rendering.labels]


def _is_turn(_k: int, _n: int, rendering: Rendering | None, index: int) -> bool | None:
    return None if rendering is None else index == len(rendering.turns)


def _is_message(_k: int, _n: int, rendering: Rendering | None, index: int) -> bool | None:
    return None if rendering is None else index == len(rendering.messages)


def _is_speaker(_k: int, _n: int, rendering: Rendering | None, name: str) -> bool | None:
    return None if rendering is None else name == rendering.speaker


def _is_first(k: int, n_prompt: int, _rendering: Rendering | None, count: int) -> bool:
    return n_prompt + k < count


def _is_last(place: int, rendering: Rendering, count: int) -> bool:
    return place >= len(rendering) - count


def _regex(rendering: Rendering, pattern: str) -> list[bool]:
    compiled = _compiled(pattern)
    mask = [False] * len(rendering)
    for text, places, stretches in rendering.texts():
        found = bytearray(len(text))
        for stretch in stretches:
            for match in compiled.finditer(text[stretch.start : stretch.end]) if stretch.message is not None else ():
                start, end = stretch.start + match.start(), stretch.start + match.end()
                found[start:end] = b"\1" * (end - start)
        for place in places:
            start, end = rendering.offsets[place]
            mask[place] = any(found[start:end])
    return mask


def _words(rendering: Rendering, *texts: str) -> list[bool]:
    choice = "|".join(map(re.escape, sorted(texts, key=len, reverse=True)))
    return _regex(rendering, rf"(?i)(?<!\w)(?:{choice})(?!\w)")


def _has_characters(label: Label, start: int, stop: int) -> bool:
    return label.start is not None and label.end is not None and label.start < stop and start < label.end


def _part_state(name: str) -> State:
    return END if name in ("template", "content", "think", "tool_call") else NEVER


KINDS: dict[str, Kind] = {
    "everything": Kind((), _by_position(lambda *_: True), _always(ALWAYS)),
    "prompt": Kind((), _by_position(lambda place, rendering: place < rendering.prompt), _always(NEVER)),
    "generated": Kind((), _by_position(lambda place, rendering: place >= rendering.prompt), _always(ALWAYS)),
    "special": Kind((), lambda rendering: list(rendering.special), _always(END)),
    "choices": Kind((), _by_position(lambda place, rendering: place >= rendering.prompt - 1), _always(ALWAYS)),
    "last_prompt": Kind((), _by_position(lambda place, rendering: place == rendering.prompt - 1), _always(NEVER)),
    "turn": Kind((int,), _turn, _from_end, _is_turn),
    "message": Kind((int,), _message, _from_end, _is_message),
    "speaker": Kind((str,), _by_label(lambda label, name: label.speaker == name), _always(RUNNING), _is_speaker),
    "role": Kind(
        (str,),
        _by_label(lambda label, name: label.role == name),
        lambda name: ALWAYS if name == "assistant" else NEVER,
    ),
    "part": Kind((str,), _by_label(lambda label, name: label.part == name), _part_state),
    "characters": Kind((int, int), _by_label(_has_characters), _always(END)),
    "regex": Kind((str,), _regex, _always(END)),
    "words": Kind((str,), _words, _always(END), many=True),
    "first": Kind((int,), _by_position(lambda place, _, count: place < count), _always(RUNNING), _is_first),
    "last": Kind(
        (int,), _by_position(lambda place, rendering, n: place >= len(rendering) - n), _always(END), settled=False
    ),
}
"""All selectors by name."""
