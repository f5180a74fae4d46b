"""Cutting prompts into tokens, each part of a conversation once.

A conversation's prompt grows by a message a turn, and special tokens stand between the messages. Byte-level tokenizers
cut what lies between two special tokens without looking beyond them, so those parts are cut once and remembered.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any, cast

from tokenizers import models, normalizers, pre_tokenizers

_REMEMBERED = 4096
_SAMPLE = " Hi  there,\n{0}\n\n is  it {0}{0}  ok?\t{0} Zoë's 12 cafés …{0}"


def encoder(tokenizer: Any) -> Callable[[str, bool], list[int]]:
    """Return a function from a text, and whether to add the tokenizer's own special tokens, to token ids.

    It gives what the tokenizer itself gives; where parts cannot be cut on their own, it is the tokenizer itself.

    Args:
        tokenizer: a tokenizer of transformers.
    """

    def whole(text: str, add_special_tokens: bool) -> list[int]:
        return list(tokenizer(text, add_special_tokens=add_special_tokens, verbose=False)["input_ids"])

    special = _dividing_tokens(tokenizer)
    if not special:
        return whole
    divide = re.compile(f"({'|'.join(re.escape(token) for token in sorted(special, key=len, reverse=True))})")

    @lru_cache(maxsize=_REMEMBERED)
    def part(text: str) -> tuple[int, ...]:
        return (special[text],) if text in special else tuple(whole(text, False))

    def in_parts(text: str, add_special_tokens: bool) -> list[int]:
        if add_special_tokens:
            return whole(text, True)
        return [token for piece in divide.split(text) if piece for token in part(piece)]

    sample = _SAMPLE.format(next(iter(special)))
    return in_parts if in_parts(sample, False) == whole(sample, False) else whole


def _dividing_tokens(tokenizer: Any) -> dict[str, int]:
    """Return the special tokens between which text is cut independently; none if that is not certain."""
    core = getattr(tokenizer, "backend_tokenizer", None)
    if core is None or not isinstance(core.model, models.BPE) or not _byte_level(core.pre_tokenizer):
        return {}
    if not isinstance(core.normalizer, (type(None), normalizers.NFC)):
        return {}
    added = tokenizer.added_tokens_decoder
    special = {entry.content: token for token, entry in added.items() if entry.special}
    greedy = any(entry.lstrip or entry.rstrip or entry.single_word for entry in added.values())
    inside = any(text in entry.content and text != entry.content for entry in added.values() for text in special)
    return {} if greedy or inside else special


def _byte_level(step: Any) -> bool:
    if isinstance(step, pre_tokenizers.Sequence):
        steps = list(cast(Iterable[Any], step))
        return all(isinstance(one, (pre_tokenizers.Split, pre_tokenizers.ByteLevel)) for one in steps) and any(
            map(_byte_level, steps)
        )
    return isinstance(step, pre_tokenizers.ByteLevel) and not step.add_prefix_space
