"""Counting what one part of the work used, while many parts share the same models."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from sdialog.llm.types import GenerateRequest, GenerateResult, Usage

if TYPE_CHECKING:
    from sdialog.llm.protocol import Model
    from sdialog.llm.scheduler import Client, Scheduler


CASTING = "(personas)"
"""Stands for a party's name in usage: what a model wrote before the dialog began."""


class Meter:
    """Stands in for a scheduler and adds up the usage of every call made through it.

    Args:
        scheduler: does the work.

    Attributes:
        usage: what was used so far.
    """

    def __init__(self, scheduler: Scheduler) -> None:
        self._scheduler = scheduler
        self.usage = Usage()

    def as_scheduler(self) -> Scheduler:
        """Return this meter under the type it stands in for."""
        return cast("Scheduler", self)

    def client(self, model: Model) -> Client:
        """Return the model's client, metered."""
        return cast("Client", _MeteredClient(self, self._scheduler.client(model)))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._scheduler, name)


class _MeteredClient:
    def __init__(self, meter: Meter, client: Client) -> None:
        self._meter, self._client = meter, client

    async def complete(self, request: GenerateRequest) -> GenerateResult:
        result = await self._client.complete(request)
        self._meter.usage = self._meter.usage + result.usage
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)
