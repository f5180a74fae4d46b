"""What comes of simulating a dialog: an outcome, or a failure as a value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import AuthenticationError, LLMError, SimulationError, UserError
from sdialog.llm.types import Usage
from sdialog.simulation.stop_reasons import ERROR

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


@dataclass(frozen=True, slots=True)
class Outcome:
    """A finished dialog and what it took.

    Attributes:
        dialog: the dialog.
        usage: model usage by party; a turn-taking policy's own calls stand under ``(turn taking)``.
        counts: how often something worth knowing happened: guard refusals by the guard's name, and notes of the
            turn-taking policy.
        index: its number in a run, or None outside one.
        attempts: how many simulations it took to satisfy the gate.
    """

    dialog: Dialog
    usage: Mapping[str, Usage] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    index: int | None = None
    attempts: int = 1

    @property
    def stop_reason(self) -> str | None:
        """Why the dialog ended."""
        return self.dialog.stopReason


@dataclass(frozen=True, slots=True)
class Failure:
    """A dialog that could not be finished, with the same fields as the error that broke it.

    Attributes:
        index: its number in the run.
        error: class name of the error, such as ``RateLimitError``.
        message: what went wrong, free of secrets.
        stop_reason: ``error``, ``timeout``, ``budget`` or ``cancelled``; ``gate`` if validators refused every attempt.
        partial: the dialog up to that point, or None if it had not begun.
        backend, request_key: which model call failed, where one did.
        usage, counts, attempts: as in :class:`Outcome`.
        fatal: whether the run should end, since every other dialog would fail the same way.
        mistake: whether the user has to mend something first: the plan, what it names, or a key.
    """

    index: int | None
    error: str
    message: str
    stop_reason: str = ERROR
    partial: Dialog | None = None
    backend: str | None = None
    request_key: str | None = None
    usage: Mapping[str, Usage] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)
    attempts: int = 1
    fatal: bool = False
    mistake: bool = False

    @classmethod
    def of(cls, error: BaseException, *, index: int | None = None, **fields: Any) -> Failure:
        """Make a failure of an exception: of the model error inside a SimulationError, or of what was raised.

        Example:
            >>> Failure.of(ValueError("no such page"), index=3).message
            'no such page'
        """
        from sdialog.core.secrets import mask

        cause = error.__cause__ if isinstance(error, SimulationError) and error.__cause__ else error
        partial = error.partial if isinstance(error, SimulationError) else None
        if partial is not None and partial.stopReason:
            fields.setdefault("stop_reason", partial.stopReason)
        fields.setdefault("partial", partial)
        if isinstance(cause, LLMError):
            fields.setdefault("backend", cause.backend)
            fields.setdefault("request_key", cause.request_key)
            # Without the request, which differs from dialog to dialog, equal causes read the same.
            message = f"[{cause.backend}] {cause.message}" if cause.backend else cause.message
        else:
            message = str(cause) or type(cause).__name__
        fields.setdefault("mistake", isinstance(cause, (AuthenticationError, UserError)))
        return cls(index=index, error=type(cause).__name__, message=mask(message), **fields)

    def json(self) -> dict[str, Any]:
        """Return a plain dict, the line that ``failures.jsonl`` holds."""
        return {
            "index": self.index,
            "error": self.error,
            "message": self.message,
            "stopReason": self.stop_reason,
            "backend": self.backend,
            "request": self.request_key,
            "attempts": self.attempts,
            "usage": {party: usage.json() for party, usage in self.usage.items()},
            "counts": dict(self.counts),
            "dialog": None if self.partial is None else self.partial.json(),
        }
