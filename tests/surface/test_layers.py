"""Who may import whom, and what may not be imported when a module is loaded."""

from __future__ import annotations

import pytest
from surface.source import imports, modules

RANKS = {
    "core": 0,
    "llm": 1, "statistics": 1,
    "backends": 2, "personas": 2, "agents": 2, "orchestrators": 2, "testing": 2,
    "generators": 3,
    "simulation": 4, "datasets": 4, "evaluation": 4, "interpretability": 4, "audio": 4,
    "cli": 5, "server": 5, "viewer": 5,
}  # fmt: skip

# Thin faces under published import paths: they only point at other modules.
FACES = {"sdialog", "sdialog.base", "sdialog.util", "sdialog.config"}

# agents sits above personas and orchestrators; the others of level 2 do not see each other.
SIBLINGS = {("agents", "personas"), ("agents", "orchestrators"), ("testing", "backends")}

# Spellings users of the field expect, reached late.
LATE_EXCEPTIONS = {("agents", "simulation"), ("agents", "server"), ("core", "audio"), ("core", "personas")}

HEAVY = {
    "torch", "transformers", "tokenizers", "safetensors", "openai", "ollama", "anthropic", "google",
    "boto3", "botocore", "langchain_core", "numpy", "scipy", "sklearn", "pandas", "matplotlib", "jinja2", "yaml",
    "httpx", "rich", "tenacity", "pyarrow", "datasets", "huggingface_hub", "pyroomacoustics", "soundfile", "evaluate",
    "fastapi", "starlette", "uvicorn", "networkx",
}  # fmt: skip

# Files made for one heavy package, loaded only when that package is wanted.
MADE_FOR = {
    "torch": (
        "sdialog.backends._hf_", "sdialog.interpretability._", "sdialog.interpretability.anatomy._",
        "sdialog.interpretability.fitting._", "sdialog.interpretability.running._", "sdialog.interpretability.sae._",
    ),
    "transformers": ("sdialog.backends._hf_",),
    "tokenizers": ("sdialog.backends._hf_",),
    "rich": ("sdialog.cli.",),
}  # fmt: skip

MODULES = [pytest.param(module, id=module.name) for module in modules()]


def _part(name: str) -> str:
    return name.split(".")[1] if name.count(".") else ""


@pytest.mark.parametrize("module", MODULES)
def test_imports_go_down(module):
    if module.name in FACES or module.name.startswith("sdialog.config"):
        return
    own = _part(module.name)
    wrong = []
    for found in imports(module):
        other = _part(found.target)
        if not found.target.startswith("sdialog") or other == own or other in {"_version", ""}:
            continue
        if own in RANKS and other in RANKS:
            below = RANKS[other] < RANKS[own] or (own, other) in SIBLINGS
            if below or (not found.at_top and (own, other) in LATE_EXCEPTIONS):
                continue
        wrong.append(f"line {found.line}: {found.target}")
    assert not wrong, f"{module.name} may not import {wrong}"


@pytest.mark.parametrize("module", MODULES)
def test_nothing_heavy_is_imported_at_the_top(module):
    wrong = [
        f"line {found.line}: {found.target}"
        for found in imports(module)
        if found.at_top
        and (package := found.target.partition(".")[0]) in HEAVY
        and not any(module.name.startswith(prefix) for prefix in MADE_FOR.get(package, ()))
    ]
    assert not wrong, f"{module.name} imports at its top: {wrong}"


def test_core_stands_on_the_standard_library_and_pydantic():
    import sys

    allowed = {*sys.stdlib_module_names, "pydantic", "pydantic_core", "sdialog"}
    late = {"huggingface_hub", "pyarrow", "datasets", "yaml"}
    for module in modules():
        if _part(module.name) == "core":
            for found in imports(module):
                package = found.target.partition(".")[0]
                assert package in allowed or (not found.at_top and package in late), f"{module.name}: {found}"
