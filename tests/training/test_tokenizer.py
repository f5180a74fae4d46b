"""The packed tokenizer and chat template, and how a row becomes token ids."""

from __future__ import annotations

import random

import pytest

from training import tokenizer as tokenizers
from training.encode import IGNORE, encode, pack
from training.make import PACKED, START
from training.rows import dialog_row


@pytest.fixture(scope="module")
def packed():
    return tokenizers.load(PACKED)


def pieces(tokenizer, text):
    return tokenizer.convert_ids_to_tokens(tokenizer.encode(text, add_special_tokens=False))


def test_special_tokens_keep_their_ids(packed):
    assert packed.convert_tokens_to_ids(tokenizers.SPECIAL) == list(range(8))
    assert packed.chat_template == tokenizers.CHAT_TEMPLATE


def test_digits_stand_alone_and_names_are_cut_alike_everywhere(packed):
    assert pieces(packed, "48213") == list("48213")
    bare, spaced = pieces(packed, "Torres"), pieces(packed, " Torres")
    assert spaced == [tokenizers.SPACE, *bare]
    assert len(pieces(packed, "wood")) == 1


def test_text_comes_back_whole(packed):
    text = 'Zoë paid 12 € — twice?\n  {"a": null}'
    assert packed.decode(packed.encode(text, add_special_tokens=False)) == text


def test_rows_are_encoded_as_the_chat_template_writes_them(packed):
    rng = random.Random(3)
    for _ in range(20):
        row = dialog_row(rng)
        text = packed.apply_chat_template([{"role": m.role, "content": m.content} for m in row], tokenize=False)
        assert encode(packed.backend_tokenizer, row).ids == packed.encode(text, add_special_tokens=False)


def test_tools_and_calls_are_written_as_in_training(packed):
    function = {"name": "check_order", "parameters": {"properties": {"order_number": {}, "item": {}}}}
    call = {"type": "function", "function": {"name": "check_order", "arguments": {"order_number": "A1"}}}
    text = packed.apply_chat_template(
        [{"role": "system", "content": "You are Ann."}, {"role": "assistant", "content": "", "tool_calls": [call]}],
        tools=[{"type": "function", "function": function}], tokenize=False,
    )  # fmt: skip
    assert text == (
        "<|system|>You are Ann.\ntools: check_order(order_number, item)<|end|>"
        '<|assistant|><tool_call>{"name": "check_order", "arguments": {"order_number": "A1"}}</tool_call><|end|>'
    )


def test_only_ones_own_turns_are_learnt_and_padding_is_not(packed):
    rng = random.Random(4)
    rows = [encode(packed.backend_tokenizer, dialog_row(rng)) for _ in range(4)]
    batch = pack(rows)
    for row, labels in zip(rows, batch.labels.tolist(), strict=True):
        learnt = [packed.convert_ids_to_tokens(i) for i in row.labels if i != IGNORE]
        assert "<|user|>" not in learnt and "<|end|>" in learnt
        assert labels[len(row.labels) :] == [IGNORE] * (batch.ids.shape[1] - len(row.ids))
        assert all(label in (IGNORE, token) for label, token in zip(row.labels, row.ids, strict=True))


def test_embeddings_move_to_a_new_vocabulary(packed):
    torch = pytest.importorskip("torch")
    old = tokenizers.load(START)
    table = torch.randn(len(old), 8, generator=torch.Generator().manual_seed(1))
    moved = tokenizers.transplant(old, table, packed)
    before, after = old.get_vocab(), packed.get_vocab()
    same = [piece for piece in after if piece in before]
    assert len(same) > 1500
    assert all(torch.equal(moved[after[p]], table[before[p]]) for p in same)
    bare = next(p for p in after if p not in before and tokenizers.SPACE + p in before)
    assert torch.equal(moved[after[bare]], table[before[tokenizers.SPACE + bare]])
    assert torch.isfinite(moved).all()


def test_the_response_template_finds_tool_calls(packed):
    prompt = "<|system|>You are Ann.<|end|><|user|>It is order A1.<|end|><|assistant|>"
    reply = '<tool_call>{"name": "check_order", "arguments": {"order_number": "A1"}}</tool_call><|end|>'
    (call,) = packed.parse_response(reply, prefix=prompt)["tool_calls"]
    assert call == {"type": "function", "function": {"name": "check_order", "arguments": {"order_number": "A1"}}}
    assert packed.parse_response("Hello.<|end|>", prefix=prompt) == {"role": "assistant", "content": "Hello."}
