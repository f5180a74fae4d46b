"""``sdialog inspect``: look into the model that spoke in dialogs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from sdialog.cli._causal import all_of, compared, kept, told_progress
from sdialog.cli._inspecting import (
    OWN_WORDS,
    RESIDUAL,
    Corpus,
    ModelOption,
    NameOption,
    NumberOption,
    OutOption,
    PlotOption,
    RunArgument,
    SeedOption,
    SitesOption,
    SpanOption,
    SpeakerOption,
    keep,
    labels_by,
    show,
    slug,
)
from sdialog.cli._output import JsonOption, print_json
from sdialog.core.errors import UnknownNameError, UserError

app = typer.Typer(
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    no_args_is_help=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Look into the local model that spoke in dialogs: activations, probes, directions, lenses, patching.",
)

ByOption = Annotated[str, typer.Option("--by", help="What dialogs are told apart by: a field, label or trait.")]
EachOption = Annotated[str, typer.Option("--each", help="A row is the mean over each: turn, speaker or dialog.")]


@app.command()
def capture(
    run: RunArgument,
    site: SitesOption = None,
    span: SpanOption = "content",
    speaker: SpeakerOption = None,
    model: ModelOption = None,
    reduce: Annotated[str | None, typer.Option(help="Keep means over each turn, speaker or dialog.")] = None,
    dtype: Annotated[str, typer.Option(help="float16, float32 or float64.")] = "float32",
    number: NumberOption = None,
    name: NameOption = None,
    out: OutOption = None,
    as_json: JsonOption = False,
) -> None:
    """Keep what the model computes while it reads dialogs; the same command goes on where it was stopped."""
    corpus = Corpus.of(run, speaker, model, out, number)
    options: dict[str, Any] = {"dtype": dtype} | ({"reduce": reduce} if reduce else {})
    cache = corpus.cache(site or [RESIDUAL], span, name or "capture", **options)
    folder = corpus.folder / (name or "capture")
    if as_json:
        print_json({**cache.json(), "folder": str(folder)})
        return
    kind = "rows" if reduce else "tokens"
    typer.echo(f"{len(cache):,} {kind} of {len(cache.dialogs):,} dialogs at {len(cache.sites)} sites in {folder}")
    typer.echo(f"next: ActivationCache.load({str(folder)!r})   or   sdialog inspect probe {run} --by ...")


@app.command()
def probe(
    run: RunArgument,
    by: ByOption,
    site: SitesOption = None,
    span: SpanOption = OWN_WORDS,
    each: EachOption = "dialog",
    positive: Annotated[
        str | None, typer.Option(help="Value against all others; default: tell all values apart.")
    ] = None,
    learner: Annotated[str, typer.Option(help="linear or mlp.")] = "linear",
    folds: Annotated[int, typer.Option(min=2, help="Folds of the held-out score, split by dialog.")] = 5,
    shuffles: Annotated[int, typer.Option(min=0, help="How often labels are shuffled, for a band of chance.")] = 0,
    speaker: SpeakerOption = None,
    model: ModelOption = None,
    number: NumberOption = None,
    name: NameOption = None,
    out: OutOption = None,
    plot: PlotOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Tell how well an attribute of dialogs can be read off activations, held out by dialog, site by site."""
    from sdialog.interpretability.probes import Probe
    from sdialog.interpretability.sweeps import sweep

    corpus = Corpus.of(run, speaker, model, out, number)
    labels = _labels(corpus, by, positive)
    cache = corpus.cache(site or [RESIDUAL], span, reduce=each)
    rows = {one: cache.features(labels, one) for one in cache.sites}
    first = rows[cache.sites[0]]
    found = sweep(
        {one: part.values for one, part in rows.items()},
        first.labels, first.groups.tolist(), learner=learner, folds=folds, shuffles=shuffles, seed=seed,
    )  # fmt: skip
    best = found.best.site
    fitted = Probe.fit(
        rows[best].values,
        rows[best].labels,
        rows[best].groups.tolist(),
        learner=learner,
        source=cache.source(best),
        seed=seed,
    )
    title = name or slug("probe", by, positive or "")
    files = [fitted.save(corpus.folder / title), keep(corpus.folder, f"{title}-scores", found)]
    show(found, files, as_json, plot)


@app.command()
def direction(
    run: RunArgument,
    by: ByOption,
    positive: Annotated[str, typer.Option(help="The value that the direction leads to.")],
    negative: Annotated[str | None, typer.Option(help="The value that it leads from; default: all others.")] = None,
    site: SitesOption = None,
    span: SpanOption = OWN_WORDS,
    each: EachOption = "dialog",
    method: Annotated[str, typer.Option(help="mean_diff, logistic, lda or whitened.")] = "mean_diff",
    folds: Annotated[int, typer.Option(min=2, help="Folds of the held-out score, split by dialog.")] = 5,
    speaker: SpeakerOption = None,
    model: ModelOption = None,
    number: NumberOption = None,
    name: NameOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Find the direction between dialogs with one value of an attribute and others; it can steer scenarios."""
    from sdialog.interpretability.directions import Direction

    corpus = Corpus.of(run, speaker, model, out, number)
    labels = {key: str(value) for key, value in labels_by(by, corpus.dialogs()).items()}
    for value in (positive, *([] if negative is None else [negative])):
        if value not in labels.values():
            raise UnknownNameError(f"value of {by}", value, labels.values())
    cache = corpus.cache(site or [RESIDUAL], span, reduce=each)
    title = name or slug("direction", by, positive)
    made, files = {}, []
    for one in cache.sites:
        rows = cache.features(labels, one)
        chosen = (rows.labels == positive) | (
            (rows.labels != positive) if negative is None else rows.labels == negative
        )
        found = Direction.from_labels(
            rows.values[chosen], rows.labels[chosen] == positive, rows.groups[chosen].tolist(),
            names=(positive, negative or f"not {positive}"), method=method, folds=folds,
            source=cache.source(one), seed=seed,
        )  # fmt: skip
        made[one] = found
        files.append(found.save(corpus.folder / (title if len(cache.sites) == 1 else f"{title}-{slug(one)}")))
    told = {one: found.json() for one, found in made.items()}
    if as_json:
        print_json({"directions": told, "files": [str(path) for path in files]})
        return
    for (one, found), path in zip(made.items(), files, strict=True):
        held = "not told" if found.held_out is None else str(found.held_out)
        typer.echo(f"{one}\t{held}\tlength {found.norm:.4g}\t{path}")
    typer.echo("next: sdialog generate SCENARIO --steer FILE, with   AGENT: {direction: FILE, strength: [0, 0.5, 1]}")


@app.command()
def lens(
    run: RunArgument,
    index: Annotated[
        int | None, typer.Option("--index", "-i", min=0, help="One dialog, from 0, with its words; default: all.")
    ] = None,
    span: SpanOption = OWN_WORDS,
    top: Annotated[int, typer.Option(min=1, help="Of one dialog: how many of the likeliest tokens.")] = 5,
    tuned: Annotated[Path | None, typer.Option(help="A tuned lens that was saved.")] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Read so many dialogs at most.")] = None,
    speaker: SpeakerOption = None,
    model: ModelOption = None,
    number: NumberOption = None,
    name: NameOption = None,
    out: OutOption = None,
    plot: PlotOption = None,
    as_json: JsonOption = False,
) -> None:
    """Tell layer by layer what the model holds most likely next, in one dialog or on average over all."""
    from sdialog.interpretability.lens import TunedLens, logit_lens
    from sdialog.interpretability.lens_profiles import lens_profile
    from sdialog.interpretability.networks import network_of

    corpus = Corpus.of(run, speaker, model, out, number)
    translated = None if tuned is None else TunedLens.load(tuned)
    if index is not None:
        view = corpus.view(index)
        one = logit_lens(corpus.model, list(view.messages), span, top, tuned=translated, speaker=view.speaker)
        show(one, kept(corpus.folder, name or f"lens-{index}", one), as_json, plot)
        return
    network = network_of(corpus.model)
    given = all_of(corpus, network, limit)
    with told_progress("reading with a lens") as progress:
        found = lens_profile(network, given.read, span, tuned=translated, groups=given.dialogs, progress=progress)
    show(found, kept(corpus.folder, name or "lens", found), as_json, plot)


@app.command()
def patch(
    run: RunArgument,
    clean: Annotated[
        list[str], typer.Option(help="Number of a dialog, or a text to be answered; may be repeated; see --by.")
    ],
    corrupt: Annotated[list[str], typer.Option(help="The one that differs in what matters; one for each --clean.")],
    token: Annotated[str, typer.Option(help="Next token that the clean one favours.")],
    other: Annotated[str, typer.Option(help="Next token that the corrupt one favours.")],
    by: Annotated[
        str | None,
        typer.Option(help="A field, label or trait, of which --clean and --corrupt are values: dialogs are paired."),
    ] = None,
    site: SitesOption = None,
    span: Annotated[
        list[str] | None, typer.Option(help="Which tokens go together; may be repeated; default: one by one.")
    ] = None,
    reply: Annotated[int, typer.Option(help="Of dialogs: before which of the speaker's replies.")] = -1,
    noise: Annotated[bool, typer.Option("--noise", help="Put the corrupt into the clean one instead.")] = False,
    align: Annotated[
        Literal["exact", "first", "last"], typer.Option(help="How tokens of the two stand for each other.")
    ] = "exact",
    normalise: Annotated[
        Literal["pair", "mean", "none"], typer.Option(help="Divide by each pair's difference, the mean one, or none.")
    ] = "pair",
    control: Annotated[
        Literal["base", "donor", "none"], typer.Option(help="Of several pairs: patch from another one's, too.")
    ] = "base",
    speaker: SpeakerOption = None,
    model: ModelOption = None,
    number: NumberOption = None,
    name: NameOption = None,
    out: OutOption = None,
    plot: PlotOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Put activations of conversations into others and tell which of them matter, with controls."""
    from sdialog.interpretability.metrics import LogitDifference
    from sdialog.interpretability.networks import network_of
    from sdialog.interpretability.patching import patch as patched
    from sdialog.interpretability.running.pairs import TOKENS

    corpus = Corpus.of(run, speaker, model, out, number)
    network = network_of(corpus.model)
    first, second = compared(corpus, network, clean, corrupt, by, reply)
    with told_progress("patching") as progress:
        found = patched(
            network, first.read, second.read, site or ["layers.*.resid_pre"], span or TOKENS,
            metric=LogitDifference(token, other), direction="noise" if noise else "denoise", align=align,
            normalise=normalise, control=None if control == "none" else control, groups=first.dialogs, seed=seed,
            progress=progress,
        )  # fmt: skip
    title = name or slug("patch", by or "", clean[0], corrupt[0])[:80]
    show(found, kept(corpus.folder, title, found), as_json, plot)


@app.command()
def sae(
    run: RunArgument,
    site: Annotated[str, typer.Option("--site", "-s", help="Where, such as layers.2.resid_post.")],
    features: Annotated[int, typer.Option(min=1, help="How many features.")] = 512,
    k: Annotated[int, typer.Option("-k", min=1, help="Features a token, on average.")] = 8,
    steps: Annotated[int, typer.Option(min=1, help="Steps of training.")] = 2000,
    batch: Annotated[int, typer.Option(min=1, help="Tokens a step.")] = 512,
    cards: Annotated[int, typer.Option(min=0, help="How many features to show on a page with their examples.")] = 50,
    judge: Annotated[
        str | None, typer.Option(help="Model that names the features shown; default: what is true of their tokens.")
    ] = None,
    span: SpanOption = "content & ~role(system)",
    speaker: SpeakerOption = None,
    model: ModelOption = None,
    number: NumberOption = None,
    name: NameOption = None,
    out: OutOption = None,
    seed: SeedOption = 0,
    as_json: JsonOption = False,
) -> None:
    """Train a sparse dictionary on what the model computes in four dialogs of five, measure it on the others, and
    name and show its features; goes on where it was stopped."""
    from sdialog.cli._dictionary import Wish, trained_on

    corpus = Corpus.of(run, speaker, model, out, number)
    cache = corpus.cache([site], span)
    if len(cache.sites) != 1:
        raise UserError(f"a dictionary is of one site, not of {len(cache.sites)}; name the layer")
    folder = corpus.folder / (name or slug("sae", cache.sites[0]))
    found, files = trained_on(corpus, cache, folder, Wish(features, k, steps, batch, cards, judge, seed))
    show(found, files, as_json)
    if not as_json:
        typer.echo(f"next: open {files[-1]}   or   sae.load({str(folder / 'dictionary')!r})")


def _labels(corpus: Corpus, by: str, positive: str | None) -> dict[int, Any]:
    """Return a label for each dialog: values as they are, or whether it is the positive one."""
    found = labels_by(by, corpus.dialogs())
    if positive is None:
        return found
    told = {key: str(value) for key, value in found.items()}
    if positive not in told.values():
        raise UnknownNameError(f"value of {by}", positive, told.values())
    return {key: value == positive for key, value in told.items()}
