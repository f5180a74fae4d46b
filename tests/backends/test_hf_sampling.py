"""Choosing tokens: the right distribution, the same token in any batch, and honest flags where it was close."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.backends._hf_sampling import Sampling, SamplingTable, gumbel, penalise

CPU = torch.device("cpu")


def choose(logits, rows, step=0, tolerance=0.0):
    return SamplingTable(rows, CPU).choose(logits, [step] * len(rows), tolerance)


def allowed(logits, row):
    """Sort and cut, as the papers define it: which tokens the truncations leave."""
    chances = (logits / row.temperature).softmax(-1)
    ordered, tokens = chances.sort(descending=True)
    inside = torch.ones_like(ordered, dtype=torch.bool)
    if row.top_k:
        inside[row.top_k :] = False
    kept = torch.where(inside, ordered, 0.0)
    kept = kept / kept.sum()
    inside &= kept.cumsum(0) - kept < row.top_p
    inside &= ordered >= row.min_p * ordered[0]
    return set(tokens[inside].tolist())


def test_noise_is_standard_gumbel():
    noise = gumbel(torch.arange(64), 2000).double()
    assert float(noise.mean()) == pytest.approx(0.5772, abs=0.01)
    assert float(noise.var()) == pytest.approx(math.pi**2 / 6, abs=0.03)
    for x in (-1.0, 0.0, 2.0, 5.0):
        assert float((noise <= x).double().mean()) == pytest.approx(math.exp(-math.exp(-x)), abs=0.005)
    assert noise.isfinite().all()


def test_noise_of_a_row_ignores_the_other_rows():
    assert torch.equal(gumbel(torch.tensor([5, 6, 7]), 999)[1], gumbel(torch.tensor([6]), 999)[0])


@pytest.mark.parametrize(
    "options",
    [{}, {"top_p": 0.8}, {"top_k": 3}, {"top_k": 6, "top_p": 0.7}, {"min_p": 0.2}, {"top_p": 0.9, "min_p": 0.05}],
    ids=str,
)
def test_draws_follow_the_distribution(options):
    logits = torch.tensor([[1.2, 0.1, -0.4, 0.9, 1.0, -2.0, 0.3, 0.2]])
    rows = [Sampling(temperature=0.8, seed=seed, **options) for seed in range(6000)]
    tokens = choose(logits.repeat(len(rows), 1), rows).tokens
    drawn = torch.bincount(torch.tensor(tokens), minlength=8) / len(rows)
    kept = allowed(logits[0], rows[0])
    chances = (logits[0] / 0.8).softmax(-1)
    chances = torch.tensor([float(p) if token in kept else 0.0 for token, p in enumerate(chances)])
    assert (drawn - chances / chances.sum()).abs().max() < 0.025
    assert {token for token in range(8) if drawn[token] > 0} <= kept


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0, 10**6),
    st.floats(0.3, 2.0),
    st.sampled_from([1.0, 0.95, 0.5, 0.1]),
    st.sampled_from([0, 1, 5, 40]),
    st.sampled_from([0.0, 0.1]),
)
def test_striking_out_equals_masking_first(seed, temperature, top_p, top_k, min_p):
    logits = torch.randn(5, 60, generator=torch.Generator().manual_seed(seed)) * 2
    rows = [Sampling(temperature, top_p, top_k, min_p, seed=seed + i) for i in range(5)]
    tokens = choose(logits, rows).tokens
    for own, row, token in zip(logits, rows, tokens, strict=True):
        kept = allowed(own, row)
        masked = torch.tensor([x if i in kept else -math.inf for i, x in enumerate(own.tolist())])
        plain = Sampling(temperature, seed=row.seed)
        assert choose(masked[None], [plain]).tokens == [token]


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10**6), st.permutations(range(6)))
def test_a_row_gets_its_token_in_any_order_and_number(seed, order):
    logits = torch.randn(6, 300, generator=torch.Generator().manual_seed(seed)) * 3
    rows = [Sampling(temperature=0.5 + 0.2 * i, top_p=1.0 - 0.05 * i, seed=i) for i in range(5)] + [Sampling()]
    together = choose(logits, rows, step=3).tokens
    assert [choose(logits[i : i + 1], rows[i : i + 1], step=3).tokens[0] for i in range(6)] == together
    assert choose(logits[order], [rows[i] for i in order], step=3).tokens == [together[i] for i in order]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6), st.sampled_from([{}, {"top_p": 0.7}, {"top_k": 4}, {"min_p": 0.2}, {"temperature": 0.0}]))
def test_rounding_never_changes_an_unflagged_choice(seed, options):
    """Move logits by less than the tolerance allows for: only flagged rows may change."""
    draw = torch.Generator().manual_seed(seed)
    logits = (torch.randn(64, 12, generator=draw) * 2).round(decimals=1)
    rows = [Sampling(**{"temperature": 0.9, "seed": i, **options}) for i in range(64)]
    choice = choose(logits, rows, tolerance=1e-3)
    moved = logits + (torch.rand(logits.shape, generator=draw) - 0.5) * 4e-4
    after = choose(moved, rows).tokens
    changed = [i for i in range(64) if choice.tokens[i] != after[i]]
    assert all(choice.close[i] for i in changed)


def test_exact_ties_and_edges_are_flagged():
    tied = torch.tensor([[2.0, 2.0, 0.0], [2.0, 1.0, 0.0]])
    assert choose(tied, [Sampling(), Sampling()], tolerance=1e-4).close == [True, False]
    # both tokens of equal chance lie on the edge of a nucleus of one half
    rows = [Sampling(temperature=1.0, top_p=0.5, seed=seed) for seed in range(200)]
    edge = torch.tensor([[1.0, 1.0, -20.0]]).repeat(200, 1)
    assert any(choose(edge, rows, tolerance=1e-4).close)


def test_the_narrowest_truncations_leave_the_likeliest_token():
    logits = torch.tensor([[0.0, 1.0, 0.9, 1.0 - 1e-6]]).repeat(4, 1)
    rows = [
        Sampling(temperature=1.0, seed=1, **cut)
        for cut in ({"top_p": 0.0}, {"top_k": 1}, {"min_p": 1.0}, {"top_p": 1e-3})
    ]
    choice = choose(logits, rows)
    assert choice.tokens == [1, 1, 1, 1]
    assert choice.broken == [False] * 4
    assert choose(logits, rows, tolerance=1e-3).close == [True] * 4


def test_scores_that_are_no_numbers_are_told():
    logits = torch.tensor([[math.nan, 1.0, 0.0], [-math.inf, 1.0, 0.0], [math.inf, 1.0, 0.0]])
    rows = [Sampling(temperature=1.0, seed=i) for i in range(3)]
    assert choose(logits, rows).broken == [True, False, True]


def test_penalties():
    logits = torch.tensor([2.0, -2.0, 1.0])
    row = Sampling(repetition_penalty=2.0)
    assert penalise(logits, row, [0, 1], []).tolist() == [1.0, -4.0, 1.0]
    row = Sampling(frequency_penalty=0.5, presence_penalty=0.25)
    assert penalise(logits, row, [0], [2, 2]).tolist() == [2.0, -2.0, -0.25]
    assert logits.tolist() == [2.0, -2.0, 1.0]
