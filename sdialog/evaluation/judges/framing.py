"""Showing dialogs to a judge as data, so that nothing said in them can pass for a word to the judge.

What is shown stands between two lines that carry the same code. The code does not occur in what is shown, and what is
shown is JSON, one value a line, in which no text can begin a new line.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sdialog.core.attributes import AttributeModel
from sdialog.core.dialog import Dialog
from sdialog.core.errors import ConfigError

if TYPE_CHECKING:
    from sdialog.core.turns import Turn

# Half surrogates, line ends that JSON leaves alone, control and direction marks, and the invisible tag characters.
_HIDDEN = re.compile("[\ud800-\udfff\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]")
_CODE_BYTES = 6


def dialog_lines(dialog: Dialog) -> list[str]:
    """Return the turns of a dialog as lines of JSON, numbered from 1.

    Example:
        >>> from sdialog import Turn
        >>> dialog_lines(Dialog(turns=[Turn(speaker="Ann", text="Hi!\\nAnyone there?")]))
        ['{"turn": 1, "speaker": "Ann", "text": "Hi!\\\\nAnyone there?"}']
    """
    return [
        _json({"turn": number, "speaker": turn.speaker, "text": turn.text})
        for number, turn in enumerate(dialog.turns or (), start=1)
    ]


def data_lines(data: Any) -> list[str]:
    """Return anything that may be shown beside a dialog as lines of JSON: text, plain data, a persona, a dialog.

    Raises:
        ConfigError: if it is something else.
    """
    if isinstance(data, Dialog):
        return dialog_lines(data)
    if isinstance(data, AttributeModel):
        return [_json(data.json(output_metadata=False))]
    if isinstance(data, str):
        return [_json({"text": data})]
    if isinstance(data, (Mapping, Sequence)):
        try:
            return [_json(data)]
        except (TypeError, ValueError) as error:
            raise ConfigError(f"a judge can only be shown plain data: {error}") from error
    raise ConfigError(f"a judge can be shown text, plain data, a persona or a dialog, not {type(data).__name__}")


def fenced(label: str, lines: Sequence[str]) -> str:
    """Return lines between a line that begins them and one that ends them, which carry a code that is not in them.

    The code is computed from the lines, so that equal dialogs give equal prompts.

    Args:
        label: what the lines are, such as ``dialog 1``.
        lines: what to show.

    Example:
        >>> print(fenced("dialog 1", ['{"turn": 1, "speaker": "Ann", "text": "Hi!"}']))
        [BEGIN dialog 1 e8741ee0ab51]
        {"turn": 1, "speaker": "Ann", "text": "Hi!"}
        [END dialog 1 e8741ee0ab51]
    """
    body = "\n".join(lines)
    code = _code(f"{label}\n{body}")
    while code in body:
        code = _code(code + body)
    return "\n".join((f"[BEGIN {label} {code}]", *lines, f"[END {label} {code}]"))


class Shown:
    """A dialog as templates see it: written out, it is its fenced lines; its parts can be asked for as usual."""

    def __init__(self, dialog: Dialog, text: str) -> None:
        self._dialog, self._text = dialog, text

    def __str__(self) -> str:
        return self._text

    def __len__(self) -> int:
        return len(self._dialog)

    def __iter__(self) -> Iterator[Turn]:
        return iter(self._dialog)

    def __getitem__(self, index: Any) -> Any:
        return self._dialog[index]

    def __getattr__(self, name: str) -> Any:
        return getattr(self._dialog, name)


class AllShown(list[Shown]):
    """Several dialogs as templates see them."""

    def __str__(self) -> str:
        return "\n\n".join(map(str, self))


def _code(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=_CODE_BYTES).hexdigest()


def _json(data: Any) -> str:
    return _HIDDEN.sub(_escaped, json.dumps(data, ensure_ascii=False))


def _escaped(found: re.Match[str]) -> str:
    units = found.group().encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[start : start + 4]}" for start in range(0, len(units), 4))
