"""What is kept between turns: found by common prefix, bounded in bytes, least recently used first out."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from sdialog.backends._hf_cache import ArenaCache, LayerShape, SessionStore, SpareBuffers
from sdialog.backends._hf_prefix import shared_prefixes

TOKEN_BYTES = 2 * 2 * 4 * 4  # two layers' worth of one head of four float32 keys and values


def kv(tokens):
    return [(torch.zeros(1, tokens, 4), torch.zeros(1, tokens, 4)) for _ in range(2)]


def test_the_longest_common_prefix_is_found_and_the_last_token_left_to_do():
    store = SessionStore(10**6)
    store.put("a", [1, 2, 3, 4], kv(4))
    assert store.match("a", [1, 2, 3, 4, 5])[0] == 4
    assert store.match("a", [1, 2, 9, 4, 5])[0] == 2
    assert store.match("a", [1, 2, 3, 4])[0] == 3
    assert store.match("a", [9])[0] == 0
    assert store.match("b", [1, 2])[0] == 0
    assert store.match(None, [1, 2])[0] == 0


def test_the_least_recently_used_go_first():
    store = SessionStore(3 * 10 * TOKEN_BYTES)
    for name in "abc":
        store.put(name, list(range(10)), kv(10))
    store.match("a", [0, 1])
    store.put("d", list(range(10)), kv(10))
    assert [store.match(name, [0, 1])[0] for name in "abcd"] == [1, 0, 1, 1]
    assert store.size == 3 * 10 * TOKEN_BYTES


def test_replacing_counts_once_and_what_is_too_large_is_not_kept():
    store = SessionStore(20 * TOKEN_BYTES)
    store.put("a", list(range(10)), kv(10))
    store.put("a", list(range(15)), kv(15))
    assert store.size == 15 * TOKEN_BYTES
    store.put("b", list(range(30)), kv(30))
    assert len(store) == 1
    store.clear()
    assert (len(store), store.size) == (0, 0)


def test_a_batch_grows_and_closes_its_gaps():
    spare = SpareBuffers(10**6, torch.device("cpu"))
    cache = ArenaCache([LayerShape(1, 2, 3)] * 2, rows=3, columns=2, dtype=torch.float32, spare=spare)
    for column in range(200):
        with cache.window(0, 3, column):
            for layer in cache.layers:
                row = torch.arange(3.0).reshape(3, 1, 1, 1) * 1000 + column
                keys, values = layer.update(row.expand(3, 1, 1, 2), row.expand(3, 1, 1, 3))
    assert keys.shape == (3, 1, 200, 2)
    assert values.shape == (3, 1, 200, 3)
    assert keys[1, 0, :, 0].tolist() == [1000.0 + column for column in range(200)]
    cache.keep([2, 1])
    held = cache.read(0, 5, 200)
    assert held[0][0][0, :, 0].tolist() == [2000.0 + column for column in range(5, 200)]
    cache.write(1, 0, held, 3)
    assert cache.read(1, 0, 4)[1][1][0, :, 0].tolist() == [2005.0, 2006.0, 2007.0, 1003.0]
    used = {layer.keys.data_ptr() for layer in cache.layers}
    cache.retire()
    again = ArenaCache([LayerShape(1, 2, 3)] * 2, rows=3, columns=150, dtype=torch.float32, spare=spare)
    assert used & {part.data_ptr() for layer in again.layers for part in (layer.keys, layer.values)}


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 40)), max_size=30), st.sampled_from([0, 300, 10**6]))
def test_buffers_are_never_in_two_hands_and_what_is_spare_keeps_to_its_limit(steps, limit):
    spare, held = SpareBuffers(limit, torch.device("cpu")), {}
    for number, size in steps:
        if number in held:
            tensor = held.pop(number)
            assert (tensor == number).all()
            spare.give([tensor])
        else:
            held[number] = spare.take((2, size), torch.float32).fill_(number)
            assert held[number].shape == (2, size)
        assert spare.size <= limit
    for number, tensor in held.items():
        assert (tensor == number).all()


@pytest.mark.parametrize("odd", [[*range(10), 500, 501], [*range(10), 0, 1]], ids=["sorts last", "sorts first"])
def test_one_odd_row_does_not_cut_a_long_common_beginning(odd):
    long = list(range(100))
    (group,) = shared_prefixes([[*long, 7], odd, [*long, 8], [*long, 9]], worth=50)
    assert (group.rows, group.length) == ([0, 2, 3], 100)


@given(st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), max_size=8), st.integers(1, 8))
def test_shared_beginnings_are_shared(prompts, worth):
    groups = shared_prefixes(prompts, worth)
    members = [row for group in groups for row in group.rows]
    assert len(members) == len(set(members))
    for group in groups:
        assert len({tuple(prompts[row][: group.length]) for row in group.rows}) == 1
        assert all(group.length < len(prompts[row]) for row in group.rows)
        assert (len(group.rows) - 1) * group.length >= worth
