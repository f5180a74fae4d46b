"""The forward pass used for training: the same arithmetic as transformers' Llama, with fused projections."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor
from transformers import LlamaForCausalLM

CONTEXT = 1024


class Trunk(torch.nn.Module):
    """The hidden states of a Llama model, sharing its weights; about a tenth faster than the stock forward pass."""

    def __init__(self, model: LlamaForCausalLM) -> None:
        super().__init__()
        self.model = model
        config = model.config
        self.heads = config.num_attention_heads
        self.key_heads = config.num_key_value_heads
        self.width = config.hidden_size // self.heads
        self.eps = config.rms_norm_eps
        frequency = 1.0 / (10000.0 ** (torch.arange(0, self.width, 2).float() / self.width))
        angle = torch.outer(torch.arange(CONTEXT).float(), frequency)
        angle = torch.cat([angle, angle], -1)
        self.register_buffer("cos", angle.cos(), persistent=False)
        self.register_buffer("sin", angle.sin(), persistent=False)

    def forward(self, ids: Tensor) -> Tensor:
        """Return the final hidden states, (batch, length, hidden), of token ids (batch, length)."""
        batch, length = ids.shape
        x = self.model.model.embed_tokens(ids)
        size, half = x.shape[-1], self.width // 2
        parts = [self.heads, self.key_heads, self.key_heads]
        group = self.heads // self.key_heads
        cos = self.cos[:length].view(1, length, 1, self.width)
        sin = self.sin[:length].view(1, length, 1, self.width)
        for layer in self.model.model.layers:
            attention, mlp = layer.self_attn, layer.mlp
            h = F.rms_norm(x, (size,), layer.input_layernorm.weight, self.eps)
            projection = torch.cat([attention.q_proj.weight, attention.k_proj.weight, attention.v_proj.weight])
            qkv = F.linear(h, projection).view(batch, length, sum(parts), self.width)
            qk, v = qkv[:, :, : -self.key_heads], qkv[:, :, -self.key_heads :]
            q, k = (qk * cos + torch.cat([-qk[..., half:], qk[..., :half]], -1) * sin).split(parts[:2], 2)
            k, v = (part.repeat_interleave(group, 2) for part in (k, v))
            mixed = F.scaled_dot_product_attention(
                q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2), is_causal=True
            )
            x = x + F.linear(mixed.transpose(1, 2).reshape(batch, length, size), attention.o_proj.weight)
            h = F.rms_norm(x, (size,), layer.post_attention_layernorm.weight, self.eps)
            gate, up = F.linear(h, torch.cat([mlp.gate_proj.weight, mlp.up_proj.weight])).chunk(2, -1)
            x = x + F.linear(F.silu(gate) * up, mlp.down_proj.weight)
        return F.rms_norm(x, (size,), self.model.model.norm.weight, self.eps)


def pool_heads(weights: dict[str, Tensor], heads: int, key_heads: int) -> dict[str, Tensor]:
    """Return a Llama's weights with the key and value heads averaged in groups.

    Args:
        weights: state of a model with as many key and value heads as query heads.
        heads: how many it has.
        key_heads: how many to make of them (grouped-query attention, Ainslie et al., 2023).
    """
    pooled = dict(weights)
    for name, weight in weights.items():
        if ".k_proj." in name or ".v_proj." in name:
            groups = weight.view(key_heads, heads // key_heads, weight.shape[0] // heads, weight.shape[1])
            pooled[name] = groups.mean(1).reshape(-1, weight.shape[1])
    return pooled
