"""Recording dialogs into a cache: what an agent saw is cut into tokens, labelled, run and kept, group by group."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.caching.recipes import COLUMNS, NONE, REDUCTIONS, ROLES, WHY, Recipe
from sdialog.interpretability.caching.stores import Entry, FolderStore, MemoryStore, Store
from sdialog.interpretability.caching.views import NO_TURN, View, Viewpoint
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.fillings import PARTS
from sdialog.interpretability.tokens.rendering import Rendering

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.interpretability.running._replaying import Replayer, Sequenced

GROUP_BYTES = 64 << 20
_GROUP_BATCHES = 16  # a group has so many batches of tokens at most, so that even means are written now and then
_ROLE = {name: place for place, name in enumerate(ROLES)}
_PART = {name: place for place, name in enumerate(PARTS)}
Row = tuple[int, ...]


@dataclass(frozen=True, eq=False)
class Prepared:
    """A dialog ready to run.

    Attributes:
        sequence: its tokens; None where no token is meant.
        rows: numbers of each row, see :data:`~sdialog.interpretability.caching.recipes.COLUMNS`, with the dialog
            still 0.
        entry: what is listed of it.
    """

    sequence: Sequenced | None
    rows: Sequence[Row]
    entry: Entry


class CorpusRecorder:
    """Records dialogs.

    Args:
        replayer: runs conversations.
        recipe: what is kept.
        viewpoint: whose eyes they are seen through.
    """

    def __init__(self, replayer: Replayer, recipe: Recipe, viewpoint: Viewpoint) -> None:
        self._replayer, self._recipe, self._viewpoint = replayer, recipe, viewpoint
        self._span = Span.parse(recipe.span)
        self._speakers: dict[str, int] = {}
        self._dialogs = self._rows = 0

    def record(self, dialogs: Iterable[Dialog], path: Path | None, max_bytes: int) -> Store:
        """Record dialogs and return the store."""
        room = min(GROUP_BYTES, max(1, max_bytes // 4))
        shapes = self._replayer.shapes
        group = {"group_bytes": room, "batch_tokens": self._replayer.batch_tokens}
        store = FolderStore(path, self._recipe, shapes, group) if path else MemoryStore(self._recipe, shapes, max_bytes)
        try:
            views = self._rest(map(self._viewpoint.view, dialogs), store.begun())
            if isinstance(store, FolderStore) and store.complete:
                if next(views, None) is not None:
                    raise UserError(
                        f"{path} is complete, and there are more dialogs than it holds; delete it or give another path"
                    )
            else:
                for prepared in self._groups(views, room):
                    self._add(prepared, store)
            if self._dialogs and not self._rows:
                store.discard()
                raise UserError(
                    f"the span {self._recipe.span!r} selects no token in any of {self._dialogs} dialogs; in a dialog "
                    "that is run again all tokens are prompt"
                )
            ids = store.token_ids()
            texts = self._replayer.network.tokenizer.convert_ids_to_tokens(ids[ids >= 0].tolist())
            return store.finish(dict(zip(ids[ids >= 0].tolist(), texts, strict=True)))
        finally:
            store.close()

    def _rest(self, views: Iterator[View], begun: Sequence[Entry]) -> Iterator[View]:
        """Yield the views that are not recorded yet, after a look whether the others are the same as then."""
        for place, entry in enumerate(begun):
            view = next(views, None)
            if view is None or view.digest != entry.digest:
                what = "there are fewer dialogs" if view is None else f"dialog {place} ({view.dialog_id}) is another"
                raise UserError(f"this is not the corpus that the cache was begun with: {what}; give another path")
            for name in entry.speakers:
                self._speakers[name] = len(self._speakers)
            self._dialogs, self._rows = self._dialogs + 1, self._rows + entry.rows
        return views

    def _groups(self, views: Iterator[View], room: int) -> Iterator[list[Prepared]]:
        """Yield dialogs that are run and written together; where a group ends depends on what is in it alone."""
        group: list[Prepared] = []
        held = tokens = 0
        for view in views:
            group.append(self._prepare(view))
            held += len(group[-1].rows) * self._replayer.row_bytes
            tokens += len(group[-1].sequence.ids) if group[-1].sequence else 0
            if held >= room or tokens >= _GROUP_BATCHES * self._replayer.batch_tokens:
                yield group
                group, held, tokens = [], 0, 0
        if group:
            yield group

    def _add(self, group: Sequence[Prepared], store: FolderStore | MemoryStore) -> None:
        numpy = need("numpy", extra="local", why=WHY)
        values = self._replayer.run([one.sequence for one in group if one.sequence is not None])
        rows = []
        for one in group:
            rows += [(self._dialogs, *row[1:]) for row in one.rows]
            self._dialogs, self._rows = self._dialogs + 1, self._rows + len(one.rows)
        columns = numpy.array(rows, "int32").reshape(-1, len(COLUMNS))
        store.add(values, columns, [one.entry for one in group])

    def _prepare(self, view: View) -> Prepared:
        from sdialog.interpretability.running._replaying import Sequenced

        rendering = render(self._replayer.network.tokenizer, view)
        positions = [place for place, meant in enumerate(self._span.mask(rendering)) if meant]
        before = len(self._speakers)
        rows = [self._row(view, rendering, place) for place in positions]
        groups = None
        if self._recipe.reduce is not None:
            rows, groups = reduced(rows, self._recipe.reduce)
        new = tuple(self._speakers)[before:]
        entry = Entry(view.dialog_id, view.digest, len(rows), new)
        sequence = Sequenced(rendering.ids, tuple(positions), groups) if positions else None
        return Prepared(sequence, rows, entry)

    def _row(self, view: View, rendering: Rendering, place: int) -> Row:
        label = rendering.labels[place]
        turn = NO_TURN if label.message is None else view.turns[label.message]
        name = label.speaker
        speaker = NONE if name is None else self._speakers.setdefault(name, len(self._speakers))
        return (
            0,
            turn,
            place,
            rendering.ids[place],
            speaker,
            _ROLE[label.role or ""],
            _PART[label.part],
            1,
        )


def render(tokenizer: Any, view: View) -> Rendering:
    """Return a view as its model was given it, with labels.

    Raises:
        UserError: if the model's chat template refuses it.
    """
    from jinja2 import TemplateError

    try:
        return Rendering.from_messages(
            tokenizer, view.messages, speaker=view.speaker, tools=view.tools, ask=view.messages[-1].role == "user"
        )
    except TemplateError as error:
        raise UserError(
            f"the chat template refuses the dialog {view.dialog_id} as {view.speaker} saw it: {error}"
        ) from error


def reduced(rows: Sequence[Row], by: str) -> tuple[list[Row], tuple[int, ...]]:
    """Return one row for all rows of a turn, a speaker or a dialog, and for each row the number of the one it is in.

    Args:
        rows: numbers of tokens of one dialog.
        by: ``turn``, ``speaker`` or ``dialog``. Messages of other roles that led to a turn are apart from it.
    """
    at = COLUMNS.index
    wanted = [at(name) for name in REDUCTIONS[by]]
    found: dict[Row, int] = {}
    groups = tuple(found.setdefault(tuple(row[place] for place in wanted), len(found)) for row in rows)
    means: list[list[int]] = []
    for row, group in zip(rows, groups, strict=True):
        if group == len(means):
            means.append([*row[: at("position")], NONE, NONE, *row[at("speaker") : at("tokens")], 0])
        mean = means[group]
        mean[at("tokens")] += row[at("tokens")]
        for name in ("turn", "speaker", "role", "part"):
            if mean[at(name)] != row[at(name)]:
                mean[at(name)] = 0 if name == "role" else NONE
    return [tuple(mean) for mean in means], groups


def dialogs_of(given: Any) -> Iterable[Dialog]:
    """Return dialogs, of one alone that one.

    Raises:
        UserError: if it is text.
    """
    if isinstance(given, (str, bytes)):
        raise UserError("give dialogs, such as Dialog.from_file(path) or a list of them, not text")
    return [given] if hasattr(given, "turns") else given
