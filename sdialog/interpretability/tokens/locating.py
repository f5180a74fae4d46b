"""Finding every message in a rendered prompt.

The conversation is written a second time with a mark in place of each text. What stands between the marks is the
template's, so the texts must lie between the same pieces of the prompt; the prompt has to come out whole, or nothing
is concluded. Where the conversation cannot be written again, texts are searched for, and found only where there is one
way to place all of them in order.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sdialog.core.errors import UserError
from sdialog.interpretability.tokens.fillings import Filling, Part, contents, forms, pieces
from sdialog.interpretability.tokens.marking import WAYS, Hole, Laid, Marked
from sdialog.interpretability.tokens.writers import Writer, attempt, reproduces
from sdialog.llm.types import Message, ToolSpec

_OPENING = re.compile(r"""\{\s*\\*["']\w+\\*["']\s*:\s*(?:\\*["'])?$""")
_CLOSING = re.compile(r"""(?:\\*["'])?\s*\}""")
_REACH = 60  # characters before a call's name in which its opening brace is looked for


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of a text that is more than template.

    Attributes:
        part: what it is.
        start, end: its characters in the text.
        message: index of the message it belongs to, or None.
        places: for each of its characters the index in the message's content or thinking; empty for all else.
    """

    part: Part
    start: int
    end: int
    message: int | None = None
    places: Sequence[int] = ()


def locate(messages: Sequence[Message], text: str, tools: Sequence[ToolSpec], write: Writer | None) -> list[Stretch]:
    """Return what in a prompt belongs to which message; where two stretches overlap, the later one holds.

    Args:
        messages: the conversation.
        text: the prompt.
        tools: tools that are described in it.
        write: writes conversations as the prompt was written; None where nothing does.

    Raises:
        UserError: if a message cannot be placed beyond doubt.
    """
    ask = None if write is None else reproduces(write, messages, tools, text)
    if write is None or ask is None:
        return _searched(messages, text)
    # A backend may take tools for described where a text names them; marks do not, so it may describe them then.
    for way, offered in itertools.product(WAYS, (tools, ()) if tools else ((),)):
        marked = Marked(messages, tools, text, way)
        written = attempt(write, marked.messages, offered, ask)
        laid = None if written is None else marked.lay(written, text)
        if written is None or laid is None:
            continue
        bodies = list(_bodies(laid, marked.holes))
        tail = _tail(text, attempt(write, messages, tools, False), bodies) if ask else []
        bare = attempt(write, marked.messages, (), ask) if offered else None
        told = [] if bare is None else _told(written, bare, laid)
        return [*tail, *told, *_calls(text, laid, marked.holes), *bodies]
    return _searched(messages, text)


def _bodies(laid: Sequence[Laid], holes: Sequence[Hole]) -> Iterator[Stretch]:
    for piece in laid:
        if piece.hole is not None and piece.filling is not None and holes[piece.hole].call is None:
            hole = holes[piece.hole]
            yield Stretch(hole.part, piece.start, piece.end, hole.message, piece.filling.places)


def _calls(text: str, laid: Sequence[Laid], holes: Sequence[Hole]) -> Iterator[Stretch]:
    """Yield each call from its name to its last argument, with the braces around both."""
    ranges: dict[tuple[int, int], tuple[int, int]] = {}
    seen: set[int] = set()
    for piece in laid:
        call = None if piece.hole is None else holes[piece.hole].call
        if piece.hole is None or call is None or piece.hole in seen:
            continue  # a name that is written again, as beside the result, is not the call
        seen.add(piece.hole)
        key = holes[piece.hole].message, call
        start, end = ranges.get(key, (piece.start, piece.end))
        ranges[key] = min(start, piece.start), max(end, piece.end)
    for (message, _), (start, end) in ranges.items():
        opening = _OPENING.search(text[max(0, start - _REACH) : start])
        closing = _CLOSING.match(text, end)
        if opening and closing:
            start, end = start - len(opening[0]), closing.end()
        yield Stretch("tool_call", start, end, message)


def _tail(text: str, unasked: str | None, bodies: Sequence[Stretch]) -> list[Stretch]:
    """Return what is written only to have the assistant speak."""
    last = max((body.end for body in bodies), default=0)
    start = last if unasked is None else max(last, _common(text, unasked))
    return [Stretch("generation_prompt", start, len(text))] if start < len(text) else []


def _told(written: str, bare: str, laid: Sequence[Laid]) -> list[Stretch]:
    """Return what is written only because there are tools, as far as it is one piece."""
    after = _common(written[::-1], bare[::-1])
    before = _common(written[: len(written) - after], bare[: len(bare) - after])
    first, last = before, len(written) - after

    def in_text(place: int) -> int:
        piece = max((one for one in laid if one.marked <= place), key=lambda one: (one.marked, one.start))
        return min(piece.start + place - piece.marked, piece.end)

    start, end = in_text(first), in_text(last)
    return [Stretch("tools", start, end)] if start < end else []


def _common(one: str, other: str) -> int:
    """Return how many first characters two texts share."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((place for place, (left, right) in pairs if left != right), min(len(one), len(other)))


@dataclass(frozen=True, slots=True)
class _Sought:
    message: int
    part: Part
    filling: Filling


def _searched(messages: Sequence[Message], text: str) -> list[Stretch]:
    """Place texts without the template: the one way in which they follow each other.

    Spaces around a text are left to the template, since it cannot be told whose they are.
    """
    sought = [one for index, message in enumerate(messages) for one in _sought(index, message, text)]
    first: list[int] = []
    at = 0
    for one in sought:
        found = text.find(one.filling.text, at)
        if found < 0:
            raise _lost(messages, one.message, "does not follow the message before it in the rendered prompt")
        first.append(found)
        at = found + len(one.filling.text)
    end = len(text)
    for one, place in zip(reversed(sought), reversed(first), strict=True):
        last = text.rfind(one.filling.text, 0, end)
        if last != place:
            raise _lost(messages, one.message, "may be at more than one place of the rendered prompt")
        end = last
    found_all = [
        Stretch(one.part, place, place + len(one.filling.text), one.message, one.filling.places)
        for one, place in zip(sought, first, strict=True)
    ]
    return [*_tail(text, None, found_all), *found_all]


def _sought(index: int, message: Message, text: str) -> Iterator[_Sought]:
    """Yield what of a message is in the prompt, in the order in which templates write it."""
    if message.thinking and message.thinking.strip() in text:
        yield from _core(index, "think", message.thinking, 0, text)
    for piece in pieces(message, False):
        if piece.part is None or not piece.said.strip():
            continue
        found = list(_core(index, piece.part, piece.said, piece.start, text))
        if not found and piece.part != "think":
            raise _lost([message], 0, "is not in the rendered prompt", index)
        yield from found
    for call in message.tool_calls:
        written = next((one for one in forms(call.arguments) if one.text in text), None)
        if written is None:
            raise _lost([message], 0, f"calls {call.name!r}, which is not in the rendered prompt", index)
        yield _Sought(index, "tool_call", written)


def _core(index: int, part: Part, said: str, start: int, text: str) -> Iterator[_Sought]:
    core = said.strip()
    for filling in contents(core, start + said.index(core)):
        if core and filling.text in text:
            yield _Sought(index, part, filling)
            return


def _lost(messages: Sequence[Message], place: int, how: str, index: int | None = None) -> UserError:
    message = messages[place]
    shown = message.content if len(message.content) <= 40 else f"{message.content[:40]}..."
    return UserError(
        f"message {place if index is None else index} ({message.role}, {shown!r}) {how}, and the tokenizer's chat "
        "template does not write the conversation as the prompt has it, so which tokens are the message's cannot be "
        "told. Give write=, which writes a conversation as the prompt was written, and the tools that it describes"
    )
