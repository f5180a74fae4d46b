"""Whatever a user calls a model leads to the right backend, and misspelt things to a helpful error."""

from __future__ import annotations

import gc
import json
import math
import subprocess
import sys
import threading
from types import SimpleNamespace
from typing import Any

import pytest

from sdialog.backends.langchain import LangChainModel
from sdialog.backends.scripted import ScriptedModel
from sdialog.core import settings
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.core.sync import run
from sdialog.llm.get import resolve, usable
from sdialog.llm.names import (
    backend_of,
    edits,
    is_amazon_model_name,
    is_anthropic_model_name,
    is_azure_openai_model_name,
    is_google_genai_model_name,
    is_huggingface_model_name,
    is_ollama_model_name,
    is_openai_model_name,
    parse,
)
from sdialog.llm.protocol import Backend, backends
from sdialog.llm.types import GenerateConfig, GenerateRequest, GenerateResult, Message

SECRET = "sk-very-secret-1234567890"


@backends.register("recorder")
class Recorder(Backend):
    """A backend with options, as a notebook might register it."""

    prefix = "recorder"

    def __init__(
        self,
        model: str,
        *,
        base_url: str = "",
        api_key: str = "",
        size: int = 1,
        aws_secret_access_key: str = "",
        **options: Any,
    ) -> None:
        super().__init__(model, base_url=base_url, **options)
        self.api_key, self.size, self.aws = api_key, size, aws_secret_access_key

    async def generate(self, requests: Any) -> list[GenerateResult]:
        return [GenerateResult("ok") for _ in requests]


@pytest.mark.parametrize(
    ("name", "backend", "model"),
    [
        ("openai:gpt-4.1", "openai", "gpt-4.1"),
        ("OpenAI:gpt-4.1", "openai", "gpt-4.1"),
        ("openai:org/model", "openai", "org/model"),
        ("azure:d", "azure", "d"),
        ("Azure-OpenAI:d", "azure", "d"),
        ("azure_openai:d", "azure", "d"),
        ("aws:meta.llama3", "bedrock", "meta.llama3"),
        ("amazon:meta.llama3", "bedrock", "meta.llama3"),
        ("bedrock:meta.llama3", "bedrock", "meta.llama3"),
        ("google:gemini", "google", "gemini"),
        ("google-genai:gemini", "google", "gemini"),
        ("GOOGLE_GENAI:gemini", "google", "gemini"),
        ("anthropic:claude", "anthropic", "claude"),
        ("ollama:qwen3:14b", "ollama", "qwen3:14b"),
        ("ollama:hf.co/a/b", "ollama", "hf.co/a/b"),
        ("qwen3:14b", "ollama", "qwen3:14b"),
        ("llama3:8b", "ollama", "llama3:8b"),
        ("llama:7b", "ollama", "llama:7b"),
        ("codellama:13b", "ollama", "codellama:13b"),
        ("openchat:7b", "ollama", "openchat:7b"),
        ("olmo2:7b", "ollama", "olmo2:7b"),
        ("gemma3", "ollama", "gemma3"),
        ("huggingface:org/model", "huggingface", "org/model"),
        ("org/model", "huggingface", "org/model"),
        ("./folder/model", "huggingface", "./folder/model"),
        ("hf.co/a/b:Q4", "huggingface", "hf.co/a/b:Q4"),
        ("embedded:mini", "embedded", "mini"),
        ("scripted:a.txt", "scripted", "a.txt"),
    ],
)
def test_names_lead_to_backends(name: str, backend: str, model: str) -> None:
    assert parse(name) == (backend, model)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("opneai:gpt-4.1", "openai"),
        ("openia:gpt", "openai"),
        ("ollma:llama3:8b", "ollama"),
        ("antropic:claude", "anthropic"),
        ("hugginface:org/model", "huggingface"),
        ("embeded:mini", "embedded"),
        ("gogle:gemini", "google"),
    ],
)
def test_a_misspelt_prefix_is_an_error_that_names_the_right_one(name: str, meant: str) -> None:
    with pytest.raises(UnknownNameError, match=f"did you mean '{meant}'"):
        resolve(name)


@pytest.mark.parametrize("name", ["", "  ", "openai:", "openai: "])
def test_an_empty_name_is_an_error(name: str) -> None:
    with pytest.raises(ConfigError):
        parse(name)


def test_each_name_satisfies_one_predicate_at_most() -> None:
    predicates = {
        "openai": is_openai_model_name,
        "bedrock": is_amazon_model_name,
        "google": is_google_genai_model_name,
        "anthropic": is_anthropic_model_name,
        "azure": is_azure_openai_model_name,
        "ollama": is_ollama_model_name,
        "huggingface": is_huggingface_model_name,
    }
    names = [
        "openai:org/m",
        "ollama:hf.co/a/b",
        "OpenAI:x",
        "bedrock:x",
        "aws:x",
        "org/m",
        "qwen3",
        "",
        None,
        3,
        "opneai:x",
    ]
    for name in names:
        assert [kind for kind, holds in predicates.items() if holds(name)] == [
            kind for kind in [backend_of(name)] if kind in predicates
        ]


def test_edits_is_a_distance() -> None:
    assert (edits("", "abc"), edits("abc", "abc"), edits("abcd", "acbd"), edits("kitten", "sitting")) == (3, 0, 1, 3)


def test_keywords_go_where_they_belong() -> None:
    found = resolve("recorder:m", temperature=0.5, stop="END", base_url="http://x", num_ctx=4096, api_key=SECRET)
    assert found.config == GenerateConfig(temperature=0.5, stop=("END",), extra={"num_ctx": 4096})
    assert isinstance(found.model, Recorder)
    assert (found.model.api_key, found.model.options["base_url"]) == (SECRET, "http://x")
    assert found.info == {
        "name": "recorder:m",
        "temperature": 0.5,
        "stop": "END",
        "base_url": "http://x",
        "num_ctx": 4096,
    }


def test_no_secret_in_the_description() -> None:
    found = resolve(
        "recorder:m",
        api_key=SECRET,
        aws_secret_access_key=SECRET,
        default_headers={"Authorization": f"Bearer {SECRET}", "X-Team": "a"},
        client=SimpleNamespace(api_key=SECRET),
    )
    assert SECRET not in json.dumps(found.info)
    assert found.info["default_headers"] == {"X-Team": "***"}  # any header may be a pass


def test_none_is_unset() -> None:
    assert resolve("recorder:m", temperature=None, base_url=None).info == {"name": "recorder:m"}


def test_equal_names_and_options_share_the_model() -> None:
    one, same, other = (resolve("recorder:m", size=size).model for size in (1, 1, 2))
    assert one is same and one is not other
    assert resolve("recorder:m", size=1, temperature=1.0).model is one


def test_a_backend_may_be_built_on_another() -> None:
    @backends.register("proxy")
    class Proxy(Recorder):
        prefix = "proxy"

        def __init__(self, model: str) -> None:
            super().__init__(model)
            self.inner = resolve(f"recorder:{model}").model

    found: list[Any] = []
    thread = threading.Thread(target=lambda: found.append(resolve("proxy:x").model), daemon=True)
    thread.start()
    thread.join(10)
    assert found and found[0].inner is resolve("recorder:x").model


def test_a_model_nobody_holds_is_let_go() -> None:
    first = id(resolve("recorder:gone").model)
    gc.collect()
    from sdialog.llm import get

    assert first not in [id(model) for model in get._shared.values()]


def test_a_misspelt_option_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'temperature'"):
        resolve("recorder:m", temprature=0.5)
    with pytest.raises(UnknownNameError, match="did you mean 'base_url'"):
        resolve("recorder:m", base_ulr="http://x")
    assert resolve("recorder:m", top_a=0.5, min_tokens=3).config.extra == {"top_a": 0.5, "min_tokens": 3}


def test_a_misspelt_option_of_a_model_object_is_an_error() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'temperature'"):
        resolve(ScriptedModel(["Hi"]), temprature=0.5)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("temperature", "hot", "temperature is a number, 0 or more, not 'hot'"),
        ("temperature", -1, "0 or more"),
        ("top_p", 1.5, "a number from 0 to 1"),
        ("max_tokens", 0, "1 or more"),
        ("max_tokens", 2.5, "a whole number"),
        ("seed", True, "a whole number"),
        ("stop", 3, "a text or a list of texts"),
        ("presence_penalty", "much", "a number"),
        ("temperature", math.nan, "0 or more"),
    ],
)
def test_a_value_no_model_can_take_is_told_at_once(option: str, value: Any, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        resolve("recorder:m", **{option: value})


def test_options_are_known_by_their_names_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    found = resolve(
        "openai:m", openai_api_key=SECRET, openai_api_base="http://x/v1", extra_headers={"X-Team": "a"}, max_retries=2
    )
    assert found.config == GenerateConfig()
    assert found.model.address == "http://x/v1"  # type: ignore[attr-defined]
    assert found.info["base_url"] == "http://x/v1" and SECRET not in str(found.info)
    assert "'attempts' under 'limits'" in caplog.text
    assert resolve("openai:m", api_key=SECRET, base_url="http://x/v1", default_headers={"X-Team": "a"}).model == (
        found.model
    )


def test_an_option_under_its_own_name_counts_more_than_under_another() -> None:
    for given in (
        {"base_url": "http://a/v1", "openai_api_base": "http://b/v1"},
        {"openai_api_base": "http://b/v1", "base_url": "http://a/v1"},
    ):
        assert resolve("openai:m", **given).model.address == "http://a/v1"  # type: ignore[attr-defined]


def test_a_key_under_an_unknown_name_is_not_sent_along(caplog: pytest.LogCaptureFixture) -> None:
    for model in ("recorder:m", ScriptedModel(["Hi"])):
        found = resolve(model, openai_token=SECRET, temperature=0.5)
        assert found.config == GenerateConfig(temperature=0.5)
        assert SECRET not in str(found.info)
    assert "openai_token is left out" in caplog.text and "it takes api_key" in caplog.text
    assert SECRET not in caplog.text


def test_a_mapping_names_model_and_options() -> None:
    found = resolve({"name": "recorder:m", "temperature": 0.1, "base_url": None, "think": True}, top_p=0.9)
    assert found.config == GenerateConfig(temperature=0.1, top_p=0.9)
    assert found.think is True and found.info["think"] is True
    with pytest.raises(ConfigError, match="needs a 'name'"):
        resolve({"temperature": 0.1})


def test_a_model_object_is_taken_as_it_is() -> None:
    model = ScriptedModel(["Hi"])
    found = resolve(model, temperature=0.5)
    assert found.model is model
    assert found.config.temperature == 0.5
    assert found.info == {"name": "scripted:list", "temperature": 0.5}


def test_an_object_with_invoke_is_wrapped_and_says_what_is_not_applied() -> None:
    class Chat:
        def invoke(self, messages: Any) -> Any:
            return SimpleNamespace(content="Hello")

    found = resolve(Chat(), temperature=0.5, api_key=SECRET)
    assert isinstance(found.model, LangChainModel)
    assert found.config == GenerateConfig()
    assert found.info == {"name": "langchain:Chat", "not_applied": {"temperature": 0.5}}


def test_a_function_is_wrapped() -> None:
    def polite(messages: list[Message]) -> str:
        return f"Certainly, {messages[-1].content}"

    found = resolve(polite)
    (result,) = run(found.model.generate([GenerateRequest((Message("user", "Ann"),))]))
    assert (found.info, result.text) == ({"name": "callable:polite"}, "Certainly, Ann")


@pytest.mark.parametrize("thing", [42, object(), ["openai:gpt"]])
def test_anything_else_is_an_error(thing: object) -> None:
    with pytest.raises(ConfigError, match="cannot be a model"):
        resolve(thing)


def test_settings_give_the_model_when_none_is_named() -> None:
    with settings.use(llm="recorder:s", llm_params={"temperature": 0.3, "size": 5}):
        found = resolve(None, temperature=0.9)
        named = resolve("recorder:other")
    assert isinstance(found.model, Recorder)
    assert (found.info["name"], found.model.size, found.config.temperature) == ("recorder:s", 5, 0.9)
    assert named.config == GenerateConfig()


def test_settings_say_whether_to_think_unless_the_call_does() -> None:
    with settings.use(llm="recorder:x", model_params={"think": True}):
        assert resolve().think is True and resolve().info["think"] is True
        assert resolve(think=False).think is False
        assert resolve("recorder:y").think is None


def test_a_mapping_without_a_name_does_not_give_its_key_away() -> None:
    with pytest.raises(ConfigError, match=r"needs a 'name'.*it has model, api_key") as caught:
        resolve({"model": "gpt", "api_key": "hush-hush"})
    assert "hush" not in str(caught.value)


def test_one_notice_when_nobody_chose_a_model() -> None:
    """In a process of its own, because the notice is given once per process."""
    script = (
        "from sdialog.core import settings\n"
        "from sdialog.llm.get import resolve\n"
        "for _ in range(3):\n"
        "    resolve(None)\n"
        "assert 'torch' not in __import__('sys').modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env={"HOME": "/nonexistent"}
    )
    assert done.stderr.count("no model was chosen") == 1
    assert "SDIALOG_LLM" in done.stderr and "embedded:mini" in done.stderr


def test_usable_lists_every_backend_with_a_reason_and_imports_nothing_heavy() -> None:
    script = (
        "import json, sys\n"
        "from sdialog.llm.get import usable\n"
        "found = usable()\n"
        "heavy = [m for m in ('torch', 'transformers', 'openai', 'ollama', 'numpy', 'boto3') if m in sys.modules]\n"
        "print(json.dumps([[list(s) for s in found], heavy]))\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env={})
    found, heavy = json.loads(done.stdout)
    assert heavy == []
    by_name = {name: (is_usable, reason) for name, is_usable, reason in found}
    assert by_name["scripted"] == (True, "")
    assert all(is_usable or reason for is_usable, reason in by_name.values())
    assert {status.name for status in usable()} >= set(by_name)
