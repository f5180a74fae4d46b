"""The byte-level BPE of the embedded model, its chat template, and how old embeddings move to a new vocabulary."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import words
from training.rows import draw_row

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedTokenizerFast

SPECIAL = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>", "<|tool|>", "<tool_call>", "</tool_call>"]
VOCABULARY = 3584
SAMPLE_ROWS = 12_000
SPACE = "\u0120"
CHAT_TEMPLATE = (
    "{%- for m in messages -%}"
    "{%- if m['role']=='system' -%}<|system|>{{ m['content']|trim }}"
    "{%- if loop.first and tools -%}{{ '\\ntools: ' }}{%- for t in tools -%}"
    "{%- set f = t.function if t.function is defined else t -%}"
    "{{ f.name }}({{ f.parameters.properties|list|join(', ') }}){%- if not loop.last -%}{{ ', ' }}{%- endif -%}"
    "{%- endfor -%}{%- endif -%}<|end|>"
    "{%- elif m['role']=='assistant' -%}<|assistant|>"
    "{%- if m.tool_calls -%}{%- for c in m.tool_calls -%}"
    "{%- set f = c.function if c.function is defined else c -%}{{ '<tool_call>' }}"
    '{"name": "{{ f.name }}", "arguments": '
    "{{ f.arguments if f.arguments is string else f.arguments|tojson }}}</tool_call>"
    "{%- endfor -%}"
    "{%- else -%}{% generation %}{{ m['content']|trim }}<|end|>{% endgeneration %}{%- endif -%}"
    "{%- if m.tool_calls -%}<|end|>{%- endif -%}"
    "{%- else -%}<|{{ m['role'] }}|>{{ m['content']|trim }}<|end|>{%- endif -%}"
    "{%- endfor -%}{%- if add_generation_prompt -%}<|assistant|>{%- endif -%}"
)
RESPONSE_TEMPLATE = {
    "defaults": {"role": "assistant"},
    "start_anchor": "<|assistant|>",
    "fields": {
        "tool_calls": {
            "open_pattern": r"\s*<tool_call>",
            "close": "</tool_call>",
            "repeats": True,
            "content": "json",
            "transform": {"type": "function", "function": "{content}"},
        },
        "content": {"close_pattern": r"\s*<\|end\|>", "content": "text"},
    },
}


def _texts(rows: int) -> Iterator[str]:
    rng = random.Random(123)
    for _ in range(rows):
        for message in draw_row(rng):
            yield message.content
        yield " ".join(rng.choices(words.FIRST_NAMES + words.LAST_NAMES, k=3))
        # Bare lower-case words, so that a word behind a quote is cut as it is behind a space.
        yield from rng.choices(_pool(), k=3)


def _pool() -> list[str]:
    lists = (
        words.NOUNS,
        words.PRODUCTS,
        words.COLORS,
        words.VERBS,
        words.ADJECTIVES,
        words.HOBBIES,
        words.FOODS,
        words.SIZES,
        words.DEVICES,
        words.OCCUPATIONS,
        words.SYMPTOMS,
        words.ALLERGIES,
        words.ROOMS,
    )
    return [w for pool in lists for text in pool for w in text.split()]


def train(rows: int = SAMPLE_ROWS, size: int = VOCABULARY) -> PreTrainedTokenizerFast:
    """Train the tokenizer on rows of the corpus.

    Merges are learnt with digits and capitalised words cut off, so that a name has the same pieces everywhere; at use
    the plain GPT-2 splitter suffices, because no merge across those borders exists.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    plain = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    core.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex("[0-9]"), "isolated"),
            pre_tokenizers.Split(Regex("[A-Z]+(?![a-z])|[A-Z][a-z]+"), "isolated"),
            plain,
        ]
    )
    core.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        min_frequency=3,
        show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
    )
    core.train_from_iterator(_texts(rows), trainer)
    core.pre_tokenizer = plain
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        clean_up_tokenization_spaces=False,
        padding_side="left",
        model_max_length=1024,
    )
    tokenizer.chat_template = CHAT_TEMPLATE
    tokenizer.response_template = RESPONSE_TEMPLATE
    return tokenizer


def transplant(old: PreTrainedTokenizerFast, table: torch.Tensor, new: PreTrainedTokenizerFast) -> torch.Tensor:
    """Return an embedding table for ``new``: kept rows, rows of the spaced form, or means of the old pieces.

    Args:
        old: the tokenizer ``table`` belongs to.
        table: embeddings, one row per piece of ``old``.
        new: the tokenizer to move to.
    """
    import torch

    known: dict[str, int] = old.get_vocab()
    core: Any = old.backend_tokenizer
    out = torch.empty(len(new), table.shape[1], dtype=table.dtype)
    for piece, row in new.get_vocab().items():
        if piece in known:
            out[row] = table[known[piece]]
        elif SPACE + piece in known:
            out[row] = table[known[SPACE + piece]]
        else:
            text = new.backend_tokenizer.decoder.decode([piece])
            ids = core.encode(text, add_special_tokens=False).ids if "\ufffd" not in text else []
            out[row] = table[ids].mean(0) if ids else table.mean(0)
    return out


def load(path: str | Path) -> PreTrainedTokenizerFast:
    """Load a saved tokenizer."""
    from transformers import PreTrainedTokenizerFast

    return PreTrainedTokenizerFast.from_pretrained(str(path))
