"""Outside a run, a remote model is asked again when its failure may pass; in a run, its limits say how often."""

from __future__ import annotations

import pytest
from servers.openai_server import Answer, OpenAIServer, Reply, serve

from sdialog import Agent
from sdialog.core.errors import AuthenticationError, RateLimitError, ServerError
from sdialog.generators import PersonaGenerator
from sdialog.llm.middleware import wrap
from sdialog.personas import Persona


def said(status: int) -> Answer:
    return OpenAIServer().error(status, "no luck", {"Retry-After": "0"})


def agent(url: str, name: str = "Ann") -> Agent:
    return Agent(Persona(name=name), model="openai:m", base_url=url, api_key="none")


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sdialog.llm.wrapping.PatientScheduler.base", 0.01)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_agent_tries_again(status: int) -> None:
    with serve([said(status), said(status), Reply("Hello.")]) as server:
        assert agent(server.base_url)("Hi") == "Hello."
        assert len(server.requests) == 3


def test_it_gives_up_after_the_third_try() -> None:
    with serve([said(500)] * 3 + [Reply("Hello.")]) as server:
        with pytest.raises(ServerError, match="after 3 attempts"):
            agent(server.base_url)("Hi")
        assert len(server.requests) == 3


def test_what_will_not_pass_is_asked_once() -> None:
    with serve([said(401), Reply("Hello.")]) as server:
        with pytest.raises(AuthenticationError):
            agent(server.base_url)("Hi")
        assert len(server.requests) == 1


def test_a_dialog_outlives_a_busy_server() -> None:
    with serve([Reply("Hello."), said(429), Reply("Bye. STOP"), Reply("Bye. STOP")]) as server:
        dialog = agent(server.base_url).dialog_with(agent(server.base_url, "Ben"), max_turns=2)
        assert [turn.text for turn in dialog] == ["Hello.", "Bye."]


def test_who_wrapped_a_model_has_chosen() -> None:
    from sdialog.backends.scripted import ScriptedModel

    busy = wrap(ScriptedModel([RateLimitError("slow down", retry_after=0), "Hello."]), retry=False, timeout=5)
    with pytest.raises(RateLimitError):
        Agent(Persona(name="Ann"), model=busy)("Hi")


def test_a_generator_tries_again() -> None:
    with serve([said(429), Reply('{"name": "Ann"}')]) as server:
        generator = PersonaGenerator(Persona, model="openai:m", base_url=server.base_url, api_key="none")
        generator.set(**{field: "x" for field in Persona.model_fields if field != "name"})
        assert generator.generate(seed=1).name == "Ann"
