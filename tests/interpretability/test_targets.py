"""Targets of an inspector: how they may be named, and how what was recorded is found again."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import numpy as np
import pytest
import torch
from interpretability.local_models import answers, ask, save
from interpretability.tiny import LAYERS

from sdialog import Agent
from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability import DirectionSteerer, Inspector, Plan, Read

SITE = "layers.1.resid_post"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture
def agent(folder: str) -> Callable[..., Agent]:
    def make(**options: object) -> Agent:
        return Agent(name="Ava", model=f"huggingface:{folder}", max_tokens=4, temperature=0.0, **options)

    return make


def test_a_star_stands_for_all_layers(agent: Callable[..., Agent]) -> None:
    inspector = Inspector({"all": "layers.*.resid_post", "last": "layers.-1.resid_post"})
    (agent() | inspector)("Hello.")
    token = inspector[0][0]
    assert list(inspector[0].seen.captures) == [*(f"layers.{n}.resid_post" for n in range(LAYERS)), "last"]
    assert torch.equal(token["layers.2.resid_post"], token["last"])
    alone = Inspector("layers.*.resid_post") + [0.0] * 32
    (agent() | alone)("Hello.")
    assert torch.equal(alone[0][0].act["layers.2.resid_post"], token["last"])


def test_a_target_is_found_by_the_name_it_was_given(agent: Callable[..., Agent]) -> None:
    names = ["layers.-1.resid_post", "model.layers.1.mlp:out", "model.layers.1.mlp:in", "model.layers.1.mlp"]
    inspector = Inspector(names)
    (agent() | inspector)("Hello.")
    token = inspector[0][0].act
    for place, name in enumerate(names):
        assert torch.equal(token[name], token[place])
    assert torch.equal(token["layers.2.resid_post"], token[0])
    assert torch.equal(token[2], token[3]) and not torch.equal(token[1], token[2])


def test_keys_do_not_get_in_each_others_way(agent: Callable[..., Agent]) -> None:
    inspector = Inspector({0: SITE, "0": "layers.0.resid_post", "logits": "embed"}, top_k=2)
    (agent() | inspector)("Hello.")
    token = inspector[0][0]
    assert not torch.equal(token[0], token["0"]) and token["logits"].shape == (1, 32) and len(token.top_k) == 2
    inspector.add_hooks(["final_norm", "layers.2.resid_post"])
    assert list(inspector.target) == [0, "0", "logits", 1, 2]
    sparse = Inspector({3: SITE})
    sparse.add_hooks("embed")
    assert sparse.target == {3: SITE, 4: "embed"}


def test_a_place_added_while_a_reply_is_made_is_of_the_next(agent: Callable[..., Agent]) -> None:
    inspector = Inspector({"a": SITE})

    def add(rows: torch.Tensor) -> torch.Tensor:
        inspector.target = {"b": "embed", **inspector.target}
        return rows

    inspector.add_steering_function(add)
    speaker = agent() | inspector
    speaker("Hello.")
    assert list(inspector[0].seen.captures) == ["a"]
    assert inspector[0][0].act.shape == (1, 32)
    speaker("And?")
    assert torch.equal(inspector[1][0]["a"], inspector[1][0]["layers.1.resid_post"])


def test_numbers_of_numpy_are_numbers(agent: Callable[..., Agent]) -> None:
    inspector = Inspector(SITE)
    (agent() | inspector)("Hello.")
    assert torch.equal(inspector[np.int64(0)][np.int64(-1)].act, inspector[0][-1].act)
    with pytest.raises(TypeError, match="'a'"):
        inspector[0]["a"]
    with pytest.raises(TypeError, match="'a'"):
        inspector["a"]  # type: ignore[index]


def test_what_went_wrong_is_told_with_its_cure(agent: Callable[..., Agent]) -> None:
    with pytest.raises(ConfigError, match="a target is"):
        Inspector(3)  # type: ignore[arg-type]
    unseen, speaker = Inspector(SITE), agent()
    _ = speaker | unseen  # the published package changed the agent itself
    speaker("Hello.")
    with pytest.raises(IndexError, match=r"no reply .* returns"):
        unseen[-1]
    with pytest.raises(IndexError, match=r"no reply"):
        unseen.input[0]
    short = Inspector("lm_head", inspect_input=False)
    (agent() | short)("Hello.")
    with pytest.raises(LookupError, match="recorded are") as caught:
        _ = short.input[0][0].act
    assert "feed_last" not in str(caught.value)


def test_named_reads_of_all_layers_keep_their_name(folder: str) -> None:
    plan = Plan([Read("layers.*.mlp_out", "prompt", name="p"), Read("layers.*.mlp_out", "generated", name="g")])
    (result,) = answers(HuggingFaceBackend(folder), ask("Hello.", plan))
    assert set(result.captures) == {f"{kind}/layers.{n}.mlp_out" for kind in "pg" for n in range(LAYERS)}
    both = Plan([Read("layers.*.mlp_out", "prompt"), Read("layers.1.mlp_out", "generated")])
    with pytest.raises(UserError, match=r"layers\.1\.mlp_out.*name"):
        raise HuggingFaceBackend(folder).network() and _error(folder, both)


def _error(folder: str, plan: Plan) -> Exception:
    from sdialog.core.sync import run

    (result,) = run(HuggingFaceBackend(folder).generate([ask("Hello.", plan)]))
    assert result.error is not None
    return result.error


def test_responses_that_were_pickled_say_what_they_said(agent: Callable[..., Agent]) -> None:
    """C10, with a function that cannot be pickled beside them."""
    inspector = Inspector(SITE, steering_function=lambda rows: rows, top_k=2)
    (agent() | inspector)("Hello.")
    for response in (inspector[0], inspector.input[0]):
        again = pickle.loads(pickle.dumps(response))
        assert again.text == response.text and again.tokens == response.tokens and again.ids == response.ids
    again = pickle.loads(pickle.dumps(inspector[0]))
    assert torch.equal(again[1].act, inspector[0][1].act)
    assert [token.top_k for token in again] == [token.top_k for token in inspector[0]]


def test_a_steerer_is_stated_before_or_after() -> None:
    push = DirectionSteerer([1.0, 0.0])
    for inspector in (push * 2 + Inspector(SITE), Inspector(SITE) + 2 * push):
        assert [(edit.op, edit.strength) for edit in inspector.edits()] == [("add", 2.0)]
