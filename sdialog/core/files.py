"""Reading and writing a dialog by the methods of ``Dialog``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

DEFAULT_TEMPLATE = "{speaker}: {text}"


class FileMethods:
    """The file methods of ``Dialog``; the formats themselves are in ``sdialog.core.io`` and its neighbours."""

    if TYPE_CHECKING:
        _path: str | None

    def to_file(
        self,
        path: str | Path | None = None,
        type: str = "auto",
        makedir: bool = True,
        overwrite: bool = True,
        ensure_ascii: bool = False,
    ) -> None:
        """Write the dialog to a file, in UTF-8.

        JSON keeps everything; TXT, CSV and TSV keep the turns, exactly (``sdialog.core.plaintext`` and
        ``sdialog.core.tables`` say how).

        Args:
            path: where to; None writes to where the dialog was loaded from.
            type: ``json``, ``jsonl``, ``csv``, ``tsv``, ``txt``, or ``auto`` to go by the file's name, which means
                ``txt`` for a name that tells nothing.
            makedir: create missing folders.
            overwrite: replace an existing file.
            ensure_ascii: in JSON, write non-ASCII characters as escapes.

        Raises:
            UserError: if there is no path.
            UnknownNameError: if there is no such type.
            FileExistsError: if the file exists and may not be replaced.
        """
        from sdialog.core.io import write_dialog

        target = path if path is not None else self._path
        if target is None:
            raise UserError("this dialog was not loaded from a file, so to_file() needs a path")
        dialog: Any = self
        write_dialog(dialog, target, type, makedir=makedir, overwrite=overwrite, ensure_ascii=ensure_ascii)

    def save(
        self,
        path: str | Path | None = None,
        type: str = "auto",
        makedir: bool = True,
        overwrite: bool = True,
        ensure_ascii: bool = False,
    ) -> None:
        """Write the dialog to a file; another name of :meth:`to_file`."""
        self.to_file(path, type, makedir, overwrite, ensure_ascii)

    @classmethod
    def from_file(
        cls,
        path: str | Path,
        type: str = "auto",
        txt_template: str = DEFAULT_TEMPLATE,
        csv_speaker_col: int | str = "speaker",
        csv_text_col: int | str = "text",
        collapse_consecutive_speakers: bool = False,
        collapse_separator: str = "\n",
    ) -> Any:
        """Read a dialog from a file, or all dialogs from a folder.

        Args:
            path: a file or folder. What may hold many dialogs gives a list: a folder, a ``.jsonl`` or ``.jsonl.gz``
                file, and a ``.json`` file with a list in it.
            type: ``json``, ``jsonl``, ``csv``, ``tsv``, ``txt``, or ``auto`` to go by the file's name, which means
                ``txt`` for a name that tells nothing. In a folder, read files of this type only.
            txt_template: shape of a line in a TXT file; see :meth:`from_str`.
            csv_speaker_col: column of the speaker, by its name in the header, or by number in a file without one.
            csv_text_col: column of the text, likewise.
            collapse_consecutive_speakers: merge turns of one speaker that follow each other.
            collapse_separator: what to put between merged turns.

        Returns:
            A ``Dialog``, or a list of them.

        Raises:
            DialogFormatError: if the file is no dialog; says file and line.
            FileNotFoundError: if there is no such file.
        """
        from sdialog.core.io import Reading, load

        reading = Reading(
            type=type,
            txt_template=txt_template,
            csv_speaker_col=csv_speaker_col,
            csv_text_col=csv_text_col,
            collapse_consecutive_speakers=collapse_consecutive_speakers,
            collapse_separator=collapse_separator,
        )
        return load(path, reading)

    open = from_file
    load = from_file

    @classmethod
    def from_folder(
        cls,
        path: str | Path,
        type: str = "auto",
        txt_template: str = DEFAULT_TEMPLATE,
        csv_speaker_col: int | str = "speaker",
        csv_text_col: int | str = "text",
        collapse_consecutive_speakers: bool = False,
        collapse_separator: str = "\n",
    ) -> list[Dialog]:
        """Read all dialogs of a folder and its subfolders, in the order of their paths.

        Arguments and errors are those of :meth:`from_file`. ``sdialog.core.io.read_dialogs`` reads one at a time, for
        folders that do not fit in memory.

        Raises:
            UserError: if the path is no folder.
        """
        if not Path(path).is_dir():
            raise UserError(f"{path} is not a folder; a single file is read with Dialog.from_file")
        found: list[Dialog] = cls.from_file(
            path,
            type,
            txt_template,
            csv_speaker_col,
            csv_text_col,
            collapse_consecutive_speakers,
            collapse_separator,
        )
        return found

    load_folder = from_folder

    @classmethod
    def from_str(
        cls,
        dialog_text: str,
        template: str = DEFAULT_TEMPLATE,
        default_speakers: list[str] | None = None,
        id: int | str | None = None,
    ) -> Self:
        """Read a dialog from text with one turn a line.

        Args:
            dialog_text: the text; blank lines are skipped.
            template: shape of a line. ``{speaker}`` and ``{text}`` are what they say, any other ``{name}`` stands for
                something to pass over, and a space for any one white character.
            default_speakers: who speaks in turn, where the template has no ``{speaker}``.
            id: id of the dialog; None makes a fresh one.

        Raises:
            DialogFormatError: if a line does not have that shape; says which line.
            UserError: if ``default_speakers`` is no list, or the template has no ``{text}``.

        Example:
            >>> from sdialog import Dialog
            >>> print(Dialog.from_str("[09:15] @ann: Hi!", template="[{time}] @{speaker}: {text}"))
            ann: Hi!
        """
        from sdialog.core.plaintext import read_turns

        turns = read_turns(dialog_text, template, default_speakers)
        return cls(turns=turns) if id is None else cls(turns=turns, id=id)  # type: ignore[call-arg]

    @classmethod
    def from_huggingface(
        cls,
        repo_id: str,
        local_dir: str | Path | None = None,
        collapse_consecutive_speakers: bool = False,
        collapse_separator: str = "\n",
    ) -> list[Dialog] | dict[str, list[Dialog]]:
        """Download a data set of dialogs from the Hugging Face hub.

        Args:
            repo_id: name of the data set, ``owner/name``. Its JSON files are expected under ``data/``.
            local_dir: where to keep the files; None keeps none.
            collapse_consecutive_speakers: merge turns of one speaker that follow each other.
            collapse_separator: what to put between merged turns.

        Returns:
            A list of dialogs; or, where ``data/`` has folders for splits (train, validation, test, ...), a dict of
            one list a split.

        Raises:
            MissingDependencyError: if ``huggingface_hub`` is not installed.
            UserError: if the data set has no ``data/`` folder.
        """
        from sdialog.core.io import Reading, read_hub

        reading = Reading(
            type="json",
            collapse_consecutive_speakers=collapse_consecutive_speakers,
            collapse_separator=collapse_separator,
        )
        return read_hub(repo_id, local_dir, reading)
