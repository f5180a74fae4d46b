"""Decoding one batch: prefill, one token a row and step, rows leaving as they end.

Rows that could have gone the other way by rounding are decided again on scores computed alone, so that neighbours,
batch shape and cached keys cannot change what a row says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import torch

from sdialog.backends._hf_cache import ArenaCache, RowKV, SessionStore
from sdialog.backends._hf_model import LocalModel
from sdialog.backends._hf_prefix import shared_prefixes
from sdialog.backends._hf_sampling import Sampling, SamplingTable, penalise
from sdialog.llm.interventions import Conductor, RowSpan

# One forward call costs about as much as this many more tokens in another; padding beyond it is not worth sharing.
_CALL_WORTH = 64
_PREFILL_TOKENS = 8192
_FIRST_ROOM = 64


class TokenScore(NamedTuple):
    """Log-probability of a generated token, and the likeliest alternatives as (token, log-probability)."""

    token: int
    logprob: float
    top: list[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class Job:
    """One row to generate.

    Attributes:
        ids: prompt tokens.
        sampling: how to sample.
        max_new: most tokens to generate, at least 1.
        session: conversation whose keys and values may be reused and kept, or None.
        logprobs: how many alternatives to score per token, or None for no scores.
        watch: called with the reply's tokens after each one; True ends the row.
    """

    ids: list[int]
    sampling: Sampling
    max_new: int
    session: str | None = None
    logprobs: int | None = None
    watch: Callable[[list[int]], bool] | None = None


@dataclass(slots=True)
class Outcome:
    """What one row generated.

    Attributes:
        reply: tokens, the end token included when there was one.
        reason: ``eos``, ``watch`` (the job's watch ended it), ``length``, ``cancelled``, or ``broken`` when the
            model gave scores that are not numbers.
        scores: per token, when asked for.
        reused: prompt tokens whose keys and values were at hand.
        near_ties: tokens decided on scores computed alone.
        captures: what conductors recorded.
        failure: what one of them stumbled over.
    """

    reply: list[int] = field(default_factory=list)
    reason: Literal["eos", "watch", "length", "cancelled", "broken"] = "length"
    scores: list[TokenScore] = field(default_factory=list)
    reused: int = 0
    near_ties: int = 0
    captures: dict[str, Any] = field(default_factory=dict)
    failure: Exception | None = None


@dataclass(slots=True)
class _Row:
    """A row while it decodes.

    Attributes:
        index: of its job.
        job: what to generate.
        start: column of its first token.
        fresh: how many trailing prompt tokens prefill runs through the model.
        outcome: what it has generated.
        ended: it has its last token, which passes through the model only because somebody looks at it.
    """

    index: int
    job: Job
    start: int
    fresh: int
    outcome: Outcome
    ended: bool = False


class Batch:
    """One batch from prompts to replies.

    Args:
        model: the model.
        jobs: rows with their index in the run.
        store: keys and values kept between turns.
        tolerance: see :meth:`SamplingTable.choose`; 0 never decides anew.
        conductors: run what looks into the rows.
        cancelled: asked once a step; True ends all rows.
    """

    def __init__(
        self,
        model: LocalModel,
        jobs: Sequence[tuple[int, Job]],
        store: SessionStore,
        *,
        tolerance: float,
        conductors: Sequence[Conductor] = (),
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.model, self.store, self.tolerance = model, store, tolerance
        self.conductors, self.cancelled = conductors, cancelled
        self.column = max(len(job.ids) for _, job in jobs)
        self.outcomes = {index: Outcome() for index, _ in jobs}
        room = self.column + min(_FIRST_ROOM, max(job.max_new for _, job in jobs))
        self.cache = model.new_cache(len(jobs), room)
        held = {index: self._known(index, job) for index, job in jobs}
        self._share({index: job.ids for index, job in jobs if not held[index][0]}, held)
        self._held = {index: kv for index, (_, kv) in held.items()}
        self.rows: list[_Row] = []
        for index, job in jobs:
            cached, outcome = held[index][0], self.outcomes[index]
            outcome.reused = cached
            self.rows.append(_Row(index, job, self.column - len(job.ids), len(job.ids) - cached, outcome))
        self.rows.sort(key=lambda row: row.fresh, reverse=True)

    def run(self) -> dict[int, Outcome]:
        """Generate every row and return the outcomes by index."""
        logits = self._prefill()
        self._arrange()
        while True:
            self._advance(logits)
            if not self.rows:
                self.cache.retire()
                return self.outcomes
            logits = self._step()

    # -- keys and values at hand

    def _known(self, index: int, job: Job) -> tuple[int, RowKV]:
        """Return what earlier turns left, as far as nobody has to see its tokens pass."""
        if not self.cache.reusable:
            return 0, []
        length, kv = self.store.match(self._store_name(index, job), job.ids)
        return min(length, self._unseen(index, job.ids)), kv

    def _store_name(self, index: int, job: Job) -> str | None:
        """Return the name under which a row's keys and values are kept, None for not at all."""
        names = [one.kept(index)[0] for one in self._conductors_of(index)]
        return None if job.session is None else "|".join(filter(None, (job.session, *names)))

    def _unseen(self, index: int, ids: Sequence[int]) -> int:
        """Return how many leading tokens of a prompt need not pass through the model for its conductors."""
        return min((one.first(index) for one in self._conductors_of(index)), default=len(ids))

    def _changed(self, index: int) -> bool:
        """Tell whether a row's prompt is changed, so that what others compute of it is of no use."""
        return any(one.kept(index)[0] for one in self._conductors_of(index))

    def _conductors_of(self, index: int) -> list[Conductor]:
        return [one for one in self.conductors if index in one.jobs]

    def _share(self, fresh: Mapping[int, list[int]], held: dict[int, tuple[int, RowKV]]) -> None:
        """Compute common beginnings of new conversations once, and hold them for every row that has them."""
        if not self.cache.reusable:
            return
        # One token more than may be shared: the last of what is given is never part of it.
        cut = {index: ids[: self._unseen(index, ids) + 1] for index, ids in fresh.items()}
        indices = [index for index, ids in cut.items() if len(ids) > 1 and not self._changed(index)]
        for group in shared_prefixes([cut[index] for index in indices], worth=2 * _CALL_WORTH):
            ids = fresh[indices[group.rows[0]]][: group.length]
            own = self.model.new_cache(1, len(ids))
            tokens = torch.tensor([ids], device=self.model.device)
            positions = torch.arange(len(ids), device=self.model.device)[None]
            with own.window(0, 1, 0, len(ids)):
                self.model.scores(tokens, positions, None, own.cache)
            if isinstance(own, ArenaCache):
                kv = own.read(0, 0, len(ids))
                held.update({indices[row]: (group.length, kv) for row in group.rows})
            own.retire()

    # -- forward calls

    def _prefill(self) -> torch.Tensor:
        scores = []
        for low, high, width in self._prefill_groups():
            group = self.rows[low:high]
            for place, row in enumerate(group, start=low):
                self._place(place, row, width)
            ids = [row.job.ids[-width:] for row in group]
            padded = [[self.model.pad] * (width - len(tail)) + tail for tail in ids]
            scores.append(self._call(low, group, padded, self.column - width))
        self._held.clear()
        return torch.cat(scores)

    def _place(self, place: int, row: _Row, width: int) -> None:
        """Fill a row's columns before those that prefill computes."""
        if not isinstance(self.cache, ArenaCache):
            return
        computed_from = self.column - width
        if row.start:
            self.cache.clear(place, min(row.start, computed_from))
        if row.start < computed_from:
            self.cache.write(place, row.start, self._held[row.index], computed_from - row.start)

    def _prefill_groups(self) -> list[tuple[int, int, int]]:
        """Cut the rows, longest fresh part first, into calls of little padding: (low, high, columns)."""
        if not self.cache.reusable:
            return [(0, len(self.rows), self.column)]
        groups, low, waste = [], 0, 0
        for place, row in enumerate(self.rows):
            width = self.rows[low].fresh
            waste += width - row.fresh
            if place > low and (waste > _CALL_WORTH or (place + 1 - low) * width > _PREFILL_TOKENS):
                groups.append((low, place, width))
                low, waste = place, 0
        groups.append((low, len(self.rows), self.rows[low].fresh))
        return groups

    def _step(self) -> torch.Tensor:
        ids = [[row.outcome.reply[-1]] for row in self.rows]
        scores = self._call(0, self.rows, ids, self.column)
        self.column += 1
        return scores

    def _call(self, low: int, rows: Sequence[_Row], ids: list[list[int]], column: int) -> torch.Tensor:
        """Run rows ``low`` and following from ``column`` on."""
        width, device = len(ids[0]), self.model.device
        starts = torch.tensor([[row.start] for row in rows], device=device)
        columns = torch.arange(column + width, device=device)
        mask = columns >= starts if any(row.start for row in rows) else None
        positions = (columns[column:] - starts).clamp_(min=0)
        with self.cache.window(low, low + len(rows), column, width), self._surround(rows, column, width):
            return self.model.scores(torch.tensor(ids, device=device), positions, mask, self.cache.cache)

    @contextmanager
    def _surround(self, rows: Sequence[_Row], column: int, width: int) -> Iterator[None]:
        if not self.conductors:
            yield
            return
        spans = []
        for place, row in enumerate(rows):
            first = max(row.start - column, 0)
            position = column + first - row.start
            spans.append(RowSpan(place, row.index, first, position, len(row.job.ids), width, row.start))
        with self._conducted(spans):
            yield

    @contextmanager
    def _conducted(self, spans: Sequence[RowSpan]) -> Iterator[None]:
        with ExitStack() as stack:
            for conductor in self.conductors:
                stack.enter_context(conductor.around(spans))
            yield

    # -- choosing

    def _arrange(self) -> None:
        """Set up what depends on which rows are in the batch."""
        self.table = SamplingTable([row.job.sampling for row in self.rows], self.model.device)
        self.any_penalty = any(row.job.sampling.penalised for row in self.rows)

    def _advance(self, logits: torch.Tensor) -> None:
        """Append one token to every row, and let go of those that end with it."""
        raw = logits
        if self.any_penalty:
            logits = torch.stack([self._penalised(row, own) for row, own in zip(self.rows, logits, strict=True)])
        choice = self.table.choose(logits, [len(row.outcome.reply) for row in self.rows], self.tolerance)
        stop_all = self.cancelled()
        ended: list[int] = []
        for place, row in enumerate(self.rows):
            if row.ended:
                ended.append(place)
                continue
            scores, token = None, choice.tokens[place]
            if choice.broken[place]:
                row.outcome.reason = "broken"
                ended.append(place)
                continue
            if choice.close[place]:
                scores, token = self._decide_alone(row)
            if row.job.logprobs is not None:
                row.outcome.scores.append(_score(raw[place] if scores is None else scores, token, row.job.logprobs))
            if self._append(row, token, stop_all):
                row.ended = not stop_all and self._feeds_last(row.index)
                if not row.ended:
                    ended.append(place)
        if ended:
            self._release(ended)

    def _feeds_last(self, index: int) -> bool:
        """Tell whether a row's last token is to pass, which of a row that failed nobody needs."""
        own = self._conductors_of(index)
        return any(one.feeds_last(index) for one in own) and not any(one.failure(index) for one in own)

    def _penalised(self, row: _Row, logits: torch.Tensor) -> torch.Tensor:
        if not row.job.sampling.penalised:
            return logits
        return penalise(logits, row.job.sampling, row.job.ids, row.outcome.reply)

    def _decide_alone(self, row: _Row) -> tuple[torch.Tensor, int]:
        """Choose a row's token on scores computed in the canonical shape, which no neighbour can touch."""
        row.outcome.near_ties += 1
        ids = row.job.ids + row.outcome.reply
        with self._conducted([RowSpan(0, row.index, 0, 0, len(row.job.ids), len(ids), 0, again=True)]):
            raw = self.model.scores_alone(ids)
        table = SamplingTable([row.job.sampling], self.model.device)
        token = table.choose(self._penalised(row, raw[0])[None], [len(row.outcome.reply)], 0.0).tokens[0]
        return raw[0], token

    def _append(self, row: _Row, token: int, stop: bool) -> bool:
        """Record a row's next token; return whether the row ends."""
        outcome, job = row.outcome, row.job
        outcome.reply.append(token)
        if token in self.model.eos:
            outcome.reason = "eos"
        elif job.watch is not None and job.watch(outcome.reply):
            outcome.reason = "watch"
        elif stop:
            outcome.reason = "cancelled"
        elif len(outcome.reply) < job.max_new:
            return any(one.failure(row.index) for one in self._conductors_of(row.index))
        return True

    def _release(self, ended: list[int]) -> None:
        """Keep what ended rows may reuse next turn, and close the gaps with the last rows."""
        for place in ended:
            row = self.rows[place]
            own = self._conductors_of(row.index)
            name = self._store_name(row.index, row.job)
            sound = row.outcome.reason != "broken" and not any(one.failure(row.index) for one in own)
            if name is not None and isinstance(self.cache, ArenaCache) and sound:
                lengths = [length for one in own if (length := one.kept(row.index)[1]) is not None]
                stop = min([self.column, *(row.start + length for length in lengths)])
                ids = (row.job.ids + row.outcome.reply)[: stop - row.start]
                self.store.put(name, ids, self.cache.read(place, row.start, stop))
            for conductor in own:
                row.outcome.failure = row.outcome.failure or conductor.failure(row.index)
                row.outcome.captures.update(conductor.finish(row.index, row.outcome.reply))
        gone, order = set(ended), list(range(len(self.rows)))
        staying = len(order) - len(gone)
        tail = [place for place in order[staying:] if place not in gone]
        order = [place if place not in gone else tail.pop() for place in order[:staying]]
        if order:
            # The last window may have begun further left: the prompt's, where a row ends with its first token.
            with self.cache.window(0, len(self.rows), self.column - 1):
                self.cache.keep(order)
        self.rows = [self.rows[place] for place in order]
        if self.rows:
            self._arrange()


def _score(scores: torch.Tensor, token: int, alternatives: int) -> TokenScore:
    logprobs = scores.log_softmax(-1)
    top = logprobs.topk(alternatives) if alternatives else None
    pairs = [] if top is None else list(zip(top.indices.tolist(), top.values.tolist(), strict=True))
    return TokenScore(token, float(logprobs[token]), pairs)
