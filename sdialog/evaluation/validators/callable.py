"""Any function of a dialog as a validator."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.validators import validators
from sdialog.evaluation.validators.base import BaseValidator, Explanation

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


@validators.register("callable")
class CallableValidator(BaseValidator):
    """Passes dialogs of which a function says so.

    Args:
        function: takes a dialog; returns a bool, a ``(bool, reason)`` pair, an :class:`.Explanation`, or None where it
            cannot tell.
        name: what it is called in tables; default the function's name.

    Raises:
        ConfigError: if it cannot be called.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> short = CallableValidator(lambda dialog: (len(dialog) < 2, f"{len(dialog)} turns"), name="short")
        >>> short(Dialog(turns=[Turn(text="Hi")])), short.explain(Dialog(turns=[Turn(text="Hi")] * 3)).reason
        (1, '3 turns')
    """

    def __init__(self, function: Callable[[Dialog], Any], name: str | None = None) -> None:
        if not callable(function) or inspect.iscoroutinefunction(function):
            raise ConfigError(f"a validator is a plain function of a dialog, not {function!r:.60}")
        own = getattr(function, "__name__", type(function).__name__)
        super().__init__(name or ("callable-validator" if own == "<lambda>" else own))
        self.function = function

    def explain(self, dialog: Dialog) -> Explanation:
        """Return what the function says.

        Raises:
            ConfigError: if its answer cannot be read as yes or no.
        """
        answer, reason = self.function(dialog), None
        if isinstance(answer, Explanation):
            return answer
        if isinstance(answer, tuple) and len(answer) == 2:
            answer, reason = answer
        if answer is not None and not _is_bool(answer):
            raise ConfigError(
                f"validator {self.name!r} answered {answer!r:.60}; it must return a bool, a (bool, reason) pair, an "
                "Explanation or None"
            )
        passed = None if answer is None else bool(answer)
        return Explanation(passed, None if passed or reason is None else str(reason))


def _is_bool(answer: Any) -> bool:
    """Whether it is a bool; numpy's is none of Python's."""
    return isinstance(answer, bool) or type(answer).__name__ in ("bool", "bool_")
