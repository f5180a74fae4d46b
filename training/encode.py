"""From chat messages to padded tensors: ids, labels on the model's own turns, and weights on copied values."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from tokenizers import Tokenizer
from torch import Tensor

from training.rows import Message, draw_row
from training.sentences import REQUESTS, SENTENCES

IGNORE = -100
LONGEST = 720
_TEMPLATE_TEXT = " ".join(t for pool in [*SENTENCES.values(), *REQUESTS.values()] for t in pool)
_WORDS = set(re.findall(r"[A-Za-z]+", re.sub(r"\{[^}]+\}", " ", _TEMPLATE_TEXT) + " STOP tool_call name arguments"))
TEMPLATE_WORDS = _WORDS | {w.lower() for w in _WORDS} | {w.capitalize() for w in _WORDS}


class Row(NamedTuple):
    """One encoded row; ``values`` is 1 where the token belongs to a copied value."""

    ids: list[int]
    labels: list[int]
    values: list[int]


class Batch(NamedTuple):
    """Padded rows, each (rows, length), and the number of real tokens."""

    ids: Tensor
    labels: Tensor
    values: Tensor
    tokens: int


def encode(tokenizer: Tokenizer, messages: Sequence[Message]) -> Row:
    """Encode chat messages as the chat template writes them."""
    row = Row([], [], [])
    for message in messages:
        head = len(message.role) + 4
        pieces = tokenizer.encode(f"<|{message.role}|>{message.content}<|end|>", add_special_tokens=False)
        row.ids.extend(pieces.ids)
        if not message.learn:
            row.labels.extend([IGNORE] * len(pieces.ids))
            row.values.extend([0] * len(pieces.ids))
            continue
        marks = bytearray(len(message.content) + 1)
        for found in re.finditer(r"[A-Za-z]+|\d", message.content):
            if found.group() not in TEMPLATE_WORDS:
                marks[found.start() : found.end()] = b"\1" * (found.end() - found.start())
        row.labels.extend([IGNORE, *pieces.ids[1:]])
        inner = pieces.offsets[1:-1]
        row.values.extend([0, *(int(b > head and any(marks[max(0, a - head) : b - head])) for a, b in inner), 0])
    return row


def pack(rows: Sequence[Row]) -> Batch:
    """Pad rows to one length."""
    width = max(len(row.ids) for row in rows)
    ids = torch.zeros(len(rows), width, dtype=torch.long)
    labels = torch.full((len(rows), width), IGNORE)
    values = torch.zeros(len(rows), width)
    for n, row in enumerate(rows):
        ids[n, : len(row.ids)] = torch.tensor(row.ids)
        labels[n, : len(row.labels)] = torch.tensor(row.labels)
        values[n, : len(row.values)] = torch.tensor(row.values, dtype=torch.float)
    return Batch(ids, labels, values, sum(len(row.ids) for row in rows))


def batches(tokenizer: Tokenizer, rng: random.Random, tokens: int, pool: int = 160) -> Iterator[Batch]:
    """Draw rows for ever, in batches of at most ``tokens`` padded tokens of rows of like length."""
    while True:
        rows = sorted((encode(tokenizer, draw_row(rng)) for _ in range(pool)), key=lambda row: len(row.ids))
        out: list[list[Row]] = [[]]
        for row in (r for r in rows if len(r.ids) <= LONGEST):
            if len(out[-1]) >= 2 and (len(out[-1]) + 1) * len(row.ids) > tokens:
                out.append([])
            out[-1].append(row)
        rng.shuffle(out)
        yield from (pack(group) for group in out if group)
