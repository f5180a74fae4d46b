"""Running any number of rows through a local model, in batches that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from sdialog.backends._hf_batch import Around, Batch, Job, Outcome
from sdialog.backends._hf_cache import SessionStore
from sdialog.backends._hf_model import LocalModel

# Shares of the largest logit within which a choice is decided alone. Rounding moves logits by a few units in the
# last place times the depth of the model; these are at least 50 times what was measured on models of 2 to 12 layers.
_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-12}


class Engine:
    """A model with its kept conversations.

    Args:
        model: the model.
        max_batch_tokens: most tokens (rows times columns, replies included) of one batch.
        cache_bytes: most bytes of keys and values kept between turns.

    Attributes:
        near_ties: tokens decided on scores computed alone, so far.
        tokens: tokens generated so far.
    """

    def __init__(self, model: LocalModel, *, max_batch_tokens: int, cache_bytes: int) -> None:
        self.model, self.max_batch_tokens = model, max_batch_tokens
        self.store = SessionStore(cache_bytes)
        self.tolerance = _TOLERANCE.get(model.dtype, 0.0)
        self.near_ties = 0
        self.tokens = 0

    def run(
        self,
        jobs: Sequence[Job],
        *,
        around: Around | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Outcome]:
        """Generate every job and return the outcomes in order."""
        outcomes: dict[int, Outcome] = {}
        with torch.inference_mode():
            for group in self._groups(jobs):
                batch = Batch(
                    self.model, group, self.store, tolerance=self.tolerance, around=around, cancelled=cancelled
                )
                outcomes.update(batch.run())
        self.near_ties += sum(outcome.near_ties for outcome in outcomes.values())
        self.tokens += sum(len(outcome.reply) for outcome in outcomes.values())
        return [outcomes[index] for index in range(len(jobs))]

    def _groups(self, jobs: Sequence[Job]) -> list[list[tuple[int, Job]]]:
        """Cut the jobs into batches of similar length that fit; a job too large for all limits runs alone."""
        groups: list[list[tuple[int, Job]]] = []
        columns = 0
        for index, job in sorted(enumerate(jobs), key=lambda pair: len(pair[1].ids) + pair[1].max_new):
            columns = max(columns, len(job.ids) + job.max_new)
            if not groups or (len(groups[-1]) + 1) * columns > self.max_batch_tokens:
                groups.append([])
                columns = len(job.ids) + job.max_new
            groups[-1].append((index, job))
        return groups
