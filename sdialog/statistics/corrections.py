"""P-values of many tests at once."""

from __future__ import annotations

from collections.abc import Sequence

from sdialog.core.errors import UnknownNameError, UserError

METHODS = ("holm", "bh", "none")


def adjust(p_values: Sequence[float | None], method: str = "holm") -> list[float | None]:
    """Return p-values corrected for how many there are.

    Args:
        p_values: between 0 and 1; None for a test that could not be made, which stays None and does not count.
        method: ``holm`` keeps the chance of any false finding at the level of the test (Holm, 1979); ``bh`` keeps the
            share of false ones among the findings there (Benjamini and Hochberg, 1995), for tests that are independent
            or lean the same way; ``none`` changes nothing.

    Raises:
        UserError: if a p-value is not between 0 and 1.
        UnknownNameError: if the method is none.

    Example:
        >>> adjust([0.01, 0.04, None, 0.03])
        [0.03, 0.06, None, 0.06]
        >>> adjust([0.01, 0.04, None, 0.03], "bh")
        [0.03, 0.04, None, 0.04]
    """
    if method not in METHODS:
        raise UnknownNameError("correction", method, METHODS)
    places = [place for place, value in enumerate(p_values) if value is not None]
    known = {place: float(value) for place, value in enumerate(p_values) if value is not None}
    wrong = [value for value in known.values() if not 0 <= value <= 1]
    if wrong:
        raise UserError(f"{wrong[0]} is no p-value: these are between 0 and 1")
    if method == "none":
        return [known.get(place) for place in range(len(p_values))]
    adjusted: list[float | None] = [None] * len(p_values)
    places.sort(key=known.__getitem__, reverse=method == "bh")
    bound = 1.0 if method == "bh" else 0.0
    for done, place in enumerate(places):
        left = len(places) - done
        if method == "holm":
            bound = max(bound, min(1.0, left * known[place]))
        else:
            bound = min(bound, len(places) / left * known[place])
        adjusted[place] = bound
    return adjusted
