"""Attention on the CPU for models whose query heads share heads of keys and values.

The stock function copies the shared heads once for every query head when there is a mask, which in a batch of many
short inputs takes longer than attention itself. The kernel can share them; this function lets it.
"""

from __future__ import annotations

from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdialog_grouped"


def share_heads(model: Any) -> None:
    """Let a model on the CPU that uses the stock attention share heads; every other model stays as it is."""
    config = model.config
    heads, key_heads = getattr(config, "num_attention_heads", 1), getattr(config, "num_key_value_heads", None)
    grouped = isinstance(key_heads, int) and isinstance(heads, int) and key_heads < heads
    if model.device.type == "cpu" and grouped and config._attn_implementation == "sdpa":
        AttentionInterface.register(NAME, _attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attend as transformers' interface for attention functions wants it."""
    special = any(options.get(name) is not None for name in ("position_bias", "cache", "softcap"))
    if attention_mask is None or query.shape[1] == key.shape[1] or special:
        stock: tuple[torch.Tensor, None] = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout=dropout, scaling=scaling, **options
        )
        return stock
    rows, heads, length, size = query.shape
    if length == 1 and attention_mask.shape[1] == 1:
        # The query heads of a shared head are then to the kernel so many queries of one head, and it reads keys once.
        packed = query.reshape(rows, key.shape[1], heads // key.shape[1], size)
        mixed = scaled_dot_product_attention(
            packed, key, value, attn_mask=attention_mask, dropout_p=dropout, scale=scaling
        )
        return mixed.reshape(rows, 1, heads, value.shape[-1]), None
    mixed = scaled_dot_product_attention(
        query, key, value, attn_mask=attention_mask, dropout_p=dropout, scale=scaling, enable_gqa=True
    )
    return mixed.transpose(1, 2).contiguous(), None
