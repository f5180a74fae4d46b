"""Random numbers are passed, never summoned: no global generator is read or seeded anywhere."""

from __future__ import annotations

import ast

from surface.source import modules

PYTHON_FUNCTIONS = (
    "random randint randrange choice choices shuffle sample uniform gauss seed getrandbits betavariate expovariate "
    "normalvariate triangular lognormvariate vonmisesvariate"
)
GLOBAL_GENERATORS = {
    "random": {*PYTHON_FUNCTIONS.split(" ")},
    "np.random": None,
    "numpy.random": None,
    "torch": {"manual_seed", "seed", "initial_seed"},
}
ALLOWED_NUMPY = {"Generator", "default_rng", "Philox", "PCG64", "SeedSequence", "BitGenerator"}


def _dotted(node: ast.AST) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


def test_no_global_random_numbers():
    wrong = []
    for module in modules():
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call):
                continue
            owner, _, function = _dotted(node.func).rpartition(".")
            if owner in GLOBAL_GENERATORS:
                banned = GLOBAL_GENERATORS[owner]
                if function not in ALLOWED_NUMPY if banned is None else function in banned:
                    wrong.append(f"{module.name} line {node.lineno}: {owner}.{function}")
            elif owner == "" and function == "hash":
                wrong.append(f"{module.name} line {node.lineno}: hash() differs from process to process")
    assert not wrong


def test_random_functions_are_not_imported_by_name():
    for module in modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ImportFrom) and node.module in {"random", "numpy.random"}:
                assert {alias.name for alias in node.names} <= {"Random", "SystemRandom", *ALLOWED_NUMPY}, module.name
