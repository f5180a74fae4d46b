"""What ``sdialog inspect sae`` does: from a cache of activations to a trained dictionary and a page of its features."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sdialog.cli._inspecting import keep

if TYPE_CHECKING:
    from sdialog.interpretability.cache import ActivationCache
    from sdialog.interpretability.sae import SAEReport


def trained_on(
    cache: ActivationCache, folder: Path, *, features: int, k: int, steps: int, batch: int, cards: int, seed: int
) -> tuple[SAEReport, list[Path]]:
    """Train a dictionary on a cache's only site, measure it, and write both with a page of features.

    Args:
        cache: the activations, one row a token.
        folder: where the dictionary, its checkpoints, the report and the page go.
        features: number of features.
        k: features a token.
        steps: steps of training.
        batch: tokens a step.
        cards: how many features the page shows: the first that are alive.
        seed: seed of training and of drawn examples.

    Returns:
        How well it rebuilds the activations, and the files.
    """
    from sdialog.interpretability.sae import SAEConfig, TrainingConfig, measure, train

    (site,) = cache.sites
    width, recipe = cache[site].shape[-1], cache.recipe
    config = SAEConfig(
        d_in=width, d_sae=features, k=k, normalisation="expected_norm",
        sites=(site,), span=recipe.span, model=recipe.model, fingerprint=recipe.fingerprint,
    )  # fmt: skip
    training = TrainingConfig(steps=steps)
    trained = train(
        cache.batches(site, batch, seed=seed), config, training, seed=seed, folder=folder / "training", progress=_tell
    )
    report = measure(trained.sae, cache.batches(site, batch, seed=seed))
    files = [trained.sae.save(folder / "dictionary"), keep(folder, "report", report), keep(folder, "log", trained.log)]
    alive = [place for place, density in enumerate(report.densities) if density > 0][:cards]
    if alive:
        files.append(_page(trained.sae, cache, site, alive, folder / "features.html", seed))
    return report, files


def _page(sae: Any, cache: ActivationCache, site: str, features: list[int], path: Path, seed: int) -> Path:
    from sdialog.interpretability.networks import network_of
    from sdialog.interpretability.sae import Passage, top_examples, write_page

    tokenizer = network_of(cache.recipe.model).tokenizer
    texts: dict[int, str] = {}
    passages = []
    for name in cache.dialogs:
        rows = cache.select(dialog=name)
        ids = rows.labels["token"].tolist()
        texts.update({one: tokenizer.decode([one]) for one in ids if one not in texts})
        passages.append(Passage([texts[one] for one in ids], rows[site].copy(), name))
    return write_page(top_examples(sae, passages, features, seed=seed), path, f"Features at {site}")


def _tell(entry: Any) -> None:
    if sys.stderr.isatty():
        typer.echo(f"step {entry.step}: {entry.unexplained:.3f} unexplained, {entry.l0:.1f} features a token", err=True)
