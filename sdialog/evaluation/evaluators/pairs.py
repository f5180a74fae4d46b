"""Evaluators of utterances with their answers, in the space of a language model or of any embedder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError, MissingDependencyError, UserError
from sdialog.core.optional import need
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.evaluators.base import BaseDatasetEvaluator
from sdialog.evaluation.evaluators.plotting import Labels, draw_and_keep
from sdialog.evaluation.evaluators.scores import UNNAMED
from sdialog.evaluation.plots import draw_map

if TYPE_CHECKING:
    from sdialog.evaluation.distances.noise_floor import NoiseFloor

_REFERENCE = "reference"
_WHY = "compare utterances and their answers"
_OFFLINE = "embedder='hashed' needs no model; a folder with a model works as model_name too"


class UtterancePairEvaluator(BaseDatasetEvaluator):
    """What measures of utterance pairs share; subclasses write :meth:`between`.

    A pair is a turn and the next one or, with ``ai_speaker``, what somebody else said and that speaker's answer.

    Args:
        reference_dialogues: dialogs or the path of a file or folder.
        ai_speaker: whose answers to take; letter case does not matter.
        name: what it is called in tables.
        model_name: a model of the ``transformers`` library, whose first output vector (CLS) stands for a pair.
        batch_size: pairs at once.
        device: where the model runs, such as ``cuda``; None for the processor.
        embedder: used in place of the model: see :func:`sdialog.evaluation.embeddings.choice.get_embedder`. The
            vectors of a pair are joined.
        seed: seed of what is random.
    """

    own_name: str

    def __init__(
        self,
        reference_dialogues: Any,
        ai_speaker: str | None = None,
        name: str | None = None,
        model_name: str = "roberta-base",
        batch_size: int = 128,
        device: str | None = None,
        *,
        embedder: Any = None,
        seed: int = 0,
    ) -> None:
        self.reference_dialogues = Dataset(reference_dialogues, _REFERENCE)
        self.name = name or f"{self.own_name}{'-ai' if ai_speaker else ''}"
        self.ai_speaker, self.model_name, self.seed = ai_speaker, model_name, seed
        self.batch_size, self.device, self.embedder = batch_size, device, embedder
        self._reference: tuple[Any, list[int]] | None = None
        self.datasets_embs: dict[Any, Any] = {}

    @abstractmethod
    def between(self, reference: Any, candidate: Any) -> float | None:
        """Return the measure of two arrays of vectors."""

    def __call__(self, dialogues: Any, dataset_name: str | int | None = None, **options: Any) -> float | None:
        """Return the measure of dialogs; None where there is no pair.

        Args:
            dialogues: dialogs, or the path of a file or folder.
            dataset_name: what the set is called in figures.
        """
        candidate, _ = self._embed(Dataset(dialogues))
        if len(candidate):
            self._keep(UNNAMED if dataset_name is None else dataset_name, candidate)
        return self.between(self.reference_embs, candidate) if len(candidate) and len(self.reference_embs) else None

    @property
    def reference_embs(self) -> Any:
        """Vectors of the reference's pairs."""
        if self._reference is None:
            self.reference_dialogues.check_some(sum(1 for _ in self.reference_dialogues))
            self._reference = self._embed(self.reference_dialogues)
        return self._reference[0]

    def floors(self, seed: int = 0, size: int | None = None) -> dict[str, NoiseFloor | None]:
        """Return what the measure gives between random halves of the reference's dialogs.

        Args:
            seed: seed of the splits.
            size: so many dialogs of the second half are taken; see
                :meth:`sdialog.evaluation.evaluators.references.ReferenceScoreEvaluator.floors`.
        """
        from sdialog.evaluation.distances.noise_floor import split_half_floor

        numpy = need("numpy", extra="metrics", why=_WHY)
        vectors = self.reference_embs
        groups = numpy.array(self._reference[1] if self._reference else [])

        def halves(first: Any, second: Any) -> float | None:
            return self.between(vectors[numpy.isin(groups, first)], vectors[numpy.isin(groups, second[:size])])

        return {self.name: split_half_floor(halves, numpy.unique(groups), seed=seed)}

    def clear(self) -> None:
        """Forget the vectors of all sets but the reference."""
        self.datasets_embs.clear()

    def _keep(self, name: str | int, vectors: Any) -> None:
        """Keep the vectors of a set for figures, where figures are wanted."""

    def _embed(self, dialogs: Dataset) -> tuple[Any, list[int]]:
        """Return the vectors of all pairs, and for each the place of its dialog."""
        first, second, places = _pairs(dialogs, self.ai_speaker)
        numpy = need("numpy", extra="metrics", why=_WHY)
        if not first:
            return numpy.zeros((0, 0)), []
        if self.embedder is not None:
            from sdialog.evaluation.embeddings.choice import get_embedder

            embedder = get_embedder(self.embedder)
            return numpy.hstack([embedder.embed_texts(first), embedder.embed_texts(second)]), places
        return _encode(first, second, self.model_name, self.batch_size, self.device), places


class FrechetBERTDistanceEvaluator(UtterancePairEvaluator):
    """Squared Fréchet distance between utterance pairs of a reference and of other dialogs (Xiang et al., 2021).

    Covariances are shrunk and samples brought to one size; values of small sets are still too high, so compare with
    :meth:`floors`.

    Args:
        reference_dialogues: dialogs or the path of a file or folder.
        ai_speaker: whose answers to take.
        name: default ``frechet-bert-distance``, with ``-ai`` for one speaker.
        model_name, batch_size, device, embedder, seed: see :class:`UtterancePairEvaluator`.
        enable_plotting: keep vectors for :meth:`plot`.
        verbose: passed by older scripts; nothing is said.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> def about(thing):
        ...     said = [f"Is {thing} {n} here?" for n in range(10)]
        ...     return [Dialog(turns=[Turn(speaker="A", text=text), Turn(speaker="B", text="Yes.")]) for text in said]
        >>> evaluator = FrechetBERTDistanceEvaluator(about("order"), embedder="hashed")
        >>> abs(evaluator(about("order"))) < 1e-6 < evaluator(about("music"))
        True
    """

    own_name = "frechet-bert-distance"

    def __init__(
        self,
        reference_dialogues: Any,
        ai_speaker: str | None = None,
        name: str | None = None,
        model_name: str = "roberta-base",
        batch_size: int = 128,
        device: str | None = None,
        enable_plotting: bool = False,
        verbose: bool = False,
        *,
        embedder: Any = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            reference_dialogues, ai_speaker, name, model_name, batch_size, device, embedder=embedder, seed=seed
        )
        self.enable_plotting, self.verbose = enable_plotting, verbose

    def between(self, reference: Any, candidate: Any) -> float | None:
        """Return the squared distance of two arrays of vectors."""
        from sdialog.evaluation.distances.frechet import frechet_distance

        return frechet_distance(reference, candidate, seed=self.seed)

    def _keep(self, name: str | int, vectors: Any) -> None:
        if self.enable_plotting:
            self.datasets_embs[name] = vectors

    def plot(self, show: bool = True, save_path: str | Path | None = None, projection: str = "pca") -> Any:
        """Draw the pairs of the sets seen so far in the plane.

        Args:
            show: show the figure, where there is a screen or a notebook.
            save_path: file to write, its type by its suffix.
            projection: ``pca`` or ``tsne``.

        Returns:
            The figure; None if nothing was kept (``enable_plotting=False``).
        """
        if not self.datasets_embs:
            return None
        shown: Mapping[Any, Any] = {_REFERENCE: self.reference_embs, **self.datasets_embs}
        return draw_and_keep(
            lambda axes: draw_map(axes, shown, projection=projection, reference=_REFERENCE, seed=self.seed),
            self.name,
            Labels(),
            show,
            save_path,
        )


class PrecisionRecallDistanceEvaluator(UtterancePairEvaluator):
    """1 less the best F1 of precision and recall of utterance pairs against a reference (Sajjadi et al., 2018).

    Args:
        reference_dialogues: dialogs or the path of a file or folder.
        ai_speaker: whose answers to take.
        num_clusters, num_angles, num_runs: see
            :func:`sdialog.evaluation.distances.precision_recall.precision_recall`; there are fewer clusters where
            there are few pairs.
        name: default ``precision-recall-distance``, with ``-ai`` for one speaker.
        model_name, batch_size, device, embedder, seed: see :class:`UtterancePairEvaluator`.
        verbose: passed by older scripts; nothing is said.

    Raises:
        UserError: if ``num_angles`` is not between 3 and a million.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> said = [f"Is order {n} here?" for n in range(10)]
        >>> dialogs = [Dialog(turns=[Turn(speaker="A", text=text), Turn(speaker="B", text="Yes.")]) for text in said]
        >>> evaluator = PrecisionRecallDistanceEvaluator(dialogs, embedder="hashed")
        >>> round(evaluator(dialogs), 6)
        0.0
    """

    own_name = "precision-recall-distance"

    def __init__(
        self,
        reference_dialogues: Any,
        ai_speaker: str | None = None,
        num_clusters: int = 20,
        num_angles: int = 1001,
        num_runs: int = 10,
        name: str | None = None,
        model_name: str = "roberta-base",
        batch_size: int = 128,
        device: str | None = None,
        verbose: bool = False,
        *,
        embedder: Any = None,
        seed: int = 0,
    ) -> None:
        super().__init__(
            reference_dialogues, ai_speaker, name, model_name, batch_size, device, embedder=embedder, seed=seed
        )
        if not 3 <= num_angles <= 1_000_000:
            raise UserError(f"num_angles is between 3 and a million, not {num_angles}")
        self.num_clusters, self.num_angles, self.num_runs = num_clusters, num_angles, num_runs
        self.verbose = verbose

    def between(self, reference: Any, candidate: Any) -> float | None:
        """Return the distance of two arrays of vectors."""
        from sdialog.evaluation.distances.precision_recall import precision_recall

        curve = precision_recall(
            reference,
            candidate,
            clusters=self.num_clusters,
            angles=self.num_angles,
            runs=self.num_runs,
            seed=self.seed,
        )
        return None if curve is None else curve.distance


def _pairs(dialogs: Dataset, ai_speaker: str | None) -> tuple[list[str], list[str], list[int]]:
    from sdialog.evaluation.embeddings.utterance_pairs import dialogs_to_utt_pairs

    first: list[str] = []
    second: list[str] = []
    places: list[int] = []
    for place, dialog in enumerate(dialogs):
        try:
            said, answers = dialogs_to_utt_pairs([dialog], ai_speaker)
        except UserError:
            continue  # this dialog has no such pair
        first += said
        second += answers
        places += [place] * len(said)
    return first, second, places


def _encode(first: Sequence[str], second: Sequence[str], name: str, batch_size: int, device: str | None) -> Any:
    """Return the first output vector of each pair, of shape (pairs, dimensions)."""
    tokenizer, model = _model(name)
    torch = need("torch", extra="local", why=_WHY)
    numpy = need("numpy", extra="metrics", why=_WHY)
    model = model.to(device or "cpu")
    # Pairs of like length go together, so that little is computed for padding.
    order = sorted(range(len(first)), key=lambda place: len(first[place]) + len(second[place]))
    found: list[Any] = [None] * len(first)
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        tokens = tokenizer(
            [first[row] for row in rows], [second[row] for row in rows],
            padding=True, truncation=True, max_length=512, return_tensors="pt",
        )  # fmt: skip
        with torch.inference_mode():
            vectors = model(**tokens.to(model.device)).last_hidden_state[:, 0]
        for row, vector in zip(rows, vectors.float().cpu().numpy(), strict=True):
            found[row] = vector
    return numpy.stack(found)


@lru_cache(maxsize=2)
def _model(name: str) -> tuple[Any, Any]:
    try:
        transformers = need("transformers", extra="local", why=f"embed utterance pairs with {name}")
        need("torch", extra="local", why=f"embed utterance pairs with {name}")
    except MissingDependencyError as error:
        raise MissingDependencyError(f"{error}. Or: {_OFFLINE}") from error
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(name)
        return tokenizer, transformers.AutoModel.from_pretrained(name).eval()
    except (OSError, ValueError) as error:
        reason = str(error).strip().partition("\n")[0]
        raise ConfigError(f"the model {name!r} cannot be loaded ({reason}); {_OFFLINE}") from error
