"""Small functions that scripts import from here; nothing heavy is loaded until one of them needs it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sdialog._version import __version__
from sdialog.core.attributes import plain
from sdialog.core.attributes import words as camel_or_snake_to_words
from sdialog.core.errors import UserError
from sdialog.core.identity import new_id as get_universal_id
from sdialog.core.identity import timestamp
from sdialog.evaluation.embeddings.utterance_pairs import dialogs_to_utt_pairs
from sdialog.llm.names import (
    is_amazon_model_name,
    is_anthropic_model_name,
    is_azure_openai_model_name,
    is_google_genai_model_name,
    is_huggingface_model_name,
    is_ollama_model_name,
    is_openai_model_name,
)

__all__ = [
    "KNNModel",
    "__version__",
    "camel_or_snake_to_words",
    "dialogs_to_utt_pairs",
    "dict_to_table",
    "get_llm_model",
    "get_timestamp",
    "get_universal_id",
    "is_amazon_model_name",
    "is_anthropic_model_name",
    "is_azure_openai_model_name",
    "is_google_genai_model_name",
    "is_huggingface_model_name",
    "is_ollama_model_name",
    "is_openai_model_name",
    "make_serializable",
    "remove_audio_tags",
    "remove_newlines",
    "softmax",
    "upper_camel_to_dash",
]


def get_timestamp() -> str:
    """Return the present moment as ISO 8601 in UTC, to the second, ending in ``Z``."""
    return timestamp()


def remove_newlines(s: Any) -> Any:
    """Turn every run of white space in a text into one space; what is no text is returned as it is.

    Example:
        >>> remove_newlines("one\\n  two")
        'one two'
    """
    return re.sub(r"\s+", " ", s) if isinstance(s, str) else s


def remove_audio_tags(text: str) -> str:
    """Remove tags such as ``<laughs>`` from a text.

    Example:
        >>> remove_audio_tags("Well <sighs>, yes.")
        'Well , yes.'
    """
    return re.sub(r"<[^<>]*>", "", text)


def upper_camel_to_dash(name: str) -> str:
    """Return a CamelCase name with dashes.

    Example:
        >>> upper_camel_to_dash("HTTPServerName")
        'http-server-name'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "-", name).lower()


def make_serializable(data: dict[str, Any]) -> dict[str, Any]:
    """Make the values of a dict fit for JSON, in place, on its top level.

    Args:
        data: objects with a ``json`` method are replaced by what it returns, others that JSON does not know by text.

    Raises:
        TypeError: if it is no dict.

    Example:
        >>> make_serializable({"a": 1, "b": 2j})
        {'a': 1, 'b': '2j'}
    """
    import json

    if not isinstance(data, dict):
        raise TypeError(f"make_serializable takes a dict, not {type(data).__name__}")
    for key, value in data.items():
        try:
            json.dumps(value)
        except (TypeError, ValueError):
            data[key] = plain(value)
    return data


def softmax(values: Iterable[float], temperature: float = 0.05, as_list: bool = True) -> Any:
    """Turn scores into probabilities, ``exp(v / t) / sum(exp(v / t))``.

    Args:
        values: scores.
        temperature: above 0; the smaller, the more the greatest score takes.
        as_list: return a list; otherwise a numpy array.

    Example:
        >>> [round(p, 3) for p in softmax([1, 1, 0.9])]
        [0.468, 0.468, 0.063]
    """
    scaled = [float(value) / temperature for value in values]
    peak = max(scaled, default=0.0)
    weights = [math.exp(value - peak) for value in scaled]
    total = sum(weights)
    shares = [weight / total for weight in weights]
    if as_list:
        return shares
    return _numpy("return probabilities as an array").array(shares)


def dict_to_table(
    data: Mapping[str, Mapping[str, Any]],
    sort_by: str | None = None,
    sort_ascending: bool = True,
    markdown: bool = False,
    format: str = ".2f",
    show: bool = True,
) -> str:
    """Lay out a dict of dicts as a table.

    Args:
        data: a row for each outer key, a column for each inner one.
        sort_by: column to sort the rows by.
        sort_ascending: smallest first.
        markdown: write a Markdown table; otherwise one with rules.
        format: format of numbers that are not whole.
        show: print it as well.

    Returns:
        The table as text.

    Example:
        >>> print(dict_to_table({"a": {"score": 0.5}, "b": {"score": 2}}, markdown=True, show=False))
        | dataset | score |
        |:--------|------:|
        | a       |  0.50 |
        | b       |     2 |
    """
    rows = list(data.items())
    columns = list(dict.fromkeys(name for _, cells in rows for name in cells))
    if not columns:
        text = "(empty table)"
    else:
        if sort_by is not None:
            if sort_by not in columns:
                raise UserError(f"no column {sort_by!r} to sort by; there are {', '.join(map(repr, columns))}")
            present = [row for row in rows if row[1].get(sort_by) is not None]
            missing = [row for row in rows if row[1].get(sort_by) is None]
            rows = sorted(present, key=lambda row: row[1][sort_by], reverse=not sort_ascending) + missing
        body = [[str(name), *(_shown(cells.get(column), format) for column in columns)] for name, cells in rows]
        text = _table(["dataset", *map(str, columns)], body, markdown)
    if show:
        print(text)  # noqa: T201 - asked for
    return text


class KNNModel:
    """The nearest neighbours of a vector by cosine distance, by comparison with every item.

    Args:
        items: pairs of an id and a vector.
        k: how many neighbours to find.

    Example:
        >>> near = KNNModel([("east", [1.0, 0.0]), ("north", [0.0, 1.0])], k=1)
        >>> near([0.9, 0.1])[0][0]
        'east'
    """

    def __init__(self, items: Iterable[tuple[Any, Sequence[float]]], k: int = 3) -> None:
        numpy = _numpy("search for nearest neighbours")
        pairs = list(items)
        if not pairs:
            raise UserError("a KNNModel needs at least one item")
        self.ids = [item for item, _ in pairs]
        self.k = k
        self._vectors = _unit(numpy, numpy.asarray([vector for _, vector in pairs], dtype=float))

    def neighbors(self, emb: Any, k: int | None = None) -> Any:
        """Find the neighbours of one vector, or of each row of a matrix.

        Args:
            emb: a vector, or a matrix with one vector a row.
            k: how many; None is the number given at construction.

        Returns:
            Pairs of id and cosine distance, nearest first; for a matrix, a list of such lists.
        """
        numpy = _numpy("search for nearest neighbours")
        query = numpy.asarray(emb, dtype=float)
        distances = 1.0 - _unit(numpy, numpy.atleast_2d(query)) @ self._vectors.T
        order = numpy.argsort(distances, axis=1, kind="stable")[:, : self.k if k is None else k]
        found = [[(self.ids[i], float(row[i])) for i in nearest] for row, nearest in zip(distances, order, strict=True)]
        return found if query.ndim > 1 else found[0]

    __call__ = neighbors


def get_llm_model(
    model_name: Any,
    output_format: Any = None,
    return_model_params: bool = False,
    think: bool | None = None,
    tools: Any = None,
    **llm_kwargs: Any,
) -> Any:
    """Find a model by name; another spelling of ``sdialog.llm.get.resolve``.

    Args:
        model_name: a name or anything else that can be a model.
        output_format, tools: belong to a request here, not to a model; give them to the agent or generator.
        return_model_params: return the model's options, without secrets, as well.
        think: ask a reasoning model to think, or not to.
        llm_kwargs: options.

    Returns:
        The model, or the pair of model and options.

    Raises:
        UserError: if ``output_format`` or ``tools`` is given.
    """
    if output_format is not None or tools:
        raise UserError("here a model is not bound to tools or an output format; give them to the Agent or generator")
    from sdialog.llm.get import resolve

    found = resolve(model_name, think=think, **llm_kwargs)
    options = {name: value for name, value in found.info.items() if name != "name"}
    return (found.model, options) if return_model_params else found.model


def _numpy(why: str) -> Any:
    from sdialog.core.optional import need

    return need("numpy", extra="local", why=why)


def _unit(numpy: Any, rows: Any) -> Any:
    """Scale rows to length 1; a row of zeros stays, and is at distance 1 from everything."""
    lengths = numpy.linalg.norm(rows, axis=1, keepdims=True)
    return rows / numpy.where(lengths == 0, 1.0, lengths)


def _shown(value: Any, format_spec: str) -> str:
    if value is None:
        return ""
    return f"{value:{format_spec}}" if isinstance(value, float) else str(value)


def _table(header: list[str], body: list[list[str]], markdown: bool) -> str:
    widths = [max(len(row[i]) for row in [header, *body]) for i in range(len(header))]

    def line(cells: list[str]) -> str:
        first, *rest = cells
        aligned = [first.ljust(widths[0]), *(cell.rjust(w) for cell, w in zip(rest, widths[1:], strict=True))]
        return f"| {' | '.join(aligned)} |"

    if markdown:
        rule = f"|:{'-' * (widths[0] + 1)}|{'|'.join('-' * (w + 1) + ':' for w in widths[1:])}|"
        return "\n".join([line(header), rule, *map(line, body)])
    edge = "+".join(["", *("-" * (w + 2) for w in widths), ""])
    return "\n".join([edge, line(header), edge, *map(line, body), edge])
