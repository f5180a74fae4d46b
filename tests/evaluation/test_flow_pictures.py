"""Pictures of a flow: what they show, that they need nothing else, and that texts of dialogs cannot break them."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import pytest
from evaluation.flow_corpus import corpus

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnsupportedFeatureError
from sdialog.evaluation.dialog2flow import dialog2graph
from sdialog.evaluation.flow.drawing import draw_flow, flow_figure, to_dot
from sdialog.evaluation.flow.layout import layered
from sdialog.evaluation.flow.page import flow_page, write_flow_page

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
NASTY = 'Say </script><b>"1 & 2"</b> @@DATA@@ \\ $x^2 {$ $'


@pytest.fixture(scope="module")
def flow():
    return dialog2graph(corpus(80))


@pytest.fixture(scope="module")
def nasty():
    turns = [Turn(speaker="User", text=NASTY), Turn(speaker="User", text=NASTY), Turn(speaker="Bot", text="Fine.")]
    return dialog2graph([Dialog(turns=turns)])


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))


def test_layers_lead_from_start_to_end(flow):
    graph, _ = flow
    places = layered(graph)
    assert set(places) == set(graph) and len(set(places.values())) == len(places)
    assert places["[start]"][1] == 0 and places["[end]"][1] == max(layer for _, layer in places.values())
    for node, (_, layer) in places.items():
        assert node == "[start]" or min(places[before][1] for before in graph.predecessors(node)) < layer


@pytest.mark.parametrize("suffix", [".png", ".svg", ".pdf"])
def test_matplotlib_draws_always(flow, nasty, tmp_path: Path, suffix: str):
    import matplotlib

    before = dict(matplotlib.rcParams)
    for number, (graph, _) in enumerate((flow, nasty)):
        path = draw_flow(graph, tmp_path / f"{number}{suffix}", engine="matplotlib")
        assert path.stat().st_size > 5000
    assert dict(matplotlib.rcParams) == before
    shown = [text.get_text() for text in flow_figure(flow[0]).axes[0].texts]
    assert any("s0" in text for text in shown)
    assert not any(re.search(r"\bs0\b", text.get_text()) for text in flow_figure(flow[0], show_ids=False).axes[0].texts)


def test_graphviz_draws_where_it_is_installed(nasty, tmp_path: Path, monkeypatch):
    graph, _ = nasty
    if shutil.which("dot"):
        assert draw_flow(graph, tmp_path / "a.png", engine="graphviz").stat().st_size > 1000
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UnsupportedFeatureError, match="not installed"):
        draw_flow(graph, tmp_path / "b.png", engine="graphviz")
    assert draw_flow(graph, tmp_path / "c.png").stat().st_size > 1000
    with pytest.raises(ConfigError, match="engine"):
        draw_flow(graph, tmp_path / "d.png", engine="paint")


def test_graphviz_source_holds_every_edge(flow):
    graph, _ = flow
    source = to_dot(graph)
    assert source.count(" -> ") == graph.number_of_edges() and '"[start]" -> "u0"' in source


def test_the_page_needs_nothing_else_and_shows_the_graph_without_scripts(flow, nasty):
    for graph, nodes in (flow, nasty):
        page = _Page(flow_page(graph, nodes))
        for tag, attributes in page.tags:
            assert (
                tag not in ("link", "img", "iframe", "object") and "src" not in attributes and "href" not in attributes
            )
        shown = [attributes for tag, attributes in page.tags if (attributes.get("class") or "").startswith("node")]
        assert {one["data-id"] for one in shown} == set(graph)
        assert all(one["tabindex"] == "0" and one["role"] == "button" and one["aria-label"] for one in shown)
        edges = [attributes for _, attributes in page.tags if (attributes.get("class") or "").startswith("edge")]
        assert {(one["data-from"], one["data-to"]) for one in edges} == set(graph.edges)


def test_texts_of_dialogs_cannot_break_the_page(nasty):
    text = flow_page(*nasty, title="<i>")
    assert text.count("</script>") == 2 and "<b>" not in text and "<title>&lt;i&gt;</title>" in text
    data = re.search(r'id="data">(.*?)</script>', text, re.DOTALL)
    assert data is not None and json.loads(data[1])["nodes"]["u0"]["label"] == NASTY


@pytest.mark.slow
@pytest.mark.skipif(BROWSER is None, reason="needs chromium")
def test_the_page_works_by_keyboard(flow, tmp_path: Path):
    """In a real browser: from a node on by an arrow, details by Enter, a search, a thinner graph."""
    graph, nodes = flow
    script = """<script>
    const press = key => document.activeElement.dispatchEvent(new KeyboardEvent("keydown", {key, bubbles: true}));
    document.querySelector('.node[data-id="[start]"]').focus();
    press("ArrowDown"); press("Enter");
    const told = document.getElementById("details").innerText;
    const at = document.activeElement.dataset.id;
    document.getElementById("find").value = "surname";
    document.getElementById("find").dispatchEvent(new Event("input"));
    document.getElementById("least").value = 100;
    document.getElementById("least").dispatchEvent(new Event("input"));
    const left = [...document.querySelectorAll(".edge:not(.hidden)")].length;
    document.body.innerHTML = "<pre id='seen'></pre>";
    document.getElementById("seen").textContent = JSON.stringify({at, told, left});
    </script></body>"""
    path = write_flow_page(graph, nodes, tmp_path / "flow.html")
    path.write_text(path.read_text(encoding="utf-8").replace("</body>", script), encoding="utf-8")
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'browser'}"]
    environment = {**os.environ, "HOME": str(tmp_path)}
    shown = subprocess.run(
        [*command, "--dump-dom", path.as_uri()],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        env=environment,
    ).stdout
    seen = json.loads(re.search(r'<pre id="seen">(.*?)</pre>', shown, re.DOTALL)[1].replace("&gt;", ">"))
    assert seen["at"] == "u0" and "What is said" in seen["told"] and "Then" in seen["told"]
    assert 0 < seen["left"] < graph.number_of_edges()
