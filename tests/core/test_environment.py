"""Environments: fresh from their fixture each time, changed by calls that succeed, told as plain data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from sdialog.core.differences import Difference, applied, differences
from sdialog.core.environment import Environment, EnvironmentFactory, as_factory, data_hash
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.modules import attribute
from sdialog.core.sql_environment import SqlEnvironment

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=3),
    max_leaves=8,
)


class Shelf(Environment):
    """A library's shelf."""

    fixture: Any = {"books": {"Emma": 2, "Ulysses": 1}, "log": []}  # noqa: RUF012

    def lend(self, title: str, copies: int = 1) -> str:
        """Lend a book."""
        self.data["log"].append(title)
        if self.data["books"][title] < copies:
            raise ValueError("not so many")
        self.data["books"][title] -= copies
        return "lent"

    def _hidden(self) -> None:
        raise AssertionError("no tool")


class Accounts(SqlEnvironment):
    """Two accounts."""

    fixture = """
        CREATE TABLE accounts (name TEXT PRIMARY KEY, euros INTEGER CHECK (euros >= 0));
        CREATE TABLE rates (year INTEGER, kind TEXT, percent REAL, PRIMARY KEY (year, kind));
        CREATE TABLE notes (text TEXT);
        INSERT INTO accounts VALUES ('Ann', 10), ('Ben', 0);
        INSERT INTO rates VALUES (2024, 'a', 1.5);
        INSERT INTO notes VALUES ('b'), ('a');
    """

    def transfer(self, giver: str, taker: str, euros: int) -> str:
        """Move money."""
        self.db.execute("UPDATE accounts SET euros = euros + ? WHERE name = ?", (euros, taker))
        self.db.execute("UPDATE accounts SET euros = euros - ? WHERE name = ?", (euros, giver))
        return "moved"


def test_each_environment_is_its_own() -> None:
    one, other = Shelf(), Shelf()
    one.call("lend", {"title": "Emma"})
    assert one.snapshot()["books"]["Emma"] == 1
    assert other.snapshot() == Shelf.fixture == Shelf().snapshot()
    assert one.state_hash() != other.state_hash() == Shelf().state_hash()


def test_tools_are_the_public_methods_of_subclasses() -> None:
    assert list(Shelf.tools()) == ["lend"]
    assert list(Accounts.tools()) == ["transfer"]

    class More(Shelf):
        def give_back(self, title: str) -> None: ...

    assert list(More.tools()) == ["lend", "give_back"]


def test_what_cannot_be_a_tool_is_refused() -> None:
    class Waiting(Environment):
        async def wait(self) -> None: ...

    class Static(Environment):
        @staticmethod
        def answer() -> int:
            return 42

    for kind in (Waiting, Static):
        with pytest.raises(ConfigError, match="rename it _"):
            kind.tools()


def test_arguments_are_checked_as_those_of_other_tools() -> None:
    shelf = Shelf()
    assert shelf.call("lend", {"title": "Emma", "copies": "2"}) == "lent"  # a number written as text
    assert Shelf().call("lend", {"title": "Emma", "copies": None}) == "lent"  # null means left out
    for wrong in ({}, {"title": "Emma", "colour": "red"}, {"title": "Emma", "copies": "two"}):
        with pytest.raises(ValidationError):
            shelf.call("lend", wrong)
    with pytest.raises(UnknownNameError, match="did you mean 'lend'"):
        shelf.call("lent", {})
    with pytest.raises(UnknownNameError):
        shelf.call("_hidden", {})
    with pytest.raises(UnknownNameError):
        shelf.call("snapshot", {})


def test_a_call_that_fails_changes_nothing() -> None:
    shelf, accounts = Shelf(), Accounts()
    with pytest.raises(ValueError, match="not so many"):
        shelf.call("lend", {"title": "Ulysses", "copies": 5})
    with pytest.raises(Exception, match="CHECK"):
        accounts.call("transfer", {"giver": "Ann", "taker": "Ben", "euros": 11})
    assert shelf.state_hash() == Shelf().state_hash()
    assert accounts.snapshot()["accounts"] == Accounts().snapshot()["accounts"]
    assert accounts.call("transfer", {"giver": "Ann", "taker": "Ben", "euros": 4}) == "moved"
    assert accounts.snapshot()["accounts"]["Ben"] == {"name": "Ben", "euros": 4}


def test_the_snapshot_of_a_database_goes_by_primary_keys() -> None:
    assert Accounts().snapshot() == {
        "accounts": {"Ann": {"name": "Ann", "euros": 10}, "Ben": {"name": "Ben", "euros": 0}},
        "rates": {"2024/a": {"year": 2024, "kind": "a", "percent": 1.5}},
        "notes": [{"text": "a"}, {"text": "b"}],
    }


@pytest.mark.parametrize("suffix", [".json", ".yaml"])
def test_fixtures_from_files(tmp_path: Path, suffix: str) -> None:
    file = tmp_path / f"books{suffix}"
    file.write_text(json.dumps({"books": {"Emma": 5}, "log": []}))  # JSON is YAML
    shelf = EnvironmentFactory(Shelf, file)()
    assert shelf.snapshot()["books"] == {"Emma": 5}
    assert Shelf.fixture_file(str(file)) == file.resolve()
    file.write_text("{")
    with pytest.raises(ConfigError, match="books"):
        Shelf(file)


def test_fixtures_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="not there"):
        Shelf("nowhere.json")
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(ConfigError, match="neither"):
        Shelf(tmp_path / "a.txt")
    with pytest.raises(ConfigError, match="no SQL that runs"):
        Accounts("CREATE TABEL x")
    (tmp_path / "a.sql").write_text("CREATE TABLE accounts (name TEXT PRIMARY KEY); INSERT INTO accounts VALUES ('Z')")
    assert Accounts(tmp_path / "a.sql").snapshot() == {"accounts": {"Z": {"name": "Z"}}}


def test_a_state_that_is_no_plain_data_is_told() -> None:
    class Odd(Environment):
        def spoil(self) -> None:
            self.data["x"] = object()

    odd = Odd()
    odd.call("spoil", {})
    with pytest.raises(ConfigError, match="state of Odd is no plain data"):
        odd.snapshot()


def test_factories_from_files(tmp_path: Path) -> None:
    (tmp_path / "world.py").write_text(
        "from sdialog.core.environment import Environment\nclass World(Environment):\n    fixture = 'start.json'\n"
    )
    (tmp_path / "start.json").write_text('{"day": 1}')
    assert as_factory(f"{tmp_path}/world.py:World")().snapshot() == {"day": 1}
    with pytest.raises(UnknownNameError, match="World"):
        as_factory(f"{tmp_path}/world.py:Wrold")
    with pytest.raises(ConfigError, match="there is no file"):
        attribute("nowhere.py:World", "environment")
    with pytest.raises(ConfigError, match="no environment"):
        as_factory(int)


@given(PLAIN, PLAIN)
def test_differences_lead_from_one_to_the_other(before: Any, after: Any) -> None:
    found = [Difference.from_json(json.loads(json.dumps(one.json()))) for one in differences(before, after)]
    assert data_hash(applied(before, found)) == data_hash(after)
    assert not differences(before, before)


@given(PLAIN)
def test_a_hash_does_not_depend_on_the_order_of_keys(data: Any) -> None:
    def reversed_keys(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: reversed_keys(value[key]) for key in reversed(value)}
        return [reversed_keys(entry) for entry in value] if isinstance(value, list) else value

    assert data_hash(reversed_keys(data)) == data_hash(data)


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_state_that_could_equal_no_goal_is_no_plain_data(number):
    class Scale(Environment): ...

    with pytest.raises(ConfigError, match="the state of Scale is no plain data"):
        Scale({"weight": number}).snapshot()
