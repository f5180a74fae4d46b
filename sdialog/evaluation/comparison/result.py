"""What a comparison found: the numbers as a dict of dicts, and all that says how sure they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UnknownNameError
from sdialog.evaluation.comparison.differences import Difference
from sdialog.statistics.intervals import Interval

if TYPE_CHECKING:
    from sdialog.evaluation.comparison.samples import Sample
    from sdialog.evaluation.dataset import Dataset
    from sdialog.evaluation.distances.noise_floor import NoiseFloor
    from sdialog.evaluation.results import EvalResult

Name = str | int


@dataclass(frozen=True)
class Cell:
    """One number of the table.

    Attributes:
        value: the number; None where there is none.
        interval: of the number, where it has one.
        n: dialogs with a value; None for measures of a whole set.
        n_missing: dialogs without.
        reasons: why values are missing, and how often.
    """

    value: float | None
    interval: Interval | None = None
    n: int | None = None
    n_missing: int | None = None
    reasons: Mapping[str, int] = field(default_factory=dict)

    def json(self) -> dict[str, Any]:
        """Return a plain dict."""
        return {
            "value": self.value,
            "ci": None if self.interval is None else self.interval.json(),
            "n": self.n,
            "nMissing": self.n_missing,
            "missingReasons": dict(self.reasons),
        }


@dataclass(frozen=True)
class Slice:
    """The comparison among dialogs that have one thing in common.

    Attributes:
        by: name of the attribute.
        value: its value.
        cells: numbers by set and column.
        differences: between the sets, p-values corrected for all slices of all attributes together.
    """

    by: str
    value: Any
    cells: Mapping[tuple[Name, str], Cell]
    differences: Sequence[Difference]


@dataclass(frozen=True)
class Column:
    """Where the numbers of a column come from.

    Attributes:
        name: the column's.
        evaluator: name of the evaluator.
        score: name of the score, where there is one.
        results: results of the score by set, where the number is a statistic of them.
        mean: whether it is their mean, so that differences are tested.
        share: whether that mean is a share of dialogs.
        similarity: whether it says how alike a set and a reference are, rather than how far apart.
    """

    name: str
    evaluator: str
    score: str | None = None
    results: Mapping[Name, EvalResult] = field(default_factory=dict)
    mean: bool = False
    share: bool = False
    similarity: bool = False


@dataclass(frozen=True)
class About:
    """What was compared and how.

    Attributes:
        datasets: the sets by name.
        sizes: number of dialogs of each.
        hashes: hash of the content of each set's dialogs, in order; None where no dialog was scored.
        options: options of the comparison, as plain data.
    """

    datasets: Mapping[Name, Dataset]
    sizes: Mapping[Name, int]
    hashes: Mapping[Name, str | None]
    options: Mapping[str, Any]


class Comparison(dict[Name, dict[str, Any]]):
    """A table: a dict of each set's numbers by column, with their intervals and differences.

    Attributes:
        columns: columns by name.
        cells: numbers with interval, n and missing values, by set and column.
        differences: of each set against the baseline (or every pair of sets), in each column that is a mean.
        floors: for each distance from a reference, what it gives between halves of the reference.
        slices: the comparison among dialogs that have something in common.
        about: what was compared and how.
    """

    def __init__(
        self,
        columns: Mapping[str, Column],
        cells: Mapping[tuple[Name, str], Cell],
        differences: Sequence[Difference],
        floors: Mapping[str, NoiseFloor | None],
        slices: Sequence[Slice],
        about: About,
        samples: Mapping[tuple[Name, str], Sample],
    ) -> None:
        super().__init__({name: {column: cells[name, column].value for column in columns} for name in about.datasets})
        self.columns, self.cells, self.differences = dict(columns), dict(cells), list(differences)
        self.floors, self.slices, self.about = dict(floors), list(slices), about
        self._samples = dict(samples)

    @property
    def alpha(self) -> float:
        """Chance of finding a difference where there is none."""
        return float(self.about.options["alpha"])

    def difference(self, a: Name, b: Name, column: str) -> Difference:
        """Return the difference of set b less set a in a column.

        Raises:
            UnknownNameError: if there is no such set or column, or the two were not compared.
        """
        self._check(a, b, column)
        for one in self.differences:
            if (one.a, one.b, one.column) == (a, b, column):
                return one
        made = [f"{one.b} - {one.a}" for one in self.differences if one.column == column]
        raise UnknownNameError("difference", f"{b} - {a}", made, f"Give baseline={a!r} or baseline='all'.")

    def assert_better(self, better: Name, than: Name, column: str, **options: Any) -> None:
        """Check that one set has a higher mean than another; see :func:`sdialog.evaluation.compare.assert_better`.

        Dialogs are paired, clustered and weighted as in the comparison.

        Raises:
            ClaimError: if the numbers do not show it.
        """
        from sdialog.evaluation.comparison.claims import check_better

        made = self.about.options
        own = {"pair_by": "index" if made["pairBy"] == "index" else None, "seed": made["seed"]}
        options = {**own, "test": "permutation" if made["test"] == "permutation" else "auto", **options}
        self._check(better, than, column)
        check_better(self.samples(column, than), self.samples(column, better), (than, better), column, **options)

    def assert_at_least(self, dataset: Name, column: str, threshold: float, **options: Any) -> None:
        """Check that a mean is at least a threshold; see :func:`sdialog.evaluation.compare.assert_at_least`.

        Raises:
            ClaimError: if the numbers do not show it.
        """
        from sdialog.evaluation.comparison.claims import check_at_least

        self._check(dataset, dataset, column)
        check_at_least(self.samples(column, dataset), dataset, column, threshold, **options)

    def samples(self, column: str, dataset: Name) -> Sample:
        """Return the numbers behind a mean, with what is known of their dialogs.

        Raises:
            UnknownNameError: if the column is no mean.
        """
        if (dataset, column) not in self._samples:
            means = [name for name, one in self.columns.items() if one.mean]
            raise UnknownNameError("column that is a mean", column, means)
        return self._samples[dataset, column]

    # -- forms

    def json(self) -> dict[str, Any]:
        """Return all of it as a plain dict."""
        return {
            "datasets": [
                {
                    "name": name,
                    "n": self.about.sizes[name],
                    "hash": self.about.hashes[name],
                    "values": {column: self.cells[name, column].json() for column in self.columns},
                }
                for name in self.about.datasets
            ],
            "differences": [one.json() for one in self.differences],
            "floors": {
                column: None if floor is None else {"mean": floor.mean, "interval": floor.interval.json()}
                for column, floor in self.floors.items()
            },
            "slices": [
                {
                    "by": one.by,
                    "value": one.value,
                    "values": [{"dataset": d, "column": c, **cell.json()} for (d, c), cell in one.cells.items()],
                    "differences": [difference.json() for difference in one.differences],
                }
                for one in self.slices
            ],
            "options": dict(self.about.options),
        }

    def markdown(self, digits: int = 2) -> str:
        """Return the tables in Markdown."""
        from sdialog.evaluation.comparison.tables import markdown

        return markdown(self, digits)

    def table(self, digits: int = 2) -> str:
        """Return the tables drawn with lines, for a terminal."""
        from sdialog.evaluation.comparison.tables import grid

        return grid(self, digits)

    def latex(self, digits: int = 2) -> str:
        """Return the tables in LaTeX, for the package ``booktabs``."""
        from sdialog.evaluation.comparison.tables import latex

        return latex(self, digits)

    def dataframe(self) -> Any:
        """Return a pandas ``DataFrame``, one row a set; intervals and n stand in columns of their own.

        Raises:
            MissingDependencyError: if pandas is not installed.
        """
        from sdialog.evaluation.comparison.tables import dataframe

        return dataframe(self)

    def html(self, title: str = "Comparison") -> str:
        """Return the report as one HTML page; see :func:`sdialog.evaluation.report.page.page`."""
        from sdialog.evaluation.report.page import page

        return page(self, title)

    def save(self, path: str | Path, title: str = "Comparison", digits: int = 3) -> Path:
        """Write it to a file of the kind that its ending says; its folder is made.

        Args:
            path: ``.html`` (the report), ``.md``, ``.tex``, ``.json``, or ``.csv``: a row for every number and every
                difference.
            title: of the report.
            digits: digits after the point in Markdown and LaTeX.

        Returns:
            The path.

        Raises:
            UserError: if the ending is another.
        """
        from sdialog.evaluation.comparison.files import save

        return save(self, path, title, digits)

    def assert_claim(self, text: str, alpha: float = 0.05) -> None:
        """Check a claim in words: ``mattr: new > old + 0.02``.

        Args:
            text: see :func:`sdialog.evaluation.comparison.claim_text.read_claim`.
            alpha: how often such a claim may pass although it is false.

        Raises:
            ClaimError: if the numbers do not show it.
            UserError: if it cannot be read, or is about another set or column.
        """
        from sdialog.evaluation.comparison.claim_text import read_claim

        read_claim(text).check(self, alpha)

    def write_report(self, path: str | Path, title: str = "Comparison") -> Path:
        """Write the report to a file; see :func:`sdialog.evaluation.report.page.write_report`."""
        from sdialog.evaluation.report.page import write_report

        return write_report(self, path, title)

    def __str__(self) -> str:
        return self.markdown()

    def __repr__(self) -> str:
        return f"<Comparison of {', '.join(map(str, self.about.datasets))} in {len(self.columns)} columns>"

    def _check(self, a: Name, b: Name, column: str) -> None:
        for name in (a, b):
            if name not in self.about.datasets:
                raise UnknownNameError("set of dialogs", str(name), map(str, self.about.datasets))
        if column not in self.columns:
            raise UnknownNameError("column", column, self.columns)
