"""What a run of a model is judged by: one number for each row of its logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from sdialog.core.errors import UserError
from sdialog.interpretability.running._inputs import token_id

if TYPE_CHECKING:
    from torch import Tensor

# From logits of shape (rows, tokens, vocabulary) to one number a row, of shape (rows,).
Metric = Callable[["Tensor"], "Tensor"]
_M = TypeVar("_M")


@dataclass(frozen=True)
class LogitDifference:
    """By how much the logit of one next token is above that of another.

    It is linear in the last layer's output up to its norm, and does not hang on the other tokens; good for patching.

    Attributes:
        token: the one, by id or text.
        other: the other.
        position: of the token after which they would come; from the end below 0.

    Example:
        >>> import torch
        >>> LogitDifference(2, 0)(torch.tensor([[[1.0, 0.0, 4.0]]]))
        tensor([3.])
    """

    token: int | str
    other: int | str
    position: int = -1

    def __call__(self, logits: Tensor) -> Tensor:
        """Return the difference in each row, in float32 at least, in which small ones are not rounded away."""
        at = _wide(logits[:, self.position])
        return at[:, self.token] - at[:, self.other]

    def __str__(self) -> str:
        return f"logit of {self.token} above that of {self.other}"


@dataclass(frozen=True)
class LogProbability:
    """Log probability of a next token.

    Attributes:
        token: by id or text.
        position: of the token after which it would come; from the end below 0.

    Example:
        >>> import torch
        >>> LogProbability(1)(torch.zeros(1, 1, 4)).exp()
        tensor([0.2500])
    """

    token: int | str
    position: int = -1

    def __call__(self, logits: Tensor) -> Tensor:
        """Return the log probability in each row."""
        return _wide(logits[:, self.position]).log_softmax(-1)[:, self.token]

    def __str__(self) -> str:
        return f"log probability of {self.token}"


@dataclass(frozen=True)
class IsChosen:
    """1 where a next token is the most probable, else 0; its mean over conversations is accuracy.

    Attributes:
        token: by id or text.
        position: of the token after which it would come; from the end below 0.

    Example:
        >>> import torch
        >>> IsChosen(2)(torch.tensor([[[1.0, 0.0, 4.0]], [[1.0, 5.0, 4.0]]]))
        tensor([1., 0.], dtype=torch.float64)
    """

    token: int | str
    position: int = -1

    def __call__(self, logits: Tensor) -> Tensor:
        """Return 1 or 0 for each row."""
        return (logits[:, self.position].argmax(-1) == self.token).double()

    def __str__(self) -> str:
        return f"{self.token} is chosen"


@dataclass(frozen=True)
class AnswerLogProbability:
    """Log probability of an answer of several tokens: the sum over them, each after those before it.

    The conversations have to end with the answer, clean and corrupt ones alike, so that the model reads it: as token
    ids, or as a last message whose end the template does not mark. ``end`` leaves out tokens that come after it.

    Attributes:
        answer: token ids, or a text, which is tokenized by itself.
        end: how many tokens of the conversation come after the answer, such as one that ends the turn.

    Example:
        >>> import torch
        >>> round(float(AnswerLogProbability((1, 2))(torch.zeros(1, 5, 4)).exp()), 4)
        0.0625
    """

    answer: tuple[int, ...] | str
    end: int = 0

    def __call__(self, logits: Tensor) -> Tensor:
        """Return the log probability in each row.

        Raises:
            UserError: if the conversation is too short to hold the answer.
        """
        ids = [int(one) for one in self.answer]
        stop = logits.shape[1] - self.end - 1
        if stop < len(ids):
            raise UserError(f"an answer of {len(ids)} tokens and one before it do not fit {logits.shape[1]} tokens")
        found = _wide(logits[:, stop - len(ids) : stop]).log_softmax(-1)
        return sum((found[:, place, one] for place, one in enumerate(ids)), found.new_zeros(len(found)))

    def __str__(self) -> str:
        return f"log probability of the answer {self.answer}"


def _wide(logits: Tensor) -> Tensor:
    return logits if logits.element_size() >= 4 else logits.float()


def known(metric: _M, tokenizer: Any) -> _M:
    """Return a metric with its tokens by id; a function of yours stays as it is.

    Raises:
        UserError: if a text is not one token of the model.
    """
    if isinstance(metric, AnswerLogProbability):
        answer = metric.answer
        if isinstance(answer, str):
            answer = tuple(tokenizer(answer, add_special_tokens=False)["input_ids"]) if tokenizer is not None else ()
        if not answer:
            raise UserError(f"the answer {metric.answer!r} is no tokens of this model")
        return replace(metric, answer=tuple(answer))
    if not isinstance(metric, (LogitDifference, LogProbability, IsChosen)):
        return metric
    names = {field.name for field in fields(metric)} & {"token", "other"}
    return replace(metric, **{name: token_id(tokenizer, getattr(metric, name)) for name in names})  # type: ignore[arg-type]
