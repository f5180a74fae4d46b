"""Schedulers that put something around every model they are asked for."""

from __future__ import annotations

from sdialog.llm.middleware import Retry, Wrapper
from sdialog.llm.protocol import Model
from sdialog.llm.scheduler import Client, Scheduler


class WrappingScheduler(Scheduler):
    """A scheduler that hands out clients of wrapped models, one wrapper a model; subclasses say which.

    Args:
        concurrency, max_batch: as for :class:`.Scheduler`.
    """

    def __init__(self, concurrency: int = 32, max_batch: int = 64) -> None:
        super().__init__(concurrency=concurrency, max_batch=max_batch)
        self._wrapped: dict[int, tuple[Model, Model]] = {}

    def client(self, model: Model) -> Client:
        """Return the client of a model within its wrapper."""
        held = self._wrapped.get(id(model))
        if held is None:
            # The original is kept too: an id is only unique as long as its object lives.
            held = self._wrapped[id(model)] = (model, self.around(model))
        return super().client(held[1])

    def around(self, model: Model) -> Model:
        """Return the model with what belongs around it."""
        raise NotImplementedError(f"{type(self).__name__} does not implement around()")


class PatientScheduler(WrappingScheduler):
    """A scheduler for use outside a run: a remote model is asked up to three times when its failure may pass.

    A model that somebody wrapped already is left as it is: they have chosen.

    Example:
        >>> from sdialog.backends.scripted import ScriptedModel
        >>> from sdialog.core.errors import RateLimitError
        >>> from sdialog.core.sync import run
        >>> from sdialog.llm.types import GenerateRequest, Message
        >>> answers = iter([RateLimitError("slow down", retry_after=0), "Hello."])
        >>> busy = ScriptedModel(lambda request: next(answers))
        >>> run(PatientScheduler().client(busy).complete(GenerateRequest((Message("user", "Hi"),)))).text
        'Hello.'
    """

    attempts = 3
    base, cap = 0.5, 8.0

    def around(self, model: Model) -> Model:
        """Return the model, asked again if it is a remote one."""
        if model.batching != "concurrent" or isinstance(model, Wrapper):
            return model
        return Retry(model, self.attempts, self.base, self.cap)
