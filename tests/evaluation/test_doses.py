"""Metrics against a number that dialogs differ in."""

from __future__ import annotations

import pytest

from sdialog import Dialog, Turn
from sdialog.evaluation import MeanTurnLengthScore
from sdialog.evaluation.compare import compare
from sdialog.evaluation.report.doses import dose_figures, doses_of, is_number
from sdialog.evaluation.report.page import page


def dialog(number: int, words: int, **scenario: object) -> Dialog:
    return Dialog(id=number, scenario=dict(scenario), turns=[Turn(speaker="A", text="word " * words)] * 2)


def corpus(values: list[object]) -> list[Dialog]:
    return [
        dialog(place, 3 + 2 * (place % len(values)) + place % 2, strength=values[place % len(values)])
        for place in range(8 * len(values))
    ]


def test_means_are_told_by_value_in_the_order_of_the_numbers() -> None:
    found = compare({"run": corpus([10.0, 2.0, 0.5])}, MeanTurnLengthScore(), by="strength")
    (column,) = found.columns
    (doses,) = doses_of(found.slices, ["run"], column).values()
    assert [dose.at for dose in doses] == [0.5, 2.0, 10.0]
    assert all(dose.n == 8 and dose.low < dose.mean < dose.high for dose in doses)
    assert [dose.mean for dose in doses] == [7.5, 5.5, 3.5]


def test_the_report_draws_them_once_for_each_metric() -> None:
    pytest.importorskip("matplotlib")
    found = compare(
        {"a $1": corpus([0.0, 1.0, 2.0]), "b": corpus([0.0, 1.0, 2.0])}, MeanTurnLengthScore(), by="strength"
    )
    (figure,) = dose_figures(found)
    assert (figure.by, figure.column) == ("strength", "mean-turn-length")
    text = page(found)
    assert text.count("<figcaption>mean-turn-length against strength</figcaption>") == 1
    assert 'href="#doses"' in text and page(found) == text
    assert "n = 8 each" in figure.drawing and "a $1" in figure.drawing


@pytest.mark.parametrize("values", [["a", "b", "c"], [True, False], [0.0, 1.0], ["1", 2, 3]])
def test_values_that_are_few_or_no_numbers_are_slices_only(values: list[object]) -> None:
    found = compare({"run": corpus(values)}, MeanTurnLengthScore(), by="strength")
    assert dose_figures(found) == []
    assert 'id="doses"' not in page(found) and 'id="slices"' in page(found)


def test_truth_values_are_no_numbers() -> None:
    assert is_number(1) and is_number(0.5) and not is_number(True) and not is_number("1")


def test_a_metric_that_is_the_same_everywhere_is_not_drawn() -> None:
    found = compare(
        {"run": [dialog(n, 4, strength=float(n % 3)) for n in range(9)]}, MeanTurnLengthScore(), by="strength"
    )
    assert dose_figures(found) == []
