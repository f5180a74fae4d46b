"""The gate: finished dialogs are let through, thrown back, or let through with a mark."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.offload import in_thread

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a validator says about a dialog.

    Attributes:
        validator: its name.
        passed: whether the dialog is good.
        reason: why not, or None.
    """

    validator: str
    passed: bool
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class Check:
    """One validator at the gate.

    Args:
        name: what it is called in records.
        validate: takes a dialog, plain or async; returns a bool, or an object with ``passed`` (or ``ok``) and perhaps
            ``reason``, or a pair of both.
        on_fail: ``reject`` (simulate anew with the next sub-seed) or ``mark`` (keep, and note it in the dialog's
            annotations under ``gate``).
    """

    name: str
    validate: Callable[[Dialog], Any]
    on_fail: Literal["reject", "mark"] = "reject"

    async def verdict(self, dialog: Dialog) -> Verdict:
        """Ask the validator.

        Raises:
            ConfigError: if its answer cannot be read as yes or no.
        """
        answer = self.validate(dialog)
        if inspect.isawaitable(answer):
            answer = await answer
        reason = getattr(answer, "reason", None)
        if isinstance(answer, tuple) and len(answer) == 2:
            answer, reason = answer
        for attribute in ("passed", "ok"):
            answer = getattr(answer, attribute, answer)
        if not isinstance(answer, bool):
            raise ConfigError(
                f"validator {self.name!r} answered {answer!r}; it must return a bool, a (bool, reason) pair, or an "
                "object with 'passed'"
            )
        return Verdict(self.name, answer, None if reason is None else str(reason))


@dataclass(frozen=True, slots=True)
class Gate:
    """All checks of a scenario.

    Args:
        checks: asked in order; the first that rejects decides.
        retries: how many more simulations a rejected dialog gets.

    Example:
        >>> from sdialog.core.dialog import Dialog
        >>> from sdialog.core.sync import run
        >>> gate = Gate((Check("not empty", lambda dialog: len(dialog) > 0),))
        >>> run(gate.rejects(Dialog())).validator
        'not empty'
    """

    checks: tuple[Check, ...] = ()
    retries: int = field(default=3)

    async def rejects(self, dialog: Dialog) -> Verdict | None:
        """Return the verdict that rejects a dialog, or None; marks are entered into the dialog's annotations."""
        marks: list[dict[str, Any]] = []
        for check in self.checks:
            verdict = await check.verdict(dialog)
            if not verdict.passed and check.on_fail == "reject":
                return verdict
            if check.on_fail == "mark":
                marks.append({"validator": verdict.validator, "passed": verdict.passed, "reason": verdict.reason})
        if marks:
            old = dialog.annotations if isinstance(dialog.annotations, dict) else {}
            dialog.annotations = {**old, "gate": marks}
        return None


def check(validator: Any, name: str, options: Mapping[str, Any], on_fail: Literal["reject", "mark"]) -> Check:
    """Make a check of a validator class (built with ``options``) or function (called with them as keywords).

    Raises:
        ConfigError: if it does not take the options, or cannot be called.
    """
    if not callable(validator):
        raise ConfigError(f"validator {name!r} is {type(validator).__name__}, which cannot be called with a dialog")
    try:
        if inspect.isclass(validator):
            made: Any = _made(name, validator, options)
            if not callable(made):
                raise ConfigError(f"validator {name!r} has no __call__(self, dialog), so it cannot be asked")
            # A score that can explain itself says whether a dialog passes, and why not, in one go.
            ask = getattr(made, "explain", made)
            if getattr(made, "awaits", False) and not inspect.iscoroutinefunction(ask):
                return Check(name, lambda dialog: in_thread(lambda: ask(dialog)), on_fail)  # it would hold the others
            return Check(name, ask, on_fail)
        inspect.signature(validator).bind(None, **options)
    except TypeError as error:
        raise ConfigError(f"validator {name!r} does not take {_listed(list(options))}: {error}") from error
    return Check(name, lambda dialog: validator(dialog, **options), on_fail)


def _made(name: str, validator: Callable[..., Any], options: Mapping[str, Any]) -> Any:
    try:
        return validator(**options)
    except (TypeError, UserError):
        raise
    except Exception as error:
        raise ConfigError(f"validator {name!r} cannot be made: {type(error).__name__}: {error}") from error


def _listed(names: Sequence[str]) -> str:
    return ", ".join(map(repr, names)) or "no options"
