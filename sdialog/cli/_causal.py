"""What ``sdialog inspect lens`` and ``patch`` share: many dialogs as their speaker saw them, and which are compared."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import typer

from sdialog.cli._inspecting import Corpus, before_reply, keep, labels_by
from sdialog.cli._output import counting
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.interpretability.caching.views import View
    from sdialog.interpretability.running._inputs import Tokens
    from sdialog.interpretability.running.pairs import Progress
    from sdialog.llm.interventions import Network


class Conversations(NamedTuple):
    """Conversations to look into.

    Attributes:
        read: their tokens, each with what to call it.
        dialogs: the dialog of each: those of one belong together.
    """

    read: list[Tokens]
    dialogs: list[str]


def all_of(corpus: Corpus, network: Network, limit: int | None) -> Conversations:
    """Return the dialogs of a corpus as the speaker saw them, whole; those without the speaker are left out.

    Raises:
        UserError: if there are none.
    """
    from sdialog.interpretability.caching.views import Viewpoint

    viewpoint = Viewpoint(None, corpus.speaker)
    read: list[Tokens] = []
    dialogs: list[str] = []
    for number, dialog in enumerate(corpus.dialogs()):
        if limit is not None and len(read) == limit:
            break
        view = viewpoint.view(dialog)
        read.append(_tokens(network, view.messages, view.speaker, str(dialog.id or number)))
        dialogs.append(str(dialog.id or number))
    if not read:
        raise UserError(f"there are no dialogs in {corpus.place}")
    return Conversations(read, dialogs)


def compared(
    corpus: Corpus, network: Network, clean: Sequence[str], corrupt: Sequence[str], by: str | None, reply: int
) -> tuple[Conversations, Conversations]:
    """Return clean and corrupt conversations, one for one.

    Args:
        corpus: the dialogs.
        network: the model that reads them.
        clean: numbers of dialogs and texts to be answered; or with ``by`` one value of it.
        corrupt: the same of those that differ in what matters.
        by: attribute of dialogs: the first dialog with the clean value is compared with the first with the corrupt
            one, and so on.
        reply: of dialogs: before which of the speaker's replies they end.

    Raises:
        UserError: if there are not equally many, or no such dialog, value or reply.
    """
    if by is not None:
        return _by_value(corpus, network, clean, corrupt, by, reply)
    if len(clean) != len(corrupt):
        raise UserError(f"there are {len(clean)} --clean and {len(corrupt)} --corrupt; give one for one")
    wanted = sorted({int(one) for one in (*clean, *corrupt) if one.isdigit()})
    views = {number: corpus.view(number, reply) for number in wanted}
    sides = []
    for given in (clean, corrupt):
        read = []
        for one in given:
            if one.isdigit():
                view = views[int(one)]
                read.append(_tokens(network, view.messages, view.speaker, f"dialog {one}"))
            else:
                read.append(_asked(network, one, corpus.speaker))
        sides.append(Conversations(read, [tokens.name for tokens in read]))
    return sides[0], sides[1]


def _by_value(
    corpus: Corpus, network: Network, clean: Sequence[str], corrupt: Sequence[str], by: str, reply: int
) -> tuple[Conversations, Conversations]:
    from sdialog.interpretability.caching.views import Viewpoint

    if len(clean) != 1 or len(corrupt) != 1 or list(clean) == list(corrupt):
        raise UserError(f"with --by, give one value of {by} as --clean and another as --corrupt")
    labels = {key: str(value) for key, value in labels_by(by, corpus.dialogs()).items()}
    for value in (clean[0], corrupt[0]):
        if value not in labels.values():
            raise UnknownNameError(f"value of {by}", value, labels.values())
    found: dict[str, list[tuple[str, View]]] = {clean[0]: [], corrupt[0]: []}
    silent = 0
    viewpoint = Viewpoint(None, corpus.speaker)
    for number, dialog in enumerate(corpus.dialogs()):
        value, name = labels[number], str(dialog.id or number)
        if value not in found:
            continue
        try:
            found[value].append((name, before_reply(viewpoint.view(dialog), reply, name)))
        except UserError:
            silent += 1  # told below, with all of its kind
    pairs = list(zip(found[clean[0]], found[corrupt[0]], strict=False))
    left = sum(map(len, found.values())) - 2 * len(pairs)
    for count, why in ((silent, f"have no reply {reply}"), (left, "have none to be compared with")):
        if count:
            typer.echo(f"{count} dialogs {why} and are left out", err=True)
    if not pairs:
        raise UserError(
            f"no dialogs with {by} {clean[0]} and {corrupt[0]} have a reply {reply}; choose another --reply"
        )
    sides = []
    for side in (0, 1):
        names = [pair[side][0] for pair in pairs]
        read = [_tokens(network, view.messages, view.speaker, name) for name, view in (pair[side] for pair in pairs)]
        sides.append(Conversations(read, names))
    return sides[0], sides[1]


@contextmanager
def told_progress(what: str) -> Iterator[Progress]:
    """Give a function that shows how many are done, on a terminal."""
    with counting(what) as count:
        yield lambda done, _total: count(done)


def kept(folder: Path, name: str, result: Any) -> list[Path]:
    """Write a result as JSON and as a page; return the files."""
    return [keep(folder, name, result), result.page(folder / f"{name}.html")]


def _tokens(network: Network, messages: Sequence[Any], speaker: str | None, name: str) -> Tokens:
    from sdialog.interpretability.running._inputs import tokens_of

    return replace(tokens_of(network, list(messages), speaker=speaker), name=name)


def _asked(network: Network, text: str, speaker: str | None) -> Tokens:
    from sdialog.llm.types import Message

    return _tokens(network, [Message("user", text)], speaker, text if len(text) <= 40 else f"{text[:39]}…")
