"""Keeping every question and answer in a file, and answering from such a file."""

from __future__ import annotations

import json
import threading
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

from sdialog.core.errors import ConfigError, LLMError
from sdialog.llm.canonical import request_hash, request_json, result_from_json, result_json
from sdialog.llm.failures import answers, failure
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import FEATURES, Backend, Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk


class Record(Wrapper):
    """Appends every request and its result to a JSONL file, without secrets, for :class:`Replay`.

    Args:
        model: the model inside.
        path: the file; its folder is made if need be.

    Raises:
        ConfigError: on use, if the file cannot be written.
    """

    def __init__(self, model: Model, path: str | Path) -> None:
        super().__init__(model)
        self.path = Path(path).expanduser()
        self._lock = threading.Lock()

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request and write both down."""
        results = await answers(self.inner, requests)
        self._write(list(zip(requests, results, strict=True)))
        return results

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces and write the whole down."""
        async with closing(pieces(self.inner, request)) as chunks:
            async for chunk in chunks:
                if chunk.result is not None:
                    self._write([(request, chunk.result)])
                yield chunk

    def _write(self, pairs: Sequence[tuple[GenerateRequest, GenerateResult]]) -> None:
        lines = []
        for request, result in pairs:
            entry = {
                "hash": request_hash(self.name, request),
                "model": self.name,
                "key": request.key,
                "request": request_json(request),
                "result": result_json(result),
            }
            lines.append(json.dumps(entry, ensure_ascii=False, default=str) + "\n")
        try:
            with self._lock:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                # Half a surrogate pair, as a cut-off emoji leaves it, is no UTF-8; its escape is JSON's too.
                with self.path.open("a", encoding="utf-8", errors="backslashreplace", newline="") as file:
                    file.write("".join(lines))
        except OSError as error:
            raise ConfigError(f"record file {self.path} cannot be written: {error.strerror}; name another") from error


class Replay(Backend):
    """Answers from a file that :class:`Record` wrote, and asks no model.

    A request recorded several times gets its answers in the order in which they came; the last one is repeated.

    Args:
        path: the file.
        model: name of the recorded model to play, where the file holds several.

    Raises:
        ConfigError: if the file is missing, damaged or empty, or holds several models and none was named.

    Example:
        >>> import tempfile
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.sync import run
        >>> from sdialog.llm.types import Message
        >>> ask = GenerateRequest((Message("user", "Hi"),))
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = Path(folder) / "calls.jsonl"
        ...     _ = run(Record(ScriptedModel(["Hello!"]), path).generate([ask]))
        ...     replayed = run(Replay(path).generate([ask]))
        >>> replayed[0].text
        'Hello!'
    """

    features = FEATURES - {"interventions"}

    def __init__(self, path: str | Path, model: str | None = None) -> None:
        self.path = Path(path).expanduser()
        entries = _read(self.path)
        names = sorted({entry["model"] for entry in entries})
        if model is None and len(names) > 1:
            raise ConfigError(f"record file {path} holds several models; name one of: {', '.join(names)}")
        if not names or (model is not None and model not in names):
            raise ConfigError(f"record file {path} holds no answers of {model or 'any model'}; it has {names}")
        super().__init__(model or names[0])
        self._asked = [entry["request"] for entry in entries if entry["model"] == self.name]
        self._answers: dict[str, list[dict[str, Any]]] = {}
        for entry in entries:
            if entry["model"] == self.name:
                self._answers.setdefault(entry["hash"], []).append(entry["result"])
        self._given: dict[str, int] = {}
        self._lock = threading.Lock()

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request as recorded; an unknown one is an error that says what differs."""
        return [self._answer(request) for request in requests]

    def _answer(self, request: GenerateRequest) -> GenerateResult:
        key = request_hash(self.name, request)
        recorded = self._answers.get(key)
        if recorded is None:
            text = f"{self.path} holds no such request; the nearest one differs in {self._difference(request)}"
            return failure(LLMError(text, backend=self.name, request_key=request.key))
        with self._lock:
            turn = self._given.get(key, 0)
            self._given[key] = turn + 1
        return result_from_json(recorded[min(turn, len(recorded) - 1)])

    def _difference(self, request: GenerateRequest) -> str:
        asked = _flat(json.loads(json.dumps(request_json(request), default=str)))

        def shared(other: dict[str, str]) -> int:
            return sum(asked.get(place) == value for place, value in other.items())

        nearest = max((_flat(entry) for entry in self._asked), key=shared)
        places = [place for place in {**asked, **nearest} if asked.get(place) != nearest.get(place)]
        if not places:
            return "a value that is not written down, such as a secret"
        place = places[0]
        here, there = _apart(asked.get(place, "nothing"), nearest.get(place, "nothing"))
        more = f", and in {len(places) - 1} more places" if len(places) > 1 else ""
        return f"{place}: recorded {there!r}, asked {here!r}{more}"


def _read(path: Path) -> list[dict[str, Any]]:
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ConfigError(f"record file {path} cannot be read: {error.strerror}; record it first") from error
    entries = []
    # Of bytes, splitlines breaks at real line ends only, not at those of typography.
    for number, line in enumerate(content.splitlines(), 1):
        try:
            entry = json.loads(line)
            entries.append({name: entry[name] for name in ("hash", "model", "request", "result")})
        except (ValueError, TypeError, KeyError) as error:
            raise ConfigError(f"record file {path}, line {number}: not a recorded call ({error}); delete it") from error
    return entries


def _flat(value: Any, place: str = "") -> dict[str, str]:
    """Return the leaves of nested data by place, such as ``messages[0].content``."""
    if isinstance(value, dict):
        parts = [(f"{place}.{name}" if place else str(name), entry) for name, entry in value.items()]
    elif isinstance(value, list):
        parts = [(f"{place}[{row}]", entry) for row, entry in enumerate(value)]
    else:
        return {place: str(value)}
    return {leaf: text for where, entry in parts for leaf, text in _flat(entry, where).items()}


def _apart(one: str, two: str, length: int = 60) -> tuple[str, str]:
    """Return both texts from shortly before they part, cut to a readable length."""
    same = next((at for at, (a, b) in enumerate(zip(one, two, strict=False)) if a != b), min(len(one), len(two)))
    start = max(0, same - length // 3)
    return one[start : start + length], two[start : start + length]
