"""A local model is known by what is in its folder: a retrained one is another model, to caches and to runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from backends import tiny_models

from sdialog.backends.embedded import EmbeddedBackend
from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import ConfigError
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.simulation import generate


def test_equal_folders_have_equal_fingerprints_and_retrained_ones_others(tmp_path: Path) -> None:
    first, same, other = (
        HuggingFaceBackend(tiny_models.save(tmp_path / name, seed=seed))
        for name, seed in (("first", 1), ("same", 1), ("other", 2))
    )
    assert first.fingerprint == same.fingerprint != other.fingerprint
    assert first.fingerprint in first.identity
    assert Wrapper(first).fingerprint == first.fingerprint


def test_it_follows_what_happens_to_the_folder(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    model = HuggingFaceBackend(tiny_models.save(folder, seed=1))
    before = model.fingerprint
    tiny_models.save(folder, seed=2)
    assert model.fingerprint != before
    after = model.fingerprint
    (folder / "chat_template.jinja").write_text("{{ messages[-1].content }}")
    assert model.fingerprint not in (before, after)


def test_a_hub_name_has_none() -> None:
    model = HuggingFaceBackend("Qwen/Qwen3-0.6B", revision="main")
    assert model.fingerprint is None
    assert model.identity == "huggingface:Qwen/Qwen3-0.6B@main@auto"


def test_the_embedded_model_has_one() -> None:
    assert EmbeddedBackend().fingerprint in EmbeddedBackend().identity


def test_a_run_is_not_continued_with_a_retrained_model(tmp_path: Path) -> None:
    folder = tiny_models.save(tmp_path / "model", seed=1)
    scenario = {
        "model": {"name": f"huggingface:{folder}", "max_tokens": 4},
        "max_turns": 2,
        "agents": [{"name": "Ana", "system_prompt": "a b"}, {"name": "Ben", "system_prompt": "c d"}],
    }
    assert generate(scenario, 1, tmp_path / "run").done == 1
    told = json.loads((tmp_path / "run" / "plan.json").read_text())["models"]["Ana"]["fingerprint"]
    assert told == HuggingFaceBackend(folder).fingerprint
    tiny_models.save(Path(folder), seed=2)
    with pytest.raises(ConfigError, match=r"models\.Ana\.fingerprint"):
        generate(scenario, 2, tmp_path / "run")
