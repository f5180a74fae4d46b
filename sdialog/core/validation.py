"""Validation errors in one line."""

from __future__ import annotations

from pydantic import ValidationError


def problem(error: ValidationError) -> str:
    """Say what the first complaint of a validation error is, and where.

    Example:
        >>> from sdialog.core.turns import Turn
        >>> try:
        ...     Turn.model_validate({"speaker": "Ann"})
        ... except ValidationError as error:
        ...     print(problem(error))
        text: Field required
    """
    complaints = error.errors(include_url=False, include_context=False, include_input=False)
    first = complaints[0]
    where = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in first["loc"]).lstrip(".")
    more = f" (and {len(complaints) - 1} more)" if len(complaints) > 1 else ""
    return f"{where}: {first['msg']}{more}" if where else f"{first['msg']}{more}"
