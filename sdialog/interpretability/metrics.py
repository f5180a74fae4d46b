"""What a run of a model is judged by: one number for each row of its logits."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

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
        """Return the difference in each row."""
        at = logits[:, self.position]
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
        return logits[:, self.position].float().log_softmax(-1)[:, self.token]

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
        tensor([1., 0.])
    """

    token: int | str
    position: int = -1

    def __call__(self, logits: Tensor) -> Tensor:
        """Return 1 or 0 for each row."""
        return (logits[:, self.position].argmax(-1) == self.token).to(logits.dtype)

    def __str__(self) -> str:
        return f"{self.token} is chosen"


def known(metric: _M, tokenizer: Any) -> _M:
    """Return a metric with its tokens by id; a function of yours stays as it is.

    Raises:
        UserError: if a text is not one token of the model.
    """
    if not isinstance(metric, (LogitDifference, LogProbability, IsChosen)):
        return metric
    names = {field.name for field in fields(metric)} & {"token", "other"}
    return replace(metric, **{name: token_id(tokenizer, getattr(metric, name)) for name in names})  # type: ignore[arg-type]
