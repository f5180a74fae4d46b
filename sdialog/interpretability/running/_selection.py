"""Which tokens of a row a span means, told while the row is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from sdialog.core.errors import ConfigError

if TYPE_CHECKING:
    from sdialog.interpretability.running.traces import ReplyTokens
    from sdialog.interpretability.spans import Span


class Selection:
    """The tokens that a span means in one row.

    Args:
        span: the span.
        tokens: the row's prompt.
        needed: whether to insist that it means some token.

    Attributes:
        prompt: for each prompt token, whether it is meant.
        whole: whether every token is meant, whatever comes.
        steady: whether every generated token is meant.
        at_end: whether it is known only when the reply is whole.
        first: first prompt position that is meant; the prompt's length if none is.
    """

    def __init__(self, span: str | Span, tokens: ReplyTokens, *, needed: bool = True) -> None:
        self.span, self._tokens, self._needed = span, tokens, needed
        length = tokens.prompt
        text = str(span)
        self.at_end = False
        self.prompt: list[bool]
        self._generated: Callable[[int], bool]
        if text in _PLAIN:
            prompt, generated = _PLAIN[text]
            self.prompt = [prompt] * length
            self._generated = lambda _: generated
            if text in ("choices", "last_prompt", "last_prompt | generated"):
                self.prompt[-1:] = [True]
        else:
            self._ask(span)
        self.whole = text == "everything"
        self.steady = self.at_end or _PLAIN.get(text, (False, False))[1]
        self.first = next((place for place, meant in enumerate(self.prompt) if meant), length)

    def _ask(self, span: str | Span) -> None:
        from sdialog.interpretability.spans import Span

        parsed, length = Span.parse(span), self._tokens.prompt
        rendering = self._tokens.rendering
        self.span, self.at_end = parsed, parsed.when_known() == "end"
        if self.at_end:
            # What is meant is known later; until then everything may be.
            self.prompt, self._generated = [True] * length, lambda _: True
            return
        self.prompt = parsed.mask(rendering)[:length]
        self._generated = lambda place: bool(parsed.generated(place, length, rendering))
        if self._needed and not any(self.prompt) and not self.any_generated():
            parsed.require(rendering)

    def generated(self, place: int) -> bool:
        """Tell whether a generated token is meant, counted from 0."""
        return self._generated(place)

    def any_generated(self, most: int = 4096) -> bool:
        """Tell whether some generated token is meant."""
        return any(self._generated(place) for place in range(most))

    def at(self, position: int) -> bool:
        """Tell whether the token at a position of prompt and reply is meant."""
        length = len(self.prompt)
        return self.prompt[position] if position < length else self._generated(position - length)

    def settled(self, positions: list[int]) -> list[int]:
        """Return those of the recorded positions that are meant, when the reply is whole."""
        if not self.at_end:
            return positions
        from sdialog.interpretability.spans import Span

        mask = Span.parse(self.span).mask(self._tokens.rendering)
        return [position for position in positions if mask[position]]


# Spans that need not know who says what: whether prompt tokens and generated tokens are meant.
_PLAIN = {
    "everything": (True, True),
    "prompt": (True, False),
    "generated": (False, True),
    "choices": (False, True),
    "last_prompt": (False, False),
    "last_prompt | generated": (False, True),
}


def for_edit(span: str | Span, tokens: ReplyTokens, *, needed: bool = True) -> Selection:
    """Return the tokens that an edit is of.

    Raises:
        ConfigError: if they are known only after the reply, when nothing can be changed any more.
    """
    found = Selection(span, tokens, needed=needed)
    if found.at_end:
        raise ConfigError(
            f"the span {str(span)!r} is known only when the reply is whole; an edit needs one that is known while it "
            f"is written, such as choices, generated[0:5], or 'prompt & ({span})'"
        )
    return found
