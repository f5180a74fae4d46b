"""To which message, turn, speaker and part each token of a prompt and of its reply belongs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from sdialog.core.errors import UserError
from sdialog.interpretability.tokens.fillings import MARKER, OPENS, PARTS, Part
from sdialog.interpretability.tokens.locating import Stretch, locate
from sdialog.interpretability.tokens.offsets import Offsets, decoded_offsets, prompt_offsets
from sdialog.interpretability.tokens.writers import TemplateWriter, Writer, own_writer, reproduces
from sdialog.llm.types import Message, ToolSpec

__all__ = ["PARTS", "Label", "Part", "Rendering", "Writer"]

_MISTRAL_CALL = re.compile(r"(\[TOOL_CALLS\])")


@dataclass(frozen=True, slots=True)
class Label:
    """What a token is.

    Attributes:
        part: ``template``, ``content``, ``think``, ``tool_call``, ``tool_result``, ``tools`` (their descriptions) or
            ``generation_prompt``.
        message: index of its message; the reply comes after the last one. None for tokens of no message: all that
            the template writes around texts.
        turn: index of its utterance among those of user and assistant; None where the message is none.
        role: of its message.
        speaker: who says the message, where known.
        start, end: its characters in the content of its message, for ``think`` in the thinking where that came
            apart, for the reply in the text of the reply; None for all that is no such text.
        straddles: whether some of its characters belong elsewhere; it is where its first character that is no space is.
    """

    part: Part = "template"
    message: int | None = None
    turn: int | None = None
    role: str | None = None
    speaker: str | None = None
    start: int | None = None
    end: int | None = None
    straddles: bool = False

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return asdict(self)


@dataclass(frozen=True, eq=False)
class Rendering:
    """A prompt, and the reply to it where there is one, with what each token is. Labels partition the tokens.

    It can be pickled; the tokenizer stays behind.

    Attributes:
        text: the prompt.
        ids: tokens of prompt and reply.
        prompt: how many of them are the prompt.
        messages: what was rendered.
        labels: one for each token.
        offsets: first character of each token and the one after its last, in ``text`` or in ``reply_text``.
        special: whether it is a special token.
        speaker: what the assistant is called.
        reply_text: text of the generated tokens, special ones included.
        stretches: what in ``text`` and in ``reply_text`` is more than template.
    """

    text: str
    ids: tuple[int, ...]
    prompt: int
    messages: tuple[Message, ...]
    labels: tuple[Label, ...] = field(repr=False)
    offsets: tuple[tuple[int, int], ...] = field(repr=False)
    special: tuple[bool, ...] = field(repr=False)
    speaker: str | None = None
    reply_text: str = ""
    stretches: tuple[tuple[Stretch, ...], tuple[Stretch, ...]] = field(default=((), ()), repr=False)
    _tokenizer: Any = field(default=None, repr=False)

    @classmethod
    def of(
        cls,
        tokenizer: Any,
        messages: Sequence[Message],
        text: str,
        ids: Sequence[int],
        *,
        speaker: str | None = None,
        tools: Sequence[ToolSpec] = (),
        write: Writer | None = None,
    ) -> Rendering:
        """Label the tokens of a prompt.

        Args:
            tokenizer: a transformers tokenizer.
            messages: the conversation.
            text: the prompt that was made of it.
            ids: the tokens of the prompt.
            speaker: what the assistant is called.
            tools: tools that the prompt describes.
            write: writes a conversation as the prompt was written. Default: the tokenizer's chat template, if that
                gives the prompt; else messages are searched for.

        Raises:
            UserError: if a message cannot be placed beyond doubt, or the tokens are not those of the text.
        """
        if write is None:
            write = own_writer(tokenizer, messages, tools, text)
        elif reproduces(write, messages, tools, text) is None:
            raise UserError(
                "write= does not write the conversation as the prompt has it; give it what the backend used"
            )
        stretches = tuple(locate(messages, text, tools, write))
        offsets = prompt_offsets(tokenizer, text, ids)
        given = tuple(messages)
        return cls(
            text=text,
            ids=tuple(ids),
            prompt=len(ids),
            messages=given,
            labels=tuple(_labels(text, offsets, stretches, _of_messages(given, speaker))),
            offsets=tuple(offsets),
            special=_special(tokenizer, ids),
            speaker=speaker,
            stretches=(stretches, ()),
            _tokenizer=tokenizer,
        )

    @classmethod
    def from_messages(
        cls,
        tokenizer: Any,
        messages: Sequence[Message],
        *,
        speaker: str | None = None,
        tools: Sequence[ToolSpec] = (),
        ask: bool = True,
    ) -> Rendering:
        """Render a conversation with the tokenizer's own chat template and label it.

        Args:
            tokenizer: a transformers tokenizer with a chat template.
            messages: the conversation.
            speaker: what the assistant is called.
            tools: tools to describe.
            ask: end with what has the assistant speak next.

        Raises:
            UserError: if there is no chat template or it does not write every message.
        """
        if not getattr(tokenizer, "chat_template", None):
            raise UserError("this tokenizer has no chat template; render the conversation and use Rendering.of")
        write = TemplateWriter(tokenizer)
        text = write(messages, tools, ask)
        ids = tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]
        return cls.of(tokenizer, messages, text, list(ids), speaker=speaker, tools=tools, write=write)

    def with_reply(self, ids: Sequence[int]) -> Rendering:
        """Return the rendering with generated tokens after the prompt, instead of those that it had.

        All of them are the assistant's. What stands between thinking or call markers is ``think`` or ``tool_call``,
        markers and special tokens are ``template``, all else is ``content``.

        Raises:
            UserError: after pickling, when the tokenizer is no longer there.
        """
        if self._tokenizer is None:
            raise UserError("this rendering came without its tokenizer; add the reply before pickling it")
        text, offsets = decoded_offsets(self._tokenizer, ids)
        special = _special(self._tokenizer, ids)
        message = len(self.messages)
        stretches = tuple(_reply_stretches(text, self.text.rstrip().endswith("<think>"), message))
        reply = Label("content", message, len(self.turns), "assistant", self.speaker)
        labels = [
            replace(label, part="template", start=None, end=None) if hidden else label
            for label, hidden in zip(_labels(text, offsets, stretches, {message: reply}, reply), special, strict=True)
        ]
        return replace(
            self,
            ids=(*self.ids[: self.prompt], *ids),
            labels=(*self.labels[: self.prompt], *labels),
            offsets=(*self.offsets[: self.prompt], *offsets),
            special=(*self.special[: self.prompt], *special),
            reply_text=text,
            stretches=(self.stretches[0], stretches),
        )

    def __len__(self) -> int:
        return len(self.ids)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_tokenizer": None}

    @property
    def turns(self) -> tuple[int, ...]:
        """For each utterance of the prompt, in order, the index of its message."""
        return tuple(place for place, message in enumerate(self.messages) if _is_turn(message))

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that tokens have."""
        return tuple(dict.fromkeys(label.role for label in self.labels if label.role is not None))

    @property
    def speakers(self) -> tuple[str, ...]:
        """The speakers that tokens have."""
        return tuple(dict.fromkeys(label.speaker for label in self.labels if label.speaker is not None))

    def without_reply(self) -> Rendering:
        """Return the prompt alone."""
        cut = {name: getattr(self, name)[: self.prompt] for name in ("ids", "labels", "offsets", "special")}
        return replace(self, **cut, reply_text="", stretches=(self.stretches[0], ()))

    def texts(self) -> Iterator[tuple[str, range, tuple[Stretch, ...]]]:
        """Yield the prompt and then the reply: text, positions of its tokens, and what in it is more than template."""
        yield self.text, range(self.prompt), self.stretches[0]
        yield self.reply_text, range(self.prompt, len(self)), self.stretches[1]

    def json(self) -> dict[str, Any]:
        """Return a plain dict: the texts, and for each token its id, characters and label."""
        rows = zip(self.ids, self.offsets, self.special, self.labels, strict=True)
        tokens = [{"id": key, "text": list(at), "special": hidden, **label.json()} for key, at, hidden, label in rows]
        return {"text": self.text, "reply_text": self.reply_text, "prompt": self.prompt, "tokens": tokens}


def _is_turn(message: Message) -> bool:
    return message.role in ("user", "assistant") and bool(message.content.strip())


def _of_messages(messages: Sequence[Message], speaker: str | None) -> dict[int, Label]:
    """Return for each message the label that its tokens have in common."""
    shared: dict[int, Label] = {}
    turns = 0
    for place, message in enumerate(messages):
        turn = turns if _is_turn(message) else None
        turns += turn is not None
        name = message.name or (speaker if message.role == "assistant" else None)
        shared[place] = Label("template", place, turn, message.role, name)
    return shared


def _labels(
    text: str,
    offsets: Offsets,
    stretches: Sequence[Stretch],
    shared: dict[int, Label],
    otherwise: Label | None = None,
) -> Iterator[Label]:
    """Yield one label a token."""
    template = replace(otherwise or Label(), part="template")
    owner = [-1] * len(text)
    for number, stretch in enumerate(stretches):
        owner[stretch.start : stretch.end] = [number] * (stretch.end - stretch.start)
    for start, end in offsets:
        if start >= end:
            # No text of its own: inside a text it goes with what is around it.
            inside = 0 < start < len(text) and owner[start - 1] == owner[start]
            number = owner[start] if inside else -1
        else:
            number = owner[next((at for at in range(start, end) if not text[at].isspace()), start)]
        if number < 0:
            label = template
        else:
            stretch = stretches[number]
            known = Label() if stretch.message is None else shared[stretch.message]
            first, last = _within(stretch, start, end)
            label = replace(known, part=stretch.part, start=first, end=last)
        straddles = any(other != number for other in owner[start:end])
        yield replace(label, straddles=True) if straddles else label


def _within(stretch: Stretch, start: int, end: int) -> tuple[int | None, int | None]:
    """Return the characters of the message that characters of the text hold."""
    if not stretch.places:
        return None, None
    first, last = max(start, stretch.start) - stretch.start, min(end, stretch.end) - stretch.start
    if first >= last:
        place = stretch.places[min(first, len(stretch.places) - 1)]
        return place, place
    return stretch.places[first], stretch.places[last - 1] + 1


def _special(tokenizer: Any, ids: Sequence[int]) -> tuple[bool, ...]:
    added = getattr(tokenizer, "added_tokens_decoder", {})
    special = {token for token, entry in added.items() if entry.special} | set(tokenizer.all_special_ids)
    return tuple(token in special for token in ids)


def _reply_stretches(text: str, thinks: bool, message: int) -> Iterator[Stretch]:
    """Yield what a reply consists of; ``thinks`` when the prompt ends inside its thinking."""
    first = MARKER.search(text)
    part: Part = "think" if thinks or (first is not None and first[0] == "</think>") else "content"
    at = 0
    for place, piece in enumerate(MARKER.split(text)):
        if place % 2:
            part = OPENS.get(piece, "content")
            at += len(piece)
            continue
        for said in _MISTRAL_CALL.split(piece):
            if said == "[TOOL_CALLS]":
                part = "tool_call"
            elif said:
                yield Stretch(part, at, at + len(said), message, range(at, at + len(said)))
            at += len(said)
