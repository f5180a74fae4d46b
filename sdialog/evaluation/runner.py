"""Scoring any number of dialogs: in one pass, many at once, failures as values."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

from sdialog.core.errors import ConfigError, EvaluationError, UserError
from sdialog.core.sync import run
from sdialog.evaluation.base import BaseDialogScore, Scoring
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.results import EvalResult, ItemResult, settled
from sdialog.evaluation.score_cache import ScoreCache, configured

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.llm.scheduler import Scheduler

_BREATHE_EVERY = 64
# Results come in order, so a slow dialog holds back those done after it: at most so many times the concurrency.
_AHEAD = 4


@dataclass(frozen=True, slots=True)
class Running:
    """How scores are run.

    Attributes:
        concurrency: dialogs under way at once.
        errors: ``keep`` a failure as a missing value with its error, or ``raise`` it.
        scheduler: shares models with other work; a new one when None.
        seed: seed of what is random in scores.
        on_item: called with the number of dialogs done after each one.
        cache: where results of costly scores are looked up and kept, so that an evaluation that was broken off goes
            on where it was; None for what the settings say, False for none.

    Raises:
        ConfigError: if no dialog could be under way, or ``errors`` is neither.
    """

    concurrency: int = 32
    errors: Literal["keep", "raise"] = "keep"
    scheduler: Scheduler | None = None
    seed: int = 0
    on_item: Callable[[int], None] | None = None
    cache: ScoreCache | Literal[False] | None = None

    def __post_init__(self) -> None:
        if self.concurrency < 1:
            raise ConfigError(f"concurrency is at least 1, not {self.concurrency!r}")
        if self.errors not in ("keep", "raise"):
            raise ConfigError(f"errors is 'keep' or 'raise', not {self.errors!r}")


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
        UserError: if something has to be mended first, such as a key that is not set, or what is to be scored is no
            dialog.
        EvaluationError: a score failed, and failures are to be raised.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> (result,) = score_dialogs([MeanTurnLengthScore()], [Dialog(turns=[Turn(text="How are you?")])])
        >>> result.values
        [3.0]
    """
    if isinstance(scores, BaseDialogScore) or not all(isinstance(score, BaseDialogScore) for score in scores):
        raise UserError(f"scores are a list of score objects, such as [MeanTurnLengthScore()], not {scores!r:.80}")
    options = running or Running()
    scheduler = options.scheduler or _scheduler(options)
    scoring = Scoring(scheduler, options.seed)
    cache = configured() if options.cache is None else options.cache
    items: list[list[ItemResult]] = [[] for _ in scores]
    try:
        done = 0
        async for row in _rows([_Runner(score, scoring, options, cache) for score in scores], _checked(dialogs)):
            for kept, item in zip(items, row, strict=True):
                kept.append(item)
            done += 1
            if options.on_item is not None:
                options.on_item(done)
    finally:
        if options.scheduler is None:
            await scheduler.aclose()
        if options.cache is None and isinstance(cache, ScoreCache):
            cache.close()
    return [EvalResult(score.name, kept) for score, kept in zip(scores, items, strict=True)]


def _checked(dialogs: Any) -> Iterator[Dialog]:
    from sdialog.core.dialog import Dialog

    if isinstance(dialogs, Dialog):
        raise UserError("what is scored is a list of dialogs; for one dialog, put it into a list")
    if isinstance(dialogs, (str, PurePath)):
        raise UserError(
            f"what is scored is dialogs, not the path {str(dialogs)!r}: read_dialogs of sdialog.core.io reads it"
        )
    for number, dialog in enumerate(dialogs):
        if not isinstance(dialog, Dialog):
            raise UserError(f"what is scored is dialogs, but number {number} is of type {type(dialog).__name__}")
        yield dialog


def _scheduler(options: Running) -> Scheduler:
    from sdialog.llm.wrapping import PatientScheduler

    return PatientScheduler(concurrency=options.concurrency)


async def _rows(runners: Sequence[_Runner], dialogs: Iterator[Dialog]) -> AsyncIterator[list[ItemResult]]:
    """Yield the results of each dialog, in order; where scores wait, of many dialogs side by side."""
    if not any(runner.score.awaits for runner in runners):
        for number, dialog in enumerate(dialogs):
            if number % _BREATHE_EVERY == 0:
                await asyncio.sleep(0)
            content = dialog_hash(dialog)
            yield [await runner.item(dialog, content) for runner in runners]
        return
    slots = asyncio.Semaphore(runners[0].options.concurrency)
    under_way: deque[asyncio.Task[list[ItemResult]]] = deque()
    try:
        for dialog in dialogs:
            under_way.append(asyncio.create_task(_row(runners, dialog, slots)))
            if len(under_way) >= _AHEAD * runners[0].options.concurrency:
                yield await under_way.popleft()
        while under_way:
            yield await under_way.popleft()
    finally:
        for task in under_way:
            task.cancel()


async def _row(runners: Sequence[_Runner], dialog: Dialog, slots: asyncio.Semaphore) -> list[ItemResult]:
    async with slots:
        content = dialog_hash(dialog)
        return list(await asyncio.gather(*(runner.item(dialog, content) for runner in runners)))


class _Runner:
    """One score of an evaluation, with what it needs."""

    def __init__(
        self, score: BaseDialogScore, scoring: Scoring, options: Running, cache: ScoreCache | Literal[False] | None
    ) -> None:
        self.score, self.scoring, self.options = score, scoring, options
        self.cache = cache if isinstance(cache, ScoreCache) and (score.awaits or score.costly) else None

    async def item(self, dialog: Dialog, content: str) -> ItemResult:
        """Return the result for one dialog, from the cache if it is there."""
        key = None if self.cache is None else self.cache.key(self.score, content, self.options.seed)
        if self.cache is None or key is None:
            return await self._fresh(dialog, content)
        kept = await asyncio.to_thread(self.cache.find, key, dialog.id, content)
        if kept is not None:
            return kept
        item = await self._fresh(dialog, content)
        await asyncio.to_thread(self.cache.keep, key, self.score.name, item)
        return item

    async def _fresh(self, dialog: Dialog, content: str) -> ItemResult:
        try:
            found = await self.score.measure(dialog, self.scoring)
            value = settled(found.value)
        except UserError:
            raise  # no other dialog would fare better
        except Exception as error:
            if self.options.errors == "raise":
                raise EvaluationError(f"{self.score.name} failed on dialog {dialog.id}: {error}") from error
            return ItemResult(dialog.id, content, error=f"{type(error).__name__}: {error}")
        return ItemResult(dialog.id, content, value, found.reason, None, found.details, found.usage)
