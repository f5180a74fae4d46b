"""Judges at a server that fails in every way: each verdict is accounted for."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from servers.openai_server import Answer, OpenAIServer, Reply
from servers.service import Faults

from sdialog import Dialog, Turn
from sdialog.evaluation.judges.yes_no import LLMJudgeYesNo
from sdialog.evaluation.runner import Running, score_dialogs
from sdialog.llm.middleware import Retry, Timeout
from sdialog.llm.wrapping import WrappingScheduler

DIALOGS = 200
REFUSES, FILTERED, BROKEN, HANGS, BLOCKED, FINE = range(6)
KINDS = {1: REFUSES, 2: FILTERED, 3: BROKEN, 4: HANGS, 5: BLOCKED}


def kind_of(number):
    return KINDS.get(number % 20, FINE)


class JudgeServer(OpenAIServer):
    """Answers as a judge would; what becomes of a dialog is told by its number, on top of random faults."""

    def default_reply(self, received):
        prompt = next(m["content"] for m in received.json["messages"] if m["role"] == "user")
        number = int(prompt.partition('"text": "case ')[2].partition(" ")[0])
        verdict = json.dumps({"positive": number % 2 == 0})
        return {
            REFUSES: Reply("I'm sorry, but I can't judge this."),
            FILTERED: Reply("", finish="content_filter"),
            BROKEN: Reply('{"positive": maybe'),
            HANGS: Reply(verdict, delay=2),
            BLOCKED: Reply("blocked"),
            FINE: Reply(verdict, delay=0.2 * (number % 20 == 6)),
        }[kind_of(number)]

    def answer(self, received, reply):
        if reply.text == "blocked":
            return self.error(400, "the prompt triggered the content management policy", code="content_filter")
        return super().answer(received, reply)

    def _text(self, asked, reply):
        return reply.text


class Impatient(WrappingScheduler):
    """Tries often and waits little."""

    def around(self, model):
        return Retry(Timeout(model, 0.6), attempts=8, base=0.005, cap=0.05)


def cases():
    return [Dialog(id=n, turns=[Turn(speaker="Ann", text=f"case {n} of many")]) for n in range(DIALOGS)]


def judge(server):
    return LLMJudgeYesNo("Is it kind?", model={"name": "openai:judge", "base_url": server.base_url, "api_key": "none"})


@pytest.mark.slow
def test_every_verdict_is_accounted_for():
    faults = Faults(rate_limit=0.15, server_error=0.1, drop=0.1, malformed=0.1, seed=3)
    with JudgeServer.serve(faults=faults, record=False) as server:
        scheduler = Impatient(concurrency=64)
        (found,) = score_dialogs([judge(server)], cases(), Running(concurrency=64, scheduler=scheduler, cache=False))
        assert {"rate_limit", "server_error", "drop", "malformed"} <= set(server.met)
    expected = Counter(kind_of(n) for n in range(DIALOGS))
    errors = [item for item in found.items if item.error]
    refused = [item for item in found.items if item.details.get("refusal")]
    assert len(found.values) + len(errors) + len(refused) == DIALOGS == len(found.items)
    assert len(found.values) == found.n == expected[FINE]
    assert all(item.value == int(item.dialog_id % 2 == 0) for item in found.items if not item.missing)
    assert {kind_of(item.dialog_id) for item in refused} == {REFUSES, FILTERED, BLOCKED}
    assert all(item.reason.startswith("refused: ") and not item.error for item in refused)
    names: dict[int, set[str]] = {}
    for item in errors:
        names.setdefault(kind_of(item.dialog_id), set()).add(item.error.partition(":")[0])
    assert set(names) == {BROKEN, HANGS} and names[BROKEN] == {"OutputParseError"}
    # The last of its tries may have met another fault.
    assert "LLMTimeoutError" in names[HANGS] <= {
        "LLMTimeoutError", "RateLimitError", "ServerError", "ConnectionFailedError"
    }  # fmt: skip
    assert sum(found.missing_reasons.values()) == found.n_missing == DIALOGS - expected[FINE]


def test_retry_after_is_kept_and_the_verdict_comes():
    with JudgeServer.serve() as server:
        server.script = iter([server.error(429, "slow down", {"retry-after": "0.05"}), Answer("{", status=500)])
        assert judge(server).score(cases()[0]) == 1
        assert len(server.requests) == 3


def test_broken_json_is_shown_to_the_model_once():
    with JudgeServer.serve([Reply('{"positive": maybe}'), Reply('{"positive": true}')]) as server:
        assert judge(server).score(cases()[0]) == 1
        roles = [message["role"] for message in server.requests[1].json["messages"]]
        assert roles == ["system", "user", "assistant", "user"]
        schema = server.requests[0].json["response_format"]["json_schema"]
        assert schema["strict"] is True and schema["schema"]["required"] == ["positive"]


def test_tokens_of_a_real_reply_weigh_its_score():
    from sdialog.evaluation.judges.scores import LLMJudgeScore

    with OpenAIServer.serve([Reply('{"score": 4}')]) as server:
        model = {"name": "openai:judge", "base_url": server.base_url, "api_key": "none"}
        assert LLMJudgeScore("How kind?", weighted=True, model=model).score(cases()[0]) == 4.0
        assert server.requests[0].json["top_logprobs"] == 20
