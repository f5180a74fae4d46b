"""All that says how far one corpus of dialogs is from another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.evaluation.distances.centroid import centroid_similarity
from sdialog.evaluation.distances.frechet import FrechetReport, frechet_report
from sdialog.evaluation.distances.mauve import Mauve, mauve
from sdialog.evaluation.distances.mmd import MMD, mmd
from sdialog.evaluation.distances.neighbors import NeighborCoverage, neighbor_coverage
from sdialog.evaluation.distances.noise_floor import SPLITS, NoiseFloor, split_half_floor
from sdialog.evaluation.distances.precision_recall import PrecisionRecall, precision_recall
from sdialog.evaluation.embeddings.base import without_empty
from sdialog.evaluation.embeddings.choice import get_embedder

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from sdialog.core.dialog import Dialog
    from sdialog.evaluation.embeddings.base import BaseDialogEmbedder


@dataclass(frozen=True)
class CorpusDistances:
    """How far a candidate is from a reference, in the space of one embedder. What has no value is None.

    Attributes:
        embedder: name of the embedder.
        reference, candidate: how many dialogs with text each has.
        mmd: maximum mean discrepancy, with the p-value of its test.
        frechet: Fréchet distance, with a warning where the corpora are too small for it.
        precision_recall: curve of precision and recall, by clusters.
        neighbors: precision, recall, density and coverage, by neighbours.
        mauve: MAUVE.
        centroid_similarity: cosine of the means.
        floors: what each of them gives for random halves of the reference, by name: ``mmd`` (squared), ``frechet``,
            ``precision_recall`` (its distance), ``density``, ``coverage``, ``mauve``, ``centroid_similarity``. A
            distance says something above its floor, and a likeness (the last four) below it.
    """

    embedder: str
    reference: int
    candidate: int
    mmd: MMD | None
    frechet: FrechetReport | None
    precision_recall: PrecisionRecall | None
    neighbors: NeighborCoverage | None
    mauve: Mauve | None
    centroid_similarity: float | None
    floors: Mapping[str, NoiseFloor | None] = field(default_factory=dict)

    @property
    def frechet_floor(self) -> NoiseFloor | None:
        """What the Fréchet distance gives for halves of the reference."""
        return self.floors.get("frechet")


def corpus_distances(
    reference: Iterable[Dialog],
    candidate: Iterable[Dialog],
    *,
    embedder: BaseDialogEmbedder | Callable[[list[str]], ArrayLike] | str | None = None,
    ai_speaker: str | None = None,
    splits: int = SPLITS,
    seed: int = 0,
) -> CorpusDistances:
    """Return how far a candidate corpus is from a reference, one vector a dialog.

    Args:
        reference: dialogs to be like.
        candidate: dialogs to judge.
        embedder: what turns dialogs into vectors; see :func:`~sdialog.evaluation.embeddings.choice.get_embedder`.
        ai_speaker: read only what this speaker says; an embedder that is given has a speaker of its own.
        splits: how many times the reference is split in halves for the floors, which take most of the time; 0 for no
            floors.
        seed: seed of all that is random.

    Raises:
        UserError: if one of them holds no dialog with text, or there is one split.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> orders, cards = (
        ...     [Dialog(turns=[Turn(text=f"My {thing} number {n} is lost.")]) for n in range(20)]
        ...     for thing in ("order", "bank card")
        ... )
        >>> found = corpus_distances(orders, cards)
        >>> found.mmd.p_value < 0.01, found.neighbors.coverage
        (True, 0.0)
    """
    chosen = get_embedder(embedder, ai_speaker=ai_speaker)
    first, second = (_embedded(chosen, name, own) for name, own in (("reference", reference), ("candidate", candidate)))
    return CorpusDistances(
        embedder=chosen.name,
        reference=len(first),
        candidate=len(second),
        mmd=mmd(first, second, seed=seed),
        frechet=frechet_report(first, second, seed=seed),
        precision_recall=precision_recall(first, second, seed=seed),
        neighbors=neighbor_coverage(first, second, seed=seed),
        mauve=mauve(first, second, seed=seed),
        centroid_similarity=centroid_similarity(first, second),
        floors=_floors(first, splits, seed) if splits else {},
    )


def _floors(reference: Any, splits: int, seed: int) -> dict[str, NoiseFloor | None]:
    def read(measure: Callable[..., Any], value: str, **options: Any) -> Callable[[Any, Any], float | None]:
        def distance(one: Any, other: Any) -> float | None:
            found = measure(one, other, seed=seed, **options)
            return None if found is None else float(getattr(found, value))

        return distance

    measures: dict[str, Callable[[Any, Any], float | None]] = {
        "mmd": read(mmd, "squared", permutations=0),
        "frechet": read(frechet_report, "distance"),
        "precision_recall": read(precision_recall, "distance"),
        "density": read(neighbor_coverage, "density"),
        "coverage": read(neighbor_coverage, "coverage"),
        "mauve": read(mauve, "score"),
        "centroid_similarity": centroid_similarity,
    }
    return {name: split_half_floor(one, reference, splits=splits, seed=seed) for name, one in measures.items()}


def _embedded(embedder: BaseDialogEmbedder, name: str, dialogs: Iterable[Dialog]) -> Any:
    found = without_empty(embedder.embed_dialogs(dialogs))
    if not len(found):
        raise UserError(f"the {name} holds no dialog with text")
    return found
