"""Who made a thing and when: ids, times and the version that dialogs and personas carry."""

from __future__ import annotations

import time
import uuid

from sdialog._version import __version__

__all__ = ["VERSION", "new_id", "timestamp"]

VERSION = __version__
"""The version that made things carry."""


def new_id() -> str:
    """Return an id nothing else has: a random UUID (RFC 9562, version 4) as 36 characters.

    Example:
        >>> len(new_id())
        36
    """
    return str(uuid.uuid4())


def timestamp(seconds: float | None = None) -> str:
    """Return a moment as ISO 8601 in UTC, to the second, ending in ``Z``.

    Args:
        seconds: Unix time; None is now.

    Example:
        >>> timestamp(0)
        '1970-01-01T00:00:00Z'
    """
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
