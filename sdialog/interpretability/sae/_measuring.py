"""Measuring sparse dictionaries: against the activations, the model, a concept, and a known dictionary."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal

import torch

from sdialog.core.errors import UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.sae._batches import read_batch
from sdialog.interpretability.sae._dictionary import SparseDictionary
from sdialog.interpretability.sae.metrics import Absorption, LossRecovered, Recovery, SAEReport, mean

Edit = Callable[[torch.Tensor], torch.Tensor]
ModelLoss = Callable[["Edit | None"], Sequence[float]]
_TINY = 1e-12


def measure(sae: SparseDictionary, activations: Iterable[Any]) -> SAEReport:
    """Measure how well and how sparsely a dictionary rebuilds activations.

    Args:
        sae: the dictionary.
        activations: batches as for training; gone through once.

    Returns:
        The numbers. The variance is around the mean of all targets; features are dead that are active on no token.

    Raises:
        UserError: if there are no activations or they do not fit.
    """
    with torch.no_grad():
        tokens, error, squares, cosine, ratio, l1 = 0, 0.0, 0.0, 0.0, 0.0, 0.0
        sums: torch.Tensor | float = 0.0
        active = torch.zeros(sae.config.d_sae, dtype=torch.float64)
        shift: torch.Tensor | None = None
        for found in activations:
            read, target = read_batch(found, sae.config, sae.device)
            shaped = read.unflatten(-1, (sae.config.layers, -1)) if sae.kind == "crosscoder" else read
            features = sae.encode(shaped)
            rebuilt = sae.decode(features, shaped).reshape(target.shape).double()
            target = target.double()
            # Sums of squares around a nearby point lose no digits where the mean is large.
            shift = target.mean(dim=0) if shift is None else shift
            error += float((rebuilt - target).square().sum())
            squares += float((target - shift).square().sum())
            sums = sums + (target - shift).sum(dim=0)
            lengths = target.norm(dim=-1).clamp_min(_TINY), rebuilt.norm(dim=-1).clamp_min(_TINY)
            cosine += float(((rebuilt * target).sum(dim=-1) / (lengths[0] * lengths[1])).sum())
            ratio += float((lengths[1] / lengths[0]).sum())
            l1 += float(features.double().sum())
            active += (features > 0).double().sum(dim=0).cpu()
            tokens += len(target)
        if not tokens or not isinstance(sums, torch.Tensor):
            raise UserError("there are no activations to measure on")
        variance = squares - float(sums.square().sum()) / tokens
        unexplained = error / variance if variance > 0 else None
        return SAEReport(
            tokens=tokens,
            unexplained=unexplained,
            explained=None if unexplained is None else 1 - unexplained,
            mse=error / tokens / sae.config.width_out,
            cosine=cosine / tokens,
            length_ratio=ratio / tokens,
            l0=float(active.sum()) / tokens,
            l1=l1 / tokens,
            dead=float((active == 0).double().mean()),
            densities=tuple((active / tokens).tolist()),
        )


def loss_recovered(
    sae: SparseDictionary,
    loss: ModelLoss,
    *,
    ablation: Literal["zero", "mean"] = "zero",
    average: Any = None,
    seed: int = 0,
) -> LossRecovered:
    """Measure what a model loses when it goes on with rebuilt activations.

    Args:
        sae: the dictionary, of the site where ``loss`` edits; a transcoder is asked for what is there from what is at
            the site that it reads, so ``loss`` has to give it that: ``DialogLosses(..., read=...)``.
        loss: from an edit of activations (..., width), or None for no edit, to the model's loss on each of the same
            texts, such as nats a token.
        ablation: what 0 is: activations of ``zero``, or their ``mean``.
        average: the mean activation (width) of what is edited, for ``mean``.
        seed: seed of the interval.

    Raises:
        UserError: if losses are missing or differ in number, ``mean`` has no average, or a transcoder would read what
            it is to predict.
        UnsupportedFeatureError: of a crosscoder, whose layers cannot all be rebuilt in one pass.
    """
    if sae.kind == "crosscoder":
        raise UnsupportedFeatureError(
            "a crosscoder rebuilds several layers from all of them, and a model has computed the later ones only when "
            "the first have been changed; look at measure() instead"
        )
    sites = getattr(loss, "sites", None)
    if sae.kind == "transcoder" and sites is not None and sites[0] == sites[1]:
        raise UserError(
            f"a transcoder predicts {sites[1]} from another site; say from which: DialogLosses(model, dialogs, "
            f"{sites[1]!r}, read=...)"
        )
    if ablation not in ("zero", "mean"):
        raise UnknownNameError("ablation", str(ablation), ("zero", "mean"))
    if (ablation == "mean") != (average is not None):
        raise UserError("the ablation mean needs an average activation, and zero takes none")

    def ablated(x: torch.Tensor) -> torch.Tensor:
        if average is None:
            return x.new_zeros(*x.shape[:-1], sae.config.width_out)
        return torch.as_tensor(average).to(x).expand(*x.shape[:-1], sae.config.width_out)

    def rebuilt(x: torch.Tensor) -> torch.Tensor:
        return sae(x).to(x)

    found = [[float(one) for one in loss(edit)] for edit in (None, rebuilt, ablated)]
    sizes = {len(losses) for losses in found}
    if len(sizes) > 1 or not found[0]:
        raise UserError(f"one loss a text is needed of the same texts each time, not {[len(one) for one in found]}")
    from sdialog.statistics.intervals import bootstrap_interval

    original, with_sae, without = (mean(losses) for losses in found)
    columns = torch.tensor(found, dtype=torch.float64)

    def statistic(places: Any) -> float:
        now, then, worst = columns[:, torch.as_tensor(places).long()].mean(dim=1).tolist()
        return (worst - then) / (worst - now) if worst > now else math.nan

    texts = len(found[0])
    interval = bootstrap_interval([float(place) for place in range(texts)], statistic=statistic, seed=seed)
    recovered = (without - with_sae) / (without - original) if without > original else None
    return LossRecovered(original, with_sae, without, recovered, interval, texts)


def recovery(learned: Any, truth: Any, *, threshold: float = 0.9, partial: float = 0.5) -> Recovery:
    """Compare a learned dictionary with a known one, or with one of another seed.

    Args:
        learned: feature vectors (m, d), or a dictionary.
        truth: the known ones (n, d), or a dictionary.
        threshold: cosine above which a feature counts as found.
        partial: a learned feature below the threshold with two or more true ones above this cosine is composed.

    Raises:
        UserError: if the two are not of one width.
        MissingDependencyError: if scipy is not installed.

    Example:
        >>> found = recovery([[1.0, 0.0], [0.7, 0.7]], [[2.0, 0.0], [0.0, 1.0]])
        >>> [round(cosine, 3) for cosine in found.matched], found.found, found.composed
        ([1.0, 0.707], 0.5, {1: (0, 1)})
    """
    matching = need("scipy.optimize", extra="metrics", why="match features").linear_sum_assignment
    ours, theirs = _directions(learned), _directions(truth)
    if ours.shape[1] != theirs.shape[1]:
        raise UserError(f"feature vectors of width {ours.shape[1]} cannot be compared with those of {theirs.shape[1]}")
    cosines = theirs @ ours.T
    partners: dict[int, int] = {
        int(row): int(column) for row, column in zip(*matching(cosines.numpy(), maximize=True), strict=True)
    }
    matched = [float(cosines[row, partners[row]]) if row in partners else 0.0 for row in range(len(theirs))]
    near, some = cosines > threshold, cosines > partial
    split = {row: _places(near[row]) for row in range(len(theirs)) if int(near[row].sum()) > 1}
    composed = {
        column: _places(some[:, column])
        for column in range(len(ours))
        if int(some[:, column].sum()) > 1 and not bool(near[:, column].any())
    }
    best = tuple(cosines.max(dim=1).values.tolist())
    return Recovery(best, tuple(matched), tuple(map(partners.get, range(len(theirs)))), threshold, split, composed)


def absorption(
    sae: SparseDictionary,
    activations: Any,
    labels: Sequence[bool],
    *,
    direction: Any = None,
    mains: Sequence[int] | None = None,
    least_cosine: float = 0.1,
    share: float = 0.4,
) -> Absorption:
    """Measure how far other features have taken a concept over from its own.

    After Chanin et al. (2024), who take words by their first letter as concepts: an activation with the concept is
    absorbed where no main feature is active, and the feature that writes most along the concept's direction is aligned
    with it and writes much of what all write there.

    Args:
        sae: the dictionary.
        activations: (n, d_in).
        labels: which of them have the concept.
        direction: of the concept (d_out), such as a probe's; default the difference of means.
        mains: features that stand for the concept; default the one that is most aligned with the direction.
        least_cosine: of an absorbing feature with the direction.
        share: of what is written along the direction that it has to write.

    Raises:
        UserError: if there is not one label an activation, or all labels are alike.
    """
    with torch.no_grad():
        values = torch.as_tensor(activations).to(sae.device)
        present = torch.as_tensor(list(labels), dtype=torch.bool, device=sae.device)
        if len(values) != len(present):
            raise UserError(f"there are {len(values)} activations and {len(present)} labels")
        if bool(present.all()) or not bool(present.any()):
            raise UserError("a concept needs activations with it and without it")
        along = _concept(sae, values, present) if direction is None else torch.as_tensor(direction, device=sae.device)
        along = _unit(along.double().flatten())
        if len(along) != sae.config.width_out:
            raise UserError(f"the concept's direction is to be of width {sae.config.width_out}, not {len(along)}")
        vectors = sae.feature_vectors.flatten(1).double()
        writes = vectors @ along
        cosines = writes / vectors.norm(dim=1).clamp_min(_TINY)
        chosen = [int(cosines.argmax())] if mains is None else list(mains)
        features = sae.encode(values[present]).double()
        off = (features[:, chosen] <= 0).all(dim=1)
        written = features * writes.clamp_min(0)
        most = written.max(dim=1)
        taken = off & (cosines[most.indices] >= least_cosine) & (most.values > 0)
        taken &= most.values >= share * written.sum(dim=1)
        absorbers = Counter(most.indices[taken].tolist())
        ranked = sorted(absorbers.items(), key=lambda pair: (-pair[1], pair[0]))
        return Absorption(
            mains=tuple(chosen),
            positives=len(features),
            missed=float(off.double().mean()),
            absorbed=float(taken.double().mean()),
            absorbers=tuple(ranked),
        )


def _concept(sae: SparseDictionary, values: torch.Tensor, present: torch.Tensor) -> torch.Tensor:
    if sae.kind == "transcoder":
        raise UserError(
            "a transcoder writes elsewhere than it reads: absorption needs the direction of the concept there"
        )
    return values[present].double().mean(dim=0) - values[~present].double().mean(dim=0)


def _directions(of: Any) -> torch.Tensor:
    rows = of.feature_vectors.flatten(1) if isinstance(of, SparseDictionary) else torch.as_tensor(of)
    if rows.ndim != 2 or not len(rows):
        raise UserError(f"feature vectors are a matrix with at least one row, not of shape {tuple(rows.shape)}")
    return _unit(rows.detach().double().cpu())


def _unit(rows: torch.Tensor) -> torch.Tensor:
    return rows / rows.norm(dim=-1, keepdim=True).clamp_min(_TINY)


def _places(row: torch.Tensor) -> tuple[int, ...]:
    return tuple(row.nonzero().flatten().tolist())
