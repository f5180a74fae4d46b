"""Span expressions: the class, and the ways in which spans compose."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.interpretability.tokens.selectors import (
    ALWAYS,
    END,
    KINDS,
    NEVER,
    RUNNING,
    Argument,
    State,
    check_arguments,
    written_arguments,
)

if TYPE_CHECKING:
    from sdialog.interpretability.tokens.rendering import Rendering

_ROLES = ("system", "user", "assistant", "tool")


class Span(ABC):
    """A choice of tokens; see :mod:`sdialog.interpretability.spans` for what there is.

    Example:
        >>> from sdialog.interpretability.spans import content, turn
        >>> span = turn(-1) & content[0:3]
        >>> str(span), Span.parse("turn(-1) & content[0:3]") == span
        ('turn(-1) & content[0:3]', True)
    """

    @abstractmethod
    def mask(self, rendering: Rendering) -> list[bool]:
        """Return for each token of prompt and reply whether it is meant."""

    @abstractmethod
    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        """Tell whether the k-th generated token is meant, from what is known when it passes.

        Args:
            k: index of the token in the reply, from 0.
            n_prompt: number of the prompt's tokens.
            rendering: the prompt; without it speakers and numbers of turns and messages are not known.

        Returns:
            Whether it is, or None where that cannot be known yet.
        """

    @property
    @abstractmethod
    def state(self) -> State:
        """What is known of generated tokens: never or always meant, known as each passes, or known at the end."""

    @property
    @abstractmethod
    def settled(self) -> bool:
        """Whether it means the same prompt tokens whatever is generated."""

    @property
    @abstractmethod
    def binding(self) -> int:
        """How tightly the expression binds: 1 ``|``, 2 ``&``, 3 ``~``, 4 all else."""

    @abstractmethod
    def __str__(self) -> str: ...

    @staticmethod
    def parse(text: str | Span) -> Span:
        """Read an expression; a span is returned as it is.

        Raises:
            ConfigError: if it is no expression, with the place where reading failed.
            UnknownNameError: if it names a selector that there is not.
        """
        if isinstance(text, Span):
            return text
        from sdialog.interpretability.tokens.span_language import read

        return read(text)

    def when_known(self) -> Literal["prompt", "running", "end"]:
        """Tell when it is known which tokens are meant.

        Returns:
            ``prompt``: with the prompt; no generated token is ever meant. ``running``: as each token passes (given
            the prompt's rendering). ``end``: with the whole reply; good for reads, but not for edits.
        """
        if self.state is END or not self.settled:
            return "end"
        return "prompt" if self.state is NEVER else "running"

    def require(self, rendering: Rendering) -> list[bool]:
        """Return the mask, and insist on at least one token.

        Raises:
            UserError: if none is meant; says what there is.
        """
        mask = self.mask(rendering)
        if any(mask):
            return mask
        turns, messages = len(rendering.turns), len(rendering.messages)
        reply = len(rendering) - rendering.prompt
        raise UserError(
            f"the span {str(self)!r} selects no token. There are {turns} turns ({_range(turns)}) in {messages} "
            f"messages ({_range(messages)}), {rendering.prompt} prompt tokens and {reply} generated ones; "
            f"roles: {', '.join(rendering.roles) or 'none'}; speakers: {', '.join(rendering.speakers) or 'none'}; "
            f"parts: {', '.join(dict.fromkeys(label.part for label in rendering.labels)) or 'none'}"
        )

    def json(self) -> str:
        """Return the expression, for files."""
        return str(self)

    def __and__(self, other: Span) -> Span:
        return _And(self, other) if isinstance(other, Span) else NotImplemented

    def __or__(self, other: Span) -> Span:
        return _Or(self, other) if isinstance(other, Span) else NotImplemented

    def __invert__(self) -> Span:
        return _Not(self)

    def __getitem__(self, part: slice) -> Span:
        if not isinstance(part, slice) or part.step is not None:
            raise ConfigError(
                f"a span is sliced as span[a:b], without steps, not with {part!r}; one token is span[a:b]"
            )
        for bound in (part.start, part.stop):
            if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool)):
                raise ConfigError(f"the bounds of a slice are whole numbers, not {bound!r}")
        return _Slice(self, part.start, part.stop)

    def __iter__(self) -> None:
        raise TypeError("a span is no sequence; ask it for .mask(rendering)")

    def _wrapped(self, least: int) -> str:
        return str(self) if self.binding >= least else f"({self})"


@dataclass(frozen=True, slots=True)
class _Pick(Span):
    """A selector by name."""

    name: str
    arguments: tuple[Argument, ...] = ()

    def mask(self, rendering: Rendering) -> list[bool]:
        return KINDS[self.name].mask(rendering, *self.arguments)

    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        state = self.state
        if state is RUNNING:
            return KINDS[self.name].running(k, n_prompt, rendering, *self.arguments)
        return None if state is END else state is ALWAYS

    @property
    def state(self) -> State:
        return KINDS[self.name].state(*self.arguments)

    @property
    def settled(self) -> bool:
        return KINDS[self.name].settled

    @property
    def binding(self) -> int:
        return 4

    def __str__(self) -> str:
        if self == _CONTENT:
            return "content"
        return f"{self.name}({written_arguments(self.name, self.arguments)})" if self.arguments else self.name


@dataclass(frozen=True, slots=True)
class _And(Span):
    left: Span
    right: Span

    def mask(self, rendering: Rendering) -> list[bool]:
        return [one and other for one, other in zip(self.left.mask(rendering), self.right.mask(rendering), strict=True)]

    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        both = (self.left.generated(k, n_prompt, rendering), self.right.generated(k, n_prompt, rendering))
        return False if False in both else None if None in both else True

    @property
    def state(self) -> State:
        return _joined(self.left.state, self.right.state, decides=NEVER, yields=ALWAYS)

    @property
    def settled(self) -> bool:
        return self.left.settled and self.right.settled

    @property
    def binding(self) -> int:
        return 2

    def __str__(self) -> str:
        return f"{self.left._wrapped(2)} & {self.right._wrapped(3)}"


@dataclass(frozen=True, slots=True)
class _Or(Span):
    left: Span
    right: Span

    def mask(self, rendering: Rendering) -> list[bool]:
        return [one or other for one, other in zip(self.left.mask(rendering), self.right.mask(rendering), strict=True)]

    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        both = (self.left.generated(k, n_prompt, rendering), self.right.generated(k, n_prompt, rendering))
        return True if True in both else None if None in both else False

    @property
    def state(self) -> State:
        return _joined(self.left.state, self.right.state, decides=ALWAYS, yields=NEVER)

    @property
    def settled(self) -> bool:
        return self.left.settled and self.right.settled

    @property
    def binding(self) -> int:
        return 1

    def __str__(self) -> str:
        return f"{self.left._wrapped(1)} | {self.right._wrapped(2)}"


@dataclass(frozen=True, slots=True)
class _Not(Span):
    span: Span

    def mask(self, rendering: Rendering) -> list[bool]:
        return [not one for one in self.span.mask(rendering)]

    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        known = self.span.generated(k, n_prompt, rendering)
        return None if known is None else not known

    @property
    def state(self) -> State:
        return {NEVER: ALWAYS, ALWAYS: NEVER}.get(self.span.state, self.span.state)

    @property
    def settled(self) -> bool:
        return self.span.settled

    @property
    def binding(self) -> int:
        return 3

    def __str__(self) -> str:
        return f"~{self.span._wrapped(3)}"


@dataclass(frozen=True, slots=True)
class _Slice(Span):
    span: Span
    start: int | None
    stop: int | None

    def mask(self, rendering: Rendering) -> list[bool]:
        whole = self.span.mask(rendering)
        kept = set([place for place, one in enumerate(whole) if one][self.start : self.stop])
        return [place in kept for place in range(len(whole))]

    def generated(self, k: int, n_prompt: int, rendering: Rendering | None = None) -> bool | None:
        if self.state is NEVER or self.span.generated(k, n_prompt, rendering) is False:
            return False
        prompt = None if self.state is END else self._in_prompt(n_prompt, rendering)
        if prompt is None:
            return None
        if self.stop is not None and prompt >= self.stop:
            return False
        reply = k if self.span.state is ALWAYS else self._in_reply(k, n_prompt, rendering)
        if reply is None:
            return None
        return (self.start or 0) <= prompt + reply and (self.stop is None or prompt + reply < self.stop)

    def _in_prompt(self, n_prompt: int, rendering: Rendering | None) -> int | None:
        """Return how many prompt tokens the sliced span selects."""
        if rendering is not None:
            return _count(self.span, rendering, n_prompt)
        if self.span == _GENERATED:
            return 0
        return n_prompt if self.span == _EVERYTHING else None

    def _in_reply(self, k: int, n_prompt: int, rendering: Rendering | None) -> int | None:
        """Return how many of the first k generated tokens the sliced span selects."""
        earlier = [self.span.generated(place, n_prompt, rendering) for place in range(k)]
        return None if None in earlier else sum(map(bool, earlier))

    @property
    def state(self) -> State:
        if self.span.state is NEVER:
            return NEVER
        return END if self._from_end or self.span.state is END else RUNNING

    @property
    def settled(self) -> bool:
        return self.span.settled and not (self._from_end and self.span.state is not NEVER)

    @property
    def _from_end(self) -> bool:
        return (self.start or 0) < 0 or (self.stop or 0) < 0

    @property
    def binding(self) -> int:
        return 4

    def __str__(self) -> str:
        start, stop = ("" if bound is None else bound for bound in (self.start, self.stop))
        return f"{self.span._wrapped(4)}[{start}:{stop}]"


@lru_cache(maxsize=8)  # asked again for each generated token
def _count(span: Span, rendering: Rendering, n_prompt: int) -> int:
    return sum(span.mask(rendering)[:n_prompt])


def _joined(one: State, other: State, *, decides: State, yields: State) -> State:
    if decides in (one, other):
        return decides
    if one is yields:
        return other
    if other is yields:
        return one
    return END if END in (one, other) else RUNNING


def _range(count: int) -> str:
    return f"0 to {count - 1}, or -{count} to -1" if count else "none"


def pick(name: str, *arguments: Argument) -> Span:
    """Return the selector of a name, as an expression names it.

    Raises:
        UnknownNameError: if there is none.
        ConfigError: if it takes other arguments.
    """
    if name == "content" and not arguments:
        return _CONTENT
    if name not in KINDS:
        raise UnknownNameError("span", name, [*KINDS, "content"])
    check_arguments(name, arguments)
    if name == "role" and arguments[0] not in _ROLES:
        raise UnknownNameError("role", str(arguments[0]), _ROLES)
    return _Pick(name, arguments)


_CONTENT, _EVERYTHING, _GENERATED = _Pick("part", ("content",)), _Pick("everything"), _Pick("generated")
