"""Environments that are a SQLite database, built for each dialog from a script."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, ClassVar

from sdialog.core.environment import Environment
from sdialog.core.errors import ConfigError


class SqlEnvironment(Environment):
    """An environment whose store is a SQLite database in memory.

    Tools use ``self.db``, a ``sqlite3.Connection`` that gives rows by column name. Each call is a transaction: what a
    call that fails has changed is undone.

    The snapshot has a mapping of rows for each table, by primary key (several columns are joined by ``/``); a table
    without one has the sorted list of its rows.

    Args:
        fixture: a ``.sql`` file or SQL text that makes and fills the tables; default the class's own.

    Raises:
        ConfigError: if the script is missing or fails.

    Example:
        >>> class Shop(SqlEnvironment):
        ...     fixture = "CREATE TABLE orders (number TEXT PRIMARY KEY, state TEXT);" \\
        ...         "INSERT INTO orders VALUES ('B1', 'paid')"
        ...     def cancel(self, number: str) -> str:
        ...         "Cancel an order."
        ...         self.db.execute("UPDATE orders SET state = 'cancelled' WHERE number = ?", (number,))
        ...         return "cancelled"
        >>> shop = Shop()
        >>> shop.call("cancel", {"number": "B1"}), shop.snapshot()
        ('cancelled', {'orders': {'B1': {'number': 'B1', 'state': 'cancelled'}}})
    """

    db: sqlite3.Connection

    _offers_no_tools: ClassVar[bool] = True

    def _begin(self, fixture: Any) -> None:
        # Tools run in threads; the lock of the environment lets one in at a time.
        self.db = sqlite3.connect(":memory:", check_same_thread=False, isolation_level=None)
        self.db.row_factory = sqlite3.Row
        try:
            if isinstance(fixture, Path):
                _copy(_built(fixture.read_text(encoding="utf-8"), str(fixture)), self.db)
            elif fixture is not None:
                _copy(_built(str(fixture), f"of {type(self).__name__}"), self.db)
        except BaseException:
            self.db.close()
            raise

    def _run(self, method: Callable[..., Any], arguments: Mapping[str, Any]) -> Any:
        self.db.execute("SAVEPOINT tool_call")
        try:
            result = method(self, **arguments)
        except BaseException:
            if self.db.in_transaction:
                self.db.execute("ROLLBACK TO tool_call")
            raise
        finally:
            if self.db.in_transaction:
                self.db.execute("RELEASE tool_call")
        return result

    def _plain(self) -> Any:
        named = self.db.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        return {name: self._table(name) for name in sorted(row["name"] for row in named)}

    def _table(self, name: str) -> Any:
        quoted = name.replace('"', '""')
        columns = self.db.execute(f'PRAGMA table_info("{quoted}")').fetchall()
        keys = [column["name"] for column in sorted(columns, key=lambda c: c["pk"]) if column["pk"]]
        rows = [
            {key: _text(row[key], name) for key in row.keys()}  # noqa: SIM118 - a Row is no mapping
            for row in self.db.execute(f'SELECT * FROM "{quoted}"')
        ]
        if not keys:
            return sorted(rows, key=lambda row: [(str(type(value)), str(value)) for value in row.values()])
        found = {"/".join(str(row[key]) for key in keys): row for row in rows}
        return {key: found[key] for key in sorted(found)}

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self.db.close()

    @classmethod
    def _found(cls, given: Any) -> Any:
        # SQL text has more than one word; a file name that is wrong should not be run as SQL.
        own = given if given is not None else _own_fixture(cls)
        return own if isinstance(own, str) and len(own.split()) > 1 else super()._found(given)


def _own_fixture(cls: type) -> Any:
    owned: Iterable[Any] = (vars(base).get("fixture") for base in cls.__mro__)
    return next((fixture for fixture in owned if fixture is not None), None)


def _text(value: Any, table: str) -> Any:
    if isinstance(value, bytes):
        raise ConfigError(f"table {table!r} holds bytes, which no dialog can record; store text or a hash of them")
    return value


@lru_cache(maxsize=16)
def _built(script: str, whose: str) -> bytes:
    """Run a script once and keep the database as bytes, which new environments start from."""
    database = sqlite3.connect(":memory:")
    try:
        database.executescript(script)
        database.commit()
        return database.serialize()
    except sqlite3.Error as error:
        raise ConfigError(f"the fixture {whose} is no SQL that runs: {error}") from error
    finally:
        database.close()


def _copy(image: bytes, database: sqlite3.Connection) -> None:
    database.deserialize(image)
