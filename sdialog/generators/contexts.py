"""The generator of contexts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sdialog.core.context import Context
from sdialog.generators.base import BaseAttributeModelGenerator


class ContextGenerator(BaseAttributeModelGenerator[Context]):
    """Makes contexts: where, when, among whom and to what end a dialog takes place.

    Args:
        context: class, or a context whose set attributes all others share; ``Context`` if None.
        generated_attributes: what the model writes, see :class:`BaseAttributeModelGenerator`.
        extra_instructions: further wishes, one a line.
        model: what :func:`sdialog.llm.get.resolve` takes; None for the model of the settings.
        kwargs: prompts and model options, see :class:`BaseAttributeModelGenerator`.

    Example:
        >>> generator = ContextGenerator(generated_attributes=None)
        >>> generator.set(location=["a ferry", "a night bus"]).generate(seed=13).location in ("a ferry", "a night bus")
        True
    """

    def __init__(
        self,
        context: type[Context] | Context | None = None,
        generated_attributes: str | Collection[str] | Mapping[str, object] | None = "all",
        extra_instructions: str = "",
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        target = Context if context is None else context
        super().__init__(target, generated_attributes, extra_instructions, model, **kwargs)
