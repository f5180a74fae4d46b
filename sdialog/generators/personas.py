"""The generator of personas."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from sdialog.core.attributes import AttributeModel
from sdialog.generators.base import BaseAttributeModelGenerator

A = TypeVar("A", bound=AttributeModel)


class PersonaGenerator(BaseAttributeModelGenerator[A]):
    """Makes personas of one class; people speak and are written about in the language their persona names.

    Args:
        persona: persona class, or a persona whose set attributes all others share.
        generated_attributes: what the model writes, see :class:`BaseAttributeModelGenerator`.
        extra_instructions: further wishes, one a line.
        model: what :func:`sdialog.llm.get.resolve` takes; None for the model of the settings.
        kwargs: prompts and model options, see :class:`BaseAttributeModelGenerator`.

    Example:
        >>> from sdialog.personas import Doctor
        >>> generator = PersonaGenerator(Doctor, generated_attributes=None)
        >>> doctors = generator.set(specialty=["cardiology", "paediatrics"], age="{30-65}").generate(3, seed=13)
        >>> [type(doctor).__name__ for doctor in doctors]
        ['Doctor', 'Doctor', 'Doctor']
    """

    def __init__(
        self,
        persona: type[A] | A,
        generated_attributes: str | Collection[str] | Mapping[str, object] | None = "all",
        extra_instructions: str = "",
        model: Any = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(persona, generated_attributes, extra_instructions, model, **kwargs)
