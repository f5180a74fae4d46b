"""The hash of a request depends on what is asked and on nothing else; results survive being written down."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from sdialog.core import errors
from sdialog.llm.canonical import request_hash, request_json, result_from_json, result_json
from sdialog.llm.types import (
    GenerateConfig,
    GenerateRequest,
    GenerateResult,
    Message,
    TokenLogprob,
    ToolCall,
    ToolSpec,
    Usage,
)

ASK = GenerateRequest(
    (Message("system", "Be kind."), Message("user", "Hi")),
    GenerateConfig(temperature=0.5, seed=3, extra={"num_ctx": 10}),
    (ToolSpec("t", "A tool.", {"type": "object"}),),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


def test_key_session_and_bookkeeping_do_not_change_the_hash() -> None:
    other = dataclasses.replace(ASK, key="dialog/7", session="s")
    kept = dataclasses.replace(ASK, messages=(dataclasses.replace(ASK.messages[0], persist=True), ASK.messages[1]))
    assert request_hash("m", ASK) == request_hash("m", other) == request_hash("m", kept)


def test_everything_asked_changes_the_hash() -> None:
    changed: list[dict[str, Any]] = [
        {"messages": ASK.messages[1:]},
        {"messages": (*ASK.messages, Message("assistant", ""))},
        {"config": dataclasses.replace(ASK.config, seed=4)},
        {"config": dataclasses.replace(ASK.config, extra={})},
        {"tools": ()},
        {"schema": {"type": "object"}},
        {"think": False},
        {"logprobs": 1},
    ]
    hashes = {request_hash("m", dataclasses.replace(ASK, **change)) for change in changed}
    assert len({*hashes, request_hash("m", ASK), request_hash("other", ASK)}) == len(changed) + 2


def test_what_is_said_is_never_masked() -> None:
    one, two = (GenerateRequest((Message("user", f"password: {word}"),)) for word in ("hunter22", "hunter33"))
    assert request_hash("m", one) != request_hash("m", two)
    assert request_json(one)["messages"][0]["content"] == "password: hunter22"


def test_secret_options_are_neither_shown_nor_hashed() -> None:
    config = dataclasses.replace(
        ASK.config, extra={"num_ctx": 10, "api_key": "sk-1", "headers": {"Authorization": "x"}}
    )
    asked = request_json(dataclasses.replace(ASK, config=config))
    assert asked["config"]["extra"] == {"num_ctx": 10, "headers": {}}


@given(
    st.builds(
        GenerateResult,
        text=st.text(),
        thinking=st.none() | st.text(),
        tool_calls=st.lists(
            st.builds(
                ToolCall,
                st.text(max_size=5),
                st.text(max_size=5),
                st.dictionaries(st.sampled_from(["city", "password", "who"]), JSON, max_size=2),
                st.none() | st.text(max_size=5),
            ),
            max_size=2,
        ).map(tuple),
        finish_reason=st.sampled_from(["stop", "length", "tool_calls", "content_filter"]),
        usage=st.builds(Usage, st.integers(0, 9), st.integers(0, 9), st.integers(0, 9), st.none() | st.floats(0, 9)),
        model=st.text(max_size=5),
        logprobs=st.none()
        | st.lists(st.builds(TokenLogprob, st.text(max_size=3), st.floats(-9, 0), st.just((("a", -1.0),)))).map(tuple),
    )
)
def test_results_survive_json(result: GenerateResult) -> None:
    assert result_from_json(json.loads(json.dumps(result_json(result)))) == result


def test_errors_survive_json() -> None:
    limit = errors.RateLimitError("slow down", retry_after=2.0, backend="m", request_key="k", status=429)
    parse = errors.OutputParseError("no", raw="{")
    for error in (limit, parse, errors.LLMError("x")):
        back = result_from_json(json.loads(json.dumps(result_json(GenerateResult(error=error, finish_reason="error")))))
        assert type(back.error) is type(error) and vars(back.error) == vars(error)
