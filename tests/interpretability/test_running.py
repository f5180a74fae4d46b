"""Plans while a model writes: what invariants promise, on tiny models of several families."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from typing import Any

import pytest
import torch
from interpretability.local_models import FAMILIES, answers, ask, save
from interpretability.tiny import hooks_of

from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import UserError
from sdialog.core.sync import run
from sdialog.interpretability import Condition, Edit, Plan, Read
from sdialog.interpretability.anatomy.taps import read

TEXTS = ("Hello.", "My lamp is late, could you look it up?", "no", "I would like to have my money back, please. 12.50!")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], str]:
    made: dict[str, str] = {}

    def get(family: str) -> str:
        if family not in made:
            made[family] = save(tmp_path_factory.mktemp(family), family)
        return made[family]

    return get


@pytest.fixture(params=FAMILIES)
def backend(request: pytest.FixtureRequest, folder: Callable[[str], str]) -> HuggingFaceBackend:
    return HuggingFaceBackend(folder(request.param))


@pytest.fixture(scope="module")
def llama(folder: Callable[[str], str]) -> HuggingFaceBackend:
    return HuggingFaceBackend(folder("llama"))


def vector(backend: HuggingFaceBackend, seed: int = 0, size: float = 1.0) -> torch.Tensor:
    width = backend.network().model.config.hidden_size
    drawn = torch.randn(width, generator=torch.Generator().manual_seed(seed))
    return size * drawn / drawn.norm()


EVERYTHING = Plan(
    [
        Read("layers.*.resid_post", "everything"),
        Read("layers.1.attn_out", "everything"),
        Read("layers.1.z", "everything"),
        Read("layers.1.mlp_act", "everything"),
        Read("layers.1.pattern", "everything"),
        Read("logits", "choices"),
    ],
    feed_last=True,
)


def test_an_empty_plan_and_reads_change_nothing(backend: HuggingFaceBackend) -> None:
    plain = answers(backend, *(ask(text, seed=n) for n, text in enumerate(TEXTS)))
    empty = answers(backend, *(ask(text, Plan(), seed=n) for n, text in enumerate(TEXTS)))
    watched = answers(backend, *(ask(text, EVERYTHING, seed=n) for n, text in enumerate(TEXTS)))
    assert [r.text for r in plain] == [r.text for r in empty] == [r.text for r in watched]
    assert hooks_of(backend.network().model) == 0


def test_what_is_read_while_writing_is_what_one_pass_gives(backend: HuggingFaceBackend) -> None:
    results = answers(backend, *(ask(text, EVERYTHING, seed=n) for n, text in enumerate(TEXTS)))
    for result in results:
        tokens = result.captures["logits"].tokens
        names = [name for name in result.captures if name != "logits"]
        with torch.no_grad():
            expected = read(backend.network(), [*names, "logits"], torch.tensor([tokens.ids]))
        for name in names:
            found = result.captures[name]
            assert found.positions == tuple(range(len(tokens)))
            whole = expected[name][0].transpose(0, 1) if name.endswith("pattern") else expected[name][0]
            torch.testing.assert_close(found.values, whole, atol=2e-5, rtol=1e-4)
        logits = result.captures["logits"]
        assert logits.positions == tuple(range(tokens.prompt - 1, len(tokens)))
        torch.testing.assert_close(
            logits.values, expected["logits"][0, tokens.prompt - 1 :], atol=5e-5, rtol=1e-4, check_dtype=False
        )


def test_a_batch_reads_and_edits_as_each_row_alone(backend: HuggingFaceBackend) -> None:
    def plan(strength: float) -> Plan:
        reads = [Read("layers.2.resid_post", "everything"), Read("logits", "choices", top=4)]
        return Plan(reads, [Edit("layers.0.resid_post", "add", vector(backend), strength)])

    requests = [ask(text, plan(4.0 * n), seed=n) for n, text in enumerate(TEXTS)]
    together = answers(backend, *requests)
    alone = [answers(backend, request)[0] for request in requests]
    plain = answers(backend, *(ask(text, seed=n) for n, text in enumerate(TEXTS)))
    assert [r.text for r in together] == [r.text for r in alone]
    assert together[0].text == plain[0].text and [r.text for r in together] != [r.text for r in plain]
    for one, other in zip(together, alone, strict=True):
        for name in one.captures:
            torch.testing.assert_close(one.captures[name].values, other.captures[name].values, atol=2e-5, rtol=1e-4)


def test_neighbours_of_an_edited_row_stay_as_they_are(backend: HuggingFaceBackend) -> None:
    plain = answers(backend, *(ask(text, seed=n) for n, text in enumerate(TEXTS)))
    steer = Plan(edits=[Edit("layers.1.mlp_out", "add", vector(backend, size=30))])
    mixed = answers(backend, *(ask(text, *([steer] if n == 1 else []), seed=n) for n, text in enumerate(TEXTS)))
    assert [mixed[n].text for n in (0, 2, 3)] == [plain[n].text for n in (0, 2, 3)]
    assert mixed[1].text != plain[1].text


@pytest.mark.parametrize("site", ["layers.1.resid_pre", "layers.1.resid_post", "layers.1.attn_out", "embed"])
def test_adding_and_taking_away_is_nothing(backend: HuggingFaceBackend, site: str) -> None:
    push = vector(backend, size=3)
    there_and_back = Plan([Read("logits", "choices")], [Edit(site, "add", push), Edit(site, "add", push, -1.0)])
    (plain,) = answers(backend, ask(TEXTS[1], Plan([Read("logits", "choices")])))
    (same,) = answers(backend, ask(TEXTS[1], there_and_back))
    assert same.text == plain.text
    torch.testing.assert_close(same.captures["logits"].values, plain.captures["logits"].values, atol=1e-4, rtol=1e-4)


def test_reads_with_and_without_kept_keys_are_equal(llama: HuggingFaceBackend, folder: Callable[[str], str]) -> None:
    forgetful = HuggingFaceBackend(folder("llama"), kv_cache_bytes=0)
    for plan in (
        Plan([Read("layers.1.resid_post", "generated"), Read("logits", "choices")]),
        Plan([Read("layers.1.resid_post")], [Edit("layers.0.resid_post", "add", vector(llama), 3.0)]),
        Plan([Read("layers.1.resid_post")], [Edit("layers.0.resid_post", "add", vector(llama), 3.0, span="choices")]),
    ):
        told = TEXTS[1]
        for turn in range(3):
            request = ask(told, plan, seed=turn, session=f"dialog {id(plan)}")
            (kept,), (fresh,) = answers(llama, request), answers(forgetful, request)
            assert kept.text == fresh.text
            for name in kept.captures:
                torch.testing.assert_close(
                    kept.captures[name].values, fresh.captures[name].values, atol=2e-5, rtol=1e-4
                )
            told += f" {kept.text} and then?"


def test_a_read_of_a_span_is_the_slice_of_the_whole(llama: HuggingFaceBackend) -> None:
    spans = (
        "prompt",
        "generated",
        "last_prompt",
        "turn(-1) & content[2:5]",
        "generated[1:3]",
        "regex('la.p')",
        "last(4)",
    )
    plan = Plan([Read("layers.1.resid_post", "everything"), *(Read("layers.1.resid_post", s, name=s) for s in spans)])
    (result,) = answers(llama, ask(TEXTS[1], plan))
    whole = result.captures["layers.1.resid_post"]
    for span in spans:
        found = result.captures[span]
        assert found.positions and torch.equal(found.values, whole.values[list(found.positions)])
    said = "".join(whole.tokens.strings[place] for place in result.captures["regex('la.p')"].positions)
    assert said == "lamp"


def test_reductions_and_top_logits(llama: HuggingFaceBackend) -> None:
    plan = Plan(
        [
            Read("layers.1.resid_post", "prompt"),
            Read("layers.1.resid_post", "prompt", name="mean", reduce="mean", dtype="float64"),
            Read("layers.1.resid_post", "prompt", name="last", reduce="last"),
            Read("logits", "choices"),
            Read("logits", "choices", name="top", top=3),
        ]
    )
    (result,) = answers(llama, ask(TEXTS[0], plan))
    every, mean, last = (result.captures[name].values for name in ("layers.1.resid_post", "mean", "last"))
    torch.testing.assert_close(mean[0], every.double().mean(0))
    assert torch.equal(last[0], every[-1]) and len(last) == 1
    logits, top = result.captures["logits"], result.captures["top"]
    assert torch.equal(top.values, logits.values.topk(3).values) and torch.equal(
        top.indices, logits.values.topk(3).indices
    )
    torch.testing.assert_close(top.logsumexp, logits.values.logsumexp(-1))


def test_operations_do_what_they_say(llama: HuggingFaceBackend) -> None:
    u = vector(llama)

    def after(*edits: Edit) -> tuple[torch.Tensor, torch.Tensor]:
        site = "layers.1.resid_post"
        reads = [Read(site, "prompt", name="before", before_edits=True), Read(site, "prompt", name="after")]
        (result,) = answers(llama, ask(TEXTS[1], Plan(reads, list(edits))))
        return result.captures["before"].values, result.captures["after"].values

    def edit(op: str, value: Any = None, **options: Any) -> Edit:
        return Edit("layers.1.resid_post", op, value, **options)

    x, y = after(edit("add", u, strength=2.5))
    torch.testing.assert_close(y, x + 2.5 * u)
    x, y = after(edit("project_out", 7 * u))
    torch.testing.assert_close(y @ u, torch.zeros(len(y)), atol=1e-5, rtol=0)
    torch.testing.assert_close(y, x - (x @ u)[:, None] * u)
    x, y = after(edit("project_out", u, strength=0.5))
    torch.testing.assert_close(y @ u, (x @ u) / 2)
    x, y = after(edit("clamp", 3 * u, strength=1.5))
    torch.testing.assert_close(y @ u, torch.full((len(y),), 1.5))
    x, y = after(edit("scale", strength=0.25))
    torch.testing.assert_close(y, x / 4)
    x, y = after(edit("zero"))
    assert not y.any() and x.any()
    x, y = after(edit("set", u))
    torch.testing.assert_close(y, u.expand_as(y))
    x, y = after(edit("add", u, strength=50.0, keep_norm=True))
    torch.testing.assert_close(y.norm(dim=-1), x.norm(dim=-1))
    x, y = after(edit("call", lambda rows: rows.flip(-1)))
    torch.testing.assert_close(y, x.flip(-1))
    each = torch.randn(4, len(u), generator=torch.Generator().manual_seed(1))
    x, y = after(edit("set", each, span="turn(-1) & content[0:4]"))
    changed = [place for place in range(len(x)) if not torch.equal(x[place], y[place])]
    assert len(changed) == 4 and torch.equal(y[changed], each)
    x, y = after(edit("add", u, span="prompt & words(lamp)"))
    assert sum(not torch.equal(a, b) for a, b in zip(x, y, strict=True)) == len("lamp")
    x, y = after(edit("add", u), edit("scale", strength=2.0), edit("add", u, strength=-1.0))
    torch.testing.assert_close(y, (x + u) * 2 - u)


def test_heads_and_neurons_are_edited_alone(llama: HuggingFaceBackend) -> None:
    head = Plan([Read("layers.1.z", "prompt")], [Edit("layers.1.head.2.z", "zero", span="prompt")])
    neuron = Plan([Read("layers.1.mlp_act", "prompt")], [Edit("layers.1.mlp_act.5", "zero", span="prompt")])
    plain = Plan([Read("layers.1.z", "prompt"), Read("layers.1.mlp_act", "prompt")])
    one, other, usual = answers(llama, *(ask(TEXTS[1], plan) for plan in (head, neuron, plain)))
    z, before = one.captures["layers.1.z"].values, usual.captures["layers.1.z"].values
    assert not z[:, 2].any()
    torch.testing.assert_close(z[:, [0, 1, 3]], before[:, [0, 1, 3]], atol=1e-5, rtol=1e-4)
    act, before = other.captures["layers.1.mlp_act"].values, usual.captures["layers.1.mlp_act"].values
    assert not act[:, 5].any()
    torch.testing.assert_close(act[:, :5], before[:, :5], atol=1e-5, rtol=1e-4)


def test_strengths_may_follow_the_tokens(llama: HuggingFaceBackend) -> None:
    site = "layers.1.resid_post"
    u = vector(llama)
    plan = Plan(
        [Read(site, "choices", name="before", before_edits=True), Read(site, "choices", name="after")],
        [Edit(site, "add", u, strength=[0.0, 1.0, 2.0, 0.5], span="choices")],
    )
    (result,) = answers(llama, ask(TEXTS[1], plan, temperature=0.0))
    gained = (result.captures["after"].values - result.captures["before"].values) @ u
    expected = torch.tensor([0.0, 1.0, 2.0, *[0.5] * (len(gained) - 3)])
    torch.testing.assert_close(gained, expected, atol=1e-4, rtol=0)


def test_the_first_generated_token_is_steered(llama: HuggingFaceBackend) -> None:
    """The published package leaves the state alone from which the first token is chosen."""
    unembed = llama.network().model.get_output_embeddings().weight
    token = int(unembed.norm(dim=-1).argmax())
    push = Plan(edits=[Edit("final_norm", "add", unembed[token].detach() * 100, span="choices[0:1]")])
    (result,) = answers(llama, ask(TEXTS[0], push, Plan([Read("logits", "choices", top=1)]), temperature=0.0))
    assert result.captures["logits"].tokens.reply[0] == token
    assert result.captures["logits"].tokens.reply[1] != token


def test_edits_happen_only_where_a_condition_holds(llama: HuggingFaceBackend) -> None:
    site = "layers.0.resid_post"
    read_it = Plan([Read(site, "prompt", reduce="mean")])
    on, off = answers(llama, *(ask(text, read_it) for text in (TEXTS[1], TEXTS[3])))
    direction = on.captures[site].values[0] - off.captures[site].values[0]
    middle = (on.captures[site].values[0] + off.captures[site].values[0]) / 2
    condition = Condition(site, direction, 0.0, offset=middle)
    edits = [Edit("layers.1.resid_post", "add", vector(llama, size=30), condition=condition)]
    plain = answers(llama, *(ask(text, seed=n) for n, text in enumerate(TEXTS)))
    asked = answers(llama, *(ask(text, Plan(edits=edits), seed=n) for n, text in enumerate(TEXTS)))
    assert asked[1].text != plain[1].text and asked[3].text == plain[3].text
    unsaid = Condition(site, direction, -1e9, span="prompt & words(zebra)", measure="dot")
    nothing = Plan(edits=[Edit("layers.1.resid_post", "add", vector(llama, size=30), condition=unsaid)])
    assert answers(llama, ask(TEXTS[1], nothing, seed=1))[0].text == plain[1].text
    early = [Edit("layers.0.resid_pre", "add", vector(llama), condition=condition)]
    (failed,) = run(llama.generate([ask(TEXTS[1], Plan(edits=early))]))
    assert "after the edit's place" in str(failed.error)


def test_nothing_is_left_behind_when_writing_fails_or_is_cancelled(llama: HuggingFaceBackend) -> None:
    def broken(rows: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("no")

    plan = Plan([Read("layers.1.pattern")], [Edit("layers.1.resid_post", "call", broken)])
    failed, fine = run(llama.generate([ask(TEXTS[0], plan), ask(TEXTS[1])]))
    assert "ZeroDivisionError: no" in str(failed.error)
    assert fine.text == answers(llama, ask(TEXTS[1]))[0].text
    assert hooks_of(llama.network().model) == 0

    async def give_up() -> None:
        task = asyncio.create_task(llama.generate([ask(TEXTS[0], EVERYTHING, length=300)]))
        await asyncio.sleep(0.05)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run(give_up())
    plain = answers(llama, ask(TEXTS[0]))
    assert hooks_of(llama.network().model) == 0 and plain == answers(llama, ask(TEXTS[0]))
    assert llama.network().model.config._attn_implementation in ("sdpa", "sdialog_grouped")


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (Plan([Read("layers.9.resid_post")]), "has 3 layers"),
        (Plan([Read("layers.1.head.9.z")]), "heads"),
        (Plan([Read("model.layer.1")]), "model.layers.1"),
        (Plan([Read("layers.1.resid_post", "turn(7)")]), "selects no token"),
        (Plan([Read("layers.1.resid_post", "speaker(Zoe)")]), "selects no token"),
        (Plan(edits=[Edit("layers.1.resid_post", "add", [1.0, 2.0])]), "vectors of 32 numbers"),
        (Plan(edits=[Edit("layers.1.resid_post", "add", [float("nan")] * 32)]), "not finite"),
        (Plan(edits=[Edit("layers.1.resid_post", "zero", span="regex('a')")]), "known only when"),
        (Plan([Read("layers.1.resid_post", dtype="int8")]), "floating-point"),
    ],
)
def test_what_does_not_fit_is_an_error_of_its_row_alone(llama: HuggingFaceBackend, plan: Plan, message: str) -> None:
    failed, fine = run(llama.generate([ask(TEXTS[0], plan), ask(TEXTS[0])]))
    assert message in str(failed.error) and isinstance(failed.error, UserError)
    assert fine.error is None and fine.text == answers(llama, ask(TEXTS[0]))[0].text


def test_plans_refuse_nonsense_at_once() -> None:
    for make in (
        lambda: Edit("layers.1.resid_post", "ad", [1.0]),
        lambda: Edit("layers.1.resid_post", "add"),
        lambda: Edit("layers.1.resid_post", "scale", strength=[]),
        lambda: Read("layers.1.resid_post", top=3),
        lambda: Read("layers.1.resid_post", reduce="sum"),  # type: ignore[arg-type]
        lambda: Condition("layers.1.resid_post", [1.0], 0.5, measure="angle"),  # type: ignore[arg-type]
    ):
        with pytest.raises(UserError):
            make()


def test_two_plans_of_one_request_do_not_meet(llama: HuggingFaceBackend) -> None:
    one, two = Plan([Read("embed")], prefix="a/"), Plan([Read("embed")], prefix="b/")
    (result,) = answers(llama, ask(TEXTS[0], one, two))
    assert set(result.captures) == {"a/embed", "b/embed"}
    assert torch.equal(result.captures["a/embed"].values, result.captures["b/embed"].values)


def test_many_requests_with_and_without_plans_keep_their_own(llama: HuggingFaceBackend) -> None:
    draw = random.Random(5)
    requests = []
    for number in range(24):
        plan = Plan([Read("layers.1.resid_post", "everything")], prefix=f"{number}/", feed_last=number % 2 == 0)
        chosen = [plan] if draw.random() < 0.6 else []
        requests.append(ask(draw.choice(TEXTS) * draw.randint(1, 3), *chosen, seed=number, length=draw.randint(1, 20)))
    for number, (request, result) in enumerate(zip(requests, answers(llama, *requests), strict=True)):
        assert set(result.captures) == ({f"{number}/layers.1.resid_post"} if request.interventions else set())
        for found in result.captures.values():
            assert len(found.tokens) == result.usage.input_tokens + result.usage.output_tokens
            assert len(found) == len(found.tokens) - number % 2  # the last token passes only if it is asked for
