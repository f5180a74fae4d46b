"""The scripted model says what it was told, per conversation, from a list, a file or a function."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, ContextLengthError, LLMError, RateLimitError
from sdialog.core.seeds import rng
from sdialog.core.sync import run
from sdialog.llm.get import resolve
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, TokenLogprob, ToolCall, Usage
from sdialog.testing import check_backend, request


def said(model: ScriptedModel, *turns: str, **options: Any) -> GenerateResult:
    (result,) = run(model.generate([request(*turns, **options)]))
    return result


def test_a_list_is_replayed_in_each_conversation() -> None:
    model = ScriptedModel(["one", "two"])
    assert [said(model, *["x"] * n).text for n in (1, 3, 5, 1)] == ["one", "two", "one", "one"]


def test_a_list_without_cycle_ends_in_an_error() -> None:
    result = said(ScriptedModel(["one"], cycle=False), "a", "b", "c")
    assert str(result.error) == "[scripted:list] the script has 1 replies and was asked for number 2"


def test_tool_calls_count_as_replies() -> None:
    model = ScriptedModel([{"tool_calls": [{"name": "t", "arguments": {"n": 1}}]}, "Done."])
    first = said(model, "Go")
    assert first.finish_reason == "tool_calls" and first.tool_calls == (ToolCall("call_0_0", "t", {"n": 1}),)
    history = (
        Message("user", "Go"),
        Message("assistant", tool_calls=first.tool_calls),
        Message("tool", "1", tool_call_id="call_0_0"),
    )
    assert run(model.generate([GenerateRequest(history)]))[0].text == "Done."


def test_a_mapping_gives_each_speaker_a_script() -> None:
    model = ScriptedModel({"Ann": ["I am Ann."], "*": ["Who?"]})
    assert said(model, "Hi", key="dialog/7/Ann").text == "I am Ann."
    assert said(model, "Hi", key="dialog/7/Bob").text == "Who?"
    with pytest.raises(ConfigError, match="no lines for 'Bob', only for Ann"):
        said(ScriptedModel({"Ann": ["Hi"]}), "Hi", key="Bob")


def test_a_function_sees_the_request() -> None:
    dice = ScriptedModel(lambda asked: str(rng(asked.config.seed or 0).randint(1, 10**9)))
    assert said(dice, "Roll", seed=1).text == said(dice, "Roll", seed=1).text != said(dice, "Roll", seed=2).text

    async def slowly(asked: GenerateRequest) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"text": asked.messages[-1].content.upper()}

    assert said(ScriptedModel(slowly), "hi").text == "HI"


def test_errors_are_rows_of_their_own() -> None:
    shared = RateLimitError("slow", retry_after=2.0)
    model = ScriptedModel([shared, {"error": "ContextLengthError"}, {"error": "out of luck"}, ValueError("odd")])
    errors = [said(model, *["x"] * n, key=str(n)).error for n in (1, 3, 5, 7)]
    assert [type(error) for error in errors] == [RateLimitError, ContextLengthError, LLMError, LLMError]
    assert getattr(errors[0], "retry_after", None) == 2.0 and errors[0] is not shared
    assert str(errors[0]) == "[scripted:list 1] slow" and str(shared) == "slow"
    assert "out of luck" in str(errors[2]) and "ValueError: odd" in str(errors[3])


def test_what_a_function_raises_is_an_error_row() -> None:
    def reply(asked: GenerateRequest) -> str:
        if asked.key == "bad":
            raise ConnectionResetError("gone")
        return "ok"

    good, bad = run(ScriptedModel(reply).generate([request("a"), request("a", key="bad")]))
    assert good.text == "ok" and "gone" in str(bad.error)


def test_usage_counts_words_unless_told() -> None:
    assert said(ScriptedModel(["one two"]), "a b", system="c").usage == Usage(1, 3, 2)
    assert said(ScriptedModel([{"text": "one", "thinking": "a b"}]), "a").usage == Usage(1, 1, 3)
    told = Usage(1, 50, 60, 0.1)
    assert said(ScriptedModel([GenerateResult("x", usage=told)]), "a").usage == told


def test_logprobs_are_given_only_when_asked_for() -> None:
    model = ScriptedModel([{"text": "yes", "logprobs": [["yes", -0.1, [["no", -2.0]]]]}])
    assert said(model, "a").logprobs is None
    assert said(model, "a", logprobs=1).logprobs == (TokenLogprob("yes", -0.1, (("no", -2.0),)),)


def test_delays_overlap() -> None:
    model = ScriptedModel([{"text": "a", "delay": 0.1}, "b"], delay=0.05)
    begun = time.monotonic()
    run(model.generate([request("x"), request("x", "y", "z")] * 10))
    assert 0.1 <= time.monotonic() - begun < 0.5


def test_streams_word_by_word() -> None:
    async def pieces(text: str) -> list[str]:
        return [chunk.text async for chunk in ScriptedModel([text]).stream(request("a"))]

    for text in ("one two\nthree", "", " lead and trail ", "word"):
        assert "".join(run(pieces(text))) == text


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("s.json", '["one", {"text": "two"}]'),
        ("s.jsonl", '"one"\n\n{"text": "two"}\n'),
        ("s.yaml", "- one\n- text: two\n"),
        ("s.jsonl", '"one"\n{"text": "two", "thinking": "line\u2028separator"}\n'),
        ("s.txt", "one\n\n  two\n"),
    ],
)
def test_files(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content, encoding="utf-8")
    found = resolve(f"scripted:{tmp_path / name}", temperature=0.5, cycle=False)
    model = found.model
    assert isinstance(model, ScriptedModel)
    assert [said(model, *["x"] * n).text for n in (1, 3)] == ["one", "two"]
    assert found.info == {"name": f"scripted:{tmp_path / name}", "temperature": 0.5, "cycle": False}
    assert said(model, *["x"] * 5).error is not None


def test_a_file_that_changed_is_read_again(tmp_path: Path) -> None:
    file = tmp_path / "s.txt"
    for text in ("one", "two"):
        file.write_text(text)
        model = resolve(f"scripted:{file}").model
        assert isinstance(model, ScriptedModel) and said(model, "a").text == text


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("s.json", "[", "is not valid JSON"),
        ("s.yaml", "a: [", "is not valid YAML"),
        ("s.json", "[]", "at least one reply"),
        ("s.json", '"one"', "must be a list"),
        ("s.json", "[3]", "a scripted reply is"),
        ("s.json", '[{"txt": "a"}]', "no key 'txt'"),
        ("s.json", '[{"tool_calls": ["a"]}]', "tool call"),
        ("s.doc", "one", r"must be a \.json"),
    ],
)
def test_bad_files_are_errors_that_say_why(tmp_path: Path, name: str, content: str, message: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(ConfigError, match=message):
        ScriptedModel(tmp_path / name)


@pytest.mark.parametrize("replies", [[], {}, 3, {"Ann": []}, [None]])
def test_what_is_no_script_is_an_error(replies: Any) -> None:
    with pytest.raises(ConfigError):
        ScriptedModel(replies)
    with pytest.raises(ConfigError, match="cannot be read"):
        ScriptedModel("no/such/file.txt")


@pytest.mark.parametrize("batching", ["concurrent", "batched"])
def test_it_keeps_the_protocol(batching: Any) -> None:
    model = ScriptedModel(
        lambda asked: {"error": "failing"} if asked.key == "bad" else f"You said: {asked.messages[-1].content}",
        batching=batching,
    )
    report = check_backend(model, failing=request("Hi", key="bad"))
    assert not report.skipped
    check_backend(ScriptedModel(["Hello there!"], batching=batching))
