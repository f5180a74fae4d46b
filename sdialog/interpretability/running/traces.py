"""What was recorded while a model wrote one reply: activations with the tokens they belong to."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.interpretability.tokens.rendering import Rendering
    from sdialog.interpretability.tokens.writers import Writer
    from sdialog.llm.types import Message, ToolSpec


@dataclass(eq=False)
class ReplyTokens:
    """The tokens of a prompt and of the reply to it.

    It can be pickled; then it holds the tokens' texts instead of the tokenizer.

    Attributes:
        ids: token ids of prompt and reply.
        prompt: how many of them are the prompt.
        text: the rendered prompt.
        messages: what was rendered.
        tools: tools that the prompt describes.
        speaker: what the assistant is called.
        write: writes a conversation as the prompt was written.
    """

    ids: tuple[int, ...]
    prompt: int
    text: str
    messages: Sequence[Message]
    tools: Sequence[ToolSpec] = ()
    speaker: str | None = None
    write: Writer | None = field(default=None, repr=False)
    _tokenizer: Any = field(default=None, repr=False)
    _strings: tuple[str, ...] | None = field(default=None, repr=False)
    _rendering: Rendering | None = field(default=None, repr=False)
    _texts: dict[tuple[int, ...], str] = field(default_factory=dict, repr=False)

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def reply(self) -> tuple[int, ...]:
        """Ids of the generated tokens, the end token included when there was one."""
        return self.ids[self.prompt :]

    @property
    def strings(self) -> tuple[str, ...]:
        """Each token as the vocabulary writes it, such as ``Ġthe``."""
        if self._strings is None:
            self._strings = tuple(self._tokenizer.convert_ids_to_tokens(list(self.ids)))
        return self._strings

    @property
    def rendering(self) -> Rendering:
        """To which turn, speaker and part each token belongs.

        Raises:
            UserError: if that cannot be told.
        """
        known = self._rendering
        if known is None:
            from sdialog.interpretability.tokens.rendering import Rendering

            known = Rendering.of(
                self._tokenizer,
                self.messages,
                self.text,
                self.ids[: self.prompt],
                speaker=self.speaker,
                tools=self.tools,
                write=self.write,
            )
        if len(known) != len(self.ids):
            known = known.with_reply(self.reply)
        self._rendering = known
        return known

    def decode(self, ids: Sequence[int]) -> str:
        """Return the text of some of the tokens, special ones kept.

        Raises:
            LookupError: after pickling, when the tokenizer is no longer there, of others than prompt, reply, and those
                that :meth:`remember` was told of.
        """
        if self._tokenizer is None:
            known = self._texts.get(tuple(ids))
            if known is None:
                raise LookupError("these tokens came without their tokenizer; use .strings")
            return known
        text: str = self._tokenizer.decode(list(ids), skip_special_tokens=False)
        return text

    def remember(self, ids: Sequence[int]) -> None:
        """Take the texts of single tokens along when it is pickled."""
        if self._tokenizer is not None:
            self._texts.update({(one,): self.decode([one]) for one in ids})

    def __getstate__(self) -> dict[str, Any]:
        if self._tokenizer is not None:
            whole = (self.ids[: self.prompt], self.reply)
            self._texts.update({part: self.decode(part) for part in whole})
        try:
            rendering: Rendering | None = self.rendering
        except UserError:  # a prompt whose parts cannot be told has its tokens still
            rendering = None
        kept = {"_strings": self.strings, "_rendering": rendering, "_tokenizer": None, "write": None}
        return {**self.__dict__, **kept}


@dataclass(frozen=True, eq=False)
class Capture:
    """What one read recorded of one reply.

    Attributes:
        site: where.
        values: tensor on the CPU, one entry a position, or one entry alone where the read reduces.
        positions: of the tokens in ``tokens.ids``.
        tokens: the tokens of prompt and reply.
        indices: of the site ``logits`` with ``top``: ids of the tokens whose logits ``values`` holds.
        logsumexp: with ``top``: of all logits, so that probabilities can be told.
    """

    site: str
    values: Any
    positions: tuple[int, ...]
    tokens: ReplyTokens
    indices: Any = None
    logsumexp: Any = None

    def __len__(self) -> int:
        return len(self.values)

    def at(self, position: int) -> Any:
        """Return the activation at a position of prompt and reply.

        Raises:
            LookupError: if there is none.
        """
        if len(self.values) != len(self.positions):
            raise LookupError(f"{self.site} was reduced over its tokens; it has no activation of a single one")
        try:
            return self.values[self.positions.index(position)]
        except ValueError:
            spans = f"{self.positions[0]} to {self.positions[-1]}" if self.positions else "none"
            last = position == len(self.tokens) - 1
            cure = ". The last generated token passes through the model only with feed_last=True" if last else ""
            raise LookupError(
                f"{self.site} was not recorded at position {position}; recorded are {spans}, of {len(self.tokens)} "
                f"tokens{cure}"
            ) from None
