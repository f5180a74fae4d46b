"""Lenses: the last depth is the model, the read gate's answer appears when it is read, tuned lenses do better."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from interpretability import read_gate, tiny
from interpretability.read_gate import FACTS, READER, answer, messages, question

from sdialog.backends.embedded import EmbeddedBackend
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.interpretability.lens import TunedLens, logit_lens
from sdialog.llm.interventions import Network
from sdialog.llm.types import Message

THINGS = ("lamp", "chair", "phone", "table", "cup", "book", "coat", "bag", "clock", "kettle", "radio", "camera")
DIALOGS = [
    [
        Message("user", f"Hello, my {thing} is {fault}."),
        Message("assistant", f"I am sorry about the {thing}. Would you like a refund?"),
        Message("user", "Yes, please."),
        Message("assistant", "All right, it is on its way."),
    ]
    for thing in THINGS
    for fault in ("late", "broken")
]


@pytest.fixture(scope="module")
def gate() -> Network:
    return read_gate.load()


@pytest.fixture(scope="module")
def mini() -> Network:
    return EmbeddedBackend("mini").network()


@pytest.mark.parametrize("family", tiny.NAMES)
def test_the_last_depth_is_the_model_itself(family: str) -> None:
    network = Network(tiny.build(family), None, family)
    found = logit_lens(network, tiny.tokens(1, 9)[0], top=3)
    assert found.exact
    assert (found.kl.values[-1] == 0).all() and (found.rank.values[-1] == 0).all()
    assert (found.kl.values[:-1] > 0).all()
    assert tiny.hooks_of(network.model) == 0


def test_it_is_the_norm_and_the_unembedding_of_each_hidden_state() -> None:
    model, ids = tiny.build("llama"), tiny.tokens(1, 7)
    found = logit_lens(Network(model, None), ids[0], top=4, targets=11)
    with torch.no_grad():
        output = model(ids, output_hidden_states=True)
        final = output.logits[0].log_softmax(-1)
        # transformers gives the last of them after the norm.
        for depth, state in enumerate(output.hidden_states[:-1]):
            logits = model.lm_head(model.model.norm(state))[0].log_softmax(-1)
            divergence = torch.nn.functional.kl_div(logits, final, log_target=True, reduction="none").sum(-1)
            np.testing.assert_allclose(found.kl.values[depth], divergence, atol=1e-5)
            np.testing.assert_allclose(found.target.values[depth], logits.exp()[:, 11], rtol=1e-4)
            np.testing.assert_allclose(found.probabilities[depth], logits.exp().topk(4).values, rtol=1e-4)
            entropy = torch.distributions.Categorical(logits=logits).entropy()
            np.testing.assert_allclose(found.entropy.values[depth], entropy, rtol=1e-4)
            assert found.tokens[depth][2][0] == str(int(logits[2].argmax()))


def test_the_answer_of_the_read_gate_appears_where_it_is_read(gate: Network) -> None:
    said = np.array(
        [
            [rank == 0 for rank in logit_lens(gate, question(fact), "last_prompt", targets=answer(fact)).rank.values]
            for fact in range(FACTS)
        ]
    )[..., 0]
    accuracy = said.mean(0)
    assert (accuracy[: READER[0] + 1] <= 3 / FACTS).all()  # chance is 1 / 64
    assert (accuracy[READER[0] + 1 :] == 1.0).all()


def test_what_a_lens_says_of_turns(mini: Network) -> None:
    found = logit_lens(mini, DIALOGS[0], top=2)
    turns = found.by_turn()
    assert [axis.name for axis in turns.axes] == ["depth", "turn"]
    assert {"0 user", "1 assistant", "2 user", "3 assistant", "template"} == set(turns.axes[1].labels)
    places = [place for place, turn in enumerate(found.turns) if turn == "1 assistant"]
    assert turns.at(depth=1, turn="1 assistant") == pytest.approx(found.kl.values[1, places].mean())
    plain = json.loads(json.dumps(found.json()))
    assert plain["kind"] == "lens" and plain["probability"]["axes"][1]["labels"] == list(
        found.probability.axes[1].labels
    )
    assert len(plain["top"]) == 5 and len(plain["top"][0]) == len(found.positions)
    assert found.table().splitlines()[0].startswith("| token")
    assert found.plot().axes


def test_a_dialog_is_seen_as_its_speaker_sees_it(mini: Network) -> None:
    dialog = Dialog(turns=[Turn(speaker="Ann", text="Hello!"), Turn(speaker="Bob", text="How can I help?")])
    as_bob = logit_lens(mini, dialog, speaker="Bob", system="You are Bob.")
    same = [Message("system", "You are Bob."), Message("user", "Hello!"), Message("assistant", "How can I help?")]
    np.testing.assert_array_equal(as_bob.kl.values, logit_lens(mini, same).kl.values)
    assert {"0 Ann", "1 Bob", "system"} <= set(as_bob.turns)
    spoken = logit_lens(mini, dialog, "speaker(Bob) & content", speaker="Bob", system="You are Bob.")
    assert set(spoken.turns) == {"1 Bob"}
    with pytest.raises(UserError, match="speaker= one of Ann, Bob"):
        logit_lens(mini, dialog)
    with pytest.raises(UnknownNameError, match="Rob"):
        logit_lens(mini, dialog, speaker="Rob")


def test_what_is_wrong_is_told(mini: Network, gate: Network) -> None:
    with pytest.raises(UserError, match="selects no token"):
        logit_lens(mini, DIALOGS[0], "turn(9)")
    with pytest.raises(UserError, match="2 targets for 6 tokens"):
        logit_lens(gate, question(0), targets=[3, 4])
    with pytest.raises(UserError, match=r"'k03\?' is 2 tokens"):
        logit_lens(gate, question(0), targets="k03?")
    with pytest.raises(UserError, match="0 to 134, not"):
        logit_lens(gate, [1, 500])
    with pytest.raises(UserError, match="top is at least 1"):
        logit_lens(gate, question(0), top=0)


@pytest.mark.slow
def test_a_tuned_lens_is_nearer_to_the_model_and_can_be_kept(mini: Network, tmp_path: Path) -> None:
    lens = TunedLens.fit(mini, DIALOGS, "content", steps=60, tokens_a_step=64, rate=3e-3, seed=1)
    assert all(after < 0.8 * before for before, after in zip(lens.before, lens.after, strict=True))
    lens.save(tmp_path / "lens")
    again = TunedLens.load(tmp_path / "lens.json")
    np.testing.assert_array_equal(again.matrices, lens.matrices)
    assert (again.before, again.after, again.facts) == (lens.before, lens.after, lens.facts)
    seen, plain = logit_lens(mini, DIALOGS[3], "content", tuned=again), logit_lens(mini, DIALOGS[3], "content")
    assert seen.tuned and (seen.kl.values[-1] == 0).all()
    assert (seen.kl.values[:-1].mean(1) < plain.kl.values[:-1].mean(1)).all()
    with pytest.raises(UserError, match="this lens is for"):
        logit_lens(read_gate.load(), question(1), tuned=again)
    other = Network(mini.model, mini.tokenizer, mini.name, "other weights", mini.call)
    if mini.fingerprint is not None:
        with pytest.raises(UserError, match="other weights"):
            logit_lens(other, DIALOGS[0], tuned=again)


def test_training_a_lens_is_repeatable_and_leaves_the_model_alone(gate: Network) -> None:
    before = {name: one.clone() for name, one in gate.model.state_dict().items()}
    asked = [messages(fact) for fact in range(12)]
    one, same, other = (TunedLens.fit(gate, asked, steps=5, tokens_a_step=16, seed=seed) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.matrices, same.matrices)
    assert not np.array_equal(one.matrices, other.matrices)
    assert all(torch.equal(before[name], value) for name, value in gate.model.state_dict().items())
    model = tiny.build("llama")
    learning = [one.requires_grad for one in model.parameters()]
    TunedLens.fit(Network(model, None), tiny.tokens(4, 9).tolist(), steps=2)
    assert [one.requires_grad for one in model.parameters()] == learning
    assert all(one.grad is None for one in model.parameters())
    with pytest.raises(UserError, match="at least two conversations"):
        TunedLens.fit(gate, asked[0])
    with pytest.raises(UserError, match="held_out is between"):
        TunedLens.fit(gate, asked, held_out=1.0)
