"""Reading and writing files of dialogs, one dialog at a time.

====================  ===========================================================================
a path                holds
====================  ===========================================================================
``x.json``            one dialog, or a list of dialogs
``x.jsonl``           one dialog a line
either of them        OpenAI messages or ShareGPT conversations (``sdialog.core.chat_reading``)
``x.txt``             one dialog (``sdialog.core.plaintext``)
``x.csv``, ``x.tsv``  one dialog (``sdialog.core.tables``), or several if there is a column ``dialog_id``
any of them ``.gz``   the same, compressed
a run folder          what its ``dialogs.jsonl`` holds
any other folder      what its files and subfolders hold, in the order of their names
====================  ===========================================================================

All text is UTF-8. Dialogs in formats without ids get one made of the file's name and content, so that the same file
always gives the same id.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from sdialog.core.chat_reading import is_chat, may_be_chat, read_chat
from sdialog.core.dialog import Dialog
from sdialog.core.errors import DialogFormatError, UnknownNameError, UserError
from sdialog.core.files import DEFAULT_TEMPLATE
from sdialog.core.plaintext import read_turns, write_turns
from sdialog.core.tables import COMMA, TAB, read_tables, write_table
from sdialog.core.text import merge_consecutive
from sdialog.core.turns import Turn
from sdialog.core.validation import parse_json

TYPES = ("json", "jsonl", "txt", "csv", "tsv")
RUN_FILES = ("dialogs.jsonl", "dialogs.jsonl.gz")
"""Files that make a folder a run folder; nothing else in it is read as dialogs."""

SPLITS = ("train", "validation", "val", "dev", "test")


@dataclass(frozen=True)
class Reading:
    """How files are read; the fields are the arguments of ``Dialog.from_file``."""

    type: str = "auto"
    txt_template: str = DEFAULT_TEMPLATE
    csv_speaker_col: int | str = "speaker"
    csv_text_col: int | str = "text"
    collapse_consecutive_speakers: bool = False
    collapse_separator: str = "\n"

    def __post_init__(self) -> None:
        if self.type != "auto" and self.type not in TYPES:
            raise UnknownNameError("file type", self.type, ["auto", *TYPES])


def read_dialogs(path: str | Path, reading: Reading | None = None) -> Iterator[Dialog]:
    """Read the dialogs of a file or folder, one at a time.

    Args:
        path: a file, a folder of files, or a run folder.
        reading: how to read; None goes by the names of the files.

    Returns:
        An iterator that holds one dialog at a time (a whole ``.json`` file, if that holds a list).

    Raises:
        FileNotFoundError: at once, if there is nothing at the path.
        DialogFormatError: when the iterator comes to something that is no dialog; says file and line.

    Example:
        >>> import tempfile
        >>> from sdialog import Turn
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     file = Path(folder, "some.jsonl")
        ...     count = write_jsonl([Dialog(turns=[Turn(speaker="Ann", text="Hi!")]), Dialog()], file)
        ...     lengths = [len(dialog) for dialog in read_dialogs(file)]
        >>> count, lengths
        (2, [1, 0])
    """
    root, how = Path(path), reading or Reading()
    if not root.exists():
        raise FileNotFoundError(f"there is no file or folder {root}")
    return _read_folder(root, how) if root.is_dir() else _read_file(root, root.name, how)


def load(path: str | Path, reading: Reading | None = None) -> Dialog | list[Dialog]:
    """Read a file of one dialog as that dialog, and anything that may hold several as a list."""
    how = reading or Reading()
    root = Path(path)
    if root.is_dir() or type_of(root, how.type) == "jsonl":
        return list(read_dialogs(root, how))
    found = list(read_dialogs(root, how))
    return found[0] if len(found) == 1 and found[0]._path is not None else found


def write_dialog(
    dialog: Dialog,
    path: str | Path,
    type: str = "auto",
    *,
    makedir: bool = True,
    overwrite: bool = True,
    ensure_ascii: bool = False,
) -> None:
    """Write one dialog to a file; arguments and errors are those of ``Dialog.to_file``."""
    target = Path(path)
    kind = type_of(target, Reading(type=type).type)
    if kind == "json":
        text = str(dialog.json(string=True, ensure_ascii=ensure_ascii)) + "\n"
    elif kind == "jsonl":
        text = str(dialog.json(string=True, indent=None, ensure_ascii=ensure_ascii)) + "\n"
    elif kind == "txt":
        text = write_turns(dialog)
    else:
        text = write_table(dialog, TAB if kind == "tsv" else COMMA)
    if makedir:
        target.parent.mkdir(parents=True, exist_ok=True)
    with _open_to_write(target, overwrite) as file:
        file.write(text.encode("utf-8", "surrogatepass"))


def write_jsonl(dialogs: Iterable[Dialog], path: str | Path) -> int:
    """Write dialogs to a file, one a line, as they come; compressed if its name ends in ``.gz``.

    The same dialogs always give the same bytes.

    Returns:
        How many were written.
    """
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    count = 0
    with _open_to_write(target) as file:
        for dialog in dialogs:
            file.write(f"{dialog.json_line()}\n".encode())
            count += 1
    return count


def type_of(path: Path, type: str = "auto") -> str:
    """Return the type of a file: the one asked for, else by its name; ``txt`` for a name that tells nothing."""
    return type if type != "auto" else _type_by_name(path.name) or "txt"


def read_hub(repo_id: str, local_dir: str | Path | None, reading: Reading) -> list[Dialog] | dict[str, list[Dialog]]:
    """Download a data set from the Hugging Face hub and read it; see ``Dialog.from_huggingface``."""
    from tempfile import TemporaryDirectory

    from sdialog.core.optional import need

    hub = need("huggingface_hub", extra="hub", why="download data sets from the Hugging Face hub")
    if local_dir is not None:
        return _read_snapshot(Path(hub.snapshot_download(repo_id, repo_type="dataset", local_dir=local_dir)), reading)
    with TemporaryDirectory(prefix="sdialog-") as folder:
        return _read_snapshot(
            Path(hub.snapshot_download(repo_id, repo_type="dataset", local_dir=folder)), reading, keep_paths=False
        )


def _read_snapshot(folder: Path, reading: Reading, keep_paths: bool = True) -> list[Dialog] | dict[str, list[Dialog]]:
    data = folder / "data"
    if not data.is_dir():
        raise UserError(f"the data set in {folder} has no folder data/, where its dialogs should be")
    splits = [data / name for name in SPLITS if (data / name).is_dir()]
    found = {part.name: list(_read_folder(part, reading)) for part in splits or [data]}
    if not keep_paths:
        for dialog in (dialog for part in found.values() for dialog in part):
            dialog._path = None
    return found if splits else found[data.name]


def _read_folder(folder: Path, reading: Reading) -> Iterator[Dialog]:
    for file in _files(folder, reading.type):
        yield from _read_file(file, file.relative_to(folder).as_posix(), reading)


def _files(folder: Path, type: str) -> Iterator[Path]:
    """Yield the dialog files of a folder and its subfolders in the order of their names; hidden ones are left out."""
    if type in ("auto", "json", "jsonl"):
        runs = [folder / name for name in RUN_FILES if (folder / name).is_file()]
        if runs:
            yield runs[0]
            return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name):
        if entry.name.startswith("."):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path), type)
        elif (kind := _type_by_name(entry.name)) is not None and type in ("auto", kind):
            yield Path(entry.path)


def _type_by_name(name: str) -> str | None:
    suffixes = [suffix.lower().lstrip(".") for suffix in Path(name).suffixes]
    if suffixes[-1:] == ["gz"]:
        suffixes.pop()
    return suffixes[-1] if suffixes and suffixes[-1] in TYPES else None


def _read_file(path: Path, name: str, reading: Reading) -> Iterator[Dialog]:
    """Yield the dialogs of one file; ``name`` is its path within the folder that is read."""
    # A run file within a folder of JSON files is JSON too, a line at a time.
    kind = type_of(path, "jsonl" if path.name in RUN_FILES else reading.type)
    readers: dict[str, Callable[[Path, str, Reading], Iterator[Dialog]]] = {"json": _read_json, "jsonl": _read_jsonl}
    try:
        for dialog in readers.get(kind, _read_text)(path, name, reading):
            if reading.collapse_consecutive_speakers:
                merge_consecutive(dialog, reading.collapse_separator)
            yield dialog
    except DialogFormatError as error:
        raise DialogFormatError(error.message, file=path, line=error.line) from error
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise DialogFormatError(f"not UTF-8 text{_other_encoding(error.object)}", file=path, line=line) from error


def _read_json(path: Path, name: str, _reading: Reading) -> Iterator[Dialog]:
    content = _content(path).removeprefix(_BOM)
    listed = content.lstrip()[:1] == b"["
    found: Any = parse_json(content) if listed or may_be_chat(content) else None
    if not listed or is_chat(found):
        dialog = read_chat(found, _stem(name)) if is_chat(found) else Dialog.from_json(content)
        dialog._path = str(path)
        yield dialog
        return
    for index, entry in enumerate(found):
        try:
            yield read_chat(entry, f"{_stem(name)}-{index}") if is_chat(entry) else Dialog.from_dict(entry)
        except DialogFormatError as error:
            raise DialogFormatError(f"entry {index}: {error.message}") from error


def _read_jsonl(path: Path, name: str, _reading: Reading) -> Iterator[Dialog]:
    with _open_to_read(path) as file:
        number = 0
        try:
            for number, line in enumerate(file, start=1):
                content = line.removeprefix(_BOM) if number == 1 else line
                if content.strip():
                    yield _read_line(content, f"{_stem(name)}-{number}")
        except DialogFormatError as error:
            raise DialogFormatError(error.message, line=number) from error
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise DialogFormatError(f"the compressed data is damaged: {error}", line=number + 1) from error


def _read_line(content: bytes, default_id: str) -> Dialog:
    if may_be_chat(content):
        data = parse_json(content)
        if is_chat(data):
            return read_chat(data, default_id)
    return Dialog.from_json(content)


def _read_text(path: Path, name: str, reading: Reading) -> Iterator[Dialog]:
    if reading.type == "auto" and path.suffix.lower() == ".gz" and _type_by_name(path.name) is None:
        raise DialogFormatError(f"its name does not say what it holds; name it {path.stem}.jsonl.gz, or give the type")
    content = _content(path)
    text = content.decode("utf-8", "surrogatepass")
    kind = type_of(path, reading.type)
    if kind == "txt":
        tables: dict[str | None, list[Turn]] = {None: read_turns(text, reading.txt_template)}
    else:
        delimiter = TAB if kind == "tsv" else COMMA
        tables = read_tables(text, delimiter, reading.csv_speaker_col, reading.csv_text_col)
    digest = hashlib.blake2b(content, digest_size=4).hexdigest()
    for own_id, turns in tables.items():
        dialog = Dialog(id=own_id or f"{_stem(name)}-{digest}", turns=turns)
        if len(tables) == 1:
            dialog._path = str(path)
        yield dialog


def _stem(name: str) -> str:
    """Return a file's name without what says its type."""
    kept = name.lower().removesuffix(".gz")
    return name[: len(kept) - len(Path(kept).suffix)]


def _content(path: Path) -> bytes:
    try:
        with _open_to_read(path) as file:
            return file.read()
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DialogFormatError(f"the compressed data is damaged: {error}") from error


def _other_encoding(content: bytes) -> str:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return "; it looks like UTF-16: save it as UTF-8, such as with iconv -f UTF-16 -t UTF-8"
    return "; save it as UTF-8, such as with iconv -f WINDOWS-1252 -t UTF-8 if it comes from Windows"


@contextmanager
def _open_to_read(path: Path) -> Iterator[IO[bytes]]:
    with path.open("rb") as raw:
        compressed = raw.peek(2)[:2] == b"\x1f\x8b"
        if not compressed:
            yield raw
            return
        with gzip.GzipFile(fileobj=raw) as file:
            yield file  # type: ignore[misc]


@contextmanager
def _open_to_write(path: Path, overwrite: bool = True) -> Iterator[IO[bytes]]:
    with path.open("wb" if overwrite else "xb") as raw:
        if not path.name.lower().endswith(".gz"):
            yield raw
            return
        # No name and no time in the header: equal dialogs give equal bytes.
        with gzip.GzipFile(filename="", fileobj=raw, mode="wb", mtime=0) as file:
            yield file  # type: ignore[misc]


_BOM = b"\xef\xbb\xbf"
