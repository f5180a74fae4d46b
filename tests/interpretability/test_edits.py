"""Edits and conditions in odd cases: values that do not fit, tokens told one by one, later turns, half precision."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interpretability.local_models import answers, ask, save
from interpretability.tiny import hooks_of

from sdialog.backends.huggingface import HuggingFaceBackend
from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.sync import run
from sdialog.interpretability import Condition, Direction, Edit, Inspector, Plan, Read, Site
from sdialog.llm.types import GenerateResult

SITE = "layers.1.resid_post"
LONG, SHORT = "My lamp is late, could you look it up?", "Hello."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    return save(tmp_path_factory.mktemp("llama"), "llama")


@pytest.fixture(scope="module")
def llama(folder: str) -> HuggingFaceBackend:
    return HuggingFaceBackend(folder)


def unit(size: int = 32, *, seed: int = 0) -> torch.Tensor:
    drawn = torch.randn(size, generator=torch.Generator().manual_seed(seed))
    return drawn / drawn.norm()


def together(backend: HuggingFaceBackend, *plans: Plan | None) -> list[GenerateResult]:
    texts = (LONG, SHORT)
    requests = [ask(texts[n % 2], *([] if plan is None else [plan]), seed=n) for n, plan in enumerate(plans)]
    return run(backend.generate(requests))


# -- what a row may bring, and whom it harms


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (Edit(SITE, "set", torch.zeros(2, 32), span="prompt"), "values for 2 tokens"),
        (Edit("model.layers.1.mlp", "add", torch.zeros(3)), "vectors of 32 numbers"),
        (Edit("model.layers.1.mlp", "project_out", torch.ones(3)), "vectors of 32 numbers"),
        (Edit(SITE, "add", "abc"), "'abc'"),
        (Edit(SITE, "add", [[1.0], [2.0, 3.0]]), "numbers"),
        (Edit(SITE, "project_out", torch.zeros(32)), "length 0"),
        (Edit(SITE, "clamp", [0.0] * 32), "length 0"),
        (Edit(SITE, "add", unit(), condition=Condition("layers.0.resid_post", [0.0] * 32, 0.0)), "length 0"),
        (Edit(SITE, "add", unit(), condition=Condition("model.layers.2.mlp", unit(), 0.0)), "not read yet"),
        (Edit(SITE, "add", unit(), condition=Condition("model.layers.0.mlp", unit(5), 0.0)), "vectors of 32 numbers"),
        (Edit(SITE, "add", unit(), condition=Condition("layers.0.pattern", unit(5), 0.0)), "pattern"),
        (Edit(SITE, "add", unit(), condition=Condition("layers.0.z", unit(8), 0.0)), "(4, 8)"),
        (Edit(SITE, "zero", condition=Condition("layers.0.resid_post", unit(), 0.0, "generated[0:2]")), "no token"),
    ],
)
def test_an_edit_that_does_not_fit_fails_its_own_row(llama: HuggingFaceBackend, edit: Edit, message: str) -> None:
    wrong, fine = together(llama, Plan(edits=[edit]), None)
    assert wrong.error is not None and message in str(wrong.error) and isinstance(wrong.error, UserError)
    assert fine.error is None and fine.text == answers(llama, ask(SHORT, seed=1))[0].text
    assert hooks_of(llama.network().model) == 0


def test_a_row_whose_function_fails_is_not_written_to_the_end(llama: HuggingFaceBackend) -> None:
    calls: list[int] = []

    def broken(rows: torch.Tensor) -> torch.Tensor:
        calls.append(len(rows))
        raise ZeroDivisionError("no")

    (failed,) = run(llama.generate([ask(SHORT, Plan(edits=[Edit(SITE, "call", broken)]), length=200)]))
    assert "ZeroDivisionError: no" in str(failed.error)
    assert len(calls) == 1 and failed.usage.output_tokens == 1


@pytest.mark.parametrize("strength", [np.float32(2), np.float64(2), np.int64(2), torch.tensor(2.0), np.array(2.0), 2])
def test_a_strength_is_any_kind_of_number(strength: Any) -> None:
    assert Edit(SITE, "add", [1.0], strength).strength == 2.0
    by_token = Edit(SITE, "add", [1.0], np.array([1.0, 2.0]))
    assert by_token.strength == [1.0, 2.0] and by_token.strength_at(7) == 2.0


@pytest.mark.parametrize("strength", ["2", float("nan"), float("inf"), [1.0, float("nan")], [], None, [[1.0]], {}])
def test_what_is_no_strength_is_refused_at_once(strength: Any) -> None:
    with pytest.raises(ConfigError, match="strength"):
        Edit(SITE, "add", [1.0], strength)


def test_other_nonsense_is_refused_at_once() -> None:
    for threshold in ("high", float("nan"), [0.1], None):
        with pytest.raises(ConfigError, match="threshold"):
            Condition(SITE, unit(), threshold)  # type: ignore[arg-type]
    assert Condition(SITE, unit(), np.float32(0.5)).threshold == 0.5
    with pytest.raises(ConfigError, match="function"):
        Edit(SITE, "call", [1.0])
    assert Read(Site("logits"), top=2).title == "logits"  # type: ignore[arg-type]


def test_spans_and_sites_are_read_at_once() -> None:
    makers = [
        lambda site, span: Read(site, span),
        lambda site, span: Edit(site, "zero", span=span),
        lambda site, span: Condition(site, unit(), 0.1, span),
    ]
    for make in makers:
        with pytest.raises(UnknownNameError, match="unknown span 'wrods'; did you mean 'words'"):
            make(SITE, "wrods(refund)")
        with pytest.raises(ConfigError, match="not the name of a site"):
            make("layers 1", "prompt")
    with pytest.raises(ConfigError, match="not the name of a site"):
        Inspector("layers 1")


def test_a_direction_is_a_value(llama: HuggingFaceBackend) -> None:
    labels = np.arange(20) % 2
    features = np.random.default_rng(0).normal(size=(20, 32)) + 3 * labels[:, None]
    found = Direction.from_labels(features, labels, np.arange(20) // 2)
    as_object, as_vector = (Plan([Read(SITE, "prompt")], [Edit(SITE, "add", value)]) for value in (found, found.vector))
    one, other = answers(llama, ask(SHORT, as_object), ask(SHORT, as_vector))
    torch.testing.assert_close(one.captures[SITE].values, other.captures[SITE].values, rtol=0, atol=1e-5)


def test_plans_hold_reads_and_edits_with_names_of_their_own() -> None:
    with pytest.raises(ConfigError, match=r"reads .* list"):
        Plan(Read(SITE))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="Read"):
        Plan([SITE])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match="Edit"):
        Plan(edits=[Read(SITE)])  # type: ignore[list-item]
    with pytest.raises(ConfigError, match=r"two reads .* name"):
        Plan([Read(SITE, "prompt"), Read(SITE, "generated")])


# -- one value a token


def test_values_one_a_token_go_on_where_the_last_call_ended(llama: HuggingFaceBackend) -> None:
    each = torch.randn(12, 32, generator=torch.Generator().manual_seed(3))
    for span, first in (("choices[0:12]", -1), ("prompt[-3:] | choices[0:10]", -3)):
        plan = Plan([Read(SITE, "everything")], [Edit(SITE, "set", each, span=span)], feed_last=True)
        results = together(llama, plan, plan)
        for result in results:
            assert result.error is None
            found = result.captures[SITE]
            start = found.tokens.prompt + first
            count = min(len(each), len(found.values) - start, 10 - first - 1)
            torch.testing.assert_close(found.values[start : start + count], each[:count])


# -- whole heads


def test_one_vector_for_all_heads_is_added_to_each(llama: HuggingFaceBackend) -> None:
    push = unit(8)
    reads = [Read("layers.1.z", "everything", before_edits=True, name="z"), Read("layers.1.z", "everything", name="to")]
    plan = Plan(reads, [Edit("layers.1.z", "add", push, 2.0)])
    for result in together(llama, plan, plan, plan):
        gained = result.captures["to"].values - result.captures["z"].values
        torch.testing.assert_close(gained, (2.0 * push).expand_as(gained), atol=1e-5, rtol=0)


def test_a_direction_in_some_heads_leaves_the_others(llama: HuggingFaceBackend) -> None:
    value = torch.zeros(4, 8)
    value[2] = unit(8)
    reads = [Read("layers.1.z", "prompt", before_edits=True, name="z"), Read("layers.1.z", "prompt", name="to")]
    (result,) = answers(llama, ask(LONG, Plan(reads, [Edit("layers.1.z", "project_out", value)])))
    before, after = result.captures["z"].values, result.captures["to"].values
    assert torch.equal(after[:, [0, 1, 3]], before[:, [0, 1, 3]])
    torch.testing.assert_close(after[:, 2] @ value[2], torch.zeros(len(after)), atol=1e-5, rtol=0)


def condition_holds(backend: HuggingFaceBackend, condition: Condition, text: str, span: str = "generated") -> bool:
    reads = [Read(SITE, span, before_edits=True, name="x"), Read(SITE, span, name="to")]
    plan = Plan(reads, [Edit(SITE, "add", unit(), span=span, condition=condition)], feed_last=True)
    (result,) = answers(backend, ask(text, plan))
    return not torch.equal(result.captures["x"].values, result.captures["to"].values)


def test_a_condition_is_read_of_heads_and_of_logits(llama: HuggingFaceBackend) -> None:
    reads = Plan([Read("layers.0.z", "prompt", reduce="mean"), Read("logits", "last_prompt")])
    (seen,) = answers(llama, ask(LONG, reads))
    z, logits = seen.captures["layers.0.z"].values[0], seen.captures["logits"].values[0]
    across = torch.randn(4, 8, generator=torch.Generator().manual_seed(1))
    reading = float((z * across).sum() / across.norm())
    token = torch.zeros(len(logits))
    token[65] = 1.0
    for threshold, holds in ((-0.01, True), (0.01, False)):
        of_heads = Condition("layers.0.z", across, reading + threshold, measure="dot")
        assert condition_holds(llama, of_heads, LONG) is holds
        of_logits = Condition("logits", token, float(logits[65]) + threshold, span="last_prompt", measure="dot")
        assert condition_holds(llama, of_logits, LONG) is holds


# -- later turns


def told(backend: HuggingFaceBackend, plans: Sequence[Plan], session: str) -> list[GenerateResult]:
    """Return the replies in growing conversations of one session."""
    texts = [" ".join([LONG] * (n + 1)) for n in range(len(plans))]
    pairs = zip(texts, plans, strict=True)
    return [answers(backend, ask(text, plan, session=session, temperature=0.0))[0] for text, plan in pairs]


def test_functions_that_changed_are_not_met_in_kept_keys(llama: HuggingFaceBackend, folder: str) -> None:
    """A function is known by nothing but itself: it may act otherwise next time, or at another place."""
    forgetful = HuggingFaceBackend(folder, kv_cache_bytes=0)
    size = [3.0]

    def push(rows: torch.Tensor) -> torch.Tensor:
        return rows + size[0] * unit()

    def plan(site: str) -> Plan:
        return Plan([Read("logits", "choices")], [Edit(site, "call", push)])

    for number, (sites, sizes) in enumerate(
        [(("layers.0.resid_post", "layers.2.resid_post"), (3.0, 3.0)), (("layers.0.resid_post",) * 2, (3.0, -9.0))]
    ):
        replies = []
        for backend in (llama, forgetful):
            size[0] = sizes[0]
            told(backend, [plan(sites[0])], f"calls {number}")
            size[0] = sizes[1]
            request = ask(LONG * 2, plan(sites[1]), session=f"calls {number}", temperature=0.0)
            replies += answers(backend, request)
        kept, fresh = (reply.captures["logits"].values for reply in replies)
        torch.testing.assert_close(kept, fresh, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("site", ["layers.0.resid_post", "layers.1.resid_mid", "layers.1.v", "layers.0.mlp_act.3"])
def test_an_edit_may_change_between_turns(llama: HuggingFaceBackend, folder: str, site: str) -> None:
    forgetful = HuggingFaceBackend(folder, kv_cache_bytes=0)
    plans = [Plan([Read("logits", "choices")], [Edit(site, "scale", strength=s)]) for s in (1.0, 3.0, 3.0, 0.5)]
    for kept, fresh in zip(told(llama, plans, f"turns {site}"), told(forgetful, plans, site), strict=True):
        one, other = kept.captures["logits"].values, fresh.captures["logits"].values
        torch.testing.assert_close(one, other, atol=5e-5, rtol=1e-4)


# -- half precision


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_half_precision_loses_no_more_than_it_must(folder: str, dtype: str) -> None:
    """C7: a float32 direction failed on such a model. A projection leaves what rounding to the type leaves."""
    model = HuggingFaceBackend(folder, dtype=dtype)
    u = unit()
    edits = [Edit(SITE, "add", 40 * u), Edit(SITE, "project_out", u)]
    reads = [Read(SITE, "everything"), Read("layers.0.pattern"), Read("logits", "choices", top=3)]
    (result,) = answers(model, ask(LONG, Plan(reads, edits)))
    values = result.captures[SITE].values
    assert values.dtype == getattr(torch, dtype)
    step = torch.finfo(values.dtype).eps
    assert float((values.float() @ u).abs().max()) < step * float(values.float().norm(dim=-1).max()) / 2
    huge = Plan([Read(SITE, "prompt")], [Edit(SITE, "add", u, 60000.0, keep_norm=True)])
    kept, plain = answers(model, ask(LONG, huge), ask(LONG, Plan([Read(SITE, "prompt")])))
    lengths = [one.captures[SITE].values.float().norm(dim=-1) for one in (kept, plain)]
    torch.testing.assert_close(*lengths, atol=0.1, rtol=0.05)


# -- reductions


def test_the_largest_logits_of_one_token_keep_their_names(llama: HuggingFaceBackend, tmp_path: Path) -> None:
    reads = [Read("logits", "choices", top=3, name="all"), Read("logits", "choices", top=3, reduce="last", name="last")]
    (result,) = answers(llama, ask(SHORT, Plan(reads)))
    every, last = result.captures["all"], result.captures["last"]
    assert torch.equal(last.values, every.values[-1:]) and torch.equal(last.indices, every.indices[-1:])
    assert torch.equal(last.logsumexp, every.logsumexp[-1:])
    with pytest.raises(ConfigError, match="mean"):
        Read("logits", "choices", top=3, reduce="mean")
