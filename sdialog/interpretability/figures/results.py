"""What results over several conversations have in common."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sdialog.interpretability.figures.labelled_arrays import LabelledArray


class Shown:
    """A result that can be shown: it has plain data, and from these a page."""

    def json(self) -> dict[str, Any]:
        """Return a plain dict; arrays in it are in the format of ``docs/interpretability/results.md``."""
        raise NotImplementedError

    def page(self, path: str | Path, title: str = "") -> Path:
        """Write it as one HTML page, with heat maps that show the words and need no other file.

        Args:
            path: file to write; its folder is made.
            title: of the page; default: what it is and of which model.

        Returns:
            The path.
        """
        from sdialog.interpretability.figures.page import write_page

        return write_page(self, path, title)


def averaged(each: LabelledArray) -> LabelledArray:
    """Return the mean over the first axis, with intervals where there are several; of one place that place."""
    first = each.axes[0]
    return each.at(**{first.name: 0}) if len(first) == 1 else each.over(first.name)


def told_missing(missing: Sequence[Any], each: LabelledArray) -> str:
    """Return in words what is missing of the places on the first axis, empty where nothing is."""
    if not missing:
        return ""
    whole = {one.what for one in missing if one.cell is None}
    count = len(each.axes[0]) + len(whole - set(each.axes[0].labels))
    head = f"{len(whole)} of {count} are missing" if whole else "Some cells are missing"
    shown = [f"- {one}" for one in missing[:5]]
    more = [f"- and {len(missing) - 5} more"] if len(missing) > 5 else []
    return "\n".join([f"{head}:", *shown, *more])
