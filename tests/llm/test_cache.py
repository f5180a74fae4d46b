"""The cache finds what was asked before, across objects, threads and processes, and keeps no error and no secret."""

from __future__ import annotations

import asyncio
import multiprocessing
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from sdialog.backends.scripted import ScriptedModel
from sdialog.core.errors import ConfigError, ServerError
from sdialog.core.sync import run
from sdialog.llm.middleware import Cache, Cached
from sdialog.llm.types import GenerateRequest, GenerateResult, Message, Usage
from sdialog.testing import Faulty, request


class Counting(ScriptedModel):
    """Counts the requests that reach it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.seen: list[str] = []

    async def generate(self, requests: Any) -> list[GenerateResult]:
        self.seen += [r.messages[-1].content for r in requests]
        return await super().generate(requests)


def ask(model: Any, *texts: str, **options: Any) -> list[GenerateResult]:
    return run(model.generate([request(text, **options) for text in texts]))


def test_what_was_asked_before_is_not_asked_again(tmp_path: Path) -> None:
    inner = Counting([{"text": "Hello", "thinking": "Hm.", "tool_calls": [{"name": "t", "arguments": {"a": [1]}}]}])
    model = Cached(inner, tmp_path / "deep" / "cache.sqlite")
    first = ask(model, "a", "b")
    again = ask(model, "b", "c", "a")
    assert inner.seen == ["a", "b", "c"]
    assert [r.cached for r in again] == [True, False, True]
    assert again[0].tool_calls == first[1].tool_calls and again[0].thinking == "Hm."
    assert again[0].usage == Usage()


def test_options_and_seed_are_part_of_the_question_and_the_key_is_not(tmp_path: Path) -> None:
    inner = Counting(["Hello"])
    model = Cached(inner, tmp_path / "c")
    ask(model, "a", seed=1, key="one")
    assert ask(model, "a", seed=1, key="two")[0].cached
    assert not ask(model, "a", seed=2)[0].cached


def test_another_object_finds_it_too(tmp_path: Path) -> None:
    ask(Cached(ScriptedModel(["Hello"]), tmp_path / "c"), "a")
    assert ask(Cached(ScriptedModel(["Hello"]), tmp_path / "c"), "a")[0].cached


def test_models_of_one_name_and_other_answers_do_not_mix(tmp_path: Path) -> None:
    cache = Cache(tmp_path / "c")
    one, two = Cached(ScriptedModel(["One"]), cache), Cached(ScriptedModel(["Two"]), cache)
    assert one.name == two.name
    assert [ask(one, "a")[0].text, ask(two, "a")[0].text] == ["One", "Two"]


def test_errors_are_not_kept(tmp_path: Path) -> None:
    model = Cached(Faulty(ScriptedModel(["Hello"]), [ServerError("500")]), tmp_path / "c")
    assert ask(model, "a")[0].error is not None
    second = ask(model, "a")[0]
    assert (second.text, second.cached) == ("Hello", False)


def test_functions_and_interventions_are_not_kept(tmp_path: Path) -> None:
    model = Cached(ScriptedModel(lambda _: "Hello"), tmp_path / "c")
    assert [ask(model, "a")[0].cached for _ in range(2)] == [False, False]
    steered = GenerateRequest((Message("user", "a"),), interventions=(object(),))
    listed = Cached(ScriptedModel(["Hello"]), tmp_path / "c")
    assert [run(listed.generate([steered]))[0].cached for _ in range(2)] == [False, False]


def test_no_secret_reaches_the_file(tmp_path: Path) -> None:
    model = Cached(ScriptedModel(["Hello"]), tmp_path / "c")
    ask(model, "a", api_key="sk-very-secret-123456", default_headers={"Authorization": "Bearer sk-very-secret-123456"})
    run(model.aclose())
    assert b"very-secret" not in b"".join(file.read_bytes() for file in tmp_path.iterdir())


def test_a_stream_is_kept_and_found(tmp_path: Path) -> None:
    inner = Counting(["one two"])
    model = Cached(inner, tmp_path / "c")

    async def collected() -> list[Any]:
        return [chunk async for chunk in model.stream(request("a"))]

    first, second = run(collected()), run(collected())
    assert len(first) == 3 and not first[-1].result.cached
    assert [c.text for c in second] == ["one two"] and second[0].result.cached
    assert ask(model, "a")[0].cached


def test_a_damaged_file_is_an_error_with_a_cure(tmp_path: Path) -> None:
    file = tmp_path / "cache.sqlite"
    file.write_bytes(b"this is no database" * 100)
    with pytest.raises(ConfigError, match=r"cache\.sqlite cannot be used .*delete it"):
        ask(Cached(ScriptedModel(["Hello"]), file), "a")


def test_a_damaged_row_is_an_error_with_a_cure(tmp_path: Path) -> None:
    model = Cached(ScriptedModel(["Hello"]), tmp_path / "c")
    ask(model, "a")
    with sqlite3.connect(tmp_path / "c") as connection:
        connection.execute("UPDATE entries SET value = '{'")
    connection.close()
    with pytest.raises(ConfigError, match="delete it"):
        ask(model, "a")


def test_a_folder_is_no_cache(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be used"):
        ask(Cached(ScriptedModel(["Hello"]), tmp_path), "a")


def _write(path: Path, who: int) -> None:
    model = Cached(ScriptedModel([f"from {who}"]), path)
    # Some questions are everybody's, some are one's own.
    asyncio.run(model.generate([request(f"{k % 20}" if k % 2 else f"{who}/{k}") for k in range(60)]))


def test_threads_and_processes_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "shared"
    processes = [multiprocessing.get_context("spawn").Process(target=_write, args=(path, n)) for n in range(2)]
    threads = [threading.Thread(target=_write, args=(path, n)) for n in range(2, 6)]
    for worker in [*processes, *threads]:
        worker.start()
    for worker in [*processes, *threads]:
        worker.join(60)
    assert [process.exitcode for process in processes] == [0, 0]
    cache = Cache(path)
    with sqlite3.connect(path) as connection:
        (rows,) = connection.execute("SELECT count(*) FROM entries").fetchone()
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    connection.close()
    assert rows == 6 * 30 + 6 * 10
    cache.close()


def test_one_object_serves_many_threads(tmp_path: Path) -> None:
    model = Cached(ScriptedModel(["Hello"]), tmp_path / "c")
    found: list[str] = []

    def work() -> None:
        for k in range(20):
            found.extend(r.text for r in asyncio.run(model.generate([request(str(k))])))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert found == ["Hello"] * 80


def test_a_cut_off_emoji_is_kept(tmp_path: Path) -> None:
    model = Cached(ScriptedModel(["cut off \ud83d"]), tmp_path / "c.sqlite")
    found = [run(model.generate([request("Hi \ud83d")]))[0] for _ in range(2)]
    assert [(r.text, r.cached) for r in found] == [("cut off \ud83d", False), ("cut off \ud83d", True)]
    run(model.aclose())
