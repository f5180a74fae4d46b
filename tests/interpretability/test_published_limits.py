"""Defects of the published package that show only in odd runs: beams, forward calls outside, Ctrl-C, thinking."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from interpretability.local_models import answers, ask, save
from interpretability.tiny import hooks_of

from sdialog import Agent
from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import LLMError
from sdialog.interpretability import Edit, Inspector, Plan, Read
from sdialog.interpretability.anatomy.taps import read
from sdialog.interpretability.networks import network_of

SITE = "layers.1.resid_post"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture
def agent(folder: str) -> Callable[..., Agent]:
    def make(**options: object) -> Agent:
        given = {"name": "Ava", "max_tokens": 8, "temperature": 0.0, **options}
        return Agent(model=f"huggingface:{folder}", **given)

    return make


def test_the_whole_sequence_passes_again_without_being_recorded_again(folder: str) -> None:
    """S13: whatever passed was stored. Here tokens decided anew on scores computed alone pass a second time."""
    model = HuggingFaceBackend(folder)
    engine = model.engine()
    engine.tolerance = 1e9  # every choice is a near tie
    plan = Plan([Read(SITE, "everything"), Read("logits", "choices", top=2)], feed_last=True)
    (result,) = answers(model, ask("My lamp is late.", plan))
    assert model.near_ties == result.usage.output_tokens
    found = result.captures[SITE]
    assert found.positions == tuple(range(len(found.tokens)))
    with torch.no_grad():
        whole = read(model.network(), [SITE], torch.tensor([found.tokens.ids]))[SITE][0]
    torch.testing.assert_close(found.values, whole, atol=2e-5, rtol=1e-4)


def test_long_replies_of_several_rows_are_kept_whole(folder: str) -> None:
    model = HuggingFaceBackend(folder)
    plan = Plan([Read(SITE, "generated"), Read("logits", "choices", top=2)], feed_last=True)
    requests = [ask("Hello." * n, plan, seed=n, length=length) for n, length in ((1, 200), (2, 70), (3, 128))]
    for result in answers(model, *requests):
        found, logits = result.captures[SITE], result.captures["logits"]
        with torch.no_grad():
            whole = read(model.network(), [SITE, "logits"], torch.tensor([found.tokens.ids]))
        prompt = found.tokens.prompt
        torch.testing.assert_close(found.values, whole[SITE][0, prompt:], atol=5e-5, rtol=1e-4)
        best = whole["logits"][0, prompt - 1 :].topk(2)
        torch.testing.assert_close(logits.values, best.values, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("option", [{"num_beams": 4}, {"num_return_sequences": 2}, {"use_cache": False}])
def test_beams_and_several_returns_are_refused(agent: Callable[..., Agent], option: dict[str, object]) -> None:
    """S14: the ids of all beams were taken for one reply."""
    inspector = Inspector(SITE)
    with pytest.raises(LLMError, match=f"unknown option '{next(iter(option))}'"):
        (agent(**option) | inspector)("Hello.")
    assert len(inspector) == 0


def test_forward_calls_of_others_are_not_recorded(agent: Callable[..., Agent]) -> None:
    """S20: they were kept as response -1."""
    inspector = Inspector(SITE, top_k=1)
    speaker = agent() | inspector
    speaker("Hello.")
    before = len(inspector[0].seen.captures[0])
    network = network_of(speaker)
    network.call(lambda: network.model(torch.tensor([[5, 6, 7]])))
    assert len(inspector) == 1 and len(inspector[0].seen.captures[0]) == before


def test_only_the_largest_logits_are_kept(agent: Callable[..., Agent]) -> None:
    """L3: the whole vocabulary was kept for each token."""
    inspector = Inspector(None, top_k=3)
    (agent() | inspector)("Hello.")
    kept = inspector[0].seen.logits
    assert kept is not None and kept.values.shape == (9, 3) == kept.indices.shape
    assert kept.values.untyped_storage().nbytes() == kept.values.numel() * kept.values.element_size()


def test_agents_share_the_weights_of_a_folder(agent: Callable[..., Agent]) -> None:
    """L5: each agent loaded them again."""
    assert network_of(agent()).model is network_of(agent(name="Riley")).model


def forced(folder: str, text: str) -> Plan:
    """Return a plan by which the model says a text."""
    network = HuggingFaceBackend(folder).network()
    ids = network.tokenizer(text, add_special_tokens=False)["input_ids"]
    edits = []
    for place, token in enumerate(ids):
        push = torch.zeros(network.model.config.vocab_size)
        push[token] = 1e4
        edits.append(Edit("logits", "add", push, span=f"choices[{place}:{place + 1}]"))
    return Plan(edits=edits)


class Forced:
    """An inspector that has a text said."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def interventions(self, call: object) -> list[Plan]:
        return [self.plan]

    def received(self, call: object, request: object, result: object) -> None:
        pass


def test_what_was_said_and_what_was_written_are_told_apart(agent: Callable[..., Agent], folder: str) -> None:
    """S22: nothing led from the reply, without its thinking, to the tokens."""
    written = "<think>so</think>Yes."
    inspector = Inspector(SITE)
    speaker = agent(max_tokens=len(written)) | Forced(forced(folder, written)) | inspector
    reply = speaker("Hello.")
    response = inspector[0]
    assert response.text.startswith(written) and reply == response.seen.text and reply.startswith("Yes.")
    rendering = response.seen.tokens.rendering
    from sdialog.interpretability.spans import content, generated, part

    for span, text in ((generated & content, reply), (generated & part("think"), "so")):
        mask = span.mask(rendering)
        assert response.seen.tokens.decode([i for i, meant in zip(rendering.ids, mask, strict=True) if meant]) == text


@pytest.mark.slow
def test_ctrl_c_in_the_middle_of_a_reply_leaves_no_hook_behind(folder: str, tmp_path: Path) -> None:
    script = tmp_path / "talk.py"
    script.write_text(
        textwrap.dedent(f"""
        import torch
        from sdialog import Agent
        from sdialog.interpretability import Inspector
        from sdialog.interpretability.networks import network_of

        begun = []
        def tell(rows):
            if not begun:
                begun.append(1)
                print("begun", flush=True)
            return rows

        agent = Agent(name="Ava", model={f"huggingface:{folder}"!r}, max_tokens=400, temperature=1.0, seed=1)
        watched = agent | Inspector([{SITE!r}, "layers.0.pattern", "layers.2.k"], steering_function=tell)
        network = network_of(agent)
        try:
            watched("Hello.")
        except KeyboardInterrupt:
            print("stopped", flush=True)
        network.call(lambda: None)  # the model's thread has let go
        modules = list(network.model.modules())
        print(sum(len(m._forward_hooks) + len(m._forward_pre_hooks) for m in modules))
        print(network.model.config._attn_implementation)
        agent.reset()
        print(len(agent("Hello.")) > 0)
        """)
    )
    talk = subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True)
    assert talk.stdout is not None and talk.stdout.readline() == "begun\n"
    os.kill(talk.pid, signal.SIGINT)
    said = talk.communicate(timeout=120)[0].split()
    assert said[:2] == ["stopped", "0"] and not said[2].startswith("sdialog_watched") and said[3] == "True"


def test_agents_in_threads_share_a_model_and_nothing_else(agent: Callable[..., Agent]) -> None:
    push = torch.randn(32, generator=torch.Generator().manual_seed(0)) * 5
    plain, steered = agent()("Hello."), (agent() | (Inspector(SITE) + push))("Hello.")
    inspectors = [Inspector([SITE, "layers.0.pattern"]), Inspector([SITE, "layers.0.k"])]
    speakers = [agent() | inspectors[0], agent() | (Inspector(SITE) + push) | inspectors[1]]
    heard: list[list[str]] = [[], []]

    def talk(number: int) -> None:
        for _ in range(5):
            speakers[number].reset()
            heard[number].append(speakers[number]("Hello."))

    threads = [threading.Thread(target=talk, args=(number,)) for number in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert heard == [[plain] * 5, [steered] * 5] and plain != steered
    assert [len(inspector.dialogs) for inspector in inspectors] == [5, 5]
    assert hooks_of(network_of(speakers[0]).model) == 0
