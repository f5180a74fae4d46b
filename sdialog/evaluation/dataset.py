"""Sets of dialogs, given as lists, iterators, files or folders."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog

Dialogues = "Iterable[Dialog] | Dialog | str | Path"
"""What is taken where a set of dialogs is wanted."""


class Dataset:
    """A named set of dialogs that can be read more than once.

    Files and folders are read anew each time, one dialog at a time; an iterator is kept as a list.

    Args:
        source: dialogs, one dialog, or the path of a file, a folder or a run folder.
        name: what it is called; default the path's last part, else ``dialogs``.

    Raises:
        UserError: if the source is none of these.
        FileNotFoundError: if there is nothing at the path.

    Example:
        >>> from sdialog import Dialog
        >>> dataset = Dataset(iter([Dialog(id=1), Dialog(id=2)]), "two")
        >>> [dialog.id for dialog in dataset], [dialog.id for dialog in dataset]
        ([1, 2], [1, 2])
    """

    def __init__(self, source: Any, name: str | int | None = None) -> None:
        from sdialog.core.dialog import Dialog

        self.path: Path | None = None
        self._dialogs: Sequence[Dialog] = ()
        if isinstance(source, Dataset):
            self.path, self._dialogs = source.path, source._dialogs
            name = source.name if name is None else name
        elif isinstance(source, (str, Path)):
            self.path = Path(source)
            if not self.path.exists():
                raise FileNotFoundError(f"there is no file or folder {self.path}, where dialogs should be")
        elif isinstance(source, Dialog):
            self._dialogs = [source]
        elif isinstance(source, Iterable) and not isinstance(source, (Mapping, bytes)):
            self._dialogs = source if isinstance(source, Sequence) else list(source)
        else:
            raise UserError(f"a set of dialogs is a list, an iterator or a path, not {type(source).__name__}")
        self.name: str | int = (self.path.name if self.path else "dialogs") if name is None else name

    def __iter__(self) -> Iterator[Dialog]:
        from sdialog.core.dialog import Dialog
        from sdialog.core.io import read_dialogs

        for place, dialog in enumerate(self._dialogs if self.path is None else read_dialogs(self.path)):
            if not isinstance(dialog, Dialog):
                raise UserError(f"{self.name}, entry {place}: {type(dialog).__name__} is no Dialog")
            yield dialog

    def check_some(self, size: int) -> None:
        """Raise a UserError if there are none of its dialogs, where some are needed.

        Args:
            size: how many were read.
        """
        if not size:
            where = "" if self.path is None else f" in {self.path}"
            raise UserError(f"the {self.name} holds no dialogs{where}; there is nothing to compare with")


def read_datasets(candidates: Any) -> dict[str | int, Dataset]:
    """Return sets of dialogs by their names.

    Args:
        candidates: a dict from names to sets; a list of sets, called 1, 2, ... (paths by their last part, if these
            differ); or one set: a path, or dialogs.

    Raises:
        UserError: if there is none, or something else was given.

    Example:
        >>> from sdialog import Dialog
        >>> list(read_datasets({"a": [Dialog()], "b": []})), list(read_datasets([[Dialog()], []]))
        (['a', 'b'], [1, 2])
        >>> list(read_datasets([Dialog(), Dialog()]))
        ['dialogs']
    """
    from sdialog.core.dialog import Dialog

    if isinstance(candidates, Mapping):
        found = {name: Dataset(source, name) for name, source in candidates.items()}
    elif isinstance(candidates, (str, Path, Dialog, Dataset)):
        found = {one.name: one for one in [Dataset(candidates)]}
    elif isinstance(candidates, Iterable):
        given = list(candidates)
        if given and all(isinstance(one, Dialog) for one in given):
            found = {"dialogs": Dataset(given, "dialogs")}
        else:
            found = _listed(given)
    else:
        raise UserError(f"sets of dialogs come as a dict, a list or a path, not as {type(candidates).__name__}")
    if not found:
        raise UserError("there is no set of dialogs to look at; give a dict of names and lists or paths")
    return found


def _listed(given: Sequence[Any]) -> dict[str | int, Dataset]:
    sets = [Dataset(one) for one in given]
    names = [one.name for one in sets]
    if all(one.path is not None for one in sets) and len(set(names)) == len(names):
        return dict(zip(names, sets, strict=True))
    return {number: Dataset(one, number) for number, one in enumerate(sets, start=1)}
