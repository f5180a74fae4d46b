"""A dialog as it reads, each token on a colour that tells its value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, NamedTuple

from sdialog.core.errors import UserError
from sdialog.core.optional import need
from sdialog.interpretability.figures.heat_maps import blank_figure

_WHY = "draw figures"
_CELL, _LINE = 0.08, 0.24  # inches that a character of DejaVu Sans Mono and a line take in the size below
_SIZE = 9.0  # points
_SHOWN = {"\u2581": " ", "\n": "↵", "\r": "↵", "\t": " "}


class _Piece(NamedTuple):
    """A token on the page: its line, the character of the line at which it begins, its text and value."""

    line: int
    place: int
    text: str
    value: float


def word_map(labels: Mapping[str, Any], values: Any, name: str = "reading", *, width: int = 72) -> Any:
    """Return a matplotlib figure of a dialog's words, turn by turn, each on a colour that tells its value.

    Colours run from blue below 0 to red above it, white at 0; without negative values from white to blue.

    Args:
        labels: what each row is, with the columns ``dialog``, ``turn``, ``speaker``, ``role`` and ``text``: the
            labels of an :class:`~sdialog.interpretability.ActivationCache` of tokens.
        values: one number a row, such as what a probe reads there; nan where there is none.
        name: what the numbers are, with their unit.
        width: of a line, in characters.

    Raises:
        UserError: if rows and values do not fit, are of several dialogs, or are means and no tokens.
        MissingDependencyError: if matplotlib is not installed.

    Example:
        >>> said = {"text": ["Hi", "!", "\u0120Hello"], "turn": [0, 0, 1], "speaker": ["Ann", "Ann", "Bob"]}
        >>> figure = word_map({**said, "role": ["user"] * 3, "dialog": [0, 0, 0]}, [0.1, -2.0, 3.0], "rudeness, logits")
        >>> [text.get_text() for text in figure.axes[0].texts]
        ['0 Ann', 'Hi', '!', '1 Bob', 'Hello']
    """
    numpy = need("numpy", extra="local", why=_WHY)
    numbers = numpy.asarray(values, dtype=float).reshape(-1).tolist()
    texts = [_shown(str(text)) for text in labels["text"]]
    if len(numbers) != len(texts) or not texts:
        raise UserError(f"{len(texts)} tokens have {len(numbers)} values; give one for each, and at least one")
    if len({*map(int, labels["dialog"])}) > 1:
        raise UserError("these are tokens of several dialogs; pick one with cache.select(dialog=...)")
    if not any(texts):
        raise UserError("these rows are means and have no words; record the dialog without reduce=")
    turns = list(zip(map(int, labels["turn"]), labels["speaker"], labels["role"], strict=True))
    names, pieces = _laid_out(turns, texts, numbers, width)
    return _draw(names, pieces, name, width)


def _laid_out(
    turns: Sequence[tuple[int, str, str]], texts: Sequence[str], values: Sequence[float], width: int
) -> tuple[dict[int, str], list[_Piece]]:
    """Return the lines at which turns begin, with what to call them, and where each token goes."""
    names: dict[int, str] = {}
    pieces: list[_Piece] = []
    line, place = -1, 0
    for number, (turn, text, value) in enumerate(zip(turns, texts, values, strict=True)):
        if number == 0 or turn != turns[number - 1]:
            line, place = line + 1, 0
            names[line] = f"{turn[0]} {turn[1] or turn[2]}" if turn[0] >= 0 else turn[2]
        elif place + len(text) > width and text.startswith(" "):  # only between words
            line, place = line + 1, 0
        bare = text.lstrip(" ")
        if place:
            place += len(text) - len(bare)
        if bare:
            pieces.append(_Piece(line, place, bare, value))
            place += len(bare)
    return names, pieces


def _draw(names: Mapping[int, str], pieces: Sequence[_Piece], name: str, width: int) -> Any:
    cm = need("matplotlib.cm", extra="plots", why=_WHY)
    colors = need("matplotlib.colors", extra="plots", why=_WHY)
    patches = need("matplotlib.patches", extra="plots", why=_WHY)
    margin = max(map(len, names.values())) + 2
    lines = pieces[-1].line + 1
    reach = max(width, *(piece.place + len(piece.text) for piece in pieces))
    figure, (axes,) = blank_figure(((margin + reach) * _CELL + 0.9, max(lines * _LINE + 0.2, 1.7)), 1)
    known = [abs(piece.value) for piece in pieces if piece.value == piece.value]
    limit = max(known, default=0.0) or 1.0
    signed = any(piece.value < 0 for piece in pieces)
    scale = cm.ScalarMappable(colors.Normalize(-limit if signed else 0.0, limit), cmap="RdBu_r" if signed else "Blues")
    style = {"family": "DejaVu Sans Mono", "fontsize": _SIZE, "va": "center"}
    for line in range(lines):
        if line in names:
            axes.text(-margin, line, names[line], color="#555555", **style)
        for piece in pieces:
            if piece.line == line:
                known_here = piece.value == piece.value
                colour = scale.to_rgba(piece.value) if known_here else (1.0, 1.0, 1.0, 1.0)
                box = (piece.place, line - 0.42), len(piece.text), 0.84
                axes.add_patch(patches.Rectangle(*box, facecolor=colour, edgecolor="none"))
                ink = "white" if known_here and abs(piece.value) > 0.6 * limit else "black"
                axes.text(piece.place, line, piece.text.replace("$", r"\$"), color=ink, **style)
    axes.set_xlim(-margin, reach)
    axes.set_ylim(lines - 0.5, -0.5)
    axes.set_axis_off()
    bar = figure.colorbar(scale, ax=axes, fraction=0.03, pad=0.01, aspect=12)
    bar.set_label(name, fontsize=8)
    bar.ax.tick_params(labelsize=8)
    return figure


def _shown(token: str) -> str:
    """Return a token of a vocabulary as it is read."""
    text = _decoded(token)
    for written, meant in _SHOWN.items():
        text = text.replace(written, meant)
    return text


def _decoded(token: str) -> str:
    # Byte-level vocabularies (Radford et al., 2019) write each byte as a letter; a part of a letter stays as it is.
    try:
        return bytes(_letters()[letter] for letter in token).decode()
    except (KeyError, UnicodeDecodeError):
        return token


@cache
def _letters() -> Mapping[str, int]:
    """Return the letter of each byte: itself where it can be printed, the others in order from 256 on."""
    printed = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printed]
    return {chr(byte): byte for byte in printed} | {chr(256 + place): byte for place, byte in enumerate(others)}
