"""What a model loses on its own words in dialogs when activations are changed."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from sdialog.core.errors import ConfigError, UserError
from sdialog.interpretability.anatomy.places import Anatomy, Place
from sdialog.interpretability.anatomy.taps import Tap, attached
from sdialog.interpretability.caching.corpus_recording import dialogs_of, render
from sdialog.interpretability.caching.views import Viewpoint
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.running._replaying import padded
from sdialog.interpretability.spans import Span

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

_OWN = "content & role(assistant)"
Change = Callable[[torch.Tensor], torch.Tensor]


class _Row(NamedTuple):
    ids: tuple[int, ...]
    edited: tuple[int, ...]
    own: tuple[int, ...]


class DialogLosses:
    """The loss of a model on what one party said itself in each dialog: nats a token, given all that came before.

    Called with None it is the model's cross entropy; with a function of activations (tokens, width), that of a model
    in which the function's result stands at a site, on the tokens of a span. It is what
    :func:`~sdialog.interpretability.sae.loss_recovered` asks.

    With ``read`` the function is given what is at another site of the same tokens, as a transcoder is: its result
    stands where the model's own would have been.

    Args:
        source: an agent, a local model, its name, or a network.
        dialogs: the dialogs; in those that the model made, it is scored on its own words.
        site: where activations are changed, such as ``layers.2.resid_post``.
        span: on which tokens they are changed.
        speaker: whose view it is; default the agent's, else that of the dialog's second speaker.
        own: the tokens that count in the loss.
        read: the site whose activations the function is given, if not those that it changes; it has to come before.
        batch_tokens: most tokens that run together, padding included.

    Raises:
        UserError: if there are no dialogs, or none of the tokens of one count.
        ConfigError: if a site is not one place, or what is read comes after what is changed.

    Example:
        >>> from sdialog.core.dialog import Dialog, Turn
        >>> said = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Ava", text="Hello, how are you?")])
        >>> losses = DialogLosses("embedded:mini", [said], "layers.2.resid_post")
        >>> losses(None)[0] < losses(torch.zeros_like)[0]
        True
    """

    def __init__(
        self,
        source: Any,
        dialogs: Iterable[Dialog] | Dialog,
        site: str,
        span: str = "content",
        *,
        speaker: str | None = None,
        own: str = _OWN,
        read: str | None = None,
        batch_tokens: int = 8192,
    ) -> None:
        self._network = network_of(source)
        anatomy = Anatomy(self._network)
        self._place = _one_place(anatomy, site)
        self._read = None if read is None or read == site else _one_place(anatomy, read)
        viewpoint, changed, counted = Viewpoint(source, speaker), Span.parse(span), Span.parse(own)
        self._rows = []
        for dialog in dialogs_of(dialogs):
            view = viewpoint.view(dialog)
            rendering = render(self._network.tokenizer, view)
            # Nothing comes before the first token, so nothing foretells it.
            words = tuple(place for place, meant in enumerate(counted.mask(rendering)) if meant and place)
            if not words:
                raise UserError(f"no token of the dialog {view.dialog_id} counts: {own!r} means none; leave it out")
            edited = tuple(place for place, meant in enumerate(changed.mask(rendering)) if meant)
            self._rows.append(_Row(rendering.ids, edited, words))
        if not self._rows:
            raise UserError("there are no dialogs to lose on")
        self._batch_tokens = batch_tokens

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def sites(self) -> tuple[str, str]:
        """Where the function of activations reads, and where its result stands."""
        changed = str(self._place.site)
        return (changed if self._read is None else str(self._read.site)), changed

    @property
    def tokens(self) -> int:
        """How many tokens count."""
        return sum(len(row.own) for row in self._rows)

    def __call__(self, edit: Change | None = None) -> list[float]:
        """Return the mean loss of each dialog, in nats a token."""
        found = [0.0] * len(self._rows)
        order = sorted(range(len(self._rows)), key=lambda place: (len(self._rows[place].ids), place))
        while order:
            count = 1
            while count < len(order) and (count + 1) * len(self._rows[order[count]].ids) <= self._batch_tokens:
                count += 1
            batch, order = order[:count], order[count:]
            rows = [self._rows[place] for place in batch]
            for place, loss in zip(batch, self._network.call(partial(self._losses, rows, edit)), strict=True):
                found[place] = loss
        return found

    def _losses(self, rows: list[_Row], edit: Change | None) -> list[float]:
        ids, mask = padded([row.ids for row in rows])
        model = self._network.model
        taps = [] if edit is None else self._taps(rows, edit)
        with torch.no_grad(), attached(taps):
            ids = ids.to(model.device)
            logits = model(input_ids=ids, attention_mask=mask.to(model.device), use_cache=False).logits
        losses = []
        for number, row in enumerate(rows):
            own = torch.tensor(row.own, device=model.device)
            scores = logits[number, own - 1].float()
            chosen = scores.gather(-1, ids[number, own].unsqueeze(-1)).squeeze(-1)
            losses.append(float((scores.logsumexp(-1) - chosen).mean()))
        return losses

    def _taps(self, rows: list[_Row], edit: Change) -> list[Tap]:
        if self._read is None:
            return [Tap(self._place, lambda tensor: _changed(rows, edit, tensor, tensor))]
        there = self._read
        held: list[torch.Tensor] = []

        def keep(tensor: torch.Tensor) -> None:
            held[:] = [tensor.clone()]

        def put(tensor: torch.Tensor) -> torch.Tensor:
            if not held:
                raise ConfigError(f"{there.site} comes after {self._place.site}, so that nothing can be read of it")
            return _changed(rows, edit, held[0], tensor)

        return [Tap(there, keep, edits=False), Tap(self._place, put)]


def _one_place(anatomy: Anatomy, site: str) -> Place:
    found = anatomy.expand(site)
    if len(found) != 1:
        raise ConfigError(f"activations are changed at one place, and {site} stands for {len(found)}")
    return anatomy.place(found[0])


def _changed(rows: list[_Row], edit: Change, read: torch.Tensor, tensor: torch.Tensor) -> torch.Tensor:
    """Return what is at the place with the function's result on the tokens that are meant.

    Args:
        rows: the dialogs.
        edit: the function.
        read: what it is given.
        tensor: what is at the place.
    """
    at = torch.tensor([number for number, row in enumerate(rows) for _ in row.edited], device=tensor.device)
    places = torch.tensor([place for row in rows for place in row.edited], device=tensor.device)
    if not len(places):
        return tensor
    changed = tensor.clone()
    changed[at, places] = edit(read[at, places]).to(tensor)
    return changed
