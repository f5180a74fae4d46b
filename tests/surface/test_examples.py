"""What the documentation shows is run: docstring examples, code blocks and scenarios of the README and the docs."""

from __future__ import annotations

import doctest
import importlib
import re
import sys
import types
from pathlib import Path

import pytest
from surface.source import ROOT, modules

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.DOTALL | re.MULTILINE)
SCENARIO = re.compile(r"^```yaml\n(.*?^agents:\n.*?)^```", re.DOTALL | re.MULTILINE)
TOOLS = re.compile(r"\btools\.py:(\w+)")
SKIP = "# not run: "


def _with_examples():
    return [module.name for module in modules() if ">>> " in module.path.read_text(encoding="utf-8")]


@pytest.mark.parametrize("name", _with_examples())
def test_docstring_examples(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    module = importlib.import_module(name)
    results = doctest.testmod(module, optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize("page", [page for page in PAGES if page.is_file()], ids=lambda p: str(p.relative_to(ROOT)))
def test_python_blocks_of_a_page_run(page: Path, tmp_path, monkeypatch):
    """The blocks of one page share a namespace, as a reader's session would."""
    monkeypatch.chdir(tmp_path)
    module = types.ModuleType("__page__")
    monkeypatch.setitem(sys.modules, "__page__", module)  # dataclasses look their module up there
    for number, block in enumerate(BLOCK.findall(page.read_text(encoding="utf-8")), start=1):
        if block.startswith(SKIP):
            continue
        exec(compile(block, f"{page.name} block {number}", "exec", dont_inherit=True), vars(module))


@pytest.mark.parametrize("text", SCENARIO.findall((ROOT / "README.md").read_text(encoding="utf-8")))
def test_scenarios_of_the_readme_are_sound(text: str, tmp_path: Path):
    from sdialog.simulation import Scenario

    (tmp_path / "tools.py").write_text("".join(f"def {name}(): pass\n" for name in TOOLS.findall(text)))
    (tmp_path / "shown.yaml").write_text(text)
    scenario = Scenario.from_file(tmp_path / "shown.yaml")
    scenario.validate()
    limits = scenario.plan().limits
    assert limits.max_cost is None or limits.prices, "a limit in money needs prices"
