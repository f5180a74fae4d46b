"""Dialogs of a cache as passages for feature cards, and the words of its tokens."""

from __future__ import annotations

from collections.abc import Sequence

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.cache import ActivationCache
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.sae._examples import Passage


def token_texts(cache: ActivationCache) -> list[str]:
    """Return the text of each of a cache's tokens, as its model's tokenizer writes it.

    Raises:
        UserError: if the cache has means instead of tokens, or does not know its model.
    """
    if cache.recipe.reduce is not None:
        raise UserError(f"this needs a cache of tokens, and it has means by {cache.recipe.reduce}")
    if not cache.recipe.model:
        raise UserError("the cache does not tell which model its tokens are of")
    tokenizer = network_of(cache.recipe.model).tokenizer
    ids = cache.labels["token"].tolist()
    texts = {one: tokenizer.decode([one]) for one in set(ids)}
    return [texts[one] for one in ids]


def passages(
    cache: ActivationCache, site: str | Sequence[str] | None = None, dialogs: Sequence[str] | None = None
) -> list[Passage]:
    """Return dialogs of a cache as passages, for :func:`sdialog.interpretability.sae.top_examples`.

    Turns are told apart by a line break before their first token.

    Args:
        cache: one row a token.
        site: the place that the dictionary reads; default the only one. Several in a list, as a crosscoder reads them.
        dialogs: ids of dialogs; default all that have rows.

    Raises:
        UserError: if there are several sites and none is named, or the cache has means instead of tokens.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> dialog = Dialog(turns=[Turn(speaker="Ann", text="Hello!")], id="d1")
        >>> cache = ActivationCache.record("embedded:mini", dialog, "layers.2.resid_post")
        >>> found = passages(cache)[0]
        >>> found.tokens, found.values.shape, found.source
        (['Hello', '!'], (2, 192), 'd1')
    """
    if site is None and len(cache.sites) != 1:
        raise UserError(f"say which site: {', '.join(cache.sites)}")
    texts = token_texts(cache)
    numbers, turns = (cache.labels.number(name).tolist() for name in ("dialog", "turn"))
    for row in range(1, len(numbers)):
        if numbers[row] == numbers[row - 1] and turns[row] != turns[row - 1]:
            texts[row] = f"\n{texts[row]}"
    if site is None or isinstance(site, str):
        values = cache[site or cache.sites[0]]
    else:
        values = need("numpy", extra="local", why="put layers side by side").stack([cache[one] for one in site], axis=1)
    wanted = None if dialogs is None else set(dialogs)
    made, start = [], 0
    for end in range(1, len(numbers) + 1):
        if end < len(numbers) and numbers[end] == numbers[start]:
            continue
        name = cache.dialogs[numbers[start]]
        if wanted is None or name in wanted:
            # A copy: torch warns of arrays that cannot be written, as those of a file are.
            made.append(Passage(texts[start:end], values[start:end].copy(), name))
        start = end
    return made
