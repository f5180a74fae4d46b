"""What a local model and those who look into it say to each other.

A request carries interventions: objects of another part of the package, or of anybody's. The backend knows nothing of
them but this: before a batch runs, it asks them for conductors, one for all rows of the batch; it opens what a
conductor gives around every forward call, with a map of the rows that the call holds; and at the end of a row it puts
what the conductor recorded of it into the result.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

if TYPE_CHECKING:
    from sdialog.llm.types import GenerateRequest, Message, ToolSpec


class RowSpan(NamedTuple):
    """What a forward call holds of one row, for hooks that read or edit only their own rows.

    Attributes:
        row: index along the call's batch axis.
        job: index of the row's request among those of the run.
        first: column of the call's input at which the row's tokens start; what is before is padding.
        position: position of the token in that column in the row's own sequence.
        prompt: length of the row's prompt; positions below it are prompt, the others are generated.
        columns: how many columns the call's input has.
        padding: how many of the columns that tokens may attend to are before the row's first token.
        again: whether the tokens passed before, in another shape of batch: edits apply, but nothing is to be recorded.
    """

    row: int
    job: int
    first: int
    position: int
    prompt: int
    columns: int
    padding: int
    again: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """A request as a local model runs it.

    Attributes:
        request: the request.
        text: its rendered prompt.
        ids: the prompt's tokens.
        write: writes a conversation as the prompt was written: messages, tools, and whether to end with what has the
            assistant speak next.
    """

    request: GenerateRequest
    text: str
    ids: Sequence[int]
    write: Callable[[Sequence[Message], Sequence[ToolSpec], bool], str] | None = None


@dataclass(frozen=True, slots=True)
class Network:
    """A local model as torch has it.

    Attributes:
        model: a causal language model of transformers, in evaluation mode.
        tokenizer: its tokenizer.
        name: the backend's full name, such as ``embedded:mini``.
        fingerprint: digest of the weights; None where it is not known.
        call: runs a function in the thread in which the model generates, and returns what it returns. Whoever hooks
            or runs the model goes through it, so that nobody else's tokens pass the hooks.
    """

    model: Any
    tokenizer: Any
    name: str = ""
    fingerprint: str | None = None
    call: Callable[[Callable[[], Any]], Any] = lambda function: function()


class Conductor(Protocol):
    """Runs the interventions of rows of one batch, in the model's thread."""

    @property
    def jobs(self) -> Collection[int]:
        """The rows that are its own, by the indices of their requests. Forward calls hold others, too."""

    def around(self, spans: Sequence[RowSpan]) -> AbstractContextManager[None]:
        """Return what surrounds a forward call, such as hooks."""

    def first(self, job: int) -> int:
        """Return the first prompt position that has to pass through the model.

        What is before it may come from keys and values at hand: those kept under the same name, see :meth:`kept`,
        or, where the name is empty, also those computed without interventions.
        """

    def kept(self, job: int) -> tuple[str, int | None]:
        """Return how the row's keys and values may be kept for later turns.

        Returns:
            A name, equal for calls that change tokens in the same way wherever these stand and empty for calls that
            change none of those that are kept; and how many leading tokens to keep, None for all.
        """

    def feeds_last(self, job: int) -> bool:
        """Tell whether the last generated token, too, is to pass through the model, which needs none after it."""

    def failure(self, job: int) -> Exception | None:
        """Return why the row is of no use, None if it is; its neighbours are not touched by it."""

    def finish(self, job: int, reply: Sequence[int]) -> Mapping[str, Any]:
        """Return what was recorded of a row, by name, and let go of it.

        Args:
            job: index of the row's request.
            reply: all generated tokens.
        """


@runtime_checkable
class Intervention(Protocol):
    """What a request may carry."""

    def conductor(self) -> Callable[[Network, Mapping[int, Row]], Conductor]:
        """Return what makes one conductor for all rows of a batch whose interventions return an equal one."""
