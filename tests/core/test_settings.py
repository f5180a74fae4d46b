from __future__ import annotations

import asyncio
import threading
import traceback

import pytest

from sdialog.core import settings
from sdialog.core.errors import ConfigError, UnknownNameError


@pytest.fixture(autouse=True)
def clean_base():
    settings.reset_base()
    yield
    settings.reset_base()


@pytest.fixture
def config_file(tmp_path, monkeypatch):
    path = tmp_path / "config.yaml"
    monkeypatch.setenv("SDIALOG_CONFIG", str(path))

    def write(text):
        path.write_text(text)
        settings._file_layer.cache_clear()

    return write


def test_the_defaults():
    now = settings.current()
    assert (now.llm, now.llm_chosen, dict(now.llm_params), now.cache, dict(now.prompts)) == (
        "embedded:mini", False, {}, False, {},
    )  # fmt: skip


def test_later_layers_win(config_file, monkeypatch):
    config_file("llm: from-file")
    assert settings.current().llm == "from-file" and settings.current().llm_chosen
    monkeypatch.setenv("SDIALOG_LLM", "from-env")
    assert settings.current().llm == "from-env"
    settings.set_base(llm="from-base")
    assert settings.current().llm == "from-base"
    with settings.use(llm="from-use") as now:
        assert now.llm == settings.current().llm == "from-use"
        with settings.use(cache=True):
            assert settings.current().llm == "from-use" and settings.current().cache
    assert settings.current().llm == "from-base" and not settings.current().cache


def test_options_of_a_model_go_with_the_model(config_file, monkeypatch):
    config_file("llm: {model: 'openai:x', api_key: K, temperature: 0.1}\nllm_params: {top_p: 0.9}")
    assert dict(settings.current().llm_params) == {"top_p": 0.9, "api_key": "K", "temperature": 0.1}
    with settings.use(llm="anthropic:y"):
        assert dict(settings.current().llm_params) == {"top_p": 0.9}
    with settings.use(llm_params={"temperature": 0.5, "top_p": None}):
        assert dict(settings.current().llm_params) == {"api_key": "K", "temperature": 0.1}
    monkeypatch.setenv("SDIALOG_LLM", "ollama:z")
    assert dict(settings.current().llm_params) == {"top_p": 0.9}


def test_a_whole_file(config_file, tmp_path):
    (tmp_path / "mine.j2").write_text("x")
    config_file(
        "llm: {temperature: 0.3}\ncache: {enabled: true, path: ~/there}\n"
        "prompts: {persona_agent: mine.j2, persona_generator: generate/persona}"
    )
    now = settings.current()
    assert now.llm == "embedded:mini" and not now.llm_chosen and now.llm_params["temperature"] == 0.3
    assert now.cache and now.cache_path.name == "there" and now.cache_path.is_absolute()
    assert dict(now.prompts) == {"persona_agent": str(tmp_path / "mine.j2"), "persona_generator": "generate/persona"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("lm: x", "unknown key 'lm'; did you mean 'llm'"),
        ("cache: {enable: true}", "cache: unknown key 'enable'; did you mean 'enabled'"),
        ("- a", "expected keys and values"),
        ("llm: [", "cannot be read"),
        ("llm_params: 3", "llm_params: expected keys and values, found int"),
        ("prompts: mine.j2", "prompts: expected keys and values, found str"),
    ],
)
def test_a_faulty_file_is_named(config_file, text, says, tmp_path):
    config_file(text)
    with pytest.raises(ConfigError, match=says) as caught:
        settings.current()
    assert str(tmp_path / "config.yaml") in str(caught.value)


def test_a_faulty_file_does_not_give_its_keys_away(config_file):
    config_file('llm: {model: "openai:x", api_key: "hush-hush-hush"')
    with pytest.raises(ConfigError, match="cannot be read") as caught:
        settings.current()
    assert "hush" not in "".join(traceback.format_exception(caught.value))


def test_an_empty_file_sets_nothing(config_file):
    config_file("")
    assert settings.current() == settings.Settings()


def test_a_file_asked_for_must_be_there_and_the_usual_one_need_not(config_file, tmp_path, monkeypatch):
    with pytest.raises(ConfigError, match=r"SDIALOG_CONFIG names .*config\.yaml, which is not there"):
        settings.current()
    monkeypatch.delenv("SDIALOG_CONFIG")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    assert settings.current() == settings.Settings()
    (tmp_path / "sdialog").mkdir()
    (tmp_path / "sdialog" / "config.yaml").write_text("llm: from-usual-place")
    assert settings.current().llm == "from-usual-place"


def test_unknown_settings_are_refused():
    for change in (settings.set_base, lambda **c: settings.use(**c).__enter__()):
        with pytest.raises(UnknownNameError, match="setting 'llm_param'; did you mean 'llm_params'"):
            change(llm_param={})
    assert settings.current() == settings.Settings()


def test_settings_are_frozen_and_shared_with_nobody():
    params = {"temperature": 0.5}
    settings.set_base(llm_params=params)
    params["temperature"] = 9
    assert settings.current().llm_params["temperature"] == 0.5
    with pytest.raises(TypeError):
        settings.current().llm_params["x"] = 1
    with pytest.raises(AttributeError):
        settings.current().llm = "x"


def test_keys_are_never_shown():
    settings.set_base(llm="openai:x", model_params={"api_key": "hush", "temperature": 1})
    assert "hush" not in repr(settings.current()) and "hush" not in str(settings.current().json())
    assert settings.current().json()["llm_params"] == {"temperature": 1}


def test_use_holds_for_its_own_task_and_thread():
    seen = {}

    async def task(name, llm):
        with settings.use(llm=llm):
            await asyncio.sleep(0.01)
            seen[name] = settings.current().llm

    async def both():
        await asyncio.gather(task("a", "one"), task("b", "two"))

    with settings.use(llm="main"):
        thread = threading.Thread(target=lambda: seen.update(thread=settings.current().llm))
        thread.start()
        thread.join()
        asyncio.run(both())
        assert settings.current().llm == "main"
    assert seen == {"a": "one", "b": "two", "thread": "embedded:mini"}


def test_use_ends_with_an_error_too():
    with pytest.raises(ZeroDivisionError), settings.use(llm="x"):
        raise ZeroDivisionError
    assert not settings.current().llm_chosen
