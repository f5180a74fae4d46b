"""Choosing the next token of many rows at once, each with its own noise, and telling when the choice was close.

A token is drawn with the Gumbel-max method (Gumbel, 1954; Maddison et al., 2014): the largest of
``logit / temperature + noise`` over the vocabulary. The noise of a token is a pure function of the row's seed, the
step and the token, so no generator has a state, and neighbours, batch shape and device play no part. The truncations
(top-k, top-p, min-p) are tested on the winner alone; a winner that they exclude is struck out and the next one
tested, which gives the same draw as masking first and needs no sorting of the vocabulary.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch

from sdialog.core.seeds import derive_seed

# SplitMix64 (Steele, Lea, Flood, 2014): increment and the two multipliers, as signed 64-bit integers.
_STEP = 0x9E3779B97F4A7C15 - (1 << 64)
_MIX_1 = 0xBF58476D1CE4E5B9 - (1 << 64)
_MIX_2 = 0x94D049BB133111EB - (1 << 64)
_GREEDY_BELOW = 1e-4
_ROUNDS_BEFORE_SORTING = 3
# Models mark forbidden tokens with -inf; they say nothing about rounding.
_LARGEST_SANE_LOGIT = 1e4
# The likeliest token is in every nucleus, also in one of 0.
_LEAST_TOP_P = 1e-9


@dataclass(frozen=True, slots=True)
class Sampling:
    """How one row samples; the values that switch an option off are the defaults.

    Attributes:
        temperature: 0 is greedy.
        top_p: nucleus sampling (Holtzman et al., 2020), taken after ``top_k``.
        top_k: 0 is off.
        min_p: Nguyen et al. (2024), 0 is off.
        repetition_penalty: Keskar et al. (2019), over prompt and reply; 1 is off.
        frequency_penalty, presence_penalty: OpenAI's, over the reply; 0 is off.
        seed: seed of the row's noise.
    """

    temperature: float = 0.0
    top_p: float = 1.0
    top_k: int = 0
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    frequency_penalty: float = 0.0
    presence_penalty: float = 0.0
    seed: int = 0

    @property
    def greedy(self) -> bool:
        """Whether the likeliest token is taken."""
        return self.temperature < _GREEDY_BELOW

    @property
    def penalised(self) -> bool:
        """Whether any penalty is on."""
        return self.repetition_penalty != 1.0 or self.frequency_penalty != 0.0 or self.presence_penalty != 0.0

    @property
    def truncated(self) -> bool:
        """Whether part of the vocabulary is excluded."""
        return not self.greedy and (self.top_p < 1.0 or self.top_k > 0 or self.min_p > 0.0)


class Choice(NamedTuple):
    """The tokens chosen; for which rows rounding could have changed the choice; and whose scores are no numbers."""

    tokens: list[int]
    close: list[bool]
    broken: list[bool]


class SamplingTable:
    """The options of a batch's rows as tensors, built again only when rows leave.

    Args:
        rows: options of each row, in batch order.
        device: where the logits live.
    """

    def __init__(self, rows: Sequence[Sampling], device: torch.device) -> None:
        def column(values: list[float]) -> torch.Tensor:
            return torch.tensor(values, dtype=torch.float32, device=device)

        self.rows = rows
        self.device = device
        self.any_sampled = not all(r.greedy for r in rows)
        self.streams = [0 if r.greedy else derive_seed(r.seed, "noise") for r in rows]
        self.any_truncated = any(r.truncated for r in rows)
        self.temperature = column([1.0 if r.greedy else r.temperature for r in rows])[:, None]
        self.noisy = column([0.0 if r.greedy else 1.0 for r in rows])[:, None]
        if self.any_truncated:
            self.truncated = torch.tensor([r.truncated for r in rows], device=device)
            self.top_p = column([max(r.top_p, _LEAST_TOP_P) for r in rows])
            self.top_k = column([r.top_k or math.inf for r in rows])
            self.min_gap = column([-math.log(r.min_p) if r.min_p > 0.0 else math.inf for r in rows])

    def choose(self, logits: torch.Tensor, steps: Sequence[int], tolerance: float) -> Choice:
        """Choose one token a row.

        Args:
            logits: float32 scores of shape (rows, vocabulary), penalties already applied.
            steps: how many tokens each row has generated so far.
            tolerance: differences smaller than this share of the row's largest logit (at least of 1) count as
                close; 0 decides every row as it stands.

        Returns:
            Tokens, flags for rows whose choice hung on such a difference, and flags for rows with NaN or infinities.
        """
        scaled = logits / self.temperature
        largest = logits.clamp(-_LARGEST_SANE_LOGIT, _LARGEST_SANE_LOGIT).abs_().amax(-1).clamp_(min=1.0)
        margin = tolerance * largest / self.temperature[:, 0]
        score = scaled
        if self.any_sampled:
            score = scaled + self.noisy * self._noise(steps, logits.shape[-1])
        best, tokens = score.topk(2)
        broken = ~best[:, 0].isfinite()
        winner, close = tokens[:, 0], best[:, 0] - best[:, 1] < margin
        if self.any_truncated:
            self._truncate(scaled, score, margin, winner, close)
        return Choice(winner.tolist(), close.tolist(), broken.tolist())

    def _noise(self, steps: Sequence[int], vocabulary: int) -> torch.Tensor:
        bases = [stream_position(base, step) for base, step in zip(self.streams, steps, strict=True)]
        return gumbel(torch.tensor(bases, dtype=torch.int64, device=self.device), vocabulary)

    def _truncate(
        self,
        scaled: torch.Tensor,
        score: torch.Tensor,
        margin: torch.Tensor,
        winner: torch.Tensor,
        close: torch.Tensor,
    ) -> None:
        """Strike out winners that the truncations exclude, until every row's winner is allowed; edits in place."""
        first, likeliest = scaled.topk(2)
        top = first[:, 0]
        # The likeliest token is never excluded, so rows that chose it, with no rival for that place, need no test.
        safe = (winner == likeliest[:, 0]) & (top - first[:, 1] > margin)
        open_rows = (self.truncated & ~safe).nonzero()[:, 0]
        rounds = 0
        while open_rows.numel():
            outside, unsure = self._verdict(open_rows, scaled, margin, winner, top)
            close[open_rows] |= unsure
            struck = open_rows[outside]
            if not struck.numel():
                return
            rounds += 1
            score[struck, winner[struck]] = -math.inf
            if rounds == _ROUNDS_BEFORE_SORTING:
                score[struck] = self._strike_tail(struck, scaled, score, margin)
            best, tokens = score[struck].topk(2)
            winner[struck] = tokens[:, 0]
            close[struck] = best[:, 0] - best[:, 1] < margin[struck]
            open_rows = struck

    def _verdict(
        self,
        rows: torch.Tensor,
        scaled: torch.Tensor,
        margin: torch.Tensor,
        winner: torch.Tensor,
        top: torch.Tensor,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Tell for each row whether its winner is excluded for certain, and whether that cannot be told."""
        mine, slack, top_k = scaled[rows], margin[rows], self.top_k[rows]
        own = mine.gather(1, winner[rows][:, None])
        ahead = mine > own + slack[:, None]
        level = (mine >= own - slack[:, None]) & ~ahead
        count = ahead.sum(-1)
        outside = (count >= top_k) | (top[rows] - own[:, 0] > self.min_gap[rows] + slack)
        unsure = (count + level.sum(-1) - 1 >= top_k) | (top[rows] - own[:, 0] > self.min_gap[rows] - slack)
        limit = self.top_p[rows]
        if (limit < 1.0).any():
            chances = mine.softmax(-1)
            limit = limit * _mass_of_top_k(chances, top_k)
            mass = (chances * ahead).sum(-1)
            tied = (chances * level).sum(-1) - chances.gather(1, winner[rows][:, None])[:, 0]
            nucleus = self.top_p[rows] < 1.0
            outside |= nucleus & (mass >= limit + slack)
            unsure |= nucleus & (mass + tied >= limit - slack)
        return outside, unsure & ~outside & (slack > 0)

    def _strike_tail(
        self, rows: torch.Tensor, scaled: torch.Tensor, score: torch.Tensor, margin: torch.Tensor
    ) -> torch.Tensor:
        """Return the scores of rows with all that lies surely beyond the truncations struck out at once."""
        mine = scaled[rows]
        ordered = mine.sort(-1, descending=True).values
        chances = ordered.softmax(-1)
        before = chances.cumsum(-1) - chances
        rank = torch.arange(ordered.shape[-1], device=ordered.device)
        limit = self.top_p[rows] * _mass_of_top_k(chances, self.top_k[rows])
        kept = (before < limit[:, None] + margin[rows][:, None]) & (rank < self.top_k[rows][:, None])
        floor = ordered.masked_fill(~kept, math.inf).amin(-1) - margin[rows]
        return score[rows].masked_fill(mine < floor[:, None], -math.inf)


def _mass_of_top_k(chances: torch.Tensor, top_k: torch.Tensor) -> torch.Tensor:
    """Return the probability that the ``top_k`` likeliest tokens of each row hold together (1 where it is off)."""
    finite = top_k[top_k.isfinite()]
    if not finite.numel():
        return torch.ones_like(top_k)
    widest = min(int(finite.max()), chances.shape[-1])
    cumulative = chances.topk(widest).values.cumsum(-1)
    last = top_k.clamp(max=widest).long() - 1
    return torch.where(top_k.isfinite(), cumulative.gather(1, last[:, None])[:, 0], 1.0)


def stream_position(base: int, step: int) -> int:
    """Return where a row's noise for one step begins: each step has 2**32 numbers of the row's stream to itself."""
    position = (base + _STEP * (step << 32)) % (1 << 64)
    return position - (1 << 64) if position >> 63 else position


def gumbel(bases: torch.Tensor, vocabulary: int) -> torch.Tensor:
    """Return standard Gumbel noise of shape (rows, vocabulary) that depends only on each row's base.

    Args:
        bases: int64 tensor of shape (rows,); row i is the SplitMix64 stream (Steele, Lea, Flood, 2014) seeded with it.
        vocabulary: number of tokens.

    Example:
        >>> one = gumbel(torch.tensor([7]), 5)
        >>> both = gumbel(torch.tensor([3, 7]), 5)
        >>> torch.equal(one[0], both[1])
        True
    """
    counters = torch.arange(1, vocabulary + 1, dtype=torch.int64, device=bases.device) * _STEP
    bits = bases[:, None] + counters
    # torch shifts signed integers arithmetically; the masks make the shifts logical.
    bits ^= (bits >> 30) & ((1 << 34) - 1)
    bits *= _MIX_1
    bits ^= (bits >> 27) & ((1 << 37) - 1)
    bits *= _MIX_2
    bits ^= (bits >> 31) & ((1 << 33) - 1)
    bits >>= 33
    bits &= (1 << 31) - 1
    # uniform in (0, 1]; small values, which make the largest noise, keep float32's full relative precision
    uniform = bits.to(torch.float32).add_(0.5).mul_(2.0**-31)
    return uniform.neg_().log1p_().neg_().log_().neg_()


def penalise(logits: torch.Tensor, row: Sampling, prompt: Sequence[int], reply: Sequence[int]) -> torch.Tensor:
    """Return one row's logits after its penalties.

    Args:
        logits: shape (vocabulary,).
        row: the options.
        prompt: token ids of the prompt.
        reply: token ids generated so far.
    """
    logits = logits.clone()
    if row.repetition_penalty != 1.0:
        seen = torch.tensor(sorted({*prompt, *reply}), device=logits.device)
        held = logits[seen]
        logits[seen] = torch.where(held < 0, held * row.repetition_penalty, held / row.repetition_penalty)
    if reply and (row.frequency_penalty or row.presence_penalty):
        used, counts = torch.tensor(list(reply), device=logits.device).unique(return_counts=True)
        logits[used] -= row.frequency_penalty * counts + row.presence_penalty
    return logits
