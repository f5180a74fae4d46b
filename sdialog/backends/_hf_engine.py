"""Running any number of rows through a local model, in batches that fit."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from sdialog.backends._hf_batch import Batch, Job, Outcome
from sdialog.backends._hf_cache import SessionStore
from sdialog.backends._hf_model import LocalModel
from sdialog.core.seeds import rng
from sdialog.llm.interventions import Conductor

# Shares of a row's largest logit within which a choice is decided alone: at least these, and at least so many times
# the rounding noise that the model itself shows. Trained models of a few layers show 5e-6 in float32.
_LEAST_TOLERANCE = {torch.float32: 3e-4, torch.float64: 1e-11}
_TIMES_NOISE = 50
_PROBE_LENGTHS = (8, 24, 40, 56)


class Engine:
    """A model with its kept conversations.

    Args:
        model: the model.
        max_batch_tokens: most tokens (rows times columns, replies included) of one batch.
        cache_bytes: most bytes of keys and values kept between turns.

    Attributes:
        tolerance: see :meth:`SamplingTable.choose`; 0 in half precision, where no promise is made.
        near_ties: tokens decided on scores computed alone, so far.
        tokens: tokens generated so far.
    """

    def __init__(self, model: LocalModel, *, max_batch_tokens: int, cache_bytes: int) -> None:
        self.model, self.max_batch_tokens = model, max_batch_tokens
        self.store = SessionStore(cache_bytes)
        least = _LEAST_TOLERANCE.get(model.dtype)
        self.tolerance = 0.0 if least is None else max(least, _TIMES_NOISE * rounding_noise(model))
        self.near_ties = 0
        self.tokens = 0

    def run(
        self,
        jobs: Sequence[Job],
        *,
        conductors: Sequence[Conductor] = (),
        cancelled: Callable[[], bool] = lambda: False,
    ) -> list[Outcome]:
        """Generate every job and return the outcomes in order.

        Args:
            jobs: what to generate.
            conductors: run what looks into the rows; they know these by their index among the jobs.
            cancelled: asked once a step; True ends all rows.
        """
        outcomes: dict[int, Outcome] = {}
        with torch.inference_mode():
            for group in self._groups(jobs):
                batch = Batch(
                    self.model, group, self.store, tolerance=self.tolerance, conductors=conductors, cancelled=cancelled
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


def rounding_noise(model: LocalModel) -> float:
    """Measure how much a model's scores depend on the shape of the batch.

    Returns:
        The largest difference between scores computed in a padded batch and alone, as a share of the largest score.
    """
    draw = rng(0, "rounding noise")
    size = model.model.get_input_embeddings().weight.shape[0]
    rows = [[draw.randrange(size) for _ in range(length)] for length in _PROBE_LENGTHS]
    width = max(_PROBE_LENGTHS)
    starts = torch.tensor([[width - len(row)] for row in rows], device=model.device)
    columns = torch.arange(width, device=model.device)
    with torch.inference_mode():
        padded = torch.tensor([[model.pad] * (width - len(row)) + row for row in rows], device=model.device)
        together = model.scores(padded, (columns - starts).clamp_(min=0), columns >= starts)
        alone = torch.cat([model.scores_alone(row) for row in rows])
    finite = together.isfinite() & alone.isfinite()
    gaps = torch.where(finite, (together - alone).abs(), 0.0).amax(-1)
    largest = torch.where(finite, alone.abs(), 0.0).amax(-1).clamp(min=1.0)
    return float((gaps / largest).max())
