from __future__ import annotations

import pytest

from sdialog.core.errors import MissingDependencyError
from sdialog.core.optional import available, need


@pytest.fixture
def packages(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "needs_absent.py").write_text("import no_such_package_anywhere\n")
    (tmp_path / "half_broken.py").write_text("raise ImportError('its library cannot be loaded')\n")


def test_what_is_there_is_imported():
    assert need("json.decoder", extra="none", why="read JSON").__name__ == "json.decoder"


def test_what_is_absent_says_the_pip_line():
    with pytest.raises(
        MissingDependencyError, match=r"torchy is needed to think and is not installed.*pip install 'sdialog\[local\]'"
    ):
        need("torchy.nn", extra="local", why="think")


@pytest.mark.parametrize(
    ("name", "cause"), [("needs_absent", "no_such_package_anywhere"), ("half_broken", "cannot be loaded")]
)
def test_what_is_broken_is_not_called_absent(packages, name, cause):
    with pytest.raises(ImportError, match=rf"{name} is needed to test and is installed, but .*{cause}"):
        need(name, extra="test", why="test")


def test_available_imports_nothing(packages):
    assert available("half_broken") and not available("no_such_package_anywhere.sub")
