"""In-process models of several architectures: the same tokens as transformers', alone, together and over turns."""

from __future__ import annotations

import asyncio
import random
import subprocess
import sys

import pytest
import torch
from backends import tiny_models

from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import ConfigError, ContextLengthError, LLMError, UnsupportedFeatureError
from sdialog.core.sync import run
from sdialog.llm.protocol import backends
from sdialog.llm.types import GenerateConfig, GenerateRequest, Message, ToolSpec

KINDS = list(tiny_models.ARCHITECTURES)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    made = {}

    def get(kind):
        if kind not in made:
            made[kind] = tiny_models.save(tmp_path_factory.mktemp(kind), kind)
        return made[kind]

    return get


@pytest.fixture(scope="module")
def llama(folders):
    return HuggingFaceBackend(folders("llama"))


def ask(text, *, session=None, **config):
    config.setdefault("max_tokens", 12)
    return GenerateRequest((Message("user", text),), GenerateConfig(**config), session=session)


def prompts(count, seed=0):
    draw = random.Random(seed)
    return ["".join(draw.choice("abcdefgh ") for _ in range(draw.randint(1, 60))) for _ in range(count)]


def texts(results):
    assert [r.error for r in results] == [None] * len(results)
    return [r.text for r in results]


@pytest.mark.parametrize("kind", KINDS)
def test_greedy_replies_are_those_of_transformers(folders, kind):
    backend = HuggingFaceBackend(folders(kind))
    asked = prompts(6)
    results = run(backend.generate([ask(text, temperature=0) for text in asked]))
    model, tokenizer = tiny_models.build(kind), tiny_models.tokenizer()
    for text, result in zip(asked, results, strict=True):
        chat = [{"role": "user", "content": text}]
        rendered = tokenizer.apply_chat_template(chat, add_generation_prompt=True, tokenize=False)
        ids = tokenizer(rendered, add_special_tokens=False, return_tensors="pt")["input_ids"]
        expected = model.generate(ids, attention_mask=torch.ones_like(ids), max_new_tokens=12, do_sample=False)
        reply = expected[0, ids.shape[1] :]
        assert result.text == tokenizer.decode(reply, skip_special_tokens=True).strip()
        assert result.usage.input_tokens == ids.shape[1]
        assert result.usage.output_tokens == len(reply)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reply_does_not_depend_on_its_neighbours_or_on_kept_keys(folders, kind):
    """Three turns of eight conversations: together with kept keys and values, and each alone without."""
    together, alone = HuggingFaceBackend(folders(kind)), HuggingFaceBackend(folders(kind), kv_cache_bytes=0)
    memories = {i: [Message("user", text)] for i, text in enumerate(prompts(8, seed=1))}
    for turn in range(3):
        config = {i: GenerateConfig(temperature=0.9, seed=100 * turn + i, max_tokens=8 + 2 * i) for i in memories}
        requests = [GenerateRequest(tuple(memories[i]), config[i], session=str(i)) for i in memories]
        replies = texts(run(together.generate(requests)))
        assert replies == [texts(run(alone.generate([request])))[0] for request in requests]
        for i, reply in enumerate(replies):
            memories[i] += [Message("assistant", reply), Message("user", f"turn {turn}")]
    assert len(set(replies)) > 4
    assert len(alone.engine().store) == 0


@pytest.mark.parametrize("kind", KINDS)
def test_a_row_that_ends_with_its_first_token_harms_no_other(folders, kind):
    """The last row moves into its place; only the first column of its prompt's keys and values went along."""
    backend = HuggingFaceBackend(folders(kind))
    asked = prompts(6, seed=4)
    for short in (0, 2, 5):
        requests = [ask(text, seed=n, max_tokens=1 if n == short else 9) for n, text in enumerate(asked)]
        alone = [run(backend.generate([request]))[0] for request in requests]
        assert texts(run(backend.generate(requests))) == texts(alone)


def test_kept_keys_spare_the_work_of_earlier_turns(folders):
    backend = HuggingFaceBackend(folders("llama"))
    engine = backend.engine()
    first = run(backend.generate([ask("hello there", session="s", temperature=0)]))[0]
    memory = (Message("user", "hello there"), Message("assistant", first.text), Message("user", "more"))
    later = GenerateRequest(memory, GenerateConfig(temperature=0, max_tokens=4), session="s")
    seen = []
    forward = engine.model.model.register_forward_pre_hook(
        lambda module, args, kwargs: seen.append(kwargs["input_ids"].shape[1]), with_kwargs=True
    )
    result = run(backend.generate([later]))[0]
    forward.remove()
    assert seen[0] < result.usage.input_tokens - len("hello there")


def test_small_batches_of_a_large_one_give_the_same(folders):
    requests = [ask(text, temperature=1.0, seed=i) for i, text in enumerate(prompts(12))]
    whole = texts(run(HuggingFaceBackend(folders("llama")).generate(requests)))
    assert texts(run(HuggingFaceBackend(folders("llama"), max_batch_tokens=200).generate(requests))) == whole


def test_float64_is_offered(folders):
    backend = HuggingFaceBackend(folders("llama"), dtype="float64")
    assert len(texts(run(backend.generate([ask("hi", seed=1, temperature=1.0)])))) == 1
    assert backend.engine().model.dtype == torch.float64


def test_seeds_decide_and_differ(llama):
    def replies(seeds):
        return texts(run(llama.generate([ask("hello", temperature=1.0, seed=s) for s in seeds])))

    first = replies(range(6))
    assert first == replies(range(6))
    assert len(set(first)) > 1


def test_without_a_seed_the_global_generator_is_left_alone(llama):
    before = torch.random.get_rng_state()
    texts(run(llama.generate([ask("hello", temperature=1.0)])))
    assert torch.equal(before, torch.random.get_rng_state())


def test_a_row_that_does_not_fit_fails_alone(llama):
    good, long = run(llama.generate([ask("hi", temperature=0), ask("x" * 600, temperature=0)]))
    assert good.error is None
    assert isinstance(long.error, ContextLengthError)
    assert "512" in str(long.error)
    assert long.finish_reason == "error"


def test_a_reply_stops_at_the_end_of_the_window(llama):
    (result,) = run(llama.generate([ask("x" * 495, temperature=0, max_tokens=100)]))
    assert result.usage.input_tokens + result.usage.output_tokens <= 512


def test_what_is_not_offered_fails_in_its_row(llama):
    odd = GenerateRequest((Message("user", "hi"),), interventions=("probe",))
    typo = GenerateRequest((Message("user", "hi"),), GenerateConfig(extra={"temprature": 1}))
    results = run(llama.generate([odd, typo, ask("hi", temperature=0)]))
    assert isinstance(results[0].error, UnsupportedFeatureError)
    assert isinstance(results[0].error, LLMError)
    assert "temprature" in str(results[1].error)
    assert results[2].error is None


def test_logprobs_are_those_of_the_model(llama):
    (result,) = run(
        llama.generate(
            [GenerateRequest((Message("user", "hi"),), GenerateConfig(temperature=0, max_tokens=3), logprobs=4)]
        )
    )
    model, tokenizer = tiny_models.build("llama"), tiny_models.tokenizer()
    ids = tokenizer("<user>hi<end><assistant>", add_special_tokens=False, return_tensors="pt")["input_ids"]
    with torch.inference_mode():
        expected = model(ids).logits[0, -1].log_softmax(-1).topk(4)
    assert result.logprobs is not None
    first = result.logprobs[0]
    assert [p for _, p in first.top] == pytest.approx(expected.values.tolist(), abs=1e-4)
    assert first.logprob == pytest.approx(float(expected.values[0]), abs=1e-4)
    assert len(result.logprobs) == result.usage.output_tokens


def test_stop_strings_cut_the_reply(llama):
    whole = texts(run(llama.generate([ask("hello", temperature=0, max_tokens=30)])))[0]
    stop = whole[5:7]
    (cut,) = run(llama.generate([ask("hello", temperature=0, max_tokens=30, stop=(stop,))]))
    assert cut.text == whole[: whole.index(stop)].strip()
    assert cut.finish_reason == "stop"
    assert cut.usage.output_tokens < 30


def test_penalties_discourage_what_was_said(llama):
    free = run(llama.generate([ask("aaaa", temperature=0, max_tokens=40)]))[0]
    bound = run(llama.generate([ask("aaaa", temperature=0, max_tokens=40, frequency_penalty=50.0)]))[0]
    assert len(set(bound.text)) > len(set(free.text))
    again = run(llama.generate([ask("aaaa", temperature=0, repetition_penalty=5.0)]))[0]
    assert again.text != run(llama.generate([ask("aaaa", temperature=0)]))[0].text


def test_a_stream_adds_up_to_the_result(llama):
    async def collect(request):
        return [chunk async for chunk in llama.stream(request)]

    request = ask("tell me", temperature=1.0, seed=3, max_tokens=25)
    chunks = run(collect(request))
    assert "".join(chunk.text for chunk in chunks) == chunks[-1].result.text
    assert chunks[-1].result.text == texts(run(llama.generate([request])))[0]
    assert len(chunks) > 2


def test_cancelling_a_call_frees_the_worker(llama):
    async def hurried():
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(llama.generate([ask("hi", temperature=1.0, seed=1, max_tokens=480)] * 64), 0.05)
        return await llama.generate([ask("hi", temperature=0, max_tokens=2)])

    assert texts(run(hurried()))


def test_the_event_loop_stays_free(llama):
    async def count_while_generating():
        task, beats = asyncio.create_task(llama.generate([ask(t, temperature=0) for t in prompts(8)])), 0
        while not task.done():
            await asyncio.sleep(0)
            beats += 1
        return beats

    assert run(count_while_generating()) > 5


def test_a_closed_model_loads_again(folders):
    backend = HuggingFaceBackend(folders("llama"))
    first = texts(run(backend.generate([ask("hi", temperature=0)])))
    run(backend.aclose())
    assert texts(run(backend.generate([ask("hi", temperature=0)]))) == first


def test_tools_reach_a_template_that_does_not_know_them(llama):
    tool = ToolSpec("lookup", "Look something up.", {"type": "object", "properties": {"key": {"type": "string"}}})
    bare = ask("hi", temperature=0)
    asked = GenerateRequest(bare.messages, bare.config, tools=(tool,))
    with_tools, without = run(llama.generate([asked, bare]))
    assert with_tools.usage.input_tokens > without.usage.input_tokens + len("lookup")


def test_a_base_model_without_a_template_gets_a_plain_one(tmp_path):
    folder = tiny_models.save(tmp_path, "gpt2", template=None)
    (result,) = run(HuggingFaceBackend(folder).generate([ask("hi", temperature=0)]))
    assert result.error is None
    assert result.usage.input_tokens == len("User: hi\nAssistant:")


def test_a_folder_says_what_it_lacks(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"weights.*tokenizer"):
        HuggingFaceBackend(str(tmp_path))
    with pytest.raises(ConfigError, match="no model folder"):
        HuggingFaceBackend(str(tmp_path / "nowhere"))


def test_a_broken_folder_and_an_absent_hub_are_explained(folders, tmp_path):
    broken = tiny_models.save(tmp_path / "broken")
    (tmp_path / "broken" / "model.safetensors").write_bytes(b"no weights")
    with pytest.raises(ConfigError, match="cannot load the model in folder"):
        run(HuggingFaceBackend(broken).generate([ask("hi")]))
    with pytest.raises(ConfigError, match=r"no-such-org/no-such-model.*local folder"):
        run(HuggingFaceBackend("no-such-org/no-such-model").generate([ask("hi")]))
    with pytest.raises(ConfigError, match="not a floating-point type"):
        run(HuggingFaceBackend(folders("llama"), dtype="float99").generate([ask("hi")]))


def test_making_a_backend_imports_nothing_heavy(folders):
    script = (
        "import sys; from sdialog.backends.huggingface import HuggingFaceBackend as B\n"
        f"B({folders('llama')!r}); assert B.unusable_because() is None\n"
        "assert not {'torch', 'transformers', 'numpy'} & set(sys.modules), 'imported'"
    )
    subprocess.run([sys.executable, "-c", script], check=True, timeout=60)


def test_it_is_registered():
    assert backends.get("huggingface") is HuggingFaceBackend
