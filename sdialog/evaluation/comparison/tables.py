"""Comparisons as tables of text: Markdown, lines for a terminal, LaTeX, and a DataFrame."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.differences import Difference
    from sdialog.evaluation.comparison.result import Cell, Comparison
    from sdialog.statistics.intervals import Interval

Rows = list[list[str]]
NONE = "-"
# A table that would be wider has a row a column, instead of a row a set.
_WIDEST = 150
DIFFERENCE_HEAD = ["metric", "sets", "difference", "interval", "p", "p corrected", "effect", "n", "detectable"]
_LATEX = {
    "\\": r"\textbackslash{}", "&": r"\&", "%": r"\%", "$": r"\$", "#": r"\#", "_": r"\_", "{": r"\{", "}": r"\}",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "±": r"$\pm$", "−": "$-$", "≥": r"$\geq$",
}  # fmt: skip


def number(value: object, digits: int) -> str:
    """Return a number with so many digits after the point, ``-`` for None; other things as they are.

    Example:
        >>> number(0.125, 2), number(None, 2), number(0.0004, 2), number(-3, 1)
        ('0.12', '-', '4.0e-04', '-3.0')
    """
    if value is None:
        return NONE
    if isinstance(value, bool) or not hasattr(value, "__float__"):
        return str(value)
    plain = float(value)
    if plain != plain:
        return NONE
    if plain and abs(plain) < 0.5 * 10**-digits:
        return f"{plain:.1e}"
    return f"{plain:.{digits}f}"


def p_text(value: float | None) -> str:
    """Return a p-value in at most four digits.

    Example:
        >>> p_text(0.0312), p_text(0.00002), p_text(None)
        ('0.031', '< 0.001', '-')
    """
    if value is None:
        return NONE
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.995 else "1"


def interval_text(interval: Interval | None, digits: int) -> str:
    """Return the ends of an interval, ``-`` for none."""
    return NONE if interval is None else f"[{number(interval.low, digits)}, {number(interval.high, digits)}]"


def cell_text(cell: Cell, digits: int) -> str:
    """Return a number with its interval."""
    shown = number(cell.value, digits)
    return shown if cell.interval is None else f"{shown} {interval_text(cell.interval, digits)}"


def value_rows(comparison: Comparison, digits: int) -> Rows:
    """Return the table of numbers: a head, and one row a set."""
    rows = [["dataset", "n", *comparison.columns]]
    for name in comparison.about.datasets:
        cells = [comparison.cells[name, column] for column in comparison.columns]
        rows.append([str(name), str(comparison.about.sizes[name]), *(_counted(cell, digits) for cell in cells)])
    floors = {column: floor for column, floor in comparison.floors.items() if floor is not None}
    if floors:
        shown = (floor_text(comparison, column, digits) if column in floors else "" for column in comparison.columns)
        rows.append(["noise floor", "", *shown])
    return rows


def floor_text(comparison: Comparison, column: str, digits: int) -> str:
    """Return how far apart, or how alike, two halves of the reference are at worst."""
    floor = comparison.floors.get(column)
    if floor is None:
        return NONE
    similar = comparison.columns[column].similarity
    return f"{'above' if similar else 'below'} {number(floor.interval[0 if similar else 1], digits)}"


def difference_rows(differences: Sequence[Difference], digits: int) -> Rows:
    """Return the table of differences: a head, and one row each."""
    rows = [list(DIFFERENCE_HEAD)]
    for one in differences:
        counted = f"{one.pairs} pairs" if one.unit == "dialog" else f"{one.pairs} pairs of clusters"
        rows.append(
            [
                one.column,
                f"{one.b} - {one.a}",
                number(one.difference, digits),
                interval_text(one.interval, digits),
                p_text(one.p_value),
                p_text(one.p_adjusted),
                effect_text(one),
                f"{one.n_b}, {one.n_a}" if one.pairs is None else counted,
                number(one.detectable, digits),
            ]
        )
    return rows


def effect_text(one: Difference) -> str:
    """Return the first effect size that there is: ``g 0.41``."""
    signs = {"hedges_g": "g", "cliffs_delta": "delta", "cohens_h": "h"}
    found = next(((signs.get(name, name), value) for name, value in one.effects.items() if value is not None), None)
    return NONE if found is None else f"{found[0]} {found[1]:.2f}"


def notes(comparison: Comparison) -> list[str]:
    """Return what has to be said under the tables."""
    level = f"{100 * (1 - comparison.alpha):g} %"
    said = [f"Brackets hold {level} intervals."] if any(c.interval for c in comparison.cells.values()) else []
    if any(floor is not None for floor in comparison.floors.values()):
        said.append("Noise floor: where numbers lie that compare two halves of the reference itself.")
    if tested := [one for one in comparison.differences if one.p_value is not None]:
        tests = list(dict.fromkeys(one.test for one in tested if one.test))
        correction = CORRECTIONS[comparison.about.options["correction"]]
        apart = "; slices are corrected on their own, all together" if comparison.slices else ""
        said.append(f"p: {', '.join(tests)}; {correction} over {len(tested)} test{'s' * (len(tested) > 1)}{apart}.")
        alone = " before correction" if correction != CORRECTIONS["none"] and len(tested) > 1 else ""
        said.append(f"Detectable: the difference that a test at {comparison.alpha:g}{alone} finds four times of five.")
    if without_width(comparison):
        said.append(f"{NO_WIDTH}.")
    said += [f"{text}." for text in (*labelled(comparison), *pairing(comparison))]
    missing: dict[str, list[str]] = {}
    for (name, column), cell in comparison.cells.items():
        if cell.n_missing:
            missing.setdefault(f"{name}, {cell.n_missing}", []).append(column)
    for which, names in missing.items():
        shown = ", ".join(names) if len(names) < 5 else f"{len(names)} columns"
        said.append(f"Dialogs without a value: {which} in {shown}.")
    return said + [f"{one.column}, {one.b} - {one.a}: {one.note}." for one in comparison.differences if one.note]


NO_WIDTH = "An interval without width means that nothing varies in what was seen, not that nothing can"


def without_width(comparison: Comparison) -> bool:
    """Return whether an interval has no width."""
    cells = [comparison.cells, *(one.cells for one in comparison.slices)]
    return any(one.interval and one.interval.low == one.interval.high for part in cells for one in part.values())


def labelled(comparison: Comparison) -> list[str]:
    """Return which columns are empty because their score gives labels, in words."""
    return [
        f"{name} gives labels, which have no mean; compare the share of one of them, by a score that is 1 for it"
        for name, column in comparison.columns.items()
        if any(isinstance(item.value, str) for result in column.results.values() for item in result.items)
    ]


CORRECTIONS = {"holm": "Holm's correction", "bh": "Benjamini and Hochberg's correction", "none": "no correction"}


def pairing(comparison: Comparison) -> list[str]:
    """Return what dialogs were paired by, in words."""
    words = {"id": "equal ids", "seed": "equal seeds", "index": "equal places", "cluster": "equal clusters"}
    words["pair"] = f"equal {comparison.about.options['pairBy']}"
    keys = dict.fromkeys(one.paired_by for one in comparison.differences if one.paired_by)
    return [f"Pairs are {'means of clusters' if key == 'cluster' else 'dialogs'} of {words[key]}" for key in keys]


def markdown(comparison: Comparison, digits: int) -> str:
    """Return a comparison in Markdown."""
    return _whole(comparison, digits, _markdown)


def grid(comparison: Comparison, digits: int) -> str:
    """Return a comparison drawn with lines."""
    return _whole(comparison, digits, _grid)


def latex(comparison: Comparison, digits: int) -> str:
    """Return a comparison in LaTeX."""
    return _whole(comparison, digits, _latex)


def dataframe(comparison: Comparison) -> Any:
    """Return a comparison as a pandas DataFrame."""
    pandas = need("pandas", extra="datasets", why="return a DataFrame")
    rows = {}
    for name in comparison.about.datasets:
        row: dict[str, Any] = {}
        for column in comparison.columns:
            cell = comparison.cells[name, column]
            row[column] = cell.value
            if cell.interval is not None:
                row[f"{column} low"], row[f"{column} high"] = cell.interval.low, cell.interval.high
            if cell.n is not None:
                row[f"{column} n"] = cell.n
        rows[name] = row
    frame = pandas.DataFrame.from_dict(rows, orient="index")
    frame.index.name = "dataset"
    return frame


def _counted(cell: Cell, digits: int) -> str:
    return f"{cell_text(cell, digits)}{f' (n = {cell.n})' if cell.n_missing else ''}"


def _whole(comparison: Comparison, digits: int, draw: Callable[[Rows], str]) -> str:
    rows = value_rows(comparison, digits)
    wide = sum(max(len(row[place]) for row in rows) for place in range(len(rows[0]))) > _WIDEST
    parts = [draw([list(row) for row in zip(*rows, strict=True)] if wide else rows)]
    if comparison.differences:
        parts.append(draw(difference_rows(comparison.differences, digits)))
    for one in comparison.slices:
        if not one.cells:
            continue
        title = [[f"{one.by} = {one.value}", *("" for _ in range(len(comparison.columns)))]]
        names = list(dict.fromkeys(name for name, _ in one.cells))
        columns = list(dict.fromkeys(column for _, column in one.cells))
        head = [[title[0][0], *columns]]
        parts.append(draw(head + [[str(n), *(_counted(one.cells[n, c], digits) for c in columns)] for n in names]))
        if one.differences:
            parts.append(draw(difference_rows(one.differences, digits)))
    said = notes(comparison)
    if said:
        text = "\n".join(said)
        parts.append(_escaped(text) if draw is _latex else text)
    return "\n\n".join(parts)


def _markdown(rows: Rows) -> str:
    safe = [[cell.replace("|", r"\|").replace("\n", " ") for cell in row] for row in rows]
    widths = [max(3, *(len(row[place]) for row in safe)) for place in range(len(safe[0]))]
    lines = [f"| {' | '.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))} |" for row in safe]
    rule = f"|:{'-' * (widths[0] + 1)}|{'|'.join('-' * (width + 1) + ':' for width in widths[1:])}|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _grid(rows: Rows) -> str:
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]

    def rule(left: str, middle: str, right: str, stroke: str = "─") -> str:
        return left + middle.join(stroke * (width + 2) for width in widths) + right

    def line(row: list[str]) -> str:
        cells = (cell.replace("\n", " ").ljust(width) for cell, width in zip(row, widths, strict=True))
        return f"│ {' │ '.join(cells)} │"

    lines = [line(row) for row in rows]
    return "\n".join([rule("┌", "┬", "┐"), lines[0], rule("├", "┼", "┤"), *lines[1:], rule("└", "┴", "┘")])


def _latex(rows: Rows) -> str:
    lines = [" & ".join(_escaped(cell) for cell in row) + r" \\" for row in rows]
    middle = "\n".join(lines[1:])
    return (
        f"\\begin{{tabular}}{{l{'r' * (len(rows[0]) - 1)}}}\n\\toprule\n{lines[0]}\n\\midrule\n{middle}\n\\bottomrule\n"
        "\\end{tabular}"
    )


def _escaped(text: str) -> str:
    return re.sub(r"[\\&%$#_{}~^±−≥]", lambda found: _LATEX[found[0]], text)
