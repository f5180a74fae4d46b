"""Telling a model's reasoning from its reply."""

from __future__ import annotations

import re
from typing import NamedTuple

from sdialog.core.errors import ConfigError

DEFAULT_PATTERN = r"<think>(.*?)</think>"

_UNOPENED = re.compile(r"\A(.*?)</think>", re.DOTALL)
_UNCLOSED = re.compile(r"<think>(.*)\Z", re.DOTALL)


class Thoughts(NamedTuple):
    """A reply without its reasoning, and the reasoning (``""`` when there is none)."""

    text: str
    thinking: str


class ThinkingSplitter:
    """Cuts reasoning out of replies.

    Args:
        pattern: regular expression with exactly one group, the reasoning; ``.`` matches newlines too. None cuts
            nothing. With the default pattern a reply whose opening or closing tag is missing is understood as well,
            as some servers swallow the first and a token limit cuts off the last.

    Raises:
        ConfigError: if the pattern cannot be compiled or does not have exactly one group.

    Example:
        >>> ThinkingSplitter().split("<think>She is upset.</think>I am sorry.")
        Thoughts(text='I am sorry.', thinking='She is upset.')
    """

    def __init__(self, pattern: str | re.Pattern[str] | None = DEFAULT_PATTERN) -> None:
        self._patterns: tuple[re.Pattern[str], ...] = ()
        if pattern is None:
            return
        try:
            compiled = re.compile(pattern, re.DOTALL) if isinstance(pattern, str) else pattern
        except re.error as error:
            raise ConfigError(f"thinking_pattern {pattern!r} is not a regular expression: {error}") from error
        if compiled.groups != 1:
            raise ConfigError(
                f"thinking_pattern {compiled.pattern!r} has {compiled.groups} groups; it needs exactly one, around "
                "the reasoning. Write the others as (?:...)"
            )
        is_default = compiled.pattern == DEFAULT_PATTERN
        self._patterns = (compiled, _UNOPENED, _UNCLOSED) if is_default else (compiled,)

    def split(self, text: str, native: str | None = None) -> Thoughts:
        """Return the reply and its reasoning, joined by newlines.

        Args:
            text: what the model wrote.
            native: reasoning the backend gave apart from the text.
        """
        found = [native] if native else []
        cut = text
        for pattern in self._patterns:
            found += [match.group(1) or "" for match in pattern.finditer(cut)]
            cut = pattern.sub("", cut)
        thinking = "\n".join(stripped for thought in found if (stripped := thought.strip()))
        return Thoughts(text if cut == text else cut.strip(), thinking)
