"""What was recorded can be played back without the model; what was not is an error that says what differs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, LLMError, RateLimitError
from sdialog.core.sync import run
from sdialog.llm.middleware import Record, Replay
from sdialog.llm.types import GenerateResult
from sdialog.testing import check_backend, request


def record(path: Path, model: ScriptedModel, *texts: str, **options: Any) -> list[GenerateResult]:
    return run(Record(model, path).generate([request(text, **options) for text in texts]))


def test_a_recording_is_replayed_in_order_and_then_repeats_its_last(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "calls.jsonl"
    answers = iter(["one", "two", "other"])
    record(path, ScriptedModel(lambda _: next(answers)), "a", "a", "b")
    replay = Replay(path)
    results = [run(replay.generate([request(text)]))[0].text for text in "abaa"]
    assert results == ["one", "other", "two", "two"]
    assert replay.name == "scripted:<lambda>"


def test_errors_are_replayed_too(tmp_path: Path) -> None:
    record(tmp_path / "r", ScriptedModel([RateLimitError("slow", retry_after=3.0)]), "a")
    error = run(Replay(tmp_path / "r").generate([request("a")]))[0].error
    assert isinstance(error, RateLimitError) and error.retry_after == 3.0


def test_an_unknown_request_names_the_nearest_difference(tmp_path: Path) -> None:
    record(tmp_path / "r", ScriptedModel(["Hi"]), "What is the weather in Bern?", "Bye", temperature=0.5)
    replay = Replay(tmp_path / "r")
    (text,) = run(replay.generate([request("What is the weather in Basel?", temperature=0.5)]))
    assert "messages[0].content: recorded" in str(text.error)
    assert "Bern?" in str(text.error) and "Basel?" in str(text.error)
    (option,) = run(replay.generate([request("Bye", temperature=0.7)]))
    assert str(option.error).endswith("the nearest one differs in config.temperature: recorded '0.5', asked '0.7'")
    assert isinstance(option.error, LLMError)


def test_a_longer_common_end_does_not_hide_the_difference(tmp_path: Path) -> None:
    beginning, end = "You are taking part in a dialog, " * 4, " and so on until the very end." * 9
    record(tmp_path / "r", ScriptedModel(["Hi"]), f"{beginning}Ana{end}")
    (result,) = run(Replay(tmp_path / "r").generate([request(f"{beginning}Ben{end}")]))
    assert "Ana and so on" in str(result.error) and "Ben and so on" in str(result.error)


def test_a_long_common_beginning_is_cut_from_the_difference(tmp_path: Path) -> None:
    long = "word " * 200
    record(tmp_path / "r", ScriptedModel(["Hi"]), long + "END")
    (result,) = run(Replay(tmp_path / "r").generate([request(long + "FIN")]))
    assert "END" in str(result.error) and "FIN" in str(result.error) and len(str(result.error)) < 400


def test_no_secret_is_written_down(tmp_path: Path) -> None:
    record(tmp_path / "r", ScriptedModel(["Hi"]), "a", api_key="sk-very-secret-123456", num_ctx=5)
    (line,) = (tmp_path / "r").read_text().splitlines()
    assert "very-secret" not in line
    assert json.loads(line)["request"]["config"]["extra"] == {"num_ctx": 5}


def test_streams_are_recorded(tmp_path: Path) -> None:
    model = Record(ScriptedModel(["one two"]), tmp_path / "r")

    async def collected() -> list[str]:
        return [chunk.text async for chunk in model.stream(request("a"))]

    assert "".join(run(collected())) == run(Replay(tmp_path / "r").generate([request("a")]))[0].text == "one two"


def test_several_models_in_one_file(tmp_path: Path) -> None:
    record(tmp_path / "r", ScriptedModel(["One"], label="one"), "a")
    record(tmp_path / "r", ScriptedModel(["Two"], label="two"), "a")
    assert run(Replay(tmp_path / "r", "scripted:two").generate([request("a")]))[0].text == "Two"
    with pytest.raises(ConfigError, match=r"several models.*scripted:one, scripted:two"):
        Replay(tmp_path / "r")
    with pytest.raises(ConfigError, match="holds no answers of other"):
        Replay(tmp_path / "r", "other")


@pytest.mark.parametrize("content", ["{", "[]", '{"hash": 1}', ""])
def test_a_damaged_file_is_an_error(tmp_path: Path, content: str) -> None:
    (tmp_path / "r").write_text(content)
    with pytest.raises(ConfigError):
        Replay(tmp_path / "r")
    with pytest.raises(ConfigError, match="record it first"):
        Replay(tmp_path / "none")


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be written"):
        record(tmp_path, ScriptedModel(["Hi"]), "a")


def test_replay_keeps_the_protocol(tmp_path: Path) -> None:
    path = tmp_path / "r"
    check_backend(Record(ScriptedModel(["Hello there"]), path))
    check_backend(Replay(path))


@pytest.mark.parametrize("text", ["one\u2028two", "one\x85two", "one\r\ntwo\x0b", "cut off \ud83d", "Zoé \U0001f600"])
def test_any_text_comes_back(tmp_path: Path, text: str) -> None:
    path = tmp_path / "r"
    record(path, ScriptedModel([text]), text, "and a second line")
    assert run(Replay(path).generate([request(text)]))[0].text == text
    path.read_text(encoding="utf-8")
