from __future__ import annotations

import json

import pytest

import sdialog
from sdialog import config
from sdialog.core import settings


@pytest.fixture(autouse=True)
def clean_base():
    settings.reset_base()
    yield
    settings.reset_base()


def test_the_published_keys_show_what_holds(tmp_path):
    assert set(config.config) == {"prompts", "llm", "cache"}
    assert config.config["llm"]["model"] == "embedded:mini" and config.config["llm"]["top_p"] is None
    config.llm("openai:gpt-4.1", temperature=0.7, api_key="hush")
    config.llm_params(max_tokens=50)
    shown = config.config["llm"]
    assert (shown["model"], shown["temperature"], shown["max_tokens"]) == ("openai:gpt-4.1", 0.7, 50)
    assert "hush" not in repr(config.config)
    assert settings.current().llm_params["api_key"] == "hush"
    config.llm("ollama:x")
    assert "api_key" not in settings.current().llm_params and settings.current().llm_params["max_tokens"] == 50
    config.set_persona_agent_prompt(tmp_path / "p.j2")
    config.set_persona_generator_prompt("g.j2")
    config.set_dialog_generator_prompt("d.j2")
    config.set_persona_dialog_generator_prompt("pd.j2")
    assert config.config["prompts"]["persona_agent"] == str(tmp_path / "p.j2")
    assert settings.current().prompts["persona_dialog_generator"] == "pd.j2"
    with pytest.raises(TypeError):
        config.config["llm"] = {}
    for write in (lambda d: d.__setitem__("model", "x"), lambda d: d.update(model="x"), lambda d: d.pop("model")):
        with pytest.raises(TypeError, match=r"change them with sdialog\.config\.llm"):
            write(config.config["llm"])
    assert json.loads(json.dumps(dict(config.config)))["llm"]["max_tokens"] == 50
    assert len(config.config) == 3 and "x" not in config.config


def test_set_cache_takes_path_then_flag(tmp_path):
    config.set_cache(tmp_path, enable=True)
    assert config.config["cache"] == {"enabled": True, "path": str(tmp_path)}
    config.cache(False)
    config.cache_path(tmp_path / "other")
    assert config.config["cache"] == {"enabled": False, "path": str(tmp_path / "other")}


def test_clear_cache_deletes_caches_and_nothing_else(tmp_path):
    for name in ("dialog_scores_cache.json", "replies.sqlite", "replies.sqlite-wal", "thesis.docx", "data.json"):
        (tmp_path / name).write_text("x")
    config.set_cache(tmp_path)
    assert config.clear_cache() == 3
    assert sorted(p.name for p in tmp_path.iterdir()) == ["data.json", "thesis.docx"]
    config.cache_path(tmp_path / "nowhere")
    assert config.clear_cache() == 0


def test_the_module_is_on_the_face():
    assert sdialog.config is config
