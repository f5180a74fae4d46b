"""Choosing predicates on some dialogs and scoring them on others."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch

from sdialog.core.errors import ConfigError, UserError
from sdialog.core.seeds import derive_seed, rng
from sdialog.interpretability.cache import ActivationCache
from sdialog.interpretability.sae._dictionary import SparseDictionary
from sdialog.interpretability.sae._passages import token_texts
from sdialog.interpretability.sae.predicate_names import PredicateName, PredicateNames
from sdialog.interpretability.sae.predicates import Column, Predicate, columns_of
from sdialog.statistics.intervals import Interval

_CHUNK = 8192
_RESAMPLES = 1000
_WORTH = 0.02  # a predicate that is less simple has to be better by this
_WORTH_MORE = 0.05  # and each value that it joins has to add this


class Coded(NamedTuple):
    """A column as numbers: the value of each token, -1 where it has none that is frequent enough."""

    column: Column
    values: list[Hashable]
    codes: torch.Tensor


class Chosen(NamedTuple):
    """The best predicate of a feature so far."""

    f1: float
    coded: Coded
    values: tuple[int, ...]


def name_by_predicates(
    sae: SparseDictionary,
    cache: ActivationCache,
    features: Sequence[int] | None = None,
    *,
    site: str | Sequence[str] | None = None,
    labels: Mapping[str, Sequence[Hashable | None]] | None = None,
    held_out: float | Sequence[str] = 0.5,
    least: float = 0.8,
    active_above: float = 0.3,
    most_values: int = 4,
    support: int = 20,
    level: float = 0.95,
    seed: int,
) -> PredicateNames:
    """Name features by what is true of the tokens on which they are strong, without a judge.

    A name is a statement such as *the token “refund”*, *right before “?”* or *act is greeting*. Of all that fit a
    feature on some dialogs the one with the best F1 is chosen, and simpler ones are preferred; it is then scored on
    the other dialogs, so that the number of statements tried does not flatter it. A feature gets the name only if the
    lower end of the interval of its held-out F1 reaches ``least``.

    Args:
        sae: the dictionary.
        cache: tokens of dialogs at its site, best of dialogs on which it was not trained.
        features: which features; default all.
        site: the place in the cache that the dictionary reads, those of a crosscoder in a list; default the only one,
            or those that the dictionary was trained on.
        labels: what else is known of each row of the cache, by name; None where there is nothing to say.
        held_out: share of the dialogs that score, drawn with the seed; or their ids.
        least: what the lower end of F1 has to reach, from 0 to 1.
        active_above: a token is strong above this share of the feature's largest activation in the choosing dialogs.
        most_values: how many values of one respect a statement joins at most, as in *“Bye” or “Goodbye”*.
        support: fewest tokens, in the choosing dialogs, of a value that is tried, and in the others of strong tokens.
        level: of the intervals.
        seed: of the draw of dialogs and of the intervals.

    Raises:
        UserError: if the cache has means instead of tokens, fewer than four dialogs, or not one label a row.
        ConfigError: if a share is none.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> from sdialog.interpretability.sae._dictionary import SparseAutoencoder
        >>> from sdialog.interpretability.sae.config import SAEConfig
        >>> texts = ("Hello!", "Thanks.")
        >>> said = [Dialog(id=f"d{n}", turns=[Turn(speaker="Ann", text=texts[n % 2])]) for n in range(40)]
        >>> cache = ActivationCache.record("embedded:mini", said, "layers.0.resid_post")
        >>> rows, hello = torch.tensor(cache["layers.0.resid_post"]), torch.tensor(cache.labels["text"] == "Hello")
        >>> way = rows[hello].mean(dim=0) - rows[~hello].mean(dim=0)
        >>> weights = {"W_enc": way[:, None], "W_dec": way[None], "b_dec": torch.zeros(192)}
        >>> weights["b_enc"] = -(rows[~hello] @ way).max()[None]
        >>> sae = SparseAutoencoder(SAEConfig(192, 1, "standard"), weights)
        >>> [one.predicate.text for one in name_by_predicates(sae, cache, support=5, seed=0).named]
        ['the token “Hello”']
    """
    for name, share in (("least", least), ("active_above", active_above), ("level", level)):
        if not 0 <= share < 1:
            raise ConfigError(f"{name} is a share from 0 to below 1, not {share}")
    if cache.recipe.reduce is not None:
        raise UserError(f"features are named by tokens, and the cache has means by {cache.recipe.reduce}")
    chosen = sae.chosen(features)
    found = _encoded(sae, cache, site, chosen)
    number = torch.as_tensor(cache.labels.number("dialog").astype("int64"))
    scoring = _scoring(cache, number, held_out, seed)
    columns = columns_of(cache.labels, token_texts(cache), labels)
    coded = [_coded(column, ~scoring, support) for column in columns]
    task = _Task(coded, number, scoring, least, active_above, most_values, support, level, seed)
    names = tuple(_names(task, chosen, found))
    # Within the choosing and within the scoring rows, so that each feature stays as frequent as it is in either.
    shuffled = found.clone()
    draw = torch.Generator().manual_seed(derive_seed(seed, "shuffled"))
    for rows in (scoring.nonzero().flatten(), (~scoring).nonzero().flatten()):
        shuffled[rows] = found[rows[torch.randperm(len(rows), generator=draw)]]
    chance = sum(one.named for one in _names(task, chosen, shuffled))
    tried, held = sum(len(one.values) for one in coded), int(scoring.sum())
    return PredicateNames(names, least, active_above, chance, tried, len(scoring) - held, held)


class _Task(NamedTuple):
    """What all features are named by."""

    coded: Sequence[Coded]
    number: torch.Tensor
    scoring: torch.Tensor
    least: float
    active_above: float
    most_values: int
    support: int
    level: float
    seed: int


def _names(task: _Task, chosen: Sequence[int], found: torch.Tensor) -> Iterator[PredicateName]:
    choose = ~task.scoring
    above = task.active_above * found[choose].max(dim=0).values
    strong = (found > above) & (found > 0)
    best = _choose(task.coded, strong, choose, task.most_values)
    for place, feature in enumerate(chosen):
        yield _scored(task, feature, best[place], found[:, place], strong[:, place], float(above[place]))


def _encoded(
    sae: SparseDictionary, cache: ActivationCache, site: str | Sequence[str] | None, chosen: list[int]
) -> torch.Tensor:
    """Return the features of all rows (rows, features)."""
    own = sae.config.sites[:1] if sae.kind == "transcoder" else sae.config.sites
    if site is None and len(cache.sites) == 1:
        site = cache.sites[0]
    elif site is None and own and set(own) <= set(cache.sites):
        site = own if sae.kind == "crosscoder" else own[0]
    elif site is None:
        raise UserError(f"say which site: {', '.join(cache.sites)}")
    listed = [site] if isinstance(site, str) else list(site)
    made = []
    with torch.no_grad():
        for chunks in zip(*(cache.chunks(one, _CHUNK) for one in listed), strict=True):
            sides = [torch.as_tensor(values.copy()).flatten(1) for values, _ in chunks]
            read = sides[0] if isinstance(site, str) else torch.stack(sides, dim=1)
            made.append(sae.encode(read)[:, chosen].float().cpu())
    return torch.cat(made)


def _scoring(cache: ActivationCache, number: torch.Tensor, held_out: float | Sequence[str], seed: int) -> torch.Tensor:
    """Return which rows are of dialogs that score."""
    there = sorted(set(number.tolist()))
    if isinstance(held_out, (int, float)):
        if not 0 < held_out < 1:
            raise ConfigError(f"held_out is a share of the dialogs between 0 and 1, or their ids, not {held_out}")
        order = list(there)
        rng(seed, "held out").shuffle(order)
        kept = order[: max(2, round(held_out * len(order)))]
    else:
        wanted = set(held_out)
        kept = [one for one in there if cache.dialogs[one] in wanted]
    if len(kept) < 2 or len(there) - len(kept) < 2:
        raise UserError(
            f"names are chosen on some dialogs and scored on others, two of each at least; there are {len(there)} "
            f"dialogs, of which {len(kept)} are to score"
        )
    return torch.isin(number, torch.tensor(kept))


def _coded(column: Column, choose: torch.Tensor, support: int) -> Coded:
    """Number the values of a column that the choosing dialogs have often enough, but not nearly always."""
    counts: dict[Hashable, int] = {}
    for value, counted in zip(column.values, choose.tolist(), strict=True):
        if counted and value is not None:
            counts[value] = counts.get(value, 0) + 1
    most = 0.9 * int(choose.sum())
    values = sorted((one for one, count in counts.items() if support <= count <= most), key=str)
    places = {value: place for place, value in enumerate(values)}
    codes = torch.tensor([-1 if value is None else places.get(value, -1) for value in column.values])
    return Coded(column, values, codes)


def _choose(
    coded: Sequence[Coded], strong: torch.Tensor, choose: torch.Tensor, most_values: int
) -> list[Chosen | None]:
    """Return for each feature the predicate with the best F1 in the choosing rows."""
    active = strong[choose].float()  # counts stay exact up to 16 million tokens
    total = active.sum(dim=0)
    best: list[Chosen | None] = [None] * active.shape[1]
    for one in coded:
        if not one.values:
            continue
        codes = one.codes[choose]
        known = codes >= 0
        hits = torch.zeros(len(one.values), active.shape[1])
        hits.index_add_(0, codes[known], active[known])
        sizes = torch.bincount(codes[known], minlength=len(one.values)).float()
        for place, (f1, values) in enumerate(_joined(hits, sizes, total, most_values)):
            before = best[place]
            if f1 > 0 and (before is None or f1 > before.f1 + _WORTH):
                best[place] = Chosen(f1, one, values)
    return best


def _joined(
    hits: torch.Tensor, sizes: torch.Tensor, total: torch.Tensor, most: int
) -> list[tuple[float, tuple[int, ...]]]:
    """Return for each feature the values of a column that together have the best F1, added one by one.

    Args:
        hits: strong tokens of each value (values, features).
        sizes: tokens of each value.
        total: strong tokens of each feature.
        most: how many values are joined.
    """
    features = torch.arange(hits.shape[1])
    got, size = torch.zeros_like(total), torch.zeros_like(total)
    f1, left = torch.zeros_like(total), hits.clone()
    taken: list[list[int]] = [[] for _ in features]
    for _ in range(min(most, len(sizes))):
        tried = 2 * (got + left) / (size + sizes.unsqueeze(1) + total)
        top = tried.max(dim=0)
        better = top.values > f1 + torch.where(f1 > 0, _WORTH_MORE, 0.0)
        for place in better.nonzero().flatten().tolist():
            taken[place].append(int(top.indices[place]))
        got = torch.where(better, got + hits[top.indices, features], got)
        size = torch.where(better, size + sizes[top.indices], size)
        f1 = torch.where(better, top.values, f1)
        left[top.indices[better], features[better]] = -torch.inf  # a value is taken once
    return [(value, tuple(values)) for value, values in zip(f1.tolist(), taken, strict=True)]


def _scored(
    task: _Task, feature: int, best: Chosen | None, found: torch.Tensor, strong: torch.Tensor, above: float
) -> PredicateName:
    """Score a feature's predicate on the rows that did not choose it."""
    scoring = task.scoring
    on = strong & scoring
    if best is None:
        reason = "it is never strong in the choosing dialogs, or nothing is true of those tokens"
        return PredicateName(feature, None, False, reason, None, None, None, None, None, None, int(on.sum()), 0, above)
    predicate = Predicate(
        best.coded.column.title,
        tuple(best.coded.values[value] for value in best.values),
        best.coded.column.describe([best.coded.values[value] for value in best.values]),
    )
    true = torch.isin(best.coded.codes, torch.tensor(best.values)) & scoring
    hits, size, total = int((on & true).sum()), int(true.sum()), int(on.sum())
    f1 = 2 * hits / (size + total) if total else None
    interval = _interval(task, feature, on, true) if total else None
    activity = float(found[scoring].double().sum())
    reason = ""
    if total < task.support:
        reason = f"it is strong on {total} tokens of the scoring dialogs; {task.support} are needed"
    elif interval is None or interval.low < task.least:
        reason = f"the lower end of F1 does not reach {task.least:g}"
    return PredicateName(
        feature=feature,
        predicate=predicate,
        named=not reason,
        reason=reason,
        f1=f1,
        interval=interval,
        precision=hits / size if size else None,
        recall=hits / total if total else None,
        mass=float(found[true].double().sum()) / activity if activity else None,
        chosen_f1=best.f1,
        strong=total,
        true=size,
        above=above,
    )


def _interval(task: _Task, feature: int, on: torch.Tensor, true: torch.Tensor) -> Interval | None:
    """Return a percentile interval of F1 over draws of whole dialogs (Efron, 1979)."""
    scoring = task.scoring
    dialogs, place = task.number[scoring].unique(return_inverse=True)
    counts = torch.zeros(len(dialogs), 2, dtype=torch.float64)
    counts[:, 0].index_add_(0, place, (on & true)[scoring].double())
    counts[:, 1].index_add_(0, place, (on[scoring].double() + true[scoring].double()))
    draw = torch.Generator().manual_seed(derive_seed(task.seed, "interval", feature))
    picks = torch.randint(len(dialogs), (_RESAMPLES, len(dialogs)), generator=draw)
    sums = counts[picks].sum(dim=1)
    values = (2 * sums[:, 0] / sums[:, 1])[sums[:, 1] > 0]
    if len(values) < 0.9 * _RESAMPLES:
        return None
    low, high = values.quantile(
        torch.tensor([(1 - task.level) / 2, (1 + task.level) / 2], dtype=torch.float64)
    ).tolist()
    return Interval(low, high, task.level, "bootstrap")
