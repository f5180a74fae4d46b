r"""Which tokens of a conversation are meant: selectors that compose.

A span is written as an expression, in Python or in a file:

| expression | tokens |
|---|---|
| ``everything`` | all |
| ``prompt``, ``generated`` | of the prompt; of the reply |
| ``turn(i)`` | of the i-th utterance of user or assistant; negative from the end of the prompt |
| ``message(i)`` | of the i-th message of any role; negative from the end of the prompt |
| ``speaker(Ann)``, ``role(user)`` | of messages by speaker or role |
| ``part(think)``, ``content`` | by what they are for; ``content`` is ``part(content)`` |
| ``characters(a, b)`` | with characters a up to b of their message |
| ``regex(r"\d+")``, ``words(refund)`` | with characters of a match inside a message |
| ``special`` | special tokens |
| ``last_prompt`` | the last of the prompt, which gives the first generated token |
| ``choices`` | ``last_prompt \| generated``: where the model chooses what comes next |
| ``first(n)``, ``last(n)`` | the first or last n of prompt and reply |
| ``a & b``, ``a \| b``, ``~a`` | in both, in either, not in |
| ``a[i:j]`` | of those selected, in order |

The reply is a message and a turn of its own after those of the prompt, which ``turn(-1)`` does not count, so that it
means the same before and after the model has spoken. Tokens that the template writes around texts are of no message.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sdialog.interpretability.tokens.expressions import Span, pick

if TYPE_CHECKING:
    from sdialog.interpretability.tokens.rendering import Rendering

__all__ = [
    "Span",
    "characters",
    "choices",
    "content",
    "everything",
    "explain",
    "first",
    "generated",
    "last",
    "last_prompt",
    "message",
    "part",
    "prompt",
    "regex",
    "role",
    "speaker",
    "special",
    "turn",
    "words",
]

content: Span = pick("content")
"""Texts of messages, without tool results, thinking and calls."""
everything: Span = pick("everything")
"""All tokens."""
prompt: Span = pick("prompt")
"""Tokens of the prompt."""
generated: Span = pick("generated")
"""Tokens of the reply."""
special: Span = pick("special")
"""Special tokens."""
last_prompt: Span = pick("last_prompt")
"""The last token of the prompt."""


choices: Span = pick("choices")
"""Where the model chooses what comes next: the last token of the prompt and all of the reply."""


def turn(index: int) -> Span:
    """Return the tokens of an utterance of user or assistant, negative from the end of the prompt."""
    return pick("turn", index)


def message(index: int) -> Span:
    """Return the tokens of a message, negative from the end of the prompt."""
    return pick("message", index)


def speaker(name: str) -> Span:
    """Return the tokens of all messages of a speaker."""
    return pick("speaker", name)


def role(name: str) -> Span:
    """Return the tokens of all messages of a role: ``system``, ``user``, ``assistant`` or ``tool``.

    Raises:
        UnknownNameError: if there is no such role.
    """
    return pick("role", name)


def part(name: str) -> Span:
    """Return the tokens that are for something, such as ``think``; see :data:`PARTS`.

    Raises:
        UnknownNameError: if there is no such part.
    """
    return pick("part", name)


def characters(start: int, stop: int) -> Span:
    """Return the tokens that hold any of these characters of their own message.

    Raises:
        ConfigError: if they are no range.
    """
    return pick("characters", start, stop)


def regex(pattern: str) -> Span:
    """Return the tokens that hold a character of a match within a text, call or result.

    Raises:
        ConfigError: if it is no regular expression of Python.
    """
    return pick("regex", pattern)


def words(*texts: str) -> Span:
    """Return the tokens of words or phrases, in any case of letters and only whole."""
    return pick("words", *texts)


def first(count: int) -> Span:
    """Return the first tokens of the prompt."""
    return pick("first", count)


def last(count: int) -> Span:
    """Return the last tokens of prompt and reply; the last of the prompt alone are ``prompt[-n:]``."""
    return pick("last", count)


def explain(rendering: Rendering, span: str | Span) -> str:
    """Return the conversation as it was rendered, with selected tokens in brackets.

    Example:
        >>> from sdialog.backends.embedded import EmbeddedBackend
        >>> from sdialog.interpretability.tokens.rendering import Rendering
        >>> from sdialog.llm.types import Message
        >>> tokenizer = EmbeddedBackend("mini").network().tokenizer
        >>> rendering = Rendering.from_messages(tokenizer, [Message("user", "I want a refund.")])
        >>> print(explain(rendering, "turn(-1) & words(refund)"))
        <|user|>I want a[ refund].<|end|><|assistant|>
    """
    mask = Span.parse(span).mask(rendering)
    return "".join(
        _bracketed(text, [rendering.offsets[place] for place in places if mask[place]])
        for text, places, _ in rendering.texts()
    )


def _bracketed(text: str, chosen: Sequence[tuple[int, int]]) -> str:
    runs: list[list[int]] = []
    for start, end in chosen:
        if runs and start <= runs[-1][1]:
            runs[-1][1] = max(end, runs[-1][1])
        elif start < end:
            runs.append([start, end])
    done, shown = 0, ""
    for start, end in runs:
        shown += f"{text[done:start]}[{text[start:end]}]"
        done = end
    return shown + text[done:]
