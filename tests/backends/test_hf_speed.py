"""What makes local models faster changes nothing they compute: matrix products, shared heads, tokens cut in parts."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import transformers
from backends.tiny_models import build, tokenizer
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.backends._hf_attention import NAME, share_heads
from sdialog.backends._hf_encode import encoder
from sdialog.backends._hf_linear import speed_up

MINI = Path(__file__).resolve().parents[2] / "sdialog" / "backends" / "mini"


@pytest.mark.parametrize("rows", [1, 5, 12, 33, 200])
def test_fast_linear_layers_give_what_the_usual_ones_give(rows: int) -> None:
    generator = torch.Generator().manual_seed(rows)
    usual = torch.nn.Sequential(torch.nn.Linear(48, 96), torch.nn.SiLU(), torch.nn.Linear(96, 7, bias=False))
    fast = torch.nn.Sequential(torch.nn.Linear(48, 96), torch.nn.SiLU(), torch.nn.Linear(96, 7, bias=False))
    fast.load_state_dict(usual.state_dict())
    speed_up(fast)
    given = torch.randn(rows, 3, 48, generator=generator)
    with torch.inference_mode():
        assert torch.allclose(fast(given), usual(given), atol=1e-6)
    assert torch.allclose(fast(given), usual(given), atol=1e-6)
    fast(given).sum().backward()
    assert fast[0].weight.grad is not None


def test_weights_that_somebody_changes_count_at_once() -> None:
    layer = torch.nn.Sequential(torch.nn.Linear(16, 16))
    speed_up(layer)
    given = torch.ones(40, 16)
    with torch.inference_mode():
        before = layer(given)
    with torch.no_grad():
        layer[0].weight.zero_()
    with torch.inference_mode():
        assert not torch.equal(layer(given), before)
        assert torch.allclose(layer(given), layer[0].bias.expand(40, 16))


def test_shared_heads_give_the_same_scores_with_and_without_a_mask() -> None:
    stock, own = build("llama").eval(), build("llama").eval()
    share_heads(own)
    assert own.config._attn_implementation == NAME and stock.config._attn_implementation == "sdpa"
    ids = torch.randint(6, 200, (3, 20), generator=torch.Generator().manual_seed(1))
    mask = torch.ones_like(ids)
    mask[1, :7] = 0
    with torch.inference_mode():
        for given in (None, mask):
            ours, theirs = (model(input_ids=ids, attention_mask=given).logits[:, -1] for model in (own, stock))
            assert torch.allclose(ours, theirs, atol=1e-5)


def test_a_model_without_shared_heads_stays_as_it_is() -> None:
    model = build("gpt2").eval()
    share_heads(model)
    assert model.config._attn_implementation == "sdpa"


TOKENIZERS = {
    "mini": transformers.AutoTokenizer.from_pretrained(MINI),
    "bytes": tokenizer(),
}
PIECES = st.one_of(
    st.sampled_from([" ", "  ", "\n", "\n\n", "\t", "don't", " I'm", "12", "é", "日本", "<", ">"]), st.text(max_size=6)
)


@pytest.mark.parametrize("name", sorted(TOKENIZERS))
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_text_cut_in_parts_is_the_text_cut_whole(name: str, data: st.DataObject) -> None:
    whole = TOKENIZERS[name]
    cut = encoder(whole)
    assert cut.__name__ == "in_parts"
    text = "".join(data.draw(st.lists(st.one_of(st.sampled_from(whole.all_special_tokens), PIECES), max_size=12)))
    assert cut(text, False) == whole(text, add_special_tokens=False)["input_ids"]


def test_a_tokenizer_that_looks_across_parts_is_left_alone() -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers

    inner = Tokenizer(models.BPE({"<s>": 0, "▁": 1, "a": 2}, merges=[]))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.add_special_tokens(["<s>"])
    spaced = transformers.PreTrainedTokenizerFast(tokenizer_object=inner, bos_token="<s>")
    assert encoder(spaced).__name__ == "whole"
    assert encoder(spaced)("a<s>a", False) == spaced("a<s>a", add_special_tokens=False)["input_ids"]
