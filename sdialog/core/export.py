"""Dialogs in other formats: for training chat models, for data tools, for reading."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from sdialog.core.chat import Roles, chatml_text, openai_example, sharegpt_example
from sdialog.core.columns import write_dataset, write_parquet
from sdialog.core.dialog import Dialog
from sdialog.core.errors import UnknownNameError, UserError
from sdialog.core.io import write_dialog, write_jsonl
from sdialog.core.tables import COMMA, TAB, write_row

FORMATS: dict[str, str] = {
    "openai": "OpenAI chat fine-tuning: JSON lines of messages, with tool calls",
    "sharegpt": "ShareGPT: JSON lines of conversations, with function calls",
    "chatml": "ChatML text; JSON lines with a 'text' field if the file is called .jsonl",
    "parquet": "Parquet file, one row a dialog (needs pyarrow)",
    "datasets": "folder for datasets.load_from_disk (needs datasets)",
    "jsonl": "our own JSON, one dialog a line; compressed if the file is called .gz",
    "json": "our own JSON: a list in a .json file, or a folder with a file a dialog",
    "txt": "plain text, in a folder with a file a dialog",
    "csv": "a table of all turns in a .csv file, or a folder with a file a dialog",
    "tsv": "the same with tabs",
}
"""Formats by name, each with a line about it."""


def export(
    dialogs: Iterable[Dialog],
    path: str | Path,
    fmt: str,
    *,
    assistant: str | None = None,
    system: str | None = None,
    persona: bool = False,
    tools: Sequence[Mapping[str, Any]] | None = None,
) -> int:
    """Write dialogs in another format, one at a time.

    A file takes its name only when it is complete, so that a broken-off export leaves nothing half-done behind.

    Args:
        dialogs: what to write; an iterator is read as it is written.
        path: file or folder to write, as the format has it.
        fmt: one of :data:`FORMATS`.
        assistant: for chat formats, the speaker to learn from; None picks in each dialog the one who calls tools, else
            the second to speak.
        system: for chat formats, text of the system message.
        persona: for chat formats, describe the assistant's persona in the system message.
        tools: for chat formats, specifications of the tools in OpenAI's form; None makes them up from the calls seen.

    Returns:
        How many dialogs were written. Chat formats leave out dialogs in which the assistant says nothing.

    Raises:
        UnknownNameError: if there is no such format.
        UserError: if the path does not suit the format, or a dialog lacks the assistant named.
        MissingDependencyError: if the format needs a package that is not installed.

    Example:
        >>> import tempfile
        >>> from sdialog import Turn
        >>> talk = Dialog(turns=[Turn(speaker="Ann", text="Hi!"), Turn(speaker="Bot", text="Hello.")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     written = export([talk], f"{folder}/train.jsonl", "openai")
        ...     line = Path(folder, "train.jsonl").read_text()
        >>> written, json.loads(line)["messages"][1]
        (1, {'role': 'assistant', 'content': 'Hello.'})
    """
    if fmt not in FORMATS:
        raise UnknownNameError("export format", fmt, FORMATS)
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    roles = Roles(assistant, system, persona, tools)
    if fmt in ("openai", "sharegpt"):
        example = openai_example if fmt == "openai" else sharegpt_example
        return _write_lines(target, (example(dialog, roles) for dialog in dialogs))
    if fmt == "chatml":
        return _write_chatml(dialogs, target, roles)
    if fmt == "datasets":
        return write_dataset(dialogs, target)
    if fmt in ("parquet", "jsonl"):
        with _complete(target) as unfinished:
            return write_parquet(dialogs, unfinished) if fmt == "parquet" else write_jsonl(dialogs, unfinished)
    if target.suffix.lower() == f".{fmt}":
        if fmt == "txt":
            raise UserError(f"a .txt file holds one dialog; give a folder instead of {target}")
        return _write_list(dialogs, target) if fmt == "json" else _write_table(dialogs, target, fmt)
    return _write_folder(dialogs, target, fmt)


def _write_lines(path: Path, examples: Iterable[Mapping[str, Any] | None]) -> int:
    written = 0
    with _text(path) as file:
        for example in examples:
            if example is not None:
                file.write(f"{json.dumps(example, ensure_ascii=False)}\n")
                written += 1
    return written


def _write_chatml(dialogs: Iterable[Dialog], path: Path, roles: Roles) -> int:
    texts = (text for dialog in dialogs if (text := chatml_text(dialog, roles)) is not None)
    if path.suffix.lower() == ".jsonl":
        return _write_lines(path, ({"text": text} for text in texts))
    written = 0
    with _text(path) as file:
        for written, text in enumerate(texts, start=1):
            file.write(text if written == 1 else f"\n{text}")
    return written


def _write_list(dialogs: Iterable[Dialog], path: Path) -> int:
    written = 0
    with _text(path) as file:
        file.write("[")
        for written, dialog in enumerate(dialogs, start=1):
            file.write(f"{',' if written > 1 else ''}\n{dialog.json_line()}")
        file.write("\n]\n")
    return written


def _write_table(dialogs: Iterable[Dialog], path: Path, fmt: str) -> int:
    """Write the turns of all dialogs to one table."""
    delimiter = TAB if fmt == "tsv" else COMMA
    written = 0
    with _text(path) as file:
        file.write(write_row(("dialog_id", "turn", "speaker", "text"), delimiter))
        for dialog in dialogs:
            written += 1
            dialog_id = None if dialog.id is None else str(dialog.id)
            for index, turn in enumerate(dialog):
                file.write(write_row((dialog_id, str(index), turn.speaker, turn.text), delimiter))
    return written


def _write_folder(dialogs: Iterable[Dialog], folder: Path, fmt: str) -> int:
    """Write a numbered file for each dialog; those of an earlier export are replaced, all other files stay."""
    written = 0
    folder.mkdir(parents=True, exist_ok=True)
    for written, dialog in enumerate(dialogs, start=1):
        with _complete(folder / f"{written - 1:06d}.{fmt}") as unfinished:
            write_dialog(dialog, unfinished, fmt)
    # Only now, since the dialogs may have been read from these very files.
    for stale in folder.glob(f"{'[0-9]' * 6}.{fmt}"):
        if int(stale.stem) >= written:
            stale.unlink()
    return written


@contextmanager
def _complete(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes ``path`` when all went well, and is removed otherwise."""
    unfinished = path.with_name(f".unfinished-{path.name}")
    try:
        yield unfinished
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


@contextmanager
def _text(path: Path) -> Iterator[IO[str]]:
    # Half a surrogate pair, as a cut-off emoji leaves it, becomes a question mark: training files are plain UTF-8.
    with _complete(path) as unfinished, unfinished.open("w", encoding="utf-8", newline="", errors="replace") as file:
        yield file
