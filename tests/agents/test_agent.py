"""The agent as users drive it: published calls, copies instead of changes, stateless use, descriptions."""

from __future__ import annotations

import asyncio
import inspect
import json
from types import SimpleNamespace
from typing import Any

import pytest

from sdialog.agents import Agent
from sdialog.agents.describe import agent_dependencies
from sdialog.agents.inspection import ModelCall
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Context, Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError
from sdialog.core.settings import use
from sdialog.llm.types import GenerateRequest, GenerateResult, Message
from sdialog.orchestrators import (
    BaseOrchestrator,
    ChangeMindOrchestrator,
    LengthOrchestrator,
    SimpleReflexOrchestrator,
)
from sdialog.personas import Persona


def counting(request: GenerateRequest) -> str:
    return f"reply {sum(message.role == 'assistant' for message in request.messages) + 1}"


def agent_with(**options: Any) -> Agent:
    return Agent(**{"name": "Ava", "model": ScriptedModel(counting), **options})


class Look:
    """An inspector as far as agents know: it says what goes to the model, and is told what came back."""

    def __init__(self) -> None:
        self.calls: list[tuple[ModelCall, str]] = []

    def interventions(self, call: ModelCall) -> list[str]:
        return [f"turn {call.turn}, call {call.number}{', lookahead' * call.lookahead}"]

    def received(self, call: ModelCall, request: GenerateRequest, result: GenerateResult) -> None:
        self.calls.append((call, result.text))


class Awaited(BaseOrchestrator):
    """Waits where orchestrators must not."""

    async def instruct(self, dialog: Dialog, utterance: str) -> str:  # type: ignore[override]
        return "Hurry."


def test_published_calls() -> None:
    agent = Agent(Persona(name="Ava", role="guide"), None, "A museum", model=ScriptedModel(["Hello!", "Bye. STOP"]))
    assert agent.name == "Ava" and agent.get_name() == "Ava"
    assert agent("Hi") == "Hello!"
    events = agent("Bye", return_events=True)
    assert events is not None and [(event.agent, event.action, event.content) for event in events] == [
        ("Ava", "utter", "Bye.")
    ]
    assert agent("Still there?") is None
    agent.reset()
    assert agent("Hi") == "Hello!"
    assert [message.type for message in agent.memory] == ["system", "human", "ai"]
    assert "A museum" in agent.prompt() and '"guide"' in agent.prompt()


@pytest.mark.parametrize(
    ("method", "names"),
    [
        (
            Agent.__init__,
            "persona name context first_utterance dialogue_details response_details example_dialogs tools think "
            "thinking_pattern can_finish orchestrators inspectors preprocessing_fn postprocess_fn system_prompt model",
        ),
        (Agent.__call__, "utterance return_events current_dialog return_tool_errors"),
        (
            Agent.dialog_with,
            "agent context example_dialogs scenario max_turns id parent_id seed notes keep_bar",
        ),
        (Agent.talk_with, "agent context example_dialogs scenario max_turns id parent_id seed notes keep_bar"),
        (Agent.reset, "seed context example_dialogs"),
        (Agent.instruct, "instruction persist"),
        (Agent.response_lookahead, "message"),
        (Agent.memory_dump, "as_dict"),
        (Agent.json, "string indent"),
        (Agent.serve, "host port stateless debug log_level"),
    ],
)
def test_published_parameters_come_in_the_published_order(method: Any, names: str) -> None:
    published = names.split()
    assert list(inspect.signature(method).parameters)[1 : len(published) + 1] == published


def test_dialog_with_passes_everything_on() -> None:
    prompts: list[str] = []

    def script(request: GenerateRequest) -> str:
        prompts.append(request.messages[0].content)
        return f"line {len(prompts)}"

    ann, ben = (Agent(Persona(name=name), model=ScriptedModel(script)) for name in ("Ann", "Ben"))
    example = Dialog(turns=[Turn(speaker="X", text="an example")])
    dialog = ann.talk_with(ben, "a museum", [example], {"task": 1}, 3, 7, 6, 5, "noted", False)
    assert [turn.text for turn in dialog] == ["line 1", "line 2", "line 3"]
    assert (dialog.context, dialog.scenario, dialog.id, dialog.parentId) == ("a museum", {"task": 1}, 7, 6)
    assert (dialog.seed, dialog.notes, dialog.stopReason) == (5, "noted", "max_turns")
    assert all("a museum" in prompt and "an example" in prompt for prompt in prompts)
    assert "a museum" not in ann.prompt()


def test_tracebacks_reach_the_model_only_on_demand() -> None:
    def broken() -> str:
        raise KeyError("no such order")

    def script(request: GenerateRequest) -> Any:
        last = request.messages[-1]
        return last.content if last.role == "tool" else {"tool_calls": [{"name": "broken", "arguments": {}}]}

    agent = Agent(tools=broken, model=ScriptedModel(script))
    assert "Traceback" not in (agent("Go") or "")
    assert "Traceback" in (agent("Go", return_tool_errors=True) or "")


def test_an_empty_reply_is_empty_text_and_no_event() -> None:
    agent = agent_with(model=ScriptedModel([""]))
    assert agent("Hi") == ""
    assert agent("Hi", True) == []


def test_works_inside_a_running_loop() -> None:
    async def notebook() -> str | None:
        return agent_with()("Hi")

    assert asyncio.run(notebook()) == "reply 1"


def test_pipe_and_evolve_leave_the_original_alone() -> None:
    plain = agent_with(persona=Persona(name="Ava"))
    length, mind = LengthOrchestrator(max=6), ChangeMindOrchestrator(1.0)
    guided = plain | length | [mind, None]
    assert plain.orchestrators == () and guided.orchestrators == (length, mind)
    assert guided is not plain and guided.model is plain.model
    assert length.get_target_agent() is not None
    renamed = guided.evolve(name="Eve", max_tool_rounds=2)
    assert (renamed.name, renamed.max_tool_rounds, renamed.orchestrators) == ("Eve", 2, (length, mind))
    assert guided.name == "Ava" and renamed.model is guided.model
    assert plain.evolve(persona=Persona(name="Zoe"), name=None).name == "Zoe"


def test_evolve_carries_what_mutators_changed_and_swaps_models_with_their_options() -> None:
    agent = Agent(model="openai:some", api_key="sk-secret", temperature=0.1)
    agent.set_first_utterances("Hello!")
    agent.add_orchestrators(LengthOrchestrator(max=3))
    warmer = agent.evolve(temperature=0.9)
    assert (warmer.config.temperature, warmer.first_utterances, len(warmer.orchestrators)) == (0.9, "Hello!", 1)
    other = agent.evolve(model=ScriptedModel(["x"]))
    assert other.config.temperature is None and other.model_info == {"name": "scripted:list"}
    assert other.evolve(name="x").model is other.model
    assert "sk-secret" not in repr(agent) + agent.json(string=True) + str(warmer.model_info)


def test_evolve_carries_attributes_set_since() -> None:
    agent = agent_with(persona=Persona(name="Ava"))
    agent.response_details, agent.name = "Whisper.", "Avi"
    twin = agent | LengthOrchestrator(max=3)
    assert "Whisper." in twin.prompt() and twin.name == "Avi"
    assert twin.evolve(response_details="Shout.", name="Bo").name == "Bo"
    plain = Agent(Persona(name="Ava"), model=ScriptedModel(["x"]))
    assert plain.evolve(persona=Persona(name="Zoe")).name == "Zoe"


def test_a_subclass_survives_the_pipe() -> None:
    class Guide(Agent):
        def __init__(self, town: str) -> None:
            super().__init__(name="Guide", model=ScriptedModel(["x"]))
            self.town = town

    guide = Guide("Rome") | LengthOrchestrator(max=3)
    assert isinstance(guide, Guide) and guide.town == "Rome"


def test_mutators_act_on_this_agent_and_its_default_session() -> None:
    agent = agent_with()
    agent("Hi")
    agent.add_orchestrators(SimpleReflexOrchestrator(lambda text: True, "Be brief."))
    events = agent("And?", True)
    assert events is not None and [event.action for event in events] == ["instruct", "utter"]
    agent.clear_orchestrators()
    events = agent("And?", True)
    assert events is not None and [event.action for event in events] == ["utter"]
    agent.set_first_utterances(["Good day."])
    agent.reset()
    assert agent() == "Good day."
    with pytest.raises(TypeError, match="orchestrator"):
        agent.add_orchestrators("be nice")  # type: ignore[arg-type]


def test_inspectors_say_what_goes_to_the_model_and_hear_what_came_back() -> None:
    requests: list[GenerateRequest] = []

    def script(request: GenerateRequest) -> str:
        requests.append(request)
        return "x"

    seeing = ScriptedModel(script, features=frozenset({"interventions"}))
    look = Look()
    agent = Agent(model=seeing, name="Ava") | look
    agent("Hi")
    agent("Hi")
    agent.response_lookahead("Hi")
    sent = [request.interventions for request in requests]
    assert sent == [("turn 0, call 0",), ("turn 1, call 0",), ("turn 2, call 0, lookahead",)]
    assert [(call.speaker, call.turn, text) for call, text in look.calls] == [
        ("Ava", 0, "x"),
        ("Ava", 1, "x"),
        ("Ava", 2, "x"),
    ]
    assert len({call.session for call, _ in look.calls}) == 1
    agent.clear_inspectors()
    agent("Hi")
    assert requests[3].interventions == () and len(look.calls) == 3
    with pytest.raises(TypeError, match="inspector"):
        agent.add_inspectors(5)
    with pytest.raises(UnsupportedFeatureError, match="interventions"):
        agent_with(inspectors=Look())


def test_stateless_calls_touch_neither_the_list_nor_the_memory() -> None:
    agent = agent_with(system_prompt="You are Ava.")
    agent("Hi")
    before = agent.memory_dump()
    history = [
        {"role": "user", "content": "One"},
        {"role": "assistant", "content": "Two"},
        {"role": "user", "content": [{"type": "text", "text": "Three"}]},
    ]
    copy = json.loads(json.dumps(history))
    assert agent(history) == "reply 2"
    assert history == copy
    assert [message.content for message in agent.memory] == ["You are Ava.", "One", "Two", "Three", "reply 2"]
    assert agent("Hi again") == "reply 2"
    assert agent.memory[: len(before)] == before


def test_stateless_calls_preprocess_what_others_said() -> None:
    agent = Agent(preprocessing_fn=str.upper, model=lambda messages: " ".join(m.content for m in messages))
    said = [{"role": "user", "content": "one"}, {"role": "assistant", "content": "two"}]
    assert agent([*said, {"role": "user", "content": "three"}]) == "ONE two THREE"


def test_stateless_calls_read_langchain_and_openai_tool_messages() -> None:
    seen: list[Message] = []

    def script(request: GenerateRequest) -> str:
        seen.extend(request.messages)
        return "ok"

    asked = {"id": "1", "type": "function", "function": {"name": "find", "arguments": '{"what": "tea"}'}}
    Agent(model=ScriptedModel(script))(
        [
            SimpleNamespace(type="human", content="Find tea"),
            {"role": "assistant", "content": None, "tool_calls": [asked]},
            {"role": "tool", "content": "found", "tool_call_id": "1"},
            Message("user", "Well?"),
        ]
    )
    assert [message.role for message in seen] == ["user", "assistant", "tool", "user"]
    assert dict(seen[1].tool_calls[0].arguments) == {"what": "tea"}
    with pytest.raises(ConfigError, match="message 0"):
        agent_with()([{"text": "hi"}])


def test_orchestrators_count_from_new_in_each_stateless_call() -> None:
    agent = agent_with(orchestrators=ChangeMindOrchestrator(1.0, max_times=1))
    for _ in range(3):
        events = agent([{"role": "user", "content": "Hi"}], True)
        assert events is not None and [event.action for event in events] == ["instruct", "utter"]


def test_orchestrators_of_an_agent_called_user_hear_the_other_side() -> None:
    reflex = SimpleReflexOrchestrator(lambda said: "refund" in said, "Insist.")
    events = agent_with(name="User", orchestrators=reflex)("No refund.", True)
    assert events is not None and [event.action for event in events] == ["instruct", "utter"]


def test_lookahead_leaves_no_trace_and_calls_no_tool() -> None:
    called: list[int] = []

    def pay() -> str:
        called.append(1)
        return "paid"

    def script(request: GenerateRequest) -> Any:
        if request.tools:
            return {"tool_calls": [{"name": "pay", "arguments": {}}]}
        return f"I would answer {request.messages[-1].content!r}. STOP"

    agent = Agent(tools=pay, system_prompt="p", model=ScriptedModel(script))
    before = agent.memory_dump()
    assert agent.response_lookahead("Why?") == "I would answer 'Why?'."
    assert agent.response_lookahead() == "I would answer 'p'."
    assert agent.memory == before and called == []
    assert agent_with(first_utterance="Welcome!").response_lookahead() == "Welcome!"


def test_instruct_through_the_agent_lasts_one_reply() -> None:
    agent = agent_with(system_prompt="p")
    agent.instruct("Whisper.")
    agent("Hi")
    agent.instruct("Shout.", persist=True)
    agent("Hi")
    assert [message.content for message in agent.memory] == ["p", "Hi", "reply 1", "Shout.", "Hi", "reply 2"]


def test_memory_dump_is_langchains_dict_form() -> None:
    messages = pytest.importorskip("langchain_core.messages")

    def look(word: str) -> str:
        return "found"

    script = [{"tool_calls": [{"name": "look", "arguments": {"word": "tea"}}], "thinking": "hm"}, "There."]
    agent = Agent(system_prompt="p", tools=look, model=ScriptedModel(script))
    agent.instruct("Stay.", persist=True)
    agent("Find tea")
    dumped = agent.memory_dump(as_dict=True)
    json.dumps(dumped)
    loaded = messages.messages_from_dict(dumped)
    assert [message.type for message in loaded] == ["system", "system", "human", "ai", "tool", "ai"]
    assert loaded[1].response_metadata == {"persist": True}
    assert loaded[3].tool_calls[0]["args"] == {"word": "tea"}
    assert loaded[3].additional_kwargs == {"reasoning_content": "hm"}
    assert loaded[4].tool_call_id == loaded[3].tool_calls[0]["id"]
    agent.memory_dump().clear()
    assert agent.memory


def test_json_describes_without_secrets() -> None:
    agent = Agent(
        Persona(name="A"),
        first_utterance="hi",
        orchestrators=[LengthOrchestrator(2, 4), ChangeMindOrchestrator(0.3, ["r"])],
        model="openai:gpt-test",
        api_key="sk-hidden",
        seed=13,
    )
    assert agent.json() == {
        "name": "A",
        "model": {"name": "openai:gpt-test", "seed": 13},
        "first_utterances": "hi",
        "persona": {
            "name": "A",
            "language": "English",
            "orchestrators": [
                {"name": "LengthOrchestrator", "args": {"min": 2, "max": 4}},
                {"name": "ChangeMindOrchestrator", "args": {"probability": 0.3, "reasons": ["r"], "max_times": 1}},
            ],
        },
    }
    assert Agent(model=ScriptedModel(["x"])).json() == {"model": {"name": "scripted:list"}, "persona": {}}
    text = agent.json(string=True, indent=2)
    assert isinstance(text, str) and json.loads(text)["name"] == "A"


def shout(text: str) -> str:
    return text.upper()


def look_up(order: str) -> str:
    """Look an order up."""
    return order


def test_dependencies_tell_agents_apart_that_would_speak_differently() -> None:
    model = ScriptedModel(["x"])
    agent = Agent(Persona(name="Ava"), model=model, orchestrators=LengthOrchestrator(max=6))
    known = agent_dependencies(agent)
    assert agent_dependencies(agent.evolve()) == known == json.loads(json.dumps(known))
    changes: list[dict[str, Any]] = [
        {"persona": Persona(name="Ava", role="guide")},
        {"name": "Eve"},
        {"context": "a museum"},
        {"first_utterance": "Hi!"},
        {"dialogue_details": "about art"},
        {"response_details": "Whisper."},
        {"example_dialogs": [Dialog(turns=[Turn(speaker="X", text="an example")])]},
        {"tools": look_up},
        {"think": True},
        {"thinking_pattern": r"\[(.*?)\]"},
        {"can_finish": False},
        {"orchestrators": LengthOrchestrator(max=8)},
        {"orchestrators": LengthOrchestrator(max=6, persistent=True)},
        {"orchestrators": LengthOrchestrator(max=6, event_label="length")},
        {"preprocessing_fn": shout},
        {"postprocess_fn": shout},
        {"system_prompt": "You are a lamp."},
        {"max_tool_rounds": 2},
        {"tool_timeout": None},
        {"temperature": 0.5},
    ]
    assert [change for change in changes if agent_dependencies(agent.evolve(**change)) == known] == []


def test_context_and_examples_of_a_session_do_not_stick() -> None:
    example = Dialog(turns=[Turn(speaker="X", text="an example")])
    agent = Agent(Persona(name="Ava"), context=Context(location="a museum"), model=ScriptedModel(["x"]))
    other = agent.session(1, context="a station", example_dialogs=[example]).memory[0].content
    assert "a station" in other and "museum" not in other and "an example" in other
    assert "a museum" in agent.session(1).memory[0].content
    agent.reset(context="a harbour")
    assert "a harbour" in agent.prompt()
    agent.reset()
    assert "a museum" in agent.prompt() and "harbour" not in agent.prompt()


def test_end_word_is_mentioned_only_to_those_who_may_use_it() -> None:
    persona = Persona(name="Ava")
    assert "STOP" in Agent(persona, model=ScriptedModel(["x"])).prompt()
    assert "STOP" not in Agent(persona, can_finish=False, model=ScriptedModel(["x"])).prompt()


def test_a_prompt_of_ones_own_wins_over_the_persona(caplog: pytest.LogCaptureFixture) -> None:
    agent = Agent(Persona(name="Ava"), system_prompt="You are a lamp.", model=ScriptedModel(["x"]))
    assert (agent.prompt(), agent.persona, agent.name, agent.get_name("Lamp")) == (
        "You are a lamp.",
        None,
        None,
        "Lamp",
    )
    assert "system_prompt" in caplog.text
    assert Agent(model=ScriptedModel(["x"])).prompt() == ""


def test_a_template_of_ones_own(tmp_path: Any) -> None:
    template = tmp_path / "mine.j2"
    template.write_text("I play {{ persona }}")
    with use(prompts={"persona_agent": str(template)}):
        assert Agent(Persona(name="Ava"), model=ScriptedModel(["x"])).prompt().startswith("I play {")


def test_seeds_decide() -> None:
    def script(request: GenerateRequest) -> str:
        return str(request.config.seed)

    agent = Agent(model=ScriptedModel(script))
    agent.reset(seed=7)
    first = agent("Hi")
    agent.reset(seed=7)
    assert agent("Hi") == first
    agent.reset(seed=8)
    assert agent("Hi") != first
    seeded = [Agent(model=ScriptedModel(script), seed=3) for _ in range(2)]
    assert seeded[0]("Hi") == seeded[1]("Hi")


def test_objects_and_functions_as_models() -> None:
    class Chat:
        def invoke(self, messages: list[Any]) -> Any:
            return SimpleNamespace(content=[{"type": "text", "text": "From blocks."}])

    chat = Chat()
    agent = Agent(model=chat)
    assert agent("Hi") == "From blocks."
    assert agent.llm is chat and agent.base_model is chat and agent.tokenizer is None
    assert Agent(model=lambda messages: "Hi " + messages[-1].content)("Bob") == "Hi Bob"


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"model": "opnai:gpt"}, UnknownNameError, "openai"),
        ({"model": 5}, ConfigError, "int"),
        ({"persona": "a grumpy man"}, ConfigError, "system_prompt"),
        ({"persona": Persona}, ConfigError, r"Persona\(\.\.\.\)"),
        ({"orchestrators": Awaited()}, ConfigError, "ainstruct"),
        ({"preprocessing_fn": "lower"}, ValueError, "preprocessing_fn"),
        ({"postprocess_fn": 1}, ValueError, "postprocess_fn"),
        ({"first_utterance": [1]}, ConfigError, "first utterances"),
        ({"max_tool_rounds": -1}, ConfigError, "max_tool_rounds"),
    ],
)
def test_wrong_arguments_are_told_at_once(options: dict[str, Any], error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        agent_with(**options)


def test_a_function_that_returns_no_text_is_named() -> None:
    with pytest.raises(ConfigError, match="postprocess_fn must return text"):
        agent_with(postprocess_fn=lambda text: None)("Hi")


def test_serving_without_a_server_says_so() -> None:
    with pytest.raises(UnsupportedFeatureError, match="server"):
        agent_with().serve()


def test_what_is_no_agent_and_no_name_is_told() -> None:
    with pytest.raises(ConfigError, match="'bob' is not an agent"):
        agent_with().dialog_with("bob")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="an agent's name is text, not 5"):
        Agent(name=5, model=ScriptedModel(["x"]))  # type: ignore[arg-type]


def test_what_talking_to_an_agent_cost_can_be_read() -> None:
    agent = agent_with()
    assert agent.usage.calls == 0
    agent("Hi")
    agent([{"role": "user", "content": "Hi"}])
    assert agent.usage.calls == 2 and agent.usage.output_tokens > 0
    agent.reset()
    assert agent.usage.calls == 2
    assert (agent | LengthOrchestrator(max=3)).usage.calls == 0
