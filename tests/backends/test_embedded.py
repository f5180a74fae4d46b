"""The packed model: offline, different by seed, and the same dialog by dialog in whatever company it runs."""

from __future__ import annotations

import asyncio
import json
import os
import random
import subprocess
import sys
import threading

import pytest
import torch
from backends import tiny_models

from benchmarks.local_batching import timed
from sdialog.backends.embedded import EmbeddedBackend
from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import UnknownNameError
from sdialog.core.sync import run
from sdialog.llm.protocol import backends
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message

WORDS = ["lamp", "chair", "phone", "coat", "table", "order", "refund", "late", "broken", "number", "hotel", "doctor"]


@pytest.fixture(scope="module")
def mini():
    return EmbeddedBackend()


def conversation(number, turns):
    draw = random.Random(number)
    messages = [
        Message("system", f"name: Ann\nrole: customer\nmood: polite\nitem: {draw.choice(WORDS)}\ncode: {number}")
    ]
    for _ in range(turns):
        said = " ".join(draw.choices(WORDS, k=draw.randint(1, 30)))
        messages += [Message("user", said), Message("assistant", f"I want a {draw.choice(WORDS)}.")]
    return tuple(messages[:-1])


def request(number, turns=None, **config):
    turns = 1 + number % 4 if turns is None else turns
    config = {"temperature": 0.9, "seed": number, "max_tokens": 24, **config}
    return GenerateRequest(conversation(number, turns), GenerateConfig(**config), session=f"s{number}")


def replies(backend, requests):
    results = run(backend.generate(requests))
    assert [r.error for r in results] == [None] * len(results)
    return [(r.text, r.usage.output_tokens) for r in results]


@pytest.mark.slow
def test_random_batches_orders_and_caches_give_identical_replies(mini):
    """64 prompts, sampled at 0.9, in random company, with and without what earlier calls left behind."""
    requests = [request(i) for i in range(64)]
    expected = {r.session: replies(mini, [r])[0] for r in requests}
    assert len(set(expected.values())) > 32
    draw = random.Random(7)
    for round_ in range(4):
        order = draw.sample(requests, len(requests))
        if round_ % 2:
            mini.engine().store.clear()
        while order:
            size = draw.choice([1, 2, 3, 7, 16, 40])
            part, order = order[:size], order[size:]
            assert replies(mini, part) == [expected[r.session] for r in part]


@pytest.mark.slow
def test_a_dialog_of_many_turns_is_the_same_with_and_without_kept_keys(mini):
    """Turn by turn in one session beside others, and each turn from nothing."""
    for turns in range(1, 5):
        company = [request(i, turns, temperature=1.2, top_p=0.9) for i in range(12)]
        together = replies(mini, company)
        for own, reply in zip(company, together, strict=True):
            fresh = GenerateRequest(own.messages, own.config)
            assert replies(mini, [fresh])[0] == reply


def test_near_ties_are_decided_alone_and_so_alike(tmp_path):
    """A model whose tokens come in pairs with scores a few last digits apart: nearly every choice is a tie."""
    model = tiny_models.build("llama", tie_word_embeddings=True, num_hidden_layers=4)
    with torch.no_grad():
        weights = model.get_input_embeddings().weight
        weights[7::2] = weights[6::2] * (1 + 3e-7)
    model.save_pretrained(tmp_path)
    tiny_models.tokenizer().save_pretrained(tmp_path)
    backend = HuggingFaceBackend(str(tmp_path))
    requests = [
        GenerateRequest(
            (Message("user", "ab" * (3 + i)),), GenerateConfig(temperature=0, max_tokens=20), session=str(i)
        )
        for i in range(24)
    ]
    together = replies(backend, requests)
    assert backend.near_ties > 200
    draw = random.Random(3)
    for _ in range(3):
        order = draw.sample(range(24), 24)
        parts = [order[:5], order[5:6], order[6:]]
        found = {
            i: reply
            for part in parts
            for i, reply in zip(part, replies(backend, [requests[i] for i in part]), strict=True)
        }
        assert [found[i] for i in range(24)] == together


def test_near_ties_are_rare_in_the_packed_model(mini):
    before = mini.near_ties, mini.engine().tokens
    replies(mini, [request(i) for i in range(100, 132)])
    ties, tokens = mini.near_ties - before[0], mini.engine().tokens - before[1]
    assert tokens > 200
    assert ties < tokens / 20


def test_without_a_temperature_dialogs_differ_by_seed(mini):
    same = conversation(1, 1)
    asked = [GenerateRequest(same, GenerateConfig(seed=seed, max_tokens=24)) for seed in range(12)]
    assert len(set(replies(mini, asked))) > 3
    greedy = [GenerateRequest(same, GenerateConfig(seed=seed, temperature=0, max_tokens=24)) for seed in range(4)]
    assert len(set(replies(mini, greedy))) == 1


def test_it_speaks_readable_text_and_ends_by_itself(mini):
    results = run(mini.generate([request(i, 1, temperature=0, max_tokens=None) for i in range(8)]))
    assert sum(result.finish_reason == "stop" for result in results) >= 6
    assert all("<|" not in result.text for result in results)
    assert sum(len(result.text.split()) > 2 for result in results) >= 6


def test_names():
    assert EmbeddedBackend().name == "embedded:mini"
    assert backends.get("embedded") is EmbeddedBackend
    with pytest.raises(UnknownNameError, match="mini"):
        EmbeddedBackend("maxi")


@pytest.mark.slow
def test_another_process_gives_the_same_replies_without_network(mini):
    """No hub variables set, no home folder to cache in, and a socket that refuses: the folder is all it needs."""
    script = (
        "import json, socket\n"
        "def refuse(*a): raise AssertionError('network')\n"
        "socket.socket.connect = refuse\n"
        "from sdialog.backends.embedded import EmbeddedBackend\n"
        "from sdialog.core.sync import run\n"
        "from sdialog.llm.types import *\n"
        "talk = (Message('system', 'name: Ann\\nrole: customer'), Message('user', 'Hello.'))\n"
        "asked = [GenerateRequest(talk, GenerateConfig(seed=s, max_tokens=20)) for s in range(3)]\n"
        "print(json.dumps([r.text for r in run(EmbeddedBackend().generate(asked))]))\n"
    )
    hidden = {"HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HOME", "HOME"}
    environment = {name: value for name, value in os.environ.items() if name not in hidden}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    talk = (Message("system", "name: Ann\nrole: customer"), Message("user", "Hello."))
    asked = [GenerateRequest(talk, GenerateConfig(seed=s, max_tokens=20)) for s in range(3)]
    assert json.loads(done.stdout) == [text for text, _ in replies(mini, asked)]


@pytest.mark.slow
def test_many_dialogs_together_are_those_held_one_by_one():
    """How much faster they are is measured in benchmarks/local_batching.py."""
    alone = asyncio.run(timed(16, 4, None, together=False))
    together = asyncio.run(timed(16, 4, None, together=True))
    assert together.texts == alone.texts
    assert together.tokens == alone.tokens


def test_it_works_with_as_many_threads_as_it_is_given_and_leaves_others_alone():
    before, seen = torch.get_num_threads(), []
    backend = EmbeddedBackend("mini", threads=1)
    request = GenerateRequest((Message("user", "Hello."),), GenerateConfig(seed=1, max_tokens=2))
    run(backend.generate([request]))
    backend.engine().model.model.register_forward_hook(lambda *_: seen.append(torch.get_num_threads()))
    run(backend.generate([request]))
    assert set(seen) == {1}
    elsewhere = threading.Thread(target=lambda: seen.append(torch.get_num_threads()))
    elsewhere.start()
    elsewhere.join()
    assert (seen[-1], torch.get_num_threads()) == (before, before)
    run(backend.aclose())
