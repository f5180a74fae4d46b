"""A model and its tokenizer from a local folder or the hub, and one plain way to call it."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import Any

import torch
import transformers
from transformers import AutoModelForCausalLM, AutoTokenizer, DynamicCache
from transformers.cache_utils import Cache, DynamicLayer, DynamicSlidingWindowLayer

from sdialog.backends._hf_attention import NAME, share_heads
from sdialog.backends._hf_cache import ArenaCache, LayerShape, ModelCache, SpareBuffers
from sdialog.backends._hf_linear import speed_up
from sdialog.backends._hf_source import Source
from sdialog.core.errors import ConfigError

_ATTENTION_TYPES = {"full_attention", "sliding_attention"}
_LONGEST_SANE_CONTEXT = 10**9
_SPARE_BYTES = 1 << 30


class LocalModel:
    """A loaded model: weights, tokenizer, and what the decode loop must know of them.

    Args:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:
        self.model, self.tokenizer = model, tokenizer
        self.device: torch.device = model.device
        self.dtype: torch.dtype = model.dtype
        self.generation = model.generation_config
        text_config = model.config.get_text_config(decoder=True)
        self.context = _context_length(text_config, tokenizer)
        self.eos = _end_tokens(model, tokenizer)
        pad = tokenizer.pad_token_id
        self.pad: int = pad if pad is not None else min(self.eos, default=0)
        accepted = inspect.signature(model.forward).parameters
        self._takes_positions = "position_ids" in accepted
        self._keeps_last = "logits_to_keep" in accepted
        # Models without attention name their state differently and want the mask of the new columns only.
        self._recurrent = "cache_params" in accepted and "past_key_values" not in accepted
        self._score_dtype = torch.float64 if self.dtype == torch.float64 else torch.float32
        self._ready_masks = False
        self.shapes = self._probe(text_config)
        self._spare = SpareBuffers(_SPARE_BYTES, self.device)
        self._ready_masks = self._takes_ready_masks()

    @classmethod
    def load(cls, source: Source) -> LocalModel:
        """Load from disk, or from the hub and its cache.

        Raises:
            ConfigError: if files are missing or broken, or the hub cannot be reached.
        """
        device = torch.device(_pick_device() if source.device == "auto" else source.device)
        place = str(source.folder or source.name)
        options: dict[str, Any] = {"trust_remote_code": source.trust_remote_code}
        if source.folder is not None:
            options["local_files_only"] = True
        elif source.revision is not None:
            options["revision"] = source.revision
        source.check()
        try:
            with _no_progress_bars():
                tokenizer = AutoTokenizer.from_pretrained(place, **options)
                model = AutoModelForCausalLM.from_pretrained(place, dtype=_pick_dtype(source.dtype, device), **options)
            model = model.to(device).eval()
            share_heads(model)
            speed_up(model)
            return cls(model, tokenizer)
        except Exception as error:  # weights, tokenizers and remote code fail in their own ways
            raise ConfigError(_why_not(source, error)) from error

    def new_cache(self, rows: int, columns: int) -> ArenaCache | ModelCache:
        """Return an empty cache for a batch with room for so many rows and columns."""
        if self.shapes is None:
            return ModelCache(self.model.config, self.device)
        return ArenaCache(self.shapes, rows, columns, self.dtype, self._spare)

    def scores(
        self, ids: torch.Tensor, positions: torch.Tensor, mask: torch.Tensor | None = None, cache: Cache | None = None
    ) -> torch.Tensor:
        """Run one forward call.

        Args:
            ids: token ids of shape (rows, columns).
            positions: position of each token in its own sequence, same shape.
            mask: True where a column of cache or input holds a token of the row, of shape (rows, all columns); None
                when all do.
            cache: what came before.

        Returns:
            Scores of the token after the last column, shape (rows, vocabulary), float32 or float64.
        """
        options: dict[str, Any] = {"use_cache": cache is not None, "return_dict": True}
        options["cache_params" if self._recurrent else "past_key_values"] = cache
        if self._takes_positions:
            options["position_ids"] = positions
        if self._keeps_last:
            options["logits_to_keep"] = 1
        if self._recurrent and mask is not None:
            mask = mask[:, -ids.shape[1] :]
        elif self._ready_masks and mask is not None and ids.shape[1] == 1:
            mask = mask[:, None, None, :]
        output = self.model(input_ids=ids, attention_mask=mask, **options)
        last: torch.Tensor = output.logits[:, -1].to(self._score_dtype)
        return last

    def scores_alone(self, ids: Sequence[int]) -> torch.Tensor:
        """Score the token after ``ids`` in the canonical shape: one row, the whole sequence, no cache."""
        row = torch.tensor([list(ids)], device=self.device)
        return self.scores(row, torch.arange(row.shape[1], device=self.device)[None])

    def _takes_ready_masks(self) -> bool:
        """Tell whether a step's mask can be given as attention needs it, (rows, heads, queries, columns).

        Many models take it so, which saves a tenth of a step; those that use the plain mask for more differ here.
        """
        layers = DynamicCache(config=self.model.config).layers
        if self.shapes is None or not all(type(layer) is DynamicLayer for layer in layers):
            return False
        if self.model.config._attn_implementation not in ("sdpa", NAME):
            return False
        cache, mask = self.new_cache(2, 4), torch.ones(2, 4, dtype=torch.bool, device=self.device)
        mask[1, 0] = False
        ids = (torch.arange(8, device=self.device) % self.model.get_input_embeddings().weight.shape[0]).view(2, 4)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        try:
            with torch.inference_mode():
                with cache.window(0, 2, 0, 3):
                    self.scores(ids[:, :3], positions[:, :3], mask[:, :3], cache.cache)
                with cache.window(0, 2, 3):
                    step = ids[:, 3:], positions[:, 3:]
                    plain = self.scores(*step, mask, cache.cache)
                    ready = self.scores(*step, mask[:, None, None, :], cache.cache)
                    unmasked = self.scores(*step, torch.ones_like(mask)[:, None, None, :], cache.cache)
        except (AttributeError, IndexError, RuntimeError, TypeError, ValueError):  # a refusal is an answer
            return False
        return bool(torch.equal(plain, ready) and not torch.equal(ready, unmasked))

    def _probe(self, text_config: Any) -> list[LayerShape] | None:
        """Return the sizes of the layers' caches, or None if a layer keeps something else than keys and values."""
        kinds = getattr(text_config, "layer_types", None) or []
        cache = DynamicCache(config=self.model.config)
        plain = all(type(layer) in (DynamicLayer, DynamicSlidingWindowLayer) for layer in cache.layers)
        if not plain or not set(kinds) <= _ATTENTION_TYPES or getattr(self.model, "_is_stateful", False):
            return None
        seen = DynamicCache()
        one = torch.full((1, 1), self.pad, device=self.device)
        with torch.inference_mode():
            self.scores(one, torch.zeros_like(one), None, seen)
        if len(seen.layers) != len(cache.layers) or not all(layer.is_initialized for layer in seen.layers):
            return None
        return [LayerShape(y.keys.shape[1], y.keys.shape[3], y.values.shape[3]) for y in seen.layers]


def _context_length(config: Any, tokenizer: Any) -> int | None:
    limits = [getattr(config, "max_position_embeddings", None), getattr(tokenizer, "model_max_length", None)]
    sane = [int(limit) for limit in limits if isinstance(limit, (int, float)) and 0 < limit < _LONGEST_SANE_CONTEXT]
    return min(sane, default=None)


def _end_tokens(model: Any, tokenizer: Any) -> frozenset[int]:
    named = [model.generation_config.eos_token_id, model.config.eos_token_id, tokenizer.eos_token_id]
    lists = [entry if isinstance(entry, (list, tuple)) else [entry] for entry in named]
    return frozenset(int(token) for entry in lists for token in entry if token is not None)


def _pick_device() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def _pick_dtype(name: str, device: torch.device) -> Any:
    if name == "auto":
        # Half precision is slow on most CPUs, and only float32 and float64 give the promise of equal results.
        return torch.float32 if device.type == "cpu" else "auto"
    dtype = getattr(torch, name, None)
    if not isinstance(dtype, torch.dtype) or not dtype.is_floating_point:
        raise ValueError(f"dtype {name!r} is not a floating-point type of torch, such as float32 or bfloat16")
    return dtype


class _no_progress_bars:  # noqa: N801  # reads as a phrase
    """Silence transformers' progress bars in a block."""

    def __enter__(self) -> None:
        log = transformers.utils.logging
        self.shown = log.is_progress_bar_enabled()
        log.disable_progress_bar()

    def __exit__(self, *exc: object) -> None:
        if self.shown:
            transformers.utils.logging.enable_progress_bar()


def _why_not(source: Source, error: Exception) -> str:
    first = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if source.folder is not None:
        return f"cannot load the model in folder {source.name!r}: {first}"
    return (
        f"cannot load {source.name!r} from the Hugging Face hub: {first} Check the name and the network, log in for "
        f"gated models (hf auth login), or name a local folder (huggingface:./folder)."
    )
