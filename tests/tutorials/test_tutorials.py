"""Each notebook runs in a fresh kernel and says what the one in the repository shows."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat", reason="notebooks need pip install 'sdialog[dev]'")
pytest.importorskip("nbclient", reason="notebooks need pip install 'sdialog[dev]'")
pytest.importorskip("ipykernel", reason="notebooks need pip install 'sdialog[dev]'")

from tutorials.run import execute, main, notebooks, settled, warned  # noqa: E402  # after what it needs

MOST_BYTES, MOST_IN_A_FIGURE = 300_000, 60_000
FIGURES = {"01_look_inside.ipynb": 5, "02_steer_a_mood.ipynb": 3, "03_from_text_to_a_room.ipynb": 4}
SPECTROGRAMS = {"03_from_text_to_a_room.ipynb": 1}  # noise hardly compresses, so a picture of it takes more bytes
BYTES_OF_A_SPECTROGRAM = 200_000
OUTSIDE = {"training", "benchmarks", "tests", "tutorials"}
PAGES = pytest.mark.parametrize("path", notebooks(), ids=lambda path: path.name)


def outputs(notebook, kind):
    found = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return [output for output in found if output.output_type == kind]


def figures(notebook):
    shown = outputs(notebook, "execute_result") + outputs(notebook, "display_data")
    return [output.data["image/png"] for output in shown if "image/png" in output.data]


def imported(source):
    tree = ast.parse("\n".join(line for line in source.splitlines() if not line.startswith("%")))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name.split(".")[0] for one in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def test_there_are_notebooks():
    assert [path.name for path in notebooks()] == sorted(FIGURES)


@PAGES
def test_the_file_holds_what_a_run_shows(path: Path):
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1)), "run tutorials.run --save"
    assert nbformat.writes(settled(notebook)) == nbformat.writes(nbformat.read(path, as_version=4))
    assert not warned(notebook) and not outputs(notebook, "error")
    assert len(figures(notebook)) == FIGURES[path.name]
    spectrograms = SPECTROGRAMS.get(path.name, 0)
    sizes = sorted(len(figure) * 3 / 4 for figure in figures(notebook))
    assert max(sizes[: len(sizes) - spectrograms]) < MOST_IN_A_FIGURE and sizes[-1] < BYTES_OF_A_SPECTROGRAM
    assert path.stat().st_size < MOST_BYTES + spectrograms * BYTES_OF_A_SPECTROGRAM


@PAGES
def test_needs_only_the_installed_package(path: Path):
    notebook = nbformat.read(path, as_version=4)
    used = {name for cell in notebook.cells if cell.cell_type == "code" for name in imported(cell.source)}
    assert "sdialog" in used and not used & OUTSIDE


@PAGES
def test_begins_and_ends_with_text_and_says_what_to_see(path: Path):
    notebook = nbformat.read(path, as_version=4)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds[0] == kinds[-1] == "markdown"
    said = "".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    assert said.count("What to see") >= FIGURES[path.name] - 1


@pytest.mark.slow
@PAGES
def test_runs_without_an_error_or_a_warning(path: Path, tmp_path: Path):
    """The notebooks themselves assert what they promise, such as the share of rude openings."""
    notebook = settled(execute(path, tmp_path))
    kept = nbformat.read(path, as_version=4)
    assert not warned(notebook)
    assert len(figures(notebook)) == FIGURES[path.name]
    now, before = ([len(cell.get("outputs", [])) for cell in one.cells] for one in (notebook, kept))
    assert now == before, "what the file shows is stale: python -m tutorials.run --save"


def broken(folder: Path, source: str) -> Path:
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)])
    nbformat.write(notebook, folder / "09_broken.ipynb")
    return folder / "09_broken.ipynb"


@pytest.mark.slow
@pytest.mark.parametrize("source", ["import warnings\nwarnings.warn('look out')", "1 / 0"])
def test_a_notebook_that_fails_or_warns_is_told_and_not_saved(source, tmp_path: Path, monkeypatch, capsys):
    path = broken(tmp_path, source)
    before = path.read_bytes()
    monkeypatch.setattr("tutorials.run.FOLDER", tmp_path)
    assert main(["--save"]) == 1
    assert ("look out" if "warn" in source else "ZeroDivisionError") in capsys.readouterr().out
    assert path.read_bytes() == before


@pytest.mark.slow
def test_saving_twice_gives_the_same_bytes(tmp_path: Path, monkeypatch):
    path = broken(tmp_path, "print('one')\nprint('two')\n1 + 1")
    monkeypatch.setattr("tutorials.run.FOLDER", tmp_path)
    assert main(["09", "--save"]) == 0
    first = path.read_bytes()
    assert b"two" in first and b'"2"' in first
    assert main(["09", "--save"]) == 0
    assert path.read_bytes() == first
