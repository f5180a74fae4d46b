"""Wrappers around models: retry, time limits, cache, budget, record and replay."""

from __future__ import annotations

from pathlib import Path

from sdialog.llm.middleware.budget import Budget, Guarded, Remaining
from sdialog.llm.middleware.cache import Cache, Cached
from sdialog.llm.middleware.prices import Price, PriceTable
from sdialog.llm.middleware.record import Record, Replay
from sdialog.llm.middleware.retry import Retry
from sdialog.llm.middleware.timeout import Timeout
from sdialog.llm.middleware.wrapper import Wrapper
from sdialog.llm.protocol import Model

__all__ = [
    "Budget",
    "Cache",
    "Cached",
    "Guarded",
    "Price",
    "PriceTable",
    "Record",
    "Remaining",
    "Replay",
    "Retry",
    "Timeout",
    "Wrapper",
    "wrap",
]


def wrap(
    model: Model,
    *,
    retry: bool | int = True,
    timeout: float | None = None,
    cache: str | Path | Cache | None = None,
    budget: Budget | None = None,
    record: str | Path | None = None,
) -> Model:
    """Put wrappers around a model in the order that makes sense.

    From the inside out: the time limit holds for each try; the budget counts each try; a retry waits between them;
    the cache keeps only what came of it all, so a hit costs nothing; the record holds what the caller saw.

    Args:
        model: the model inside.
        retry: whether to ask again after passing failures, or how many tries a request gets.
        timeout: seconds for one try.
        cache: SQLite file of known answers.
        budget: limit shared with other models.
        record: JSONL file of all calls.

    Returns:
        The model with its wrappers, or itself if there are none.

    Raises:
        ConfigError: if an option is out of range, or a limited cost has no price.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> wrap(ScriptedModel(["Hi"]), timeout=30)
        Retry(Timeout(ScriptedModel('scripted:list')))
    """
    if timeout is not None:
        model = Timeout(model, timeout)
    if budget is not None:
        model = budget.guard(model)
    if retry:
        model = Retry(model) if retry is True else Retry(model, attempts=retry)
    if cache is not None:
        model = Cached(model, cache)
    if record is not None:
        model = Record(model, record)
    return model
