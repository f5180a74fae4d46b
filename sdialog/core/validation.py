"""JSON that may be faulty, and validation errors in one line."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from sdialog.core.errors import DialogFormatError


def parse_json(text: str | bytes) -> Any:
    """Parse JSON.

    Raises:
        DialogFormatError: if it is none; says on which line.

    Example:
        >>> parse_json('{"speaker": null}')
        {'speaker': None}
    """
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        raise DialogFormatError(f"not JSON: {error.msg}", line=error.lineno) from error
    except UnicodeDecodeError as error:
        raise DialogFormatError("not UTF-8 text", line=error.object[: error.start].count(b"\n") + 1) from error
    except (RecursionError, ValueError) as error:
        raise DialogFormatError(f"JSON that cannot be read: {error}") from error


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
