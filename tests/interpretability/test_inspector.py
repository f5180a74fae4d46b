"""The published face, corrected: what scripts made for it find, and each of its known defects."""

from __future__ import annotations

import asyncio
import json
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from interpretability.local_models import save
from interpretability.tiny import hooks_of
from safetensors import safe_open

from sdialog import Agent
from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import ConfigError, LLMError, UnsupportedFeatureError, UserError
from sdialog.interpretability import (
    ActivationCache,
    ActivationHook,
    BaseHook,
    DirectionSteerer,
    Edit,
    Inspector,
    LogitsHook,
    Plan,
    ResponseHook,
)
from sdialog.interpretability.networks import network_of
from sdialog.orchestrators import InstructionListOrchestrator, SimpleReflexOrchestrator

LAYER = "model.layers.1"
SITE = "layers.1.resid_post"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"huggingface:{save(tmp_path_factory.mktemp('llama'), 'llama')}"


@pytest.fixture(scope="module")
def gpt2(tmp_path_factory: pytest.TempPathFactory) -> str:
    return f"huggingface:{save(tmp_path_factory.mktemp('gpt2'), 'gpt2')}"


@pytest.fixture
def agent(folder: str) -> Callable[..., Agent]:
    def make(name: str = "Ava", **options: object) -> Agent:
        return Agent(name=name, model=folder, max_tokens=8, temperature=0.0, **options)

    return make


def direction(seed: int = 0, size: float = 1.0) -> torch.Tensor:
    drawn = torch.randn(32, generator=torch.Generator().manual_seed(seed))
    return size * drawn / drawn.norm()


# -- what scripts find


def test_targets_may_be_a_name_a_list_or_a_dict(agent: Callable[..., Agent]) -> None:
    one = Inspector(LAYER)
    (agent() | one)("Hello.")
    assert one.target == {0: LAYER} and one[0][0].act.shape == (1, 32)
    several = Inspector(["model.layers.0", LAYER])
    (agent() | several)("Hello.")
    token = several[0][0].act
    assert torch.equal(token[1], one[0][0].act) and torch.equal(token[LAYER], token[1])
    named = Inspector({"early": "model.layers.0", "late": LAYER}, inspect_input=False)
    (agent() | named)("Hello.")
    assert named[0][0]["late"].shape == (1, 32) and not torch.equal(named[0][0]["late"], token[1])
    with pytest.raises(LookupError, match="targets are: early, late"):
        named[0][0]["middle"]
    with pytest.raises(ConfigError, match="a target is"):
        Inspector([3])  # type: ignore[list-item]


def test_the_input_of_a_layer_is_what_the_one_before_gives(agent: Callable[..., Agent]) -> None:
    both = Inspector([LAYER, "layers.0.resid_post"])
    (agent() | both)("Hello.")
    for token in both[0]:
        assert torch.equal(token[0], token[1])


def test_tokens_are_those_that_were_returned(agent: Callable[..., Agent]) -> None:
    """S4: they stood one to the left, and the last was missing."""
    inspector = Inspector(SITE, top_k=-1)
    reply = (agent() | inspector)("Hello.")
    response = inspector[-1]
    assert response.seen.text == reply
    tokens = network_of(agent()).tokenizer
    assert response.text == tokens.decode(response.ids) and len(response) == len(response.tokens) == len(response.ids)
    for token, number in zip(response, response.ids, strict=True):
        assert token.top_k[0][2] == number  # greedy: it was the likeliest
        assert abs(sum(share for _, share, _ in token.top_k) - 1) < 1e-9
        assert token.top_k == token.pred
    assert [token.next for token in response][:-1] == [token.pred for token in response][1:]
    assert len(response[0].top_k) == inspector.vocab_size or len(response[0].top_k) > 200


def test_the_state_at_a_token_is_that_of_one_pass(agent: Callable[..., Agent]) -> None:
    from sdialog.interpretability.anatomy.taps import read

    inspector = Inspector(SITE)
    (agent() | inspector)("My lamp is late.")
    tokens = inspector[0].seen.tokens
    whole = read(network_of(agent()), [SITE], torch.tensor([tokens.ids]))[SITE][0].detach()
    got = torch.cat([token.act for token in inspector[0]])
    torch.testing.assert_close(got, whole[tokens.prompt :], atol=2e-5, rtol=1e-4)
    before = torch.cat([token.act for token in inspector.input[0]])
    torch.testing.assert_close(before, whole[: tokens.prompt], atol=2e-5, rtol=1e-4)
    assert inspector.input[0].is_system_prompt and inspector.input[-1][-1].token == "<assistant>"


def test_slices_keep_their_places(agent: Callable[..., Agent]) -> None:
    """S5: slices counted from 0 again."""
    inspector = Inspector(SITE)
    (agent() | inspector)("Hello.")
    response = inspector[0]
    assert [token.token_index for token in response[2:5]] == [2, 3, 4]
    assert all(torch.equal(a.act, b.act) for a, b in zip(response[2:5], list(response)[2:5], strict=True))
    assert response[-1].token_index == len(response) - 1
    with pytest.raises(IndexError):
        response[len(response)]
    with pytest.raises(TypeError):
        inspector[0:1]  # type: ignore[index]


def test_instructions_are_found(agent: Callable[..., Agent]) -> None:
    inspector = Inspector(SITE)
    told = agent() | InstructionListOrchestrator(["Be kind.", "Be brief."]) | inspector
    told("Hello.")
    told("And?")
    told("So?")
    assert inspector.find_instructs() == [{"index": 0, "content": "Be kind."}, {"index": 1, "content": "Be brief."}]
    assert "3 replies seen" in inspector.recap()


# -- steering


def test_steering_works_whenever_it_is_said(agent: Callable[..., Agent]) -> None:
    """S1: what was added after ``agent | inspector`` did nothing. S2: nor did a steerer."""
    push = direction(size=40)
    plain = agent()("Hello.")
    before = Inspector(SITE) + push
    first = (agent() | before)("Hello.")
    inspector = Inspector(SITE)
    steered = agent() | inspector
    assert steered("Hello.") == plain
    steered.reset()
    inspector + push
    assert steered("Hello.") == first != plain
    again = agent() | (Inspector(SITE) + DirectionSteerer(push))
    assert again("Hello.") == first
    bound = Inspector(SITE)
    DirectionSteerer(push, bound)
    assert (agent() | bound)("Hello.") == first
    for numbers in (push.numpy(), push.double(), push.tolist(), push[None]):
        assert (agent() | (Inspector(SITE) + numbers))("Hello.") == first  # C7: arrays and doubles failed


def test_what_is_no_direction_is_refused(agent: Callable[..., Agent]) -> None:
    for wrong in ("kind", 3, None, {"a": 1}):
        with pytest.raises(TypeError):
            Inspector(SITE) + wrong
    with pytest.raises(TypeError, match="shape"):
        Inspector(SITE) + np.zeros((2, 32))
    with pytest.raises(TypeError, match="attach both"):
        Inspector(SITE) + Inspector(SITE)  # C3: endless recursion
    with pytest.raises(TypeError):
        Inspector(SITE) * "strong"  # type: ignore[operator]
    with pytest.raises(UserError, match="vectors of 32 numbers"):
        (agent() | (Inspector(SITE) + torch.ones(7)))("Hello.")


def test_strength_belongs_to_what_it_was_said_of() -> None:
    """S17: it was ignored by ``-``, and one steerer's changed another's."""
    u = direction()
    inspector = (Inspector(SITE) - u) * 0.5
    assert [(edit.op, edit.strength) for edit in inspector.edits()] == [("project_out", 0.5)]
    one, other = DirectionSteerer(u), DirectionSteerer(-u)
    both = Inspector(SITE) + one * 2 + other * 3
    assert [edit.strength for edit in both.edits()] == [2.0, 3.0]
    assert [edit.strength for edit in (Inspector(SITE) * torch.tensor(4.0) + u).edits()] == [4.0]
    assert [edit.strength for edit in (one * 5 - Inspector(SITE)).edits()] == [5.0]


def test_a_function_may_steer(agent: Callable[..., Agent]) -> None:
    push = direction(size=40)
    expected = (agent() | (Inspector(SITE) + push))("Hello.")
    assert (agent() | Inspector(SITE, steering_function=lambda x: x + push))("Hello.") == expected
    twice = [lambda x: x + push, lambda x: x - push]
    assert (agent() | Inspector(SITE, steering_function=twice))("Hello.") == agent()("Hello.")
    with pytest.raises(UserError, match="of the shape it got"):
        (agent() | Inspector(SITE, steering_function=lambda x: x[:1]))("Hello.")


@pytest.mark.parametrize(
    ("interval", "steered"),
    [
        (("*", "*"), lambda prompt, total: set(range(total))),
        ((0, -1), lambda prompt, total: set(range(prompt - 1, total))),
        ((0, "*"), lambda prompt, total: set(range(prompt - 1, total))),
        ((2, 4), lambda prompt, total: {prompt + 1, prompt + 2}),
        ((0, 1), lambda prompt, total: {prompt - 1}),
        ((-3, 2), lambda prompt, total: {prompt - 3, prompt - 2, prompt - 1, prompt}),
        (("*", 1), lambda prompt, total: set(range(prompt))),
    ],
)
def test_the_interval_is_kept(
    agent: Callable[..., Agent], interval: tuple[int | str, int | str], steered: Callable[[int, int], set[int]]
) -> None:
    """S6: the first token was never steered. S7: a lower bound above 0 was ignored. S18: add_hooks dropped it."""
    seen: list[int] = []

    def count(rows: torch.Tensor) -> torch.Tensor:
        seen.append(len(rows))
        return rows

    inspector = Inspector(None, steering_function=count, steering_interval=interval, top_k=1)
    speaker = agent() | inspector
    inspector.add_hooks({"late": SITE})
    speaker("Hello.")
    tokens = inspector[0].seen.tokens
    assert sum(seen) == len(steered(tokens.prompt, len(tokens)))


@pytest.mark.parametrize("interval", [3, ("*",), (0.5, 2), (0, -2), (3, 3), ("all", 1)])
def test_an_interval_out_of_range_is_refused(interval: object) -> None:
    with pytest.raises(ConfigError, match="interval"):
        Inspector(SITE, steering_interval=interval)  # type: ignore[arg-type]


def test_reads_are_of_what_is_there_after_steering_wherever_the_token_stands(agent: Callable[..., Agent]) -> None:
    """S8: prompt activations came after steering, those of generated tokens before it, or not, by device."""
    plain, steered = Inspector("layers.0.resid_post"), Inspector("layers.0.resid_post") + direction(size=2)
    (agent() | plain)("Hello.")
    (agent() | steered)("Hello.")
    moved = torch.cat([a.act - b.act for a, b in zip(steered.input[0], plain.input[0], strict=True)])
    torch.testing.assert_close(moved, direction(size=2).expand_as(moved), atol=1e-4, rtol=0)
    first = steered[0][0].act - plain[0][0].act
    if steered[0].ids[0] == plain[0].ids[0]:
        torch.testing.assert_close(first[0], direction(size=2), atol=1e-4, rtol=0)


def test_a_steered_norm_does_not_move_the_stream(agent: Callable[..., Agent]) -> None:
    """S9: an edit in place at a norm's input changed the residual stream itself."""
    at_norm = Inspector("model.layers.1.post_attention_layernorm") + direction(size=5)
    plain, steered = Inspector("layers.1.mlp_out"), Inspector("layers.1.mlp_out")
    (agent() | plain)("Hello.")
    (agent() | steered | at_norm)("Hello.")
    assert not torch.equal(plain.input[0][0].act, steered.input[0][0].act)
    stream = Inspector(
        {"pre": "layers.1.resid_pre", "attn": "layers.1.attn_out", "mlp": "layers.1.mlp_out", "post": SITE}
    )
    (agent() | stream | at_norm)("Hello.")
    token = stream.input[0][0]
    torch.testing.assert_close(token["pre"] + token["attn"] + token["mlp"], token["post"], atol=1e-5, rtol=1e-4)


# -- several of them, and several dialogs


def test_two_inspectors_on_one_place_both_count(agent: Callable[..., Agent]) -> None:
    """S3: the second was dropped."""
    one, two = Inspector(SITE), Inspector(SITE) + direction(size=40)
    reply = (agent() | one | two)("Hello.")
    assert reply == (agent() | (Inspector(SITE) + direction(size=40)))("Hello.")
    assert len(one) == len(two) == 1
    (agent() | [Inspector(SITE), Inspector("embed")])("Hello.")  # C6


def test_what_one_agent_says_is_not_seen_by_anothers_inspector(agent: Callable[..., Agent]) -> None:
    """S15: hooks sat on the shared model."""
    mine = Inspector(SITE)
    ava, riley = agent("Ava") | mine, agent("Riley", first_utterance="Hi!")
    riley.dialog_with(ava, max_turns=5, seed=1)
    assert len(mine) == 2
    riley("Hello?")
    assert len(mine) == 2 and hooks_of(network_of(ava).model) == 0


def test_turns_are_counted_with_first_utterances(agent: Callable[..., Agent]) -> None:
    """S21: nothing said to which turn of the dialog a response belongs."""
    inspector = Inspector(SITE)
    opener = agent("Riley", first_utterance="Hi!") | inspector
    dialog = opener.dialog_with(agent("Ava"), max_turns=5, seed=1)
    own = [turn.text for turn in dialog if turn.speaker == "Riley"]
    assert [response.seen.call.turn for response in inspector] == [1, 2]
    assert [response.seen.text for response in inspector] == own[1:]


def test_lookahead_records_nothing_but_is_steered(agent: Callable[..., Agent]) -> None:
    """S11: it was recorded."""
    inspector = Inspector(SITE) + direction(size=40)
    speaker = agent() | inspector
    ahead = speaker.response_lookahead("Hello.")
    assert len(inspector) == 0
    assert speaker("Hello.") == ahead and len(inspector) == 1


def test_a_tool_loop_is_one_reply_of_several_calls(folder: str) -> None:
    """S12: activations and ids of the calls ran into each other."""
    inspector = Inspector("layers.2.resid_post")
    asked = (
        Agent(name="Ava", model="embedded:mini", tools=[check_order], max_tokens=40, seed=3, max_tool_rounds=2)
        | inspector
    )
    asked("Where is my order A4821? Please check order A4821.")
    assert len(inspector) == 1
    for call in inspector.calls(0):
        assert len(call.seen.captures[0]) == len(call.seen.tokens)


def check_order(order_number: str) -> str:
    """Look up an order.

    Args:
        order_number: the number.
    """
    return f"{order_number} is late"


def test_dialogs_side_by_side_are_told_apart(agent: Callable[..., Agent]) -> None:
    from sdialog.core import sync
    from sdialog.llm.scheduler import Scheduler
    from sdialog.simulation.conversation import converse

    inspector = Inspector(SITE)
    ava, riley = agent("Ava") | inspector, agent("Riley", first_utterance="Hi!")

    async def hold() -> None:
        scheduler = Scheduler(concurrency=4)
        await asyncio.gather(
            *(converse([riley, ava], max_turns=2 * n + 2, seed=n, scheduler=scheduler, id=n) for n in range(4))
        )

    sync.run(hold())
    lengths = {key: len(found) for key, found in inspector.dialogs.items()}
    assert sorted(lengths.values()) == [1, 2, 3, 4] and len(lengths) == 4


def test_only_so_many_dialogs_are_kept(agent: Callable[..., Agent]) -> None:
    inspector = Inspector(SITE, keep=2)
    speaker = agent() | inspector
    for _ in range(5):
        speaker("Hello.")
        speaker.reset()
    assert len(inspector.dialogs) == 2
    inspector.clear()  # C8
    assert len(inspector) == 0 and list(inspector) == []


def test_without_inspectors_nothing_of_them_is_left(agent: Callable[..., Agent]) -> None:
    """S10, L1: what was recorded stayed and was shown to the next inspector; hooks leaked."""
    first = Inspector(SITE)
    speaker = agent() | first
    speaker("Hello.")
    speaker.clear_inspectors()
    second = Inspector("embed")
    speaker = speaker | second
    speaker("And?")
    assert len(first) == 1 and len(second) == 1 and second[0][0].act.shape == (1, 32)
    assert hooks_of(network_of(speaker).model) == 0


def test_hooks_of_the_published_package_work_on_their_own(agent: Callable[..., Agent]) -> None:
    """C9: the documented example could not run."""
    speaker = agent()
    words, states, logits = (
        ResponseHook(speaker),
        ActivationHook("late", LAYER, speaker, inspect_input=True),
        LogitsHook("logits", "lm_head", speaker, top_k=2),
    )
    speaker("Hello.")
    expected = Inspector(LAYER)
    (agent() | expected)("Hello.")
    assert len(words) == 1 and words.responses[0].tokens == states.responses[0].tokens
    assert torch.equal(states.responses[0][0].act, expected[0][0].act)
    assert len(logits.responses[0][0].top_k) == 2
    states.remove()
    speaker("And?")
    assert len(states) == 1 and len(words) == 2
    words.reset()
    assert len(words) == 0


def test_a_hook_of_one_s_own_is_taken_away(agent: Callable[..., Agent]) -> None:
    speaker, seen = agent(), []
    with BaseHook(LAYER, lambda module, args: seen.append(args[0].shape), speaker).register(is_pre_hook=True):
        speaker("Hello.")
    count = len(seen)
    speaker("And?")
    assert len(seen) == count > 0 and hooks_of(network_of(speaker).model) == 0
    with pytest.raises(UserError, match=r"model\.layers\.1"):
        BaseHook("model.layer.1", print, speaker).register()


# -- crashes


def test_an_inspector_may_name_its_agent(agent: Callable[..., Agent]) -> None:
    """C1."""
    speaker = agent()
    inspector = Inspector(SITE, agent=speaker)
    speaker("Hello.")
    assert len(inspector) == 1 and inspector.vocab_size > 200


def test_nothing_seen_is_empty(agent: Callable[..., Agent]) -> None:
    """C9."""
    inspector = Inspector(SITE)
    assert len(inspector) == 0 and len(inspector.input) == 0
    with pytest.raises(IndexError):
        inspector[0]
    with pytest.raises(UserError, match="belongs to no agent"):
        _ = inspector.vocab_size


def test_iteration_gives_whole_responses(agent: Callable[..., Agent]) -> None:
    """C2; S16: responses were shared and moved under the reader."""
    inspector, other = Inspector(SITE), Inspector("embed")
    (agent() | inspector | other)("Hello.")
    response = inspector[0]
    before = response[0].act
    _ = other[0][0].act
    assert torch.equal(response[0].act, before)
    assert [token.act.shape for found in inspector for token in found] == [(1, 32)] * len(response)
    with pytest.raises(TypeError, match="cannot be iterated"):
        iter(response[0])


def test_attention_and_other_families(agent: Callable[..., Agent], gpt2: str) -> None:
    """C4: hidden states that come as keywords. C5: embeddings of another name."""
    attention = Inspector("model.layers.1.self_attn")
    (agent() | attention)("Hello.")
    assert attention[0][0].act.shape == (1, 32)
    other = Inspector({"block": "transformer.h.1", "late": "layers.1.resid_post"}, top_k=2)
    Agent(name="Ava", model=gpt2, max_tokens=4, inspectors=other)("Hello.")
    assert other[0][0]["block"].shape == (1, 32) and len(other[0][0].top_k) == 2


def test_responses_can_be_pickled(agent: Callable[..., Agent]) -> None:
    """C10."""
    inspector = Inspector(SITE, top_k=2)
    (agent() | inspector)("Hello.")
    again = pickle.loads(pickle.dumps(inspector))
    assert torch.equal(again[0][0].act, inspector[0][0].act) and again[0].tokens == inspector[0].tokens


def test_memory_is_not_pinned_by_small_views(agent: Callable[..., Agent]) -> None:
    """L2: a row of 128 bytes held its whole block."""
    inspector = Inspector(SITE, prompt=False)
    (agent() | inspector)("Hello.")
    values = inspector[0].seen.captures[0].values
    assert values.untyped_storage().nbytes() == values.numel() * values.element_size()
    assert len(values) == len(inspector[0])
    half = Inspector(SITE, dtype="float16")
    (agent() | half)("Hello.")
    assert half[0][0].act.dtype == torch.float16


def test_activations_are_kept_in_a_type_of_torch(agent: Callable[..., Agent]) -> None:
    for given in ("bfloat16", torch.bfloat16):
        inspector = Inspector(SITE, dtype=given)
        (agent() | inspector)("Hello.")
        assert inspector[0][0].act.dtype == torch.bfloat16


def test_activations_may_be_kept_in_files(agent: Callable[..., Agent], tmp_path: Path) -> None:
    target = {"early": "layers.0.resid_post", "late": SITE, "all": "layers.*.z"}
    files, memory = (Inspector(target, top_k=3, dtype="bfloat16", folder=where) for where in (tmp_path / "seen", None))
    speaker = agent() | files | memory
    for text in ("Hello.", "My lamp is late."):
        speaker(text)
    names = sorted(path.name for path in (tmp_path / "seen").iterdir())
    assert names == ["000000.safetensors", "000001.safetensors", "inspector.json"]
    for there, here in zip(files, memory, strict=True):
        assert there.seen.captures.keys() == here.seen.captures.keys()
        for key, one in here.seen.captures.items():
            assert torch.equal(there.seen.captures[key].values, one.values)
        assert [token.top_k for token in there] == [token.top_k for token in here]
        assert torch.equal(there[0]["layers.1.z"], here[0]["layers.1.z"])
    live = [ActivationCache.live(one, "generated")["layers.0.resid_post"] for one in (files, memory)]
    np.testing.assert_array_equal(*live)
    again = pickle.loads(pickle.dumps(files[0]))
    assert torch.equal(again[0]["late"], memory[0][0]["late"])
    with safe_open(tmp_path / "seen" / "000001.safetensors", "pt") as file:
        facts = {name: json.loads(value) for name, value in file.metadata().items()}
        assert (facts["speaker"], facts["turn"], facts["ids"]) == ("Ava", 1, list(files[1].seen.tokens.ids))
        (place,) = (n for n, (key, *_) in enumerate(facts["captures"]) if key == "late")
        assert torch.equal(file.get_tensor(f"{place}.values"), memory[1].seen.captures["late"].values)
    with pytest.raises(ConfigError, match="not empty"):
        Inspector(SITE, folder=tmp_path / "seen")


def test_files_are_not_held_in_memory(tmp_path: Path, agent: Callable[..., Agent]) -> None:
    """What is mapped shows in the list of the process's maps, and lies in the file."""
    inspector = Inspector(SITE, folder=tmp_path / "seen")
    (agent() | inspector)("Hello.")
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("this system does not list what is mapped")
    assert inspector[0].seen.captures[0].values.shape[1] == 32
    assert str(tmp_path / "seen" / "000000.safetensors") in maps.read_text()


def test_what_a_first_reply_would_tell_is_told_before(agent: Callable[..., Agent]) -> None:
    Inspector(["layers.*.resid_post", LAYER], top_k=2).check(agent())
    (Inspector(SITE, steering_interval=(0, 3)) + direction() - direction(1)).check(agent())
    wrong = {
        "unknown site": Inspector("layers.1.resid_pots"),
        "this model has": Inspector(SITE) + direction(),
        "the value has the shape": Inspector(SITE) + torch.ones(5),
    }
    wrong["this model has"].add_hooks("layers.9.resid_post")
    for told, inspector in wrong.items():
        with pytest.raises(UserError, match=told):
            inspector.check(agent())
    with pytest.raises(UnsupportedFeatureError, match="cannot be looked into"):
        Inspector(SITE).check(Agent(model=lambda messages: "Hi."))
    assert hooks_of(network_of(agent()).model) == 0


def test_an_exception_leaves_no_hook_behind(agent: Callable[..., Agent]) -> None:
    def fail(rows: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("no")

    speaker = agent() | Inspector(SITE, steering_function=fail)
    with pytest.raises(LLMError, match="ZeroDivisionError: no"):
        speaker("Hello.")
    assert hooks_of(network_of(speaker).model) == 0
    speaker.clear_inspectors()
    speaker.reset()
    assert speaker("Hello.") == agent()("Hello.")


def test_a_network_is_found_by_whatever_has_it(agent: Callable[..., Agent], folder: str) -> None:
    backend = HuggingFaceBackend(folder.partition(":")[2])
    assert network_of(backend).name == backend.name == network_of(folder).name == network_of(agent()).name
    assert network_of(network_of(backend)).model is backend.base_model
    with pytest.raises(UnsupportedFeatureError, match="cannot be looked into"):
        network_of(Agent(model=lambda messages: "Hi."))


def test_what_cannot_be_looked_into_says_so(agent: Callable[..., Agent], tmp_path: Path) -> None:
    with pytest.raises(UnsupportedFeatureError, match="interventions"):
        Agent(model="openai:gpt-4.1", api_key="x", inspectors=Inspector(SITE))
    for target, message in (("layers.9.resid_post", "3 layers"), ("model.layer.1", "model.layers.1")):
        with pytest.raises(UserError, match=message):
            (agent() | Inspector(target))("Hello.")
    with pytest.raises(UserError, match="top_k"):
        inspector = Inspector(SITE)
        (agent() | inspector)("Hello.")
        _ = inspector[0][0].top_k
    with pytest.raises(UserError, match="nothing was predicted"):
        inspector = Inspector(SITE, top_k=2)
        (agent() | inspector)("Hello.")
        _ = inspector.input[0][0].top_k


def test_an_inspector_s_steering_is_a_plain_plan(agent: Callable[..., Agent]) -> None:
    inspector = (Inspector([SITE, "embed"]) + direction()) * 2
    edits = inspector.edits()
    assert [(edit.site, edit.op, edit.strength) for edit in edits] == [(SITE, "add", 2.0), ("embed", "add", 2.0)]
    assert isinstance(Plan(edits=edits).edits[0], Edit)


def test_reflexes_work_beside_inspectors(agent: Callable[..., Agent]) -> None:
    inspector = Inspector(SITE)
    reflex = SimpleReflexOrchestrator(lambda said: "late" in said, "Apologize.")
    speaker = agent() | reflex | inspector
    speaker("Hello.")
    speaker("It is late.")
    assert inspector.find_instructs() == [{"index": 1, "content": "Apologize."}]


def test_an_inspector_that_is_there_already_counts_once(agent: Callable[..., Agent]) -> None:
    """The published steering recipe: ``agent = agent | inspector``, and later ``agent | inspector + direction``."""
    push = direction(size=3)
    inspector, once = Inspector(SITE), Inspector(SITE) + push
    watched = agent() | inspector
    steered = watched | (inspector + push)
    steered("Hello.")
    (agent() | once)("Hello.")
    assert len(inspector.calls(0)) == 1
    for twice, single in zip(inspector.input[0], once.input[0], strict=True):
        assert torch.equal(twice.act, single.act)
