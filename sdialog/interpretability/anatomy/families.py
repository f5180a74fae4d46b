"""Where the parts of a language model are, by family of models.

A family of another package comes in by ``families.register("its_model_type")(Family(...))`` or by an entry point in
the group ``sdialog.families``.
"""

from __future__ import annotations

from dataclasses import dataclass

from sdialog.core.registry import Registry


@dataclass(frozen=True, slots=True)
class Family:
    """Paths of modules. Those of the model start at its top, those of a layer at the layer.

    Attributes:
        layers: list of the layers.
        final_norm: norm after the last layer.
        embed: embeddings of the tokens.
        positions: embeddings of the positions, where they are added to the stream.
        attention: attention, of a layer.
        projection: output projection of attention; its input are the heads side by side.
        mlp: MLP.
        gate: projection whose output goes into the activation function.
        gate_share: which part of its output that is, as (number from 0, number of equal parts); None for all.
        down: last projection of the MLP.
        attention_norm: norm before attention, where there is one.
        mlp_norm: norm before the MLP, where there is one.
        attention_post_norm: norm of what attention gives, before it is added to the stream.
        mlp_post_norm: norm of what the MLP gives, before it is added to the stream.
        parallel: whether attention and MLP read the same stream, so that there is none between them; or the name of
            the switch in the configuration that says so.
    """

    layers: str = "model.layers"
    final_norm: str = "model.norm"
    embed: str = "model.embed_tokens"
    positions: str | None = None
    attention: str = "self_attn"
    projection: str = "self_attn.o_proj"
    mlp: str = "mlp"
    gate: str = "mlp.gate_proj"
    gate_share: tuple[int, int] | None = None
    down: str = "mlp.down_proj"
    attention_norm: str | None = "input_layernorm"
    mlp_norm: str | None = "post_attention_layernorm"
    attention_post_norm: str | None = None
    mlp_post_norm: str | None = None
    parallel: bool | str = False


families: Registry[Family] = Registry("model family", "sdialog.families")

_SANDWICH = Family(
    mlp_norm="pre_feedforward_layernorm",
    attention_post_norm="post_attention_layernorm",
    mlp_post_norm="post_feedforward_layernorm",
)
_TABLE = {
    "llama": Family(),
    "qwen2": Family(),
    "qwen3": Family(),
    "mistral": Family(),
    "gemma": Family(),
    "gemma2": _SANDWICH,
    "gemma3_text": _SANDWICH,
    "phi": Family(
        final_norm="model.final_layernorm",
        projection="self_attn.dense",
        gate="mlp.fc1",
        down="mlp.fc2",
        mlp_norm="input_layernorm",
        parallel=True,
    ),
    "phi3": Family(gate="mlp.gate_up_proj", gate_share=(0, 2)),
    "gpt2": Family(
        layers="transformer.h",
        final_norm="transformer.ln_f",
        embed="transformer.wte",
        positions="transformer.wpe",
        attention="attn",
        projection="attn.c_proj",
        gate="mlp.c_fc",
        down="mlp.c_proj",
        attention_norm="ln_1",
        mlp_norm="ln_2",
    ),
    "gpt_neox": Family(
        layers="gpt_neox.layers",
        final_norm="gpt_neox.final_layer_norm",
        embed="gpt_neox.embed_in",
        attention="attention",
        projection="attention.dense",
        gate="mlp.dense_h_to_4h",
        down="mlp.dense_4h_to_h",
        parallel="use_parallel_residual",
    ),
    "olmo": Family(),
    "olmo2": Family(
        attention_norm=None,
        mlp_norm=None,
        attention_post_norm="post_attention_layernorm",
        mlp_post_norm="post_feedforward_layernorm",
    ),
}
for _model_type, _family in _TABLE.items():
    families.register(_model_type)(_family)
