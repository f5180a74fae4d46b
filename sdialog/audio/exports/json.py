"""JSON: everything that is known, every choice that was made, requested and measured."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sdialog.audio.exports.base import Content, Exporter, Files, Mark, exporters, marks_of, texts
from sdialog.audio.labels import Labels
from sdialog.audio.names import file_stem
from sdialog.core.errors import DialogFormatError, UserError


def write(labels: Labels, name: str, *, indent: int | None = 2) -> Files:
    """Return the labels as :meth:`~sdialog.audio.labels.Labels.json` has them."""
    return {f"{file_stem(name)}.json": json_text(labels.json(), indent) + "\n"}


def json_text(data: Any, indent: int | None = None) -> str:
    """Return plain data as JSON that any reader takes, with letters of all scripts as they are.

    Halves of surrogate pairs become U+FFFD; numbers that JSON does not have are refused.

    Raises:
        UserError: if a number is infinite or none.
    """
    try:
        text = json.dumps(data, ensure_ascii=False, indent=indent, allow_nan=False)
    except ValueError as error:
        raise UserError(f"the labels hold a number that JSON does not have: {error}") from error
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def read(files: Mapping[str, Content]) -> list[Mark]:
    """Return the segments of label files; ``Labels.from_file`` returns all of them."""
    marks = []
    for text in texts(files, ".json"):
        try:
            data = json.loads(text)
        except ValueError as error:
            raise DialogFormatError(f"not JSON: {error}") from error
        marks += marks_of(Labels.from_data(data), "segment")
    return marks


exporters.register("json")(Exporter("json", "everything that is known", write, read))
