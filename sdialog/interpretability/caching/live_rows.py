"""What an inspector saw of live dialogs, as rows of a cache."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.caching.recipes import COLUMNS, NONE, ROLES, WHY, Names, Recipe
from sdialog.interpretability.caching.stores import Store
from sdialog.interpretability.spans import Span
from sdialog.interpretability.tokens.fillings import PARTS

if TYPE_CHECKING:
    from sdialog.interpretability.responses import Seen


def store_of(inspector: Any, span: str | Span, dtype: str) -> Store:
    """Return a store of what was seen.

    Raises:
        UserError: if the inspector saw nothing, or recorded no activations.
    """
    parsed = Span.parse(span)
    collected = _Collected(parsed, dtype)
    for name, responses in inspector.dialogs.items():
        collected.dialog(str(name), [response.seen for response in responses])
    return collected.store(inspector)


class _Collected:
    """Rows of all dialogs so far."""

    def __init__(self, span: Span, dtype: str) -> None:
        self._span, self._dtype = span, dtype
        self._dialogs: list[str] = []
        self._speakers: dict[str, int] = {}
        self._tokens: dict[int, str] = {}
        self._rows: list[tuple[int, ...]] = []
        self._values: dict[str, list[Any]] = {}

    def dialog(self, name: str, replies: Sequence[Seen]) -> None:
        """Add a dialog."""
        before: tuple[int, ...] = ()
        for seen in replies:
            captures = list(seen.captures.values())
            ids = seen.tokens.ids
            if captures:
                known = next((n for n, (one, two) in enumerate(zip(before, ids, strict=False)) if one != two), None)
                fresh = min(len(before), len(ids)) if known is None else known
                mask = self._span.mask(seen.tokens.rendering)
                recorded = set(captures[0].positions).intersection(*(one.positions for one in captures[1:]))
                places = sorted(place for place in recorded if place >= fresh and mask[place])
                self._add(seen, places)
            before = ids
        self._dialogs.append(name)

    def _add(self, seen: Seen, places: Sequence[int]) -> None:
        labels, strings = seen.tokens.rendering.labels, seen.tokens.strings
        for place in places:
            label, token = labels[place], seen.tokens.ids[place]
            speaker = NONE
            if label.speaker is not None:
                speaker = self._speakers.setdefault(label.speaker, len(self._speakers))
            turn = NONE if label.turn is None else label.turn
            numbers = (speaker, ROLES.index(label.role or ""), PARTS.index(label.part))
            self._rows.append((len(self._dialogs), turn, place, token, *numbers, 1))
            self._tokens[token] = strings[place]
        for capture in seen.captures.values():
            at = {position: row for row, position in enumerate(capture.positions)}
            values = capture.values[[at[place] for place in places]]
            self._values.setdefault(capture.site, []).append(values.double().numpy().astype(self._dtype))

    def store(self, inspector: Any) -> Store:
        """Return all rows."""
        numpy = need("numpy", extra="local", why=WHY)
        if not self._values:
            raise UserError(
                "the inspector has recorded no activations: give it targets, attach it, and let the agent talk"
            )
        model = getattr(getattr(inspector, "agent", None), "model", None)
        recipe = Recipe(tuple(self._values), str(self._span), self._dtype, None, getattr(model, "name", ""))
        arrays = {site: numpy.concatenate(parts) for site, parts in self._values.items()}
        columns = numpy.array(self._rows, "int32").reshape(-1, len(COLUMNS))
        return Store(recipe, arrays, columns, Names(tuple(self._dialogs), tuple(self._speakers), self._tokens))
