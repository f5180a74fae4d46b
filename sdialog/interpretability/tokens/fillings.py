"""The ways in which a chat template may write a text, an argument or a call."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sdialog.llm.types import Message

Part = Literal["template", "content", "think", "tool_call", "tool_result", "tools", "generation_prompt"]
"""What a token of a conversation is for."""

PARTS: tuple[Part, ...] = (
    "template",
    "content",
    "think",
    "tool_call",
    "tool_result",
    "tools",
    "generation_prompt",
)
MARKER = re.compile("(</?think>|</?tool_call>|</?tool_response>)")
OPENS: Mapping[str, Part] = {"<think>": "think", "<tool_call>": "tool_call"}


@dataclass(frozen=True, slots=True)
class Filling:
    """A text as a template may write it.

    Attributes:
        text: what is written.
        said: the piece of the original that it stands for.
        start: index of that piece in the original; None where that is of no interest.
        plain_ascii: how JSON writes it: with everything beyond ASCII escaped, or not; None when it is no JSON.
    """

    text: str
    said: str
    start: int | None = None
    plain_ascii: bool | None = None

    @property
    def places(self) -> Sequence[int]:
        """For each character of ``text`` the index in the original."""
        if self.start is None:
            return ()
        if self.plain_ascii is None:
            return range(self.start, self.start + len(self.text))
        lengths = [len(_in_json(letter, self.plain_ascii)) for letter in self.said]
        return tuple(self.start + index for index, length in enumerate(lengths) for _ in range(length))


def contents(said: str, start: int = 0) -> list[Filling]:
    """Return how a text may be written, the likeliest first: as it is, without spaces around it, inside JSON.

    Args:
        said: the text.
        start: index of its first character in the message.

    Example:
        >>> [filling.text for filling in contents("Hi! ")]
        ['Hi! ', 'Hi!']
    """
    cuts = (said, said.strip(), said.rstrip(), said.lstrip(), said.strip("\n"), said.lstrip("\n"), said.rstrip("\n"))
    found: dict[str, Filling] = {}
    for cut in cuts:
        at = start + len(said) - len(said.lstrip()) if not said.startswith(cut) else start
        if not said.startswith(cut) and said.lstrip("\n").startswith(cut):
            at = start + len(said) - len(said.lstrip("\n"))
        found.setdefault(cut, Filling(cut, cut, at))
    for filling in list(found.values()):
        for plain_ascii in (False, True):
            text = _in_json(filling.said, plain_ascii)
            found.setdefault(text, Filling(text, filling.said, filling.start, plain_ascii))
    return list(found.values())


def names(name: str) -> list[Filling]:
    """Return how a name is written."""
    return [Filling(name, name)]


def scalars(value: Any) -> list[Filling]:
    """Return how one argument of a call may be written where it stands alone."""
    texts = [value] if isinstance(value, str) else []
    texts += [json.dumps(value, ensure_ascii=False, default=str), json.dumps(value, default=str), str(value)]
    return [Filling(text, text) for text in dict.fromkeys(texts)]


def forms(arguments: Mapping[str, Any]) -> list[Filling]:
    """Return how the arguments of a call may be written as a whole: JSON in its usual layouts, or as Python.

    Example:
        >>> [filling.text for filling in forms({"id": 7})][:2]
        ['{"id": 7}', '{"id":7}']
    """
    texts: list[str] = []
    for ascii_only in (False, True):
        for ordered in (False, True):
            layouts: tuple[dict[str, Any], ...] = ({}, {"separators": (",", ":")}, {"indent": 4}, {"indent": 2})
            texts += [
                json.dumps(dict(arguments), ensure_ascii=ascii_only, sort_keys=ordered, default=str, **layout)
                for layout in layouts
            ]
    texts.append(str(dict(arguments)))
    texts += [_in_json(text, ascii_only) for text in list(texts) for ascii_only in (False, True)]
    return [Filling(text, text) for text in dict.fromkeys(texts)]


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece of a message's content: what it is, or nothing for the markers between pieces."""

    said: str
    start: int
    part: Part | None


def pieces(message: Message, divide: bool) -> Iterator[Piece]:
    """Take a content apart at the markers that templates look for.

    Args:
        message: the message.
        divide: do it to every message; else only to those of the assistant.

    Example:
        >>> [piece.part for piece in pieces(Message("assistant", "<think>Hm.</think>Yes."), False)]
        [None, 'think', None, 'content']
    """
    usual: Part = "tool_result" if message.role == "tool" else "content"
    if not divide and message.role != "assistant":
        yield Piece(message.content, 0, usual)
        return
    split = MARKER.split(message.content)
    closes_first = next((marker for marker in split[1::2]), "") == "</think>"
    part: Part = "think" if closes_first and message.role == "assistant" else usual
    start = 0
    for place, said in enumerate(split):
        if place % 2:
            part = OPENS.get(said, usual) if message.role == "assistant" else usual
            yield Piece(said, start, None)
        elif said:
            yield Piece(said, start, part)
        start += len(said)


def _in_json(text: str, ascii_only: bool) -> str:
    return json.dumps(text, ensure_ascii=ascii_only)[1:-1]
