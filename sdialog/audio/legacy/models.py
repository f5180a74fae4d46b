"""Language models as the audio part sees them: a plain callable from a prompt to a reply."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Model = Callable[[str], Any]


def asked(llm: Any, prompt: str) -> str:
    """Return what a model replies.

    Args:
        llm: a callable, or an object with ``invoke``, as chat models have it; its reply is a text or has ``content``.
        prompt: what it is asked.

    Example:
        >>> asked(lambda prompt: prompt.upper(), "hi")
        'HI'
    """
    reply = llm.invoke(prompt) if callable(getattr(llm, "invoke", None)) else llm(prompt)
    return str(getattr(reply, "content", reply))
