"""Scores weighted with the probabilities that a model gives them (G-Eval, Liu et al., 2023)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence

from sdialog.core.errors import EvaluationError
from sdialog.llm.types import TokenLogprob


def distribution(raw: str, logprobs: Sequence[TokenLogprob], field: str, scores: Iterable[int]) -> dict[int, float]:
    """Return the probability of each possible score, where a reply gives it as a digit in JSON.

    The probabilities of the tokens that a model told of are scaled to add up to 1.

    Args:
        raw: the reply.
        logprobs: its tokens.
        field: name of the score in the JSON.
        scores: the possible scores, each of one digit.

    Raises:
        EvaluationError: if the score cannot be found among the tokens.

    Example:
        >>> digit = TokenLogprob("4", math.log(0.5), (("4", math.log(0.5)), ("5", math.log(0.5))))
        >>> tokens = [TokenLogprob('{"score": ', 0.0), digit, TokenLogprob("}", 0.0)]
        >>> distribution('{"score": 4}', tokens, "score", range(1, 6))
        {4: 0.5, 5: 0.5}
    """
    found = list(re.finditer(rf'"{re.escape(field)}"\s*:\s*(\d)', "".join(token.token for token in logprobs)))
    if not found:
        raise EvaluationError(f"the tokens of the reply do not hold its {field}: {raw!r:.80}")
    place, start = found[-1].start(1), 0
    for token in logprobs:
        if start <= place < start + len(token.token):
            return _shares(token, token.token[: place - start], set(scores))
        start += len(token.token)
    raise EvaluationError(f"the tokens of the reply do not hold its {field}: {raw!r:.80}")


def _shares(token: TokenLogprob, before: str, scores: set[int]) -> dict[int, float]:
    """Return the scaled probabilities of the scores among a token's alternatives, which begin as it does."""
    masses: dict[int, float] = {}
    for text, logprob in dict([(token.token, token.logprob), *token.top]).items():
        digit = re.fullmatch(r"(\d)\D*", text.removeprefix(before).lstrip())
        if digit and int(digit.group(1)) in scores:
            score = int(digit.group(1))
            masses[score] = masses.get(score, 0.0) + math.exp(logprob)
    total = math.fsum(masses.values())
    if not total:
        raise EvaluationError(f"none of the likely tokens for {token.token!r} is a possible score")
    return {score: masses[score] / total for score in sorted(masses)}
