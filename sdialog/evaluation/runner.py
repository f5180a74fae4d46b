"""Scoring any number of dialogs: in one pass, many at once, failures as values."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from sdialog.core.errors import EvaluationError, UserError
from sdialog.core.sync import run
from sdialog.evaluation.base import BaseDialogScore, Scoring
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.results import EvalResult, ItemResult

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.llm.scheduler import Scheduler

_BREATHE_EVERY = 64


@dataclass(frozen=True, slots=True)
class Running:
    """How scores are run.

    Attributes:
        concurrency: dialogs under way at once.
        errors: ``keep`` a failure as a missing value with its error, or ``raise`` it.
        scheduler: shares models with other work; a new one when None.
        seed: seed of what is random in scores.
        on_item: called with the number of dialogs done after each one.
    """

    concurrency: int = 32
    errors: Literal["keep", "raise"] = "keep"
    scheduler: Scheduler | None = None
    seed: int = 0
    on_item: Callable[[int], None] | None = None


def score_dialogs(
    scores: Sequence[BaseDialogScore], dialogs: Iterable[Dialog], running: Running | None = None
) -> list[EvalResult]:
    """Score dialogs; see :func:`ascore_dialogs`."""
    return run(ascore_dialogs(scores, dialogs, running))


async def ascore_dialogs(
    scores: Sequence[BaseDialogScore], dialogs: Iterable[Dialog], running: Running | None = None
) -> list[EvalResult]:
    """Score dialogs, each of which is read once and let go of.

    Args:
        scores: what to compute.
        dialogs: dialogs, also from an iterator of any length.
        running: how; the default keeps failures as missing values.

    Returns:
        The result of each score, its items in the order of the dialogs.

    Raises:
        UserError: if something has to be mended first, such as a key that is not set.
        EvaluationError: a score failed, and failures are to be raised.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> (result,) = score_dialogs([MeanTurnLengthScore()], [Dialog(turns=[Turn(text="How are you?")])])
        >>> result.values
        [3.0]
    """
    options = running or Running()
    scheduler = options.scheduler or _scheduler(options)
    scoring = Scoring(scheduler, options.seed)
    items: list[list[ItemResult]] = [[] for _ in scores]
    try:
        done = 0
        async for row in _rows(scores, iter(dialogs), scoring, options):
            for kept, item in zip(items, row, strict=True):
                kept.append(item)
            done += 1
            if options.on_item is not None:
                options.on_item(done)
    finally:
        if options.scheduler is None:
            await scheduler.aclose()
    return [EvalResult(score.name, kept) for score, kept in zip(scores, items, strict=True)]


def _scheduler(options: Running) -> Scheduler:
    from sdialog.llm.wrapping import PatientScheduler

    return PatientScheduler(concurrency=options.concurrency)


async def _rows(
    scores: Sequence[BaseDialogScore], dialogs: Iterator[Dialog], scoring: Scoring, options: Running
) -> AsyncIterator[list[ItemResult]]:
    """Yield the results of each dialog, in order; where scores wait, so many dialogs at once."""
    if not any(score.awaits for score in scores):
        for number, dialog in enumerate(dialogs):
            if number % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)
            yield [await _item(score, dialog, scoring, options, dialog_hash(dialog)) for score in scores]
        return
    under_way: deque[asyncio.Task[list[ItemResult]]] = deque()
    try:
        for dialog in dialogs:
            under_way.append(asyncio.create_task(_row(scores, dialog, scoring, options)))
            if len(under_way) >= options.concurrency:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()


async def _row(
    scores: Sequence[BaseDialogScore], dialog: Dialog, scoring: Scoring, options: Running
) -> list[ItemResult]:
    content = dialog_hash(dialog)
    return list(await asyncio.gather(*(_item(score, dialog, scoring, options, content) for score in scores)))


async def _item(score: BaseDialogScore, dialog: Dialog, scoring: Scoring, options: Running, content: str) -> ItemResult:
    try:
        found = await score.measure(dialog, scoring)
    except UserError:
        raise  # no other dialog would fare better
    except Exception as error:
        if options.errors == "raise":
            raise EvaluationError(f"{score.name} failed on dialog {dialog.id}: {error}") from error
        return ItemResult(dialog.id, content, error=f"{type(error).__name__}: {error}")
    return ItemResult(dialog.id, content, found.value, found.reason, None, found.details, found.usage)
