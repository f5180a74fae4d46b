"""The registry with real packages: a folder of modules, and installed distributions with entry points."""

from __future__ import annotations

import os
import sys
import textwrap

import pytest

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.registry import Registry


def write(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(textwrap.dedent(text))


def install(site, package, points):
    """Lay down an installed distribution the way an installer does: a package and its dist-info."""
    info = site / f"{package}-1.0.dist-info"
    write(info / "METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
    write(info / "entry_points.txt", "[shapes]\n" + "".join(f"{name} = {target}\n" for name, target in points.items()))
    # Tests install faster than a file system's clock ticks; two installations never are of one moment.
    moment = site.stat().st_mtime_ns + 1_000_000_000
    os.utime(site, ns=(moment, moment))


@pytest.fixture
def site(tmp_path, monkeypatch):
    """A folder on the import path with the package of built-ins: square.py, bad.py, missing.py, _hidden.py, base.py."""
    before = set(sys.modules)
    write(
        tmp_path / "shapes" / "__init__.py",
        "from sdialog.core.registry import Registry\nshapes = Registry('shape', 'shapes')\n",
    )
    write(
        tmp_path / "shapes" / "square.py",
        """
        from shapes import shapes

        @shapes.register("square", aliases=("box", "quad"))
        class Square:
            corners = 4
        """,
    )
    write(tmp_path / "shapes" / "bad.py", "x = 1\n")
    write(tmp_path / "shapes" / "_hidden.py", "raise RuntimeError('imported')\n")
    write(tmp_path / "shapes" / "base.py", "raise RuntimeError('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


@pytest.fixture
def shapes(site):
    import shapes

    return shapes.shapes


def test_the_folder_is_the_list_and_listing_imports_nothing(shapes):
    assert shapes.names() == ["bad", "square"] == list(shapes)
    assert "square" in shapes and "circle" not in shapes
    assert "shapes.square" not in sys.modules
    assert shapes.get("square").corners == 4
    assert shapes.get("box") is shapes.get("quad") is shapes.get("square")


def test_a_new_part_is_a_new_file(site, shapes):
    write(site / "shapes" / "circle.py", "from shapes import shapes\n@shapes.register('circle')\nclass Circle: ...\n")
    assert shapes.get("circle").__name__ == "Circle"


def test_a_module_that_keeps_no_promise(shapes):
    with pytest.raises(ConfigError, match=r"shapes\.bad does not register a shape named 'bad'"):
        shapes.get("bad")


def test_unknown_names_say_what_is_near(shapes):
    with pytest.raises(UnknownNameError, match="unknown shape 'sqare'; did you mean 'square'"):
        shapes.get("sqare")


def test_an_installed_package_brings_parts(site, shapes):
    write(site / "acme_shapes.py", "class Star:\n    corners = 10\n")
    install(site, "acme_shapes", {"star": "acme_shapes:Star"})
    assert "star" in shapes.names() and "acme_shapes" not in sys.modules
    assert shapes.get("star").corners == 10
    assert shapes.get("star") is shapes.get("star")
    install(site, "later_shapes", {"moon": "acme_shapes:Star"})
    assert "moon" in shapes, "what is installed while the process runs is found"


def test_clashes_raise(site, shapes):
    write(site / "acme_shapes.py", "class Star: ...\n")
    install(site, "acme_shapes", {"star": "acme_shapes:Star", "oval": "acme_shapes:Oval", "gone": "no_such_module:X"})
    install(site, "other_shapes", {"star": "acme_shapes:Star"})
    with pytest.raises(ConfigError, match="acme_shapes and other_shapes both offer a shape named 'star'"):
        shapes.get("star")
    with pytest.raises(ConfigError, match="shape 'oval' of package acme_shapes cannot be loaded"):
        shapes.get("oval")
    with pytest.raises(ConfigError, match="no_such_module"):
        shapes.get("gone")
    install(site, "third_shapes", {"square": "acme_shapes:Star"})
    assert shapes.get("square").corners == 4, "a built-in is not replaced"
    with pytest.raises(ConfigError, match="third_shapes offers a shape named 'square', which is a built-in"):
        shapes.names()


def test_parts_of_this_process():
    registry = Registry("tone", "no_such_package")

    def cell(value):
        @registry.register("high", aliases=("up",))
        def high():
            return value

    cell(1)
    cell(2)
    assert registry.get("up")() == 2, "a cell run again replaces its own part"
    with pytest.raises(ConfigError, match="two tones want the name 'high'"):
        registry.register("high")(dict)
    with pytest.raises(ConfigError, match="'low' wants the alias 'up', which is taken"):
        registry.register("low", aliases=("up",))(dict)
    assert registry.names() == ["high"]


def test_a_part_by_its_import_path(site, shapes):
    write(site / "mine.py", "class Outer:\n    class Inner: ...\n")
    assert shapes.get("mine:Outer.Inner").__name__ == "Inner"
    for path, cause in (("mine:Nothing", "Nothing"), ("no_such_module:X", "no_such_module")):
        with pytest.raises(ConfigError, match=f"shape '{path}' cannot be loaded: .*{cause}"):
            shapes.get(path)
