"""What ``sdialog inspect sae`` does: from a cache of activations to a trained dictionary and a page of its features."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from sdialog.cli._inspecting import Corpus, keep
from sdialog.core.errors import ConfigError, OutputParseError, UserError
from sdialog.core.seeds import rng

if TYPE_CHECKING:
    from sdialog.interpretability.cache import ActivationCache
    from sdialog.interpretability.sae import FeatureCard, LossRecovered, PredicateNames, SAEReport, SparseDictionary

_HELD_OUT = 5  # one dialog in so many is not trained on
_TOKENS_A_FEATURE = 30


@dataclass(frozen=True)
class Wish:
    """What kind of dictionary is asked for; see ``sdialog inspect sae``."""

    features: int
    k: int
    steps: int
    batch: int
    cards: int
    judge: str | None
    seed: int


@dataclass(frozen=True)
class Measured:
    """How well a dictionary does on dialogs that it was not trained on, and what its features are called."""

    report: SAEReport
    loss: LossRecovered
    names: PredicateNames

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {**self.report.json(), "loss_recovered": self.loss.json(), "named": len(self.names.named)}

    def table(self) -> str:
        """Return it as text."""
        loss, ends = self.loss, self.loss.interval
        share = "-" if loss.recovered is None else f"{100 * loss.recovered:.1f} %"
        within = "" if ends is None else f" [{100 * ends.low:.1f}, {100 * ends.high:.1f}]"
        return (
            f"on {loss.texts} dialogs that were not trained on:\n{self.report.table()}\n"
            f"loss recovered: {share}{within} ({loss.original:.3f} nats a token as it is, {loss.rebuilt:.3f} rebuilt, "
            f"{loss.ablated:.3f} at the mean)\n\n{self.names.table()}"
        )


def trained_on(corpus: Corpus, cache: ActivationCache, folder: Path, wish: Wish) -> tuple[Measured, list[Path]]:
    """Train a dictionary on four in five dialogs of a cache, measure it on the others, and write what came of it.

    Args:
        corpus: where the dialogs are.
        cache: the activations at one site, one row a token.
        folder: where the dictionary, its checkpoints, the numbers and the page go.
        wish: what it is to be like.

    Returns:
        How good it is, and the files.

    Raises:
        UserError: if there are too few dialogs, or the folder holds another training.
    """
    from sdialog.interpretability.sae import measure, name_by_predicates, passages, top_examples, write_page

    (site,) = cache.sites
    fit, held = _split(cache, wish.seed)
    few = len(cache.select(dialog=fit)) / wish.features
    if few < _TOKENS_A_FEATURE:
        typer.echo(
            f"note: {few:.0f} tokens a feature are few, and features of so few tell little; give more dialogs (-n of a "
            "scenario) or fewer --features", err=True,
        )  # fmt: skip
    sae, files = _trained(cache.select(dialog=fit), site, folder, wish)
    rest = cache.select(dialog=held)
    ids = [cache.dialogs[number] for number in held]
    report = measure(sae, rest.batches(site, wish.batch, seed=wish.seed))
    names = name_by_predicates(sae, cache, held_out=ids, seed=wish.seed)
    found = Measured(report, _loss(corpus, sae, cache, fit, held), names)
    files += [keep(folder, "report", found), keep(folder, "names", names)]
    shown = _shown(report.densities, names, wish.cards)
    if shown:
        cards = names.put_on(top_examples(sae, passages(cache), shown, seed=wish.seed))
        # Written before a judge is asked, so that one that fails costs no page.
        files.append(write_page(cards, folder / "features.html", f"Features at {site}"))
        if wish.judge is not None:
            write_page(_judged(cards, wish.judge, wish.seed), files[-1], f"Features at {site}")
    return found, files


def _split(cache: ActivationCache, seed: int) -> tuple[list[int], list[int]]:
    """Return numbers of dialogs to train on, and of others."""
    order = sorted(set(cache.labels["dialog"].tolist()))
    rng(seed, "held out").shuffle(order)
    count = max(2, len(order) // _HELD_OUT)
    if len(order) < count + 2:
        raise UserError(f"a dictionary is trained on some dialogs and measured on others; {len(order)} are too few")
    return sorted(order[count:]), sorted(order[:count])


def _trained(fit: ActivationCache, site: str, folder: Path, wish: Wish) -> tuple[SparseDictionary, list[Path]]:
    from sdialog.interpretability.sae import SAEConfig, TrainingConfig, train

    recipe = fit.recipe
    config = SAEConfig(
        fit[site].shape[-1], wish.features, "batchtopk", k=wish.k, normalisation="expected_norm",
        sites=(site,), span=recipe.span, model=recipe.model, fingerprint=recipe.fingerprint,
    )  # fmt: skip
    training = TrainingConfig(
        steps=wish.steps, learning_rate=2e-3, warm_up=min(50, wish.steps // 10), dead_after=30_000,
        checkpoint_every=500,
    )  # fmt: skip
    batches = fit.batches(site, wish.batch, seed=wish.seed)
    try:
        trained = train(batches, config, training, seed=wish.seed, folder=folder / "training", progress=_tell)
    except ConfigError as error:
        if (folder / "training").exists():
            raise UserError(f"{error}, such as --name NEW, or remove {folder}") from error
        raise
    return trained.sae, [trained.sae.save(folder / "dictionary"), keep(folder, "log", trained.log)]


def _loss(
    corpus: Corpus, sae: SparseDictionary, cache: ActivationCache, fit: Sequence[int], held: Sequence[int]
) -> LossRecovered:
    from sdialog.interpretability.sae import DialogLosses, loss_recovered

    (site,) = cache.sites
    wanted = set(held)
    dialogs = [dialog for number, dialog in enumerate(corpus.dialogs()) if number in wanted]
    losses = DialogLosses(cache.recipe.model, dialogs, site, cache.recipe.span, speaker=corpus.speaker)
    average = cache.select(dialog=list(fit))[site].mean(axis=0)
    return loss_recovered(sae, losses, ablation="mean", average=average)


def _shown(densities: Sequence[float], names: PredicateNames, count: int) -> list[int]:
    """Return which features are shown: those with a name, the best first, then others that are alive."""
    named = [one.feature for one in names.named]
    others = [place for place, density in enumerate(densities) if density > 0 and place not in named]
    return [*named, *others][:count]


def _judged(cards: Sequence[FeatureCard], judge: str, seed: int) -> list[FeatureCard]:
    """Return cards with the names that a judge gives them; where its answer cannot be read the name stays."""
    from sdialog.interpretability.sae import name_feature

    made = []
    for card in cards:
        try:
            made.append(card.replace(name=name_feature(card, judge, seed=seed)) if card.top else card)
        except OutputParseError as error:
            typer.echo(f"feature {card.feature} is not renamed: {error}", err=True)
            made.append(card)
    return made


def _tell(entry: Any) -> None:
    if sys.stderr.isatty():
        typer.echo(f"step {entry.step}: {entry.unexplained:.3f} unexplained, {entry.l0:.1f} features a token", err=True)
