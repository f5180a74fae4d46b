"""Run the notebooks in fresh kernels, and keep what they show.

``python -m tutorials.run`` runs all of them and says whether each ran without an error or a warning; with ``--save``
what came out is written into the files, without what differs from run to run. Names pick some: ``python -m
tutorials.run 01 --save``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode

FOLDER = Path(__file__).parent
SECONDS = 600  # for one cell, so that a kernel that hangs ends
_KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}


def notebooks(names: Sequence[str] = ()) -> list[Path]:
    """Return the notebooks, or those whose file names begin so."""
    return [path for path in sorted(FOLDER.glob("*.ipynb")) if not names or path.name.startswith(tuple(names))]


def execute(path: Path, folder: Path) -> NotebookNode:
    """Run a notebook in a kernel of its own that works in a folder; returns it with what came out.

    Raises:
        CellExecutionError: if a cell fails.
    """
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, timeout=SECONDS, kernel_name=_KERNEL["name"], resources={"metadata": {"path": folder}}
    ).execute()
    return notebook


def settled(notebook: NotebookNode) -> NotebookNode:
    """Return a notebook without what differs between two runs of it: times, versions, how output came in pieces."""
    notebook.metadata = nbformat.from_dict({"kernelspec": _KERNEL, "language_info": {"name": "python"}})
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number:02}"
        cell.metadata = nbformat.from_dict({})
        if cell.cell_type == "code":
            cell.outputs = _joined(cell.outputs)
    return notebook


def warned(notebook: NotebookNode) -> list[str]:
    """Return what cells wrote on standard error, where warnings and progress bars go."""
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output.text for output in outputs if output.output_type == "stream" and output.name == "stderr"]


def _joined(outputs: Sequence[NotebookNode]) -> list[NotebookNode]:
    found: list[NotebookNode] = []
    for output in outputs:
        before = found[-1] if found else None
        if before is not None and output.output_type == before.output_type == "stream" and output.name == before.name:
            before.text += output.text
        else:
            found.append(output)
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; returns 1 if a notebook failed or warned."""
    parser = argparse.ArgumentParser(prog="python -m tutorials.run", description="Run the notebooks.")
    parser.add_argument("names", nargs="*", help="how the file names begin; default all")
    parser.add_argument("--save", action="store_true", help="write what came out into the files")
    asked = parser.parse_args(arguments)
    failed = False
    for path in notebooks(asked.names):
        began = time.perf_counter()
        with tempfile.TemporaryDirectory() as folder:
            try:
                notebook = settled(execute(path, Path(folder)))
            except CellExecutionError as error:
                print(f"{path.name}: {error}")
                failed = True
                continue
        said = warned(notebook)
        print(f"{path.name}: {time.perf_counter() - began:.0f} s", *said, sep="\n", end="\n")
        failed = failed or bool(said)
        if asked.save and not said:
            nbformat.write(notebook, path)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
