"""A limit on calls, tokens and money, shared by the models of a run."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import AsyncIterator, Sequence
from typing import Any, NamedTuple

from sdialog.core.errors import BudgetExceededError, ConfigError
from sdialog.llm.failures import answers, failure
from sdialog.llm.middleware.prices import PriceTable
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import Model
from sdialog.llm.streams import closing, pieces
from sdialog.llm.types import GenerateRequest, GenerateResult, StreamChunk, Usage


class Remaining(NamedTuple):
    """What is left of a budget; None where there is no limit."""

    calls: int | None
    tokens: int | None
    cost: float | None


class Budget:
    """Counts what the models it guards use, and refuses further calls when a limit is reached.

    The limit on calls is exact. Tokens and money are known only after a call, so calls under way when such a limit
    is reached are finished and counted; the overshoot is at most what was under way. A call that failed counts as its
    result's usage says: a call without tokens if a remote service was asked, nothing if it ran out of time.

    Args:
        max_calls: most calls of models.
        max_tokens: most tokens, input and output together.
        max_cost: most money, in the currency of ``prices``.
        prices: a :class:`PriceTable`, or what it is made from.
        used: what was used before, when a run is resumed.

    Raises:
        ConfigError: if a limit is negative.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.sync import run
        >>> budget = Budget(max_calls=1)
        >>> model = budget.guard(ScriptedModel(["Hi"]))
        >>> one, two = run(model.generate([GenerateRequest(())] * 2))
        >>> one.text, str(two.error)
        ('Hi', '[scripted:list] the budget of 1 calls is used up')
        >>> budget.remaining.calls
        0
    """

    def __init__(
        self,
        max_calls: int | None = None,
        max_tokens: int | None = None,
        max_cost: float | None = None,
        prices: PriceTable | dict[str, Any] | None = None,
        *,
        used: Usage | None = None,
    ) -> None:
        for name, limit in (("max_calls", max_calls), ("max_tokens", max_tokens), ("max_cost", max_cost)):
            if limit is not None and not limit >= 0:
                raise ConfigError(f"{name} must not be negative, got {limit!r}")
        self.max_calls, self.max_tokens, self.max_cost = max_calls, max_tokens, max_cost
        self.prices = prices if isinstance(prices, PriceTable) else PriceTable(prices)
        self._used, self._under_way = used or Usage(), 0
        self._lock = threading.Lock()

    def guard(self, model: Model) -> Guarded:
        """Return ``model`` under this budget.

        Raises:
            ConfigError: if money is limited and the model's price is not known.
        """
        if self.max_cost is not None and self.prices.price(model.name) is None:
            raise ConfigError(
                f"max_cost is set, but no price is known for {model.name!r}; give it per million tokens, as in "
                f"prices={{{model.name!r}: {{'input': 2.0, 'output': 8.0}}}}, or limit max_tokens instead"
            )
        return Guarded(model, self)

    @property
    def used(self) -> Usage:
        """What was used so far."""
        return self._used

    @property
    def remaining(self) -> Remaining:
        """What is left."""
        used = self._used
        return Remaining(
            None if self.max_calls is None else max(0, self.max_calls - used.calls),
            None if self.max_tokens is None else max(0, self.max_tokens - used.input_tokens - used.output_tokens),
            None if self.max_cost is None else max(0.0, self.max_cost - (used.cost or 0.0)),
        )

    @property
    def exhausted(self) -> str | None:
        """Which limit is reached, in words, or None."""
        with self._lock:
            return self._reached(0)

    def admit(self) -> str | None:
        """Reserve one call, or say which limit is reached; every admitted call must be settled."""
        with self._lock:
            reached = self._reached(self._under_way)
            self._under_way += reached is None
            return reached

    def settle(self, usage: Usage | None) -> None:
        """End one admitted call and count what it used; None when that is not known."""
        with self._lock:
            self._under_way -= 1
            self._used = self._used + (usage or Usage())

    def _reached(self, under_way: int) -> str | None:
        used = self._used
        tokens = used.input_tokens + used.output_tokens
        if self.max_calls is not None and used.calls + under_way >= self.max_calls:
            return f"{self.max_calls} calls"
        if self.max_tokens is not None and tokens >= self.max_tokens:
            return f"{self.max_tokens} tokens"
        if self.max_cost is not None and (used.cost or 0.0) >= self.max_cost:
            return f"{self.max_cost:g} in money"
        return None


class Guarded(Wrapper):
    """A model under a :class:`Budget`; made by :meth:`Budget.guard`."""

    def __init__(self, model: Model, budget: Budget) -> None:
        super().__init__(model)
        self.budget = budget

    async def generate(self, requests: Sequence[GenerateRequest]) -> list[GenerateResult]:
        """Answer every request the budget allows; the others get a ``BudgetExceededError``."""
        refusals = [self.budget.admit() for _ in requests]
        admitted = [request for request, refusal in zip(requests, refusals, strict=True) if refusal is None]
        settled = 0
        try:
            raw = await answers(self.inner, admitted) if admitted else []
            fresh = [self._priced(result) for result in raw]
            for result in fresh:
                self.budget.settle(result.usage)
                settled += 1
        finally:
            for _ in admitted[settled:]:
                self.budget.settle(None)
        answered = iter(fresh)
        return [
            next(answered) if refusal is None else self._refused(request, refusal)
            for request, refusal in zip(requests, refusals, strict=True)
        ]

    async def stream(self, request: GenerateRequest) -> AsyncIterator[StreamChunk]:
        """Yield the reply in pieces if the budget allows it."""
        refusal = self.budget.admit()
        if refusal is not None:
            yield StreamChunk(result=self._refused(request, refusal))
            return
        usage: Usage | None = None
        try:
            async with closing(pieces(self.inner, request)) as chunks:
                async for chunk in chunks:
                    if chunk.result is not None:
                        result = self._priced(chunk.result)
                        usage, chunk = result.usage, dataclasses.replace(chunk, result=result)
                    yield chunk
        finally:
            self.budget.settle(usage)

    def _priced(self, result: GenerateResult) -> GenerateResult:
        if result.usage.cost is not None:
            return result
        usage = dataclasses.replace(result.usage, cost=self.budget.prices.cost(self.name, result.usage))
        return dataclasses.replace(result, usage=usage)

    def _refused(self, request: GenerateRequest, limit: str) -> GenerateResult:
        text = f"the budget of {limit} is used up"
        return failure(BudgetExceededError(text, backend=self.name, request_key=request.key))
