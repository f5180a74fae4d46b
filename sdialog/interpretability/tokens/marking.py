"""Marks in place of a conversation's texts, and laying what was written with marks over the prompt."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from sdialog.interpretability.tokens.fillings import Filling, Part, contents, forms, names, pieces, scalars
from sdialog.llm.types import Message, ToolCall, ToolSpec


class Hole(NamedTuple):
    """What a mark stands for.

    Attributes:
        message: index of the message.
        part: what the text is.
        fillings: the ways in which a template may write it.
        call: number of the call in the message, for what belongs to a call.
        arguments: whether it is all arguments of a call; the mark is then a pair of key and value.
    """

    message: int
    part: Part
    fillings: Sequence[Filling]
    call: int | None = None
    arguments: bool = False


class Way(NamedTuple):
    """A way to mark a conversation; a template may look at texts and write other things for marks.

    Attributes:
        blank: mark texts of nothing but spaces, too.
        singly: mark every argument of a call by itself.
        divide: keep markers such as ``</think>`` in every message; else only in the assistant's.
    """

    blank: bool
    singly: bool
    divide: bool


WAYS = [Way(*way) for way in itertools.product((True, False), (False, True), (False, True))]
"""All ways, the likeliest first."""


class Laid(NamedTuple):
    """A piece of the marked writing laid over the text.

    Attributes:
        marked: where it begins in the marked writing.
        start, end: its characters in the text.
        hole: number of the hole, or None for what the template wrote.
        filling: what fills the hole.
    """

    marked: int
    start: int
    end: int
    hole: int | None = None
    filling: Filling | None = None


class Marked:
    """A conversation with marks.

    Args:
        messages: the conversation.
        tools: tools on offer.
        text: the prompt; marks are made that it does not hold.
        way: what is marked.
    """

    def __init__(self, messages: Sequence[Message], tools: Sequence[ToolSpec], text: str, way: Way) -> None:
        known = f"{text}{messages}{tools}"
        self._stem = next(stem for n in itertools.count() if (stem := f"zq{n}x") not in known)
        self._way = way
        self.holes: list[Hole] = []
        self.messages = [self._message(index, message) for index, message in enumerate(messages)]

    def lay(self, written: str, text: str) -> list[Laid] | None:
        """Lay what was written with marks over the text; None if they do not match from beginning to end."""
        quote, mark = r"""\\*["']""", rf"{self._stem}(\d+)x"
        pair = rf"\{{\s*{quote}{mark}{quote}\s*:\s*{quote}{self._stem}\1x{quote}\s*\}}"
        marks = list(re.finditer(f"{pair}|{mark}", written))
        numbers = [int(found[1] or found[2]) for found in marks]
        if any(self.holes[hole].arguments != bool(found[1]) for hole, found in zip(numbers, marks, strict=True)):
            return None
        begins = [0, *(found.end() for found in marks)]
        literals = [
            written[begin:end]
            for begin, end in zip(begins, [*(found.start() for found in marks), len(written)], strict=True)
        ]
        # Depth first: the likeliest filling of each hole is tried first, the others wait here.
        waiting: list[tuple[int, int, Laid | None]] = [(0, 0, None)]
        trail: list[Laid] = []
        while waiting:
            index, kept, filled = waiting.pop()
            del trail[kept:]
            trail += [filled] if filled else []
            at = filled.end if filled else 0
            if not text.startswith(literals[index], at):
                continue
            trail.append(Laid(begins[index], at, at := at + len(literals[index])))
            if index < len(marks):
                number, begin = numbers[index], marks[index].start()
                fits = [one for one in self.holes[number].fillings if text.startswith(one.text, at)]
                waiting += [
                    (index + 1, len(trail), Laid(begin, at, at + len(one.text), number, one)) for one in reversed(fits)
                ]
            elif at == len(text):
                return trail
        return None

    def _mark(self, hole: Hole) -> str:
        self.holes.append(hole)
        return f"{self._stem}{len(self.holes) - 1}x"

    def _message(self, index: int, message: Message) -> Message:
        thinking = message.thinking
        if thinking and (thinking.strip() or self._way.blank):
            thinking = self._mark(Hole(index, "think", contents(thinking)))
        content = ""
        for piece in pieces(message, self._way.divide):
            if piece.part and piece.said and (piece.said.strip() or self._way.blank):
                content += self._mark(Hole(index, piece.part, contents(piece.said, piece.start)))
            else:
                content += piece.said
        calls = tuple(self._call(index, number, call) for number, call in enumerate(message.tool_calls))
        return replace(message, content=content, thinking=thinking, tool_calls=calls)

    def _call(self, index: int, number: int, call: ToolCall) -> ToolCall:
        name = self._mark(Hole(index, "tool_call", names(call.name), number)) if call.name else ""
        if not self._way.singly:
            pair = self._mark(Hole(index, "tool_call", forms(call.arguments), number, arguments=True))
            return replace(call, name=name, arguments={pair: pair})
        arguments: Mapping[str, Any] = {
            self._mark(Hole(index, "tool_call", names(key), number)): self._mark(
                Hole(index, "tool_call", scalars(value), number)
            )
            for key, value in call.arguments.items()
        }
        return replace(call, name=name, arguments=arguments)
