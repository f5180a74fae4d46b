"""Activations of whole corpora with what each of them belongs to, in memory or on disk."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.interpretability.caching.recipes import COLUMNS, REDUCTIONS, ROLES, WHY, Labels, Recipe
from sdialog.interpretability.caching.stores import Store, load_store, pieces, save_store
from sdialog.interpretability.fitting.labelled import Source
from sdialog.interpretability.networks import network_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from sdialog.core.dialog import Dialog
    from sdialog.interpretability.caching.stores import Rows
    from sdialog.interpretability.spans import Span

_CHUNK = 16384  # rows that are held at a time where all are gone through
MAX_BYTES = 1 << 30


class Features(NamedTuple):
    """Rows in the order in which probes and directions take them: ``Probe.fit(*features)``.

    Attributes:
        values: array of shape (rows, size).
        labels: one a row.
        groups: id of each row's dialog.
    """

    values: NDArray[Any]
    labels: NDArray[Any]
    groups: NDArray[Any]


class ActivationCache:
    """Activations at sites, one row a token or one a mean, with labels.

    ``cache[site]`` is an array of shape (rows, size); ``cache.labels["speaker"]`` and the other columns (see
    :class:`~sdialog.interpretability.caching.recipes.Labels`) say what each row is. :meth:`select` gives a smaller
    cache of the same rows: where these lie together, as those of a dialog do, its arrays are views, also of a file on
    disk.

    Args:
        store: all rows.
        rows: which of them; default all.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> said = [Turn(speaker="Ann", text="Hello!"), Turn(speaker="Bob", text="Hi, how can I help?")]
        >>> cache = ActivationCache.record("embedded:mini", [Dialog(turns=said, id="d1")], "layers.*.resid_post")
        >>> cache["layers.2.resid_post"].shape, cache.labels["speaker"].tolist()[:3]
        ((10, 192), ['Ann', 'Ann', 'Bob'])
        >>> bob = cache.select(speaker="Bob")
        >>> "".join(bob.labels["text"]).replace("\u0120", " "), bob.mean(by="turn")["layers.2.resid_post"].shape
        ('Hi, how can I help?', (1, 192))
    """

    def __init__(self, store: Store, rows: Rows | None = None) -> None:
        self._store = store
        self._rows: Rows = slice(0, len(store.columns)) if rows is None else rows

    @classmethod
    def record(
        cls,
        source: Any,
        dialogs: Iterable[Dialog] | Dialog,
        sites: str | Sequence[str],
        span: str | Span = "content",
        *,
        speaker: str | None = None,
        path: str | Path | None = None,
        dtype: str = "float32",
        reduce: str | None = None,
        max_bytes: int = MAX_BYTES,
        batch_tokens: int = 8192,
    ) -> ActivationCache:
        """Run dialogs through a model as one party saw them, and keep what is at sites.

        The dialogs are read one after the other and may be more than fit in memory. A recording that broke off goes
        on where it was when it is asked for again with the same path and arguments, and gives the same bytes.

        Args:
            source: an agent, a local model, its name such as ``embedded:mini``, or a network. Of an agent the system
                prompt and the tools are those that it has; of the others see
                :class:`~sdialog.interpretability.caching.views.Viewpoint`.
            dialogs: the dialogs.
            sites: names, such as ``layers.*.resid_post``.
            span: of which tokens, such as ``content & role(assistant)``; see :mod:`sdialog.interpretability.spans`.
                There is no reply after the dialog: all of it is prompt.
            speaker: whose view it is. Default: the agent's; else that of the dialog's second speaker.
            path: a folder to keep it in; default memory.
            dtype: ``float16``, ``float32`` or ``float64``. Numpy has no bfloat16: float32 holds it exactly, and float16
                all that is not above 65,504.
            reduce: keep only means over the tokens of each ``turn``, ``speaker`` or ``dialog``.
            max_bytes: most bytes of activations to hold in memory. On disk that is a bound for what is being
                computed, and not for the corpus.
            batch_tokens: most tokens that run together.

        Raises:
            UserError: if a dialog cannot be run, does not fit into memory, or the path holds something else.
            UnsupportedFeatureError: if the model is not run in this process.
        """
        from sdialog.interpretability.caching.corpus_recording import CorpusRecorder, dialogs_of
        from sdialog.interpretability.caching.views import Viewpoint
        from sdialog.interpretability.running._replaying import Replayer
        from sdialog.interpretability.spans import Span

        parsed = Span.parse(span)
        listed = [sites] if isinstance(sites, str) else list(sites)
        network = network_of(source)
        viewpoint = Viewpoint(source, speaker)
        # Refused before anything runs: what cannot be kept, and what there is no place for.
        Recipe(tuple(listed), str(parsed), dtype, reduce)
        replayer = Replayer(network, listed, dtype=dtype, batch_tokens=batch_tokens, max_bytes=max_bytes // 4)
        recipe = Recipe(
            replayer.names, str(parsed), dtype, reduce, network.name, network.fingerprint, viewpoint.speaker
        )
        recorder = CorpusRecorder(replayer, recipe, viewpoint)
        return cls(recorder.record(dialogs_of(dialogs), None if path is None else Path(path), max_bytes))

    @classmethod
    def live(cls, inspector: Any, span: str | Span = "everything", *, dtype: str = "float32") -> ActivationCache:
        """Return what an inspector saw, dialog by dialog, as a cache.

        Tokens that were in the conversation already when the reply before was made are not repeated.

        Args:
            inspector: an :class:`~sdialog.interpretability.Inspector` that has targets.
            span: of which of the tokens that it recorded.
            dtype: ``float16``, ``float32`` or ``float64``.

        Raises:
            UserError: if it saw nothing.
        """
        from sdialog.interpretability.caching.live_rows import store_of

        return cls(store_of(inspector, span, dtype))

    @classmethod
    def load(cls, path: str | Path) -> ActivationCache:
        """Return a cache from its folder; activations stay on disk until they are used.

        Raises:
            UserError: if there is none, or it was not recorded to its end.
        """
        return cls(load_store(path))

    def save(self, path: str | Path) -> Path:
        """Write the rows into a new folder, as safetensors files with JSON beside them; returns the folder.

        Raises:
            UserError: if there is something else.
        """
        save_store(self._store, self._rows, path, _CHUNK)
        return Path(path)

    @property
    def recipe(self) -> Recipe:
        """What was recorded."""
        return self._store.recipe

    @property
    def sites(self) -> tuple[str, ...]:
        """The places."""
        return tuple(self._store.arrays)

    @property
    def dialogs(self) -> tuple[str, ...]:
        """Ids of all dialogs that were recorded, by their numbers."""
        return self._store.names.dialogs

    @property
    def labels(self) -> Labels:
        """What each row is, as columns."""
        return Labels(self._store.columns[self._rows], self._store.names)

    def __len__(self) -> int:
        if isinstance(self._rows, slice):
            return len(range(*self._rows.indices(len(self._store.columns))))
        return len(self._rows)

    def __getitem__(self, site: str) -> NDArray[Any]:
        return self._array(site)[self._rows]

    def __repr__(self) -> str:
        what = f"means by {self.recipe.reduce}" if self.recipe.reduce else "tokens"
        where = f", in {self._store.path}" if self._store.path else ""
        return f"<ActivationCache of {len(self)} {what} at {', '.join(self.sites)}{where}>"

    def select(
        self,
        *,
        dialog: int | str | Sequence[int | str] | None = None,
        turn: int | Sequence[int] | None = None,
        speaker: str | Sequence[str] | None = None,
        role: str | Sequence[str] | None = None,
        part: str | Sequence[str] | None = None,
    ) -> ActivationCache:
        """Return the rows of some dialogs, turns, speakers, roles and parts; nothing is copied.

        Args:
            dialog: numbers or ids of dialogs; an id means all that have it.
            turn: numbers of turns, from 0.
            speaker: names.
            role: ``system``, ``user``, ``assistant`` or ``tool``.
            part: such as ``content``.

        Raises:
            UnknownNameError: if there is no such dialog, speaker, role or part.
            UserError: if a turn is no number.
        """
        from sdialog.interpretability.tokens.fillings import PARTS

        numpy = need("numpy", extra="local", why=WHY)
        columns = self._store.columns[self._rows]
        keep = numpy.ones(len(columns), bool)
        tables = {"speaker": self._store.names.speakers, "role": ROLES, "part": PARTS}
        asked = {"dialog": dialog, "turn": turn, "speaker": speaker, "role": role, "part": part}
        for name, wanted in asked.items():
            if wanted is None:
                continue
            given = [wanted] if isinstance(wanted, str) or not hasattr(wanted, "__iter__") else list(wanted)
            if name == "dialog":
                numbers = [number for one in given for number in self._dialog(one)]
            elif name == "turn":
                numbers = [_turn(one) for one in given]
            else:
                numbers = [_place(name, str(one), tables[name]) for one in given]
            keep &= numpy.isin(columns[:, COLUMNS.index(name)], numbers)
        return ActivationCache(self._store, self._within(numpy.flatnonzero(keep)))

    def mean(self, by: str = "turn") -> ActivationCache:
        """Return the means over the tokens of each ``turn``, ``speaker`` or ``dialog``, within dialogs, in memory.

        Raises:
            UnknownNameError: if there is no such reduction.
        """
        from sdialog.interpretability.caching.means import mean_store

        if by not in REDUCTIONS:
            raise UnknownNameError("reduction", str(by), REDUCTIONS)
        return ActivationCache(mean_store(self._store, self._rows, by, _CHUNK))

    def features(
        self, label: str | Callable[[Mapping[str, Any]], Any] | Mapping[Any, Any] = "speaker", site: str | None = None
    ) -> Features:
        """Return rows, the dialogs that they come from, and a label for each, for probes and directions.

        Args:
            label: name of a column; a function of a dict with a row's columns; or a mapping from ids, or numbers, of
                dialogs.
            site: the place; default the only one.

        Raises:
            UserError: if there are several sites and none is named, or a dialog has no label.

        Example:
            >>> from sdialog.core.dialog import Dialog, Turn
            >>> dialogs = [Dialog(turns=[Turn(speaker="Ann", text=text)], id=text) for text in ("Hi.", "Bye.")]
            >>> cache = ActivationCache.record("embedded:mini", dialogs, "layers.1.resid_post", reduce="turn")
            >>> found = cache.features({"Hi.": "greeting", "Bye.": "farewell"})
            >>> found.values.shape, found.groups.tolist(), found.labels.tolist()
            ((2, 192), ['Hi.', 'Bye.'], ['greeting', 'farewell'])
        """
        numpy = need("numpy", extra="local", why=WHY)
        if site is None and len(self.sites) != 1:
            raise UserError(f"say which site: {', '.join(self.sites)}")
        labels = self.labels
        if isinstance(label, str):
            found = labels[label]
        elif callable(label):
            columns = {name: labels[name].tolist() for name in labels}
            rows = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
            found = _column(numpy, [label(row) for row in rows])
        else:
            found = _column(numpy, [self._of_dialog(label, one) for one in labels["dialog"].tolist()])
        values = self[site or self.sites[0]]
        size = int(numpy.prod(values.shape[1:], dtype=int))
        return Features(values.reshape(len(values), size), found, self._groups(labels))

    def source(self, site: str | None = None) -> Source:
        """Return where the rows come from, for :class:`~sdialog.interpretability.directions.Direction` and probes."""
        recipe = self.recipe
        return Source(site or self.sites[0], recipe.span, recipe.model, recipe.fingerprint)

    def batches(
        self, site: str | Sequence[str], size: int, *, target: str | None = None, seed: int = 0
    ) -> Iterable[Any]:
        """Return batches of rows in a shuffled order, read from disk as they are asked for; for training.

        Each time that they are gone through the order is another, see
        :class:`~sdialog.interpretability.caching.batches.CacheBatches`.

        Args:
            site: the place, for arrays of shape (size, width); several in a list, as a crosscoder reads them, for
                (size, sites, width).
            size: rows a batch.
            target: the place that a transcoder predicts; batches are then pairs of what is at both.
            seed: seed of the orders.

        Raises:
            UnknownNameError: if a site was not recorded.
            ConfigError: if the size is below 1, or activations at several sites differ in shape.

        Example:
            >>> from sdialog.core.dialog import Dialog, Turn
            >>> said = Dialog(turns=[Turn(speaker="Ann", text="Hello, are you there?")])
            >>> cache = ActivationCache.record("embedded:mini", said, ["layers.*.resid_post", "layers.1.mlp_out"])
            >>> read, predicted = next(iter(cache.batches("layers.1.resid_post", 4, target="layers.1.mlp_out")))
            >>> layers = next(iter(cache.batches(["layers.1.resid_post", "layers.2.resid_post"], 4)))
            >>> read.shape, predicted.shape, layers.shape
            ((4, 192), (4, 192), (4, 2, 192))
        """
        from sdialog.interpretability.caching.batches import CacheBatches

        read = self._array(site) if isinstance(site, str) else [self._array(one) for one in site]
        return CacheBatches(read, self._rows, size, seed, None if target is None else self._array(target))

    def chunks(self, site: str, size: int = _CHUNK) -> Iterator[tuple[NDArray[Any], Labels]]:
        """Yield the rows in order, so many at a time, with their labels."""
        array = self._array(site)
        for part in pieces(self._rows, size):
            yield array[part], Labels(self._store.columns[part], self._store.names)

    def json(self) -> dict[str, Any]:
        """Return what is in it, without activations, as a plain dict."""
        shapes = {site: list(array.shape[1:]) for site, array in self._store.arrays.items()}
        return {**self.recipe.json(), "rows": len(self), "dialogs": len(self.dialogs), "shapes": shapes}

    def _array(self, site: str) -> NDArray[Any]:
        if str(site) not in self._store.arrays:
            raise UnknownNameError("site", str(site), self.sites, "in this cache")
        return self._store.arrays[str(site)]

    def _within(self, chosen: NDArray[Any]) -> Rows:
        """Return places among this cache's rows as rows of the store, as a slice where they lie together."""
        numpy = need("numpy", extra="local", why=WHY)
        numbers = chosen + self._rows.start if isinstance(self._rows, slice) else self._rows[chosen]
        if not len(numbers):
            return slice(0, 0)
        if int(numbers[-1]) - int(numbers[0]) + 1 == len(numbers) and bool((numpy.diff(numbers) == 1).all()):
            return slice(int(numbers[0]), int(numbers[-1]) + 1)
        return numbers  # type: ignore[no-any-return]

    def _dialog(self, given: int | str) -> list[int]:
        names = self.dialogs
        if isinstance(given, str):
            first = _place("dialog", given, names)
            return [first, *(place for place in range(first + 1, len(names)) if names[place] == given)]
        number = index(given)
        if not 0 <= number < len(names):
            raise UserError(f"there is no dialog {number}: there are {len(names)}, counted from 0")
        return [number]

    def _groups(self, labels: Labels) -> NDArray[Any]:
        # Two dialogs may have the same id; then only their numbers tell them apart.
        unique = len(set(self.dialogs)) == len(self.dialogs)
        return labels["dialog_id" if unique else "dialog"]

    def _of_dialog(self, label: Mapping[Any, Any], number: int) -> Any:
        name: Hashable = self.dialogs[number]
        if name in label:
            return label[name]
        if number in label:
            return label[number]
        raise UserError(f"the dialog {name} (number {number}) has no label; give one for each, or select others")


def _turn(given: Any) -> int:
    try:
        return index(given)
    except TypeError as error:
        raise UserError(f"turns are numbers, counted from 0, not {given!r}") from error


def _column(numpy: Any, values: list[Any]) -> NDArray[Any]:
    """Return values as an array; of several types as they are, so that who takes them as labels can refuse them."""
    mixed = len({type(one) for one in values}) > 1
    return numpy.array(values, dtype=object) if mixed else numpy.array(values)  # type: ignore[no-any-return]


def _place(kind: str, name: str, known: Sequence[str]) -> int:
    if name not in known:
        raise UnknownNameError(kind, name, [one for one in known if one])
    return known.index(name)
