"""How much a run may use, how long it may wait, and how many dialogs go on at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sdialog.llm.middleware import Budget, Cache, Retry, wrap
from sdialog.llm.protocol import Model
from sdialog.llm.types import Usage
from sdialog.llm.wrapping import WrappingScheduler


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits of a run; changing them changes no dialog, so a run may be resumed with others.

    Args:
        concurrency: dialogs under way at once.
        max_batch: requests in one batch of a local model.
        max_calls, max_tokens, max_cost: budget of the whole run, earlier sessions of it included.
        prices: price per million tokens by model name, for ``max_cost`` and for reports.
        call_timeout: seconds a call of a remote model may take.
        attempts: tries of a model call that failed and may be tried again.
        retry_base, retry_cap: seconds to wait at most before the second try, and before any; the time doubles.
        cache: SQLite file that remembers model calls from run to run.
    """

    concurrency: int = 32
    max_batch: int = 64
    max_calls: int | None = None
    max_tokens: int | None = None
    max_cost: float | None = None
    prices: Mapping[str, Any] | None = None
    call_timeout: float | None = 120.0
    attempts: int = 6
    retry_base: float = 0.5
    retry_cap: float = 30.0
    cache: str | None = None

    def budget(self, used: Usage) -> Budget:
        """Return the budget, of which ``used`` is gone already."""
        prices = dict(self.prices) if self.prices else None
        return Budget(self.max_calls, self.max_tokens, self.max_cost, prices, used=used)


class RunScheduler(WrappingScheduler):
    """A scheduler whose every model stands behind the run's limits, whoever asks for it.

    Args:
        limits: the limits.
        budget: the run's budget.
    """

    def __init__(self, limits: Limits, budget: Budget) -> None:
        super().__init__(concurrency=limits.concurrency, max_batch=limits.max_batch)
        self.limits, self.budget = limits, budget
        self._cache = Cache(limits.cache) if limits.cache else None

    def around(self, model: Model) -> Model:
        """Return the model behind the limits."""
        limits = self.limits
        # Work of a local model in a thread cannot be called off, and its speed must not decide what is said.
        timeout = limits.call_timeout if model.batching == "concurrent" else None
        paid = wrap(model, retry=False, timeout=timeout, budget=self.budget)
        retried = Retry(paid, limits.attempts, limits.retry_base, limits.retry_cap)
        return wrap(retried, retry=False, cache=self._cache)
