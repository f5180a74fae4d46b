"""A file of JSON values by key, shared by threads and processes: what caches are built on."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sdialog.core.errors import ConfigError

_SCHEMA = "CREATE TABLE IF NOT EXISTS entries (key TEXT PRIMARY KEY, label TEXT NOT NULL, value TEXT NOT NULL)"


class Shelf:
    """A SQLite file that holds JSON values by key.

    Args:
        path: the file; its folder is made when something is first looked up.

    Example:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     shelf = Shelf(Path(folder) / "shelf.sqlite")
        ...     shelf.keep("greetings", {"a": {"text": "Hi"}})
        ...     found = shelf.find(["a", "b"]), len(shelf)
        ...     shelf.close()
        >>> found
        ({'a': {'text': 'Hi'}}, 1)
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._pid = os.getpid()

    def find(self, keys: Iterable[str]) -> dict[str, Any]:
        """Return the values that are there, by key.

        Raises:
            ConfigError: if the file is damaged or something else.
        """
        with self._open() as connection:
            found = {}
            for key in keys:
                row = connection.execute("SELECT value FROM entries WHERE key = ?", (key,)).fetchone()
                if row is not None:
                    found[key] = json.loads(row[0])
        return found

    def keep(self, label: str, values: Mapping[str, Any]) -> None:
        """Store values by key; what is there already stays.

        Args:
            label: whose they are, for people who look into the file.
            values: JSON data by key.

        Raises:
            ConfigError: if the file cannot be written.
        """
        rows = [(key, label, json.dumps(value)) for key, value in values.items()]
        with self._open() as connection, connection:
            connection.executemany("INSERT OR IGNORE INTO entries VALUES (?, ?, ?)", rows)

    def labels(self) -> dict[str, int]:
        """Return how many values there are under each label."""
        with self._open() as connection:
            return dict(connection.execute("SELECT label, count(*) FROM entries GROUP BY label ORDER BY label"))

    def clear(self) -> None:
        """Forget everything."""
        with self._open() as connection, connection:
            connection.execute("DELETE FROM entries")

    def close(self) -> None:
        """Close the file; it is opened again when used again."""
        with self._lock:
            if self._connection is not None and self._pid == os.getpid():
                self._connection.close()
            self._connection = None

    def __len__(self) -> int:
        return sum(self.labels().values())

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                if self._connection is None or self._pid != os.getpid():
                    # SQLite forbids carrying a connection across a fork, so a child opens its own.
                    self._connection, self._pid = self._connect(), os.getpid()
                yield self._connection
            except (sqlite3.Error, OSError, ValueError) as error:
                raise ConfigError(
                    f"cache file {self.path} cannot be used ({error}); delete it, or name another path"
                ) from error

    def _connect(self) -> sqlite3.Connection:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(self.path, timeout=60.0, check_same_thread=False)
        try:
            connection.execute("PRAGMA journal_mode=WAL")
            # With WAL, a crash of the machine may lose the last values but cannot damage the file.
            connection.execute("PRAGMA synchronous=NORMAL")
            connection.execute(_SCHEMA)
        except sqlite3.Error:
            connection.close()
            raise
        return connection
