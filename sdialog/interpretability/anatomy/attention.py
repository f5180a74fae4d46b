"""Queries, keys, values and probabilities inside attention, where no module is to put a hook on.

transformers lets a model take its attention function by name. For one block the model takes one that calls whoever
wants to see or change something, and otherwise computes as the model's own does, so that looking changes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import partial
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnsupportedFeatureError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from torch import Tensor

# Gets a tensor and returns another in its place, or None to leave it.
Call = Callable[["Tensor"], "Tensor | None"]
OwnFunction = Callable[..., "tuple[Tensor, Tensor | None]"]
# By module of attention, and in it by what it is called with: q, k, v or pattern.
Watched = Mapping[Any, Mapping[str, Sequence[Call]]]

_PREFIX = "sdialog_watched_"
# They get no mask that says which columns a token attends to.
_MASKLESS = ("flash", "flex", "paged")
_WHY = "look into a model"
_watched: ContextVar[Watched | None] = ContextVar("watched", default=None)


@contextmanager
def watching(calls: Watched) -> Iterator[None]:
    """Call functions inside attention for the time of a block.

    Blocks can be nested; the calls of the outer come first. It is for the thread in which the model runs: another
    thread may not open a block on the same model meanwhile. Keys and values that a call changes go into the cache, so
    that later tokens find them changed, except while gradients are recorded; the cache has to append the new columns
    at the end, as those of transformers with room to grow do.

    Args:
        calls: by module of attention, then by ``q`` or (the new tokens') ``k`` or ``v``, of shape (rows, tokens,
            heads, length of a head), or ``pattern``, of shape (rows, heads, tokens, columns), whose rows sum to 1
            and are used as the call returns them: the functions, called in their order, none of which may
            change its argument.

    Raises:
        UnsupportedFeatureError: if the model uses an attention function that cannot be looked into.
    """
    configs = {id(module.config): module.config for module in calls}.values()
    before = [(config, config._attn_implementation) for config in configs]
    bases = [_base(name) for _, name in before]
    for base in set(bases):
        _register(base)
    token = _watched.set(_joined(_watched.get() or {}, calls))
    try:
        for (config, _), base in zip(before, bases, strict=True):
            config._attn_implementation = _PREFIX + base
        yield
    finally:
        _watched.reset(token)
        for config, name in before:
            config._attn_implementation = name


def _base(name: str | None) -> str:
    base = str(name).removeprefix(_PREFIX)
    if any(word in base for word in _MASKLESS):
        raise UnsupportedFeatureError(
            f"q, k, v and pattern cannot be seen with the attention implementation {base!r}; load the model with "
            f"attn_implementation 'sdpa' or 'eager'"
        )
    return base


def _register(base: str) -> None:
    need("transformers", extra="local", why=_WHY)
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

    name = _PREFIX + base
    if name not in ALL_MASK_ATTENTION_FUNCTIONS:
        AttentionMaskInterface.register(name, ALL_MASK_ATTENTION_FUNCTIONS[base])
        AttentionInterface.register(name, partial(_attend, base))


def _joined(first: Watched, second: Watched) -> Watched:
    joined: dict[Any, dict[str, Sequence[Call]]] = {}
    for calls in (first, second):
        for module, named in calls.items():
            own = joined.setdefault(module, {})
            for name, functions in named.items():
                own[name] = [*own.get(name, ()), *functions]
    return joined


def _attend(
    base: str,
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, Tensor | None]:
    """Attend as transformers' interface for attention functions wants it."""
    own = _own_function(base, module)
    calls = (_watched.get() or {}).get(module)
    if calls is None:
        return own(module, query, key, value, attention_mask, **options)
    new = query.shape[2]
    query = _renewed(query, new, calls.get("q", ()), keep=False)
    key = _renewed(key, new, calls.get("k", ()), keep=True)
    value = _renewed(value, new, calls.get("v", ()), keep=True)
    if "pattern" in calls:
        pattern = probabilities(module, query, key, attention_mask, **options)
        changed = _called(pattern, calls["pattern"])
        if changed is not None:
            mixed = changed @ _for_queries(value, query.shape[1])
            return mixed.transpose(1, 2).contiguous(), changed
    return own(module, query, key, value, attention_mask, **options)


def _own_function(base: str, module: Any) -> OwnFunction:
    """Return the attention function that the model has of its own."""
    from transformers.modeling_utils import ALL_ATTENTION_FUNCTIONS

    # The eager function is not registered: each family has one in the file of its modules.
    eager = getattr(sys.modules[type(module).__module__], "eager_attention_forward", None)
    function: OwnFunction | None = eager if base == "eager" else ALL_ATTENTION_FUNCTIONS[base]
    if function is None:
        raise UnsupportedFeatureError(
            f"{type(module).__name__} has no eager attention function of its own; load the model with "
            f"attn_implementation 'sdpa'"
        )
    return function


def _renewed(held: Tensor, new: int, functions: Sequence[Call], *, keep: bool) -> Tensor:
    """Return queries, keys or values with their last ``new`` columns as the functions change them.

    Args:
        held: of shape (rows, heads, columns, length).
        new: how many columns are of this call's tokens.
        functions: the functions.
        keep: write changes into the tensor, which a cache may hold, too.
    """
    if not functions:
        return held
    torch = need("torch", extra="local", why=_WHY)
    changed = _called(held[:, :, -new:].transpose(1, 2), functions)
    if changed is None:
        return held
    changed = changed.transpose(1, 2)
    if keep and not torch.is_grad_enabled():
        held[:, :, -new:] = changed
        return held
    joined: Tensor = torch.cat([held[:, :, :-new], changed], dim=2)
    return joined


def _called(tensor: Tensor, functions: Sequence[Call]) -> Tensor | None:
    """Return what the functions make of a tensor one after the other; None if all of them leave it."""
    changed = None
    for function in functions:
        result = function(tensor if changed is None else changed)
        changed = changed if result is None else result
    return changed


def _for_queries(shared: Tensor, heads: int) -> Tensor:
    """Return keys or values with one head for each query head."""
    return shared if shared.shape[1] == heads else shared.repeat_interleave(heads // shared.shape[1], dim=1)


def probabilities(
    module: Any,
    query: Tensor,
    key: Tensor,
    mask: Tensor | None = None,
    *,
    scaling: float | None = None,
    softcap: float | None = None,
    s_aux: Tensor | None = None,
    is_causal: bool | None = None,
    position_bias: Tensor | None = None,
    **_others: Any,
) -> Tensor:
    """Return how much each token attends to each column: ``softmax(q k / sqrt(length) + mask)`` (Vaswani et al., 2017).

    Args:
        module: attention.
        query: of shape (rows, heads, tokens, length).
        key: of shape (rows, heads of keys, columns, length); heads may share them (Ainslie et al., 2023).
        mask: of shape (rows or 1, heads or 1, tokens, columns): True where a token may look, or a number to add; None
            lets a token look at itself and what is before it, if attention is causal.
        scaling: factor of the products; None for ``1 / sqrt(length)``.
        softcap: c in ``c tanh(product / c)`` (Gemma 2, 2024).
        s_aux: score of each head for attending to nothing (attention sinks), of shape (heads,).
        is_causal: overrules the module's.
        position_bias: refused.

    Returns:
        Probabilities of shape (rows, heads, tokens, columns), in the queries' type.
    """
    if position_bias is not None:
        raise UnsupportedFeatureError("pattern cannot be computed for attention with learnt position biases")
    torch = need("torch", extra="local", why=_WHY)
    scores = query @ _for_queries(key, query.shape[1]).transpose(-1, -2)
    scores = scores * (query.shape[-1] ** -0.5 if scaling is None else scaling)
    if softcap is not None:
        scores = softcap * torch.tanh(scores / softcap)
    causal = getattr(module, "is_causal", True) if is_causal is None else is_causal
    tokens, columns = scores.shape[-2:]
    if mask is None and causal and tokens > 1:
        mask = torch.ones(tokens, columns, dtype=torch.bool, device=scores.device).tril(columns - tokens)
    if mask is not None:
        lowest = torch.finfo(scores.dtype).min
        scores = scores.masked_fill(~mask, lowest) if mask.dtype == torch.bool else scores + mask
    if s_aux is not None:
        sinks = s_aux.to(scores.dtype).reshape(1, -1, 1, 1).expand(scores.shape[0], -1, tokens, 1)
        scores = torch.cat([scores, sinks], dim=-1)
    exact = torch.float64 if scores.dtype == torch.float64 else torch.float32
    found: Tensor = scores.softmax(-1, dtype=exact)[..., :columns].to(query.dtype)
    return found
