"""Modules and functions stay small enough to be read; the lists of exceptions only shrink."""

from __future__ import annotations

import ast

from surface.source import modules

MODULE_LINES = 400
FUNCTION_LINES = 60
LONG_MODULES: set[str] = set()
LONG_FUNCTIONS: set[str] = set()


def test_modules_are_short():
    long = {module.name for module in modules() if module.lines > MODULE_LINES}
    assert long - LONG_MODULES == set(), f"over {MODULE_LINES} lines"
    assert LONG_MODULES - long == set(), "these are short by now: take them off the list"


def test_functions_are_short():
    long = set()
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno is not None:
                body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
                if node.end_lineno - body[0].lineno + 1 > FUNCTION_LINES:
                    long.add(f"{module.name}.{node.name}")
    assert long - LONG_FUNCTIONS == set(), f"over {FUNCTION_LINES} lines of code"
    assert LONG_FUNCTIONS - long == set(), "these are short by now: take them off the list"


def test_names_say_what_a_file_holds():
    vague = {"utils", "helpers", "common", "misc"}
    found = {module.name for module in modules() if module.name.rpartition(".")[2].strip("_") in vague}
    assert found == {"sdialog.audio.utils"}, "only a published import path may be called so"
