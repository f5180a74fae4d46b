"""Every error sdialog raises, as one tree.

::

    SDialogError
    ├── UserError (ValueError)                the caller can mend it; the CLI prints it and exits 2
    │   ├── ConfigError                       a setting, scenario or argument is wrong
    │   ├── UnknownNameError                  a name that is not there; lists near ones
    │   ├── MissingDependencyError (ImportError)   an optional package is absent; says the pip line
    │   ├── UnsupportedFeatureError           this part cannot do what was asked
    │   └── DialogFormatError                 a file or text that is not a dialog; has file and line
    ├── LLMError                              a model call failed; has backend and request key
    │   ├── RateLimitError                    has retry_after
    │   ├── LLMTimeoutError
    │   ├── ConnectionFailedError
    │   ├── ServerError                       the service answered 5xx
    │   ├── ContextLengthError
    │   ├── AuthenticationError
    │   ├── BudgetExceededError               calls, tokens or money of the run are used up
    │   └── OutputParseError                  the reply does not fit the asked form; has raw
    ├── BlockingCallError (RuntimeError)      a plain call inside sdialog's event loop
    ├── SimulationError                       a dialog broke off; has index and partial dialog
    ├── EvaluationError
    └── AudioError
        ├── TTSError
        └── AcousticsError

Exceptions never log. In a batch an error becomes a ``Failure`` value carrying the same fields.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog


class SDialogError(Exception):
    """Base of everything sdialog raises on purpose."""


class UserError(SDialogError, ValueError):
    """Something the caller can mend: the message says what, where and how."""


class ConfigError(UserError):
    """A setting, a scenario key or an argument is wrong."""


class UnknownNameError(UserError):
    """A name that nothing answers to, with the nearest names that exist."""

    def __init__(self, kind: str, name: str, known: Iterable[str] = (), hint: str = "") -> None:
        self.kind, self.name, self.hint = kind, name, hint
        self.known = sorted(set(known))
        self.near = near_names(name, self.known)
        said = f"unknown {kind} {name!r}{_suggest(self.near, self.known)}"
        super().__init__(f"{said}{'' if said.endswith('?') else '.'} {hint}" if hint else said)

    def __reduce__(self) -> tuple[Any, ...]:
        # The default passes the finished message to __init__, which fails in another process.
        return type(self), (self.kind, self.name, self.known, self.hint)


class MissingDependencyError(UserError, ImportError):
    """An optional package is not installed."""


class UnsupportedFeatureError(UserError):
    """The chosen part cannot do what was asked of it."""


class DialogFormatError(UserError):
    """Text or a file that cannot be read as dialogs.

    Attributes:
        file: path of the file, or None for text in memory.
        line: 1-based line number, or None when no single line is to blame.
    """

    def __init__(self, message: str, *, file: str | Path | None = None, line: int | None = None) -> None:
        self.message, self.file, self.line = message, None if file is None else str(file), line
        where = [part for part in (self.file, f"line {line}" if line is not None else None) if part]
        super().__init__(f"{', '.join(where)}: {message}" if where else message)


class BlockingCallError(SDialogError, RuntimeError):
    """A call that waits for its end was made where its end can never come: inside sdialog's own event loop."""


class LLMError(SDialogError):
    """A model call failed.

    Attributes:
        backend: name of the model that failed, such as ``openai:gpt-4.1``.
        request_key: which request it was, such as ``dialog/7/Ava``.
        status: HTTP status when there was one.
    """

    retryable: bool = False

    def __init__(
        self, message: str, *, backend: str | None = None, request_key: str | None = None, status: int | None = None
    ) -> None:
        self.message, self.backend, self.request_key, self.status = message, backend, request_key, status
        super().__init__(message)

    def __str__(self) -> str:
        where = " ".join(part for part in (self.backend, self.request_key) if part)
        return f"[{where}] {self.message}" if where else self.message


class RateLimitError(LLMError):
    """The service asked to slow down; ``retry_after`` is its wish in seconds, if it said one."""

    retryable = True

    def __init__(self, message: str, *, retry_after: float | None = None, **fields: Any) -> None:
        super().__init__(message, **fields)
        self.retry_after = retry_after


class LLMTimeoutError(LLMError):
    """No answer within the time limit."""

    retryable = True


class ConnectionFailedError(LLMError):
    """The service could not be reached, or the connection broke."""

    retryable = True


class ServerError(LLMError):
    """The service answered with a fault of its own (HTTP 5xx), or with a body that is not its format."""

    retryable = True


class ContextLengthError(LLMError):
    """The prompt does not fit the model's context window."""


class AuthenticationError(LLMError):
    """The service refused the key, or there is none."""


class BudgetExceededError(LLMError):
    """The run's budget of calls, tokens or money is used up."""


class OutputParseError(LLMError):
    """The reply does not fit the asked form, also after one repair round; ``raw`` is what came."""

    def __init__(self, message: str, *, raw: str = "", **fields: Any) -> None:
        super().__init__(message, **fields)
        self.raw = raw


class SimulationError(SDialogError):
    """A dialog broke off; ``partial`` holds the turns and events up to that point."""

    def __init__(self, message: str, *, index: int | None = None, partial: Dialog | None = None) -> None:
        self.message, self.index, self.partial = message, index, partial
        super().__init__(message if index is None else f"dialog {index}: {message}")


class EvaluationError(SDialogError):
    """A score could not be computed."""


class AudioError(SDialogError):
    """Rendering audio failed."""


class TTSError(AudioError):
    """A speech engine failed."""


class AcousticsError(AudioError):
    """A room or channel could not be simulated."""


def near_names(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """Return the names of ``known`` most like ``name``, best first, ignoring case."""
    by_folded = {candidate.casefold(): candidate for candidate in known}
    hits = difflib.get_close_matches(str(name).casefold(), by_folded, n=count, cutoff=0.5)
    return [by_folded[hit] for hit in hits]


def _suggest(near: list[str], known: list[str]) -> str:
    if near:
        return f"; did you mean {' or '.join(repr(n) for n in near)}?"
    if not known:
        return ""
    shown = ", ".join(known[:12])
    return f"; known: {shown}{', ...' if len(known) > 12 else ''}"
