"""Evaluators of where dialogs lie in the space of an embedder."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError
from sdialog.core.optional import need
from sdialog.evaluation.dataset import Dataset
from sdialog.evaluation.evaluators.base import BaseDatasetEvaluator, default_name
from sdialog.evaluation.evaluators.plotting import Labels, draw_and_keep
from sdialog.evaluation.evaluators.scores import UNNAMED
from sdialog.evaluation.plots import draw_map

if TYPE_CHECKING:
    from sdialog.evaluation.distances.noise_floor import NoiseFloor

_REFERENCE = "reference"
_WHY = "evaluate embeddings of dialogs"


class BaseDatasetEmbeddingEvaluator(BaseDatasetEvaluator):
    """A measure of the embeddings of many dialogs.

    Subclasses write ``__eval__(dialog_embs)``, from an array of shape (dialogs, dimensions) to a number or several by
    name, and ``__plot__(dialog_embs, plot)``, which draws arrays by the names of their sets. A set of no dialogs has
    the measure None.

    Args:
        dialog_embedder: an embedder, ``hashed``, the name or folder of a sentence-transformers model, or a function of
            texts; see :func:`sdialog.evaluation.embeddings.choice.get_embedder`.
        name: what it is called in tables; default the class's name without ``-evaluator`` and the embedder's name.
        enable_plotting: keep the embeddings of each set for :meth:`plot`.
        verbose: passed by older scripts; nothing is said.
        plot_title, plot_xlabel, plot_ylabel: texts of the figure, in place of its own.

    Attributes:
        datasets_embs: embeddings by the names of their sets.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> class SpreadEvaluator(BaseDatasetEmbeddingEvaluator):
        ...     def __eval__(self, dialog_embs):
        ...         return float(dialog_embs.var(axis=0).sum())
        ...     def __plot__(self, dialog_embs, plot=None):
        ...         plot.bar(list(dialog_embs), [embs.var() for embs in dialog_embs.values()])
        >>> spread = SpreadEvaluator("hashed")
        >>> spread.name, spread([Dialog(turns=[Turn(text="Hi!")])] * 3)
        ('spread-hashed-ngrams', 0.0)
    """

    def __init__(
        self,
        dialog_embedder: Any,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        from sdialog.evaluation.embeddings.choice import get_embedder

        self.dialog_embedder = get_embedder(dialog_embedder)
        self.name = name or f"{default_name(type(self))}-{self.dialog_embedder.name}"
        self.enable_plotting, self.verbose = enable_plotting, verbose
        self.labels = Labels(plot_title, plot_xlabel, plot_ylabel)
        self.datasets_embs: dict[Any, Any] = {}

    def __call__(
        self, dialogues: Any, dataset_name: str | int | None = None, return_embs: bool = False, **options: Any
    ) -> Any:
        """Embed dialogs and return the measure.

        Args:
            dialogues: dialogs, or the path of a file or folder.
            dataset_name: what the set is called in figures.
            return_embs: return the embeddings too: ``(measure, array)``.
        """
        embeddings = self.embed(dialogues)
        if self.enable_plotting:
            self.datasets_embs[UNNAMED if dataset_name is None else dataset_name] = embeddings
        found = self.__eval__(embeddings) if len(embeddings) else None
        return (found, embeddings) if return_embs else found

    def embed(self, dialogues: Any) -> Any:
        """Return the embeddings of dialogs, of shape (dialogs, dimensions); (0, 0) of none."""
        dialogs = list(Dataset(dialogues))
        if not dialogs:
            return need("numpy", extra="metrics", why=_WHY).zeros((0, 0))
        return self.dialog_embedder.embed_dialogs(dialogs)

    @abstractmethod
    def __eval__(self, dialog_embs: Any) -> Any:
        """Return the measure of embeddings, of shape (n, dimensions), n at least 1."""

    @abstractmethod
    def __plot__(self, dialog_embs: Mapping[Any, Any], plot: Any = None) -> Any:
        """Draw the embeddings of several sets, arrays by name."""

    def clear(self) -> None:
        """Forget the embeddings of all sets."""
        self.datasets_embs.clear()

    def plot(self, show: bool = True, save_path: str | Path | None = None, **options: Any) -> Any:
        """Draw the embeddings of the sets seen so far.

        Args:
            show: show the figure, where there is a screen or a notebook.
            save_path: file to write, its type by its suffix.
            options: passed to ``__plot__``.

        Returns:
            The figure; None if there is nothing to draw.

        Raises:
            MissingDependencyError: if matplotlib is not installed.
        """
        some = {name: embeddings for name, embeddings in self.datasets_embs.items() if len(embeddings)}
        if not some:
            return None
        return draw_and_keep(
            lambda axes: self.__plot__(some, plot=axes, **options), self.name, self.labels, show, save_path
        )


class ReferenceEmbeddingEvaluator(BaseDatasetEmbeddingEvaluator):
    """What all comparisons of embeddings with those of a reference share; subclasses write :meth:`between`.

    Args:
        dialog_embedder: see :class:`BaseDatasetEmbeddingEvaluator`.
        reference_dialogues: dialogs or the path of a file or folder; they are embedded when first needed.
        name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see
            :class:`BaseDatasetEmbeddingEvaluator`.

    Attributes:
        reference_embs: embeddings of the reference.
    """

    def __init__(
        self,
        dialog_embedder: Any,
        reference_dialogues: Any,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        super().__init__(dialog_embedder, name, enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel)
        self.reference_dialogues = Dataset(reference_dialogues, _REFERENCE)
        self._reference_embs: Any = None

    @property
    def reference_embs(self) -> Any:
        """Embeddings of the reference."""
        if self._reference_embs is None:
            self._reference_embs = self.embed(self.reference_dialogues)
            self.reference_dialogues.check_some(len(self._reference_embs))
        return self._reference_embs

    similarity = False
    """Whether larger numbers mean that the two are more alike."""

    @abstractmethod
    def between(self, reference: Any, candidate: Any) -> Any:
        """Return the measure of two arrays of embeddings."""

    def floor_value(self, reference: Any, candidate: Any) -> float | None:
        """Return the one number that has a noise floor."""
        found: float | None = self.between(reference, candidate)
        return found

    def floors(self, seed: int = 0, size: int | None = None) -> dict[str, NoiseFloor | None]:
        """Return what the measure gives between random halves of the reference, by column.

        Args:
            seed: seed of the splits.
            size: so many dialogs of the second half are taken; see
                :meth:`sdialog.evaluation.evaluators.references.ReferenceScoreEvaluator.floors`.
        """
        from sdialog.evaluation.distances.noise_floor import split_half_floor

        def halves(first: Any, second: Any) -> float | None:
            return self.floor_value(first, second[:size])

        return {self.name: split_half_floor(halves, self.reference_embs, seed=seed)}

    def __eval__(self, dialog_embs: Any) -> Any:
        return self.between(self.reference_embs, dialog_embs) if len(self.reference_embs) else None

    def __plot__(self, dialog_embs: Mapping[Any, Any], plot: Any = None, projection: str = "pca") -> None:
        others = {name: embeddings for name, embeddings in dialog_embs.items() if name != _REFERENCE}
        draw_map(plot, {_REFERENCE: self.reference_embs, **others}, projection=projection, reference=_REFERENCE)


class ReferenceCentroidEmbeddingEvaluator(ReferenceEmbeddingEvaluator):
    """Cosine of the mean embedding of dialogs and that of a reference, -1 to 1; None if either has no direction.

    It says little: sets that are spread quite differently may have the same mean. Dialogs without text are left out.

    Args:
        dialog_embedder: see :class:`BaseDatasetEmbeddingEvaluator`.
        reference_dialogues: dialogs or the path of a file or folder.
        name: default ``centroid-similarity-<embedder>``.
        enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see :class:`BaseDatasetEmbeddingEvaluator`.

    Attributes:
        reference_embs: embeddings of the reference.
        reference_centroid: their mean.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> orders, music = ([Dialog(turns=[Turn(text=text)])] for text in ("Where is my order?", "Play some jazz!"))
        >>> evaluator = ReferenceCentroidEmbeddingEvaluator("hashed", orders)
        >>> round(evaluator(orders), 6), evaluator(music) < 0.3, evaluator([Dialog()])
        (1.0, True, None)
    """

    def __init__(
        self,
        dialog_embedder: Any,
        reference_dialogues: Any,
        name: str | None = None,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        super().__init__(
            dialog_embedder,
            reference_dialogues,
            name,
            enable_plotting,
            verbose,
            plot_title,
            plot_xlabel,
            plot_ylabel,
        )
        self.name = name or f"centroid-similarity-{self.dialog_embedder.name}"
        self.similarity = True

    @property
    def reference_centroid(self) -> Any:
        """Mean embedding of the reference."""
        from sdialog.evaluation.embeddings.base import without_empty

        return without_empty(self.reference_embs).mean(axis=0)

    def between(self, reference: Any, candidate: Any) -> float | None:
        """Return the cosine of the mean vectors."""
        from sdialog.evaluation.distances.centroid import centroid_similarity

        return centroid_similarity(reference, candidate)


METRICS = ("mmd", "frechet", "mauve", "precision-recall")


class EmbeddingDistanceEvaluator(ReferenceEmbeddingEvaluator):
    """Distance between the embeddings of dialogs and those of a reference.

    Args:
        dialog_embedder: see :class:`BaseDatasetEmbeddingEvaluator`.
        reference_dialogues: dialogs or the path of a file or folder.
        metric: ``mmd`` (a dict: ``squared``, about 0 for one distribution, and ``p_value`` of a permutation test),
            ``frechet`` (squared), ``mauve`` (1 for one distribution), ``precision-recall`` (1 less the largest F1).
        name: default the metric's name and the embedder's.
        seed: seed of what is random.
        enable_plotting, verbose, plot_title, plot_xlabel, plot_ylabel: see :class:`BaseDatasetEmbeddingEvaluator`.

    Raises:
        UnknownNameError: if there is no such distance.

    Example:
        >>> from sdialog import Dialog, Turn
        >>> def about(thing):
        ...     return [Dialog(turns=[Turn(text=f"Please bring {n} {thing}.")]) for n in range(12)]
        >>> evaluator = EmbeddingDistanceEvaluator("hashed", about("apples"))
        >>> evaluator(about("apples"))["p_value"] > 0.5, evaluator(about("keys and locks"))["p_value"] < 0.01
        (True, True)
    """

    def __init__(
        self,
        dialog_embedder: Any,
        reference_dialogues: Any,
        metric: str = "mmd",
        name: str | None = None,
        seed: int = 0,
        enable_plotting: bool = True,
        verbose: bool = False,
        plot_title: str | None = None,
        plot_xlabel: str | None = None,
        plot_ylabel: str | None = None,
    ) -> None:
        if metric not in METRICS:
            raise UnknownNameError("distance", metric, METRICS)
        super().__init__(
            dialog_embedder,
            reference_dialogues,
            name,
            enable_plotting,
            verbose,
            plot_title,
            plot_xlabel,
            plot_ylabel,
        )
        self.metric, self.seed, self.similarity = metric, seed, metric == "mauve"
        self.name = name or f"{metric}-{self.dialog_embedder.name}"

    def between(self, reference: Any, candidate: Any) -> Any:
        """Return the distance; dialogs without text are left out."""
        return _distance(self.metric, *_with_text(reference, candidate), seed=self.seed)

    def floor_value(self, reference: Any, candidate: Any) -> float | None:
        """Return the distance as one number."""
        found = _distance(self.metric, *_with_text(reference, candidate), seed=self.seed, test=False)
        value: float | None = found["squared"] if isinstance(found, Mapping) else found
        return value

    def floors(self, seed: int = 0, size: int | None = None) -> dict[str, NoiseFloor | None]:
        """Return what the distance gives between random halves of the reference, by column; see the base class."""
        found = super().floors(seed, size)
        return {f"{self.name}-squared": found[self.name]} if self.metric == "mmd" else found


def _with_text(reference: Any, candidate: Any) -> tuple[Any, Any]:
    from sdialog.evaluation.embeddings.base import without_empty

    return without_empty(reference), without_empty(candidate)


def _distance(metric: str, reference: Any, candidate: Any, *, seed: int, test: bool = True) -> Any:
    if metric == "frechet":
        from sdialog.evaluation.distances.frechet import frechet_distance

        return frechet_distance(reference, candidate, seed=seed)
    if metric == "mauve":
        from sdialog.evaluation.distances.mauve import mauve

        area = mauve(reference, candidate, seed=seed)
        return None if area is None else area.score
    if metric == "precision-recall":
        from sdialog.evaluation.distances.precision_recall import precision_recall

        curve = precision_recall(reference, candidate, seed=seed)
        return None if curve is None else curve.distance
    from sdialog.evaluation.distances.mmd import PERMUTATIONS, mmd

    found = mmd(reference, candidate, seed=seed, permutations=PERMUTATIONS if test else 0)
    if found is None:
        return {"squared": None, "p_value": None}
    return {"squared": found.squared, "p_value": found.p_value}
