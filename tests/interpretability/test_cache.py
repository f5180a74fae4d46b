"""Caches of activations: what is in them, on disk and in memory, and that a broken-off recording goes on."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from interpretability import local_models
from safetensors.numpy import load_file

from sdialog.agents import Agent
from sdialog.backends.scripted import ScriptedModel
from sdialog.core.dialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.interpretability import Inspector
from sdialog.interpretability.anatomy.taps import read
from sdialog.interpretability.cache import ActivationCache
from sdialog.interpretability.caching.batches import CacheBatches
from sdialog.interpretability.caching.views import Viewpoint
from sdialog.interpretability.networks import network_of
from sdialog.interpretability.probes import Probe
from sdialog.interpretability.tokens.rendering import Rendering
from sdialog.personas import Customer

MODEL = "embedded:mini"
SITE = "layers.1.resid_post"
LINES = ("Hello!", "Hi, how can I help you?", "My lamp is late.", "Can you tell me your order number?", "It is 4711.")


def dialog(number: int, length: int = 4) -> Dialog:
    names = ("Ann", "Bob")
    turns = [Turn(speaker=names[n % 2], text=LINES[(n + number) % len(LINES)]) for n in range(length)]
    return Dialog(turns=turns, id=f"d{number}", timestamp=None)


def corpus(count: int = 9) -> list[Dialog]:
    return [dialog(number, 2 + number % 4) for number in range(count)]


def files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_rows_are_what_one_pass_gives_and_say_what_they_are() -> None:
    dialogs = corpus()
    cache = ActivationCache.record(MODEL, dialogs, ["layers.*.resid_post", "layers.1.z"], "everything")
    assert cache["layers.1.z"].shape == (len(cache), 6, 32)
    network = network_of(MODEL)
    start = 0
    for number, one in enumerate(dialogs):
        view = Viewpoint(MODEL).view(one)
        rendering = Rendering.from_messages(
            network.tokenizer, view.messages, speaker="Bob", ask=view.messages[-1].role == "user"
        )
        with torch.no_grad():
            expected = read(network, ["layers.*.resid_post", "layers.1.z"], torch.tensor([rendering.ids]))
        rows = slice(start, start + len(rendering))
        for name, values in expected.items():
            numpy.testing.assert_allclose(cache[name][rows], values[0].numpy(), atol=2e-4, rtol=1e-4)
        labels = {name: column[rows].tolist() for name, column in cache.labels.items()}
        assert labels["token"] == list(rendering.ids) and set(labels["dialog"]) == {number}
        assert labels["position"] == list(range(len(rendering)))
        assert labels["part"] == [label.part for label in rendering.labels]
        assert labels["speaker"] == [label.speaker or "" for label in rendering.labels]
        assert labels["text"] == network.tokenizer.convert_ids_to_tokens(list(rendering.ids))
        start += len(rendering)
    assert start == len(cache)


def test_turns_are_those_of_the_dialog() -> None:
    cache = ActivationCache.record(MODEL, [dialog(0, 4)], SITE)
    for turn, text in enumerate(LINES[:4]):
        chosen = cache.select(turn=turn)
        assert "".join(chosen.labels["text"]).replace("Ġ", " ") == text
        assert set(chosen.labels["speaker"]) == {"Ann" if turn % 2 == 0 else "Bob"}
        assert set(chosen.labels["role"]) == {"user" if turn % 2 == 0 else "assistant"}


def test_selections_are_views_where_rows_lie_together(tmp_path: Path) -> None:
    ActivationCache.record(MODEL, corpus(), SITE, path=tmp_path / "c")
    cache = ActivationCache.load(tmp_path / "c")
    assert isinstance(cache[SITE], numpy.memmap)
    one = cache.select(dialog="d3")
    assert numpy.shares_memory(one[SITE], cache[SITE])
    assert numpy.shares_memory(one.select(turn=1)[SITE], cache[SITE])
    assert set(one.labels["dialog_id"]) == {"d3"} and cache.select(dialog=3)[SITE].shape == one[SITE].shape
    scattered = cache.select(speaker="Bob")
    mask = cache.labels["speaker"] == "Bob"
    numpy.testing.assert_array_equal(scattered[SITE], cache[SITE][mask])
    assert len(cache.select(speaker="Bob", turn=0)) == 0
    both = cache.select(dialog=[1, 4], role="user")
    assert set(both.labels["dialog"]) == {1, 4} and set(both.labels["speaker"]) == {"Ann"}
    for wrong in ({"speaker": "Eve"}, {"role": "judge"}, {"part": "soul"}, {"dialog": "d77"}):
        with pytest.raises(UnknownNameError):
            cache.select(**wrong)
    with pytest.raises(UserError, match="counted from 0"):
        cache.select(dialog=99)
    with pytest.raises(UserError, match="turns are numbers"):
        cache.select(turn="1")
    # Numbers as they stand in the columns.
    numbers, turns = cache.labels["dialog"], cache.labels["turn"]
    assert len(cache.select(dialog=numbers[-1], turn=turns[0])) == len(cache.select(dialog="d8", turn=0)) > 0
    assert set(cache.select(dialog=numpy.unique(numbers)[:2]).labels["dialog_id"]) == {"d0", "d1"}
    with pytest.raises(UnknownNameError):
        cache["layers.2.resid_post"]


def test_disk_and_memory_hold_the_same(tmp_path: Path) -> None:
    held = ActivationCache.record(MODEL, corpus(), ["layers.*.resid_post"], max_bytes=1 << 26)
    kept = ActivationCache.record(
        MODEL, iter(corpus()), ["layers.*.resid_post"], path=tmp_path / "a", max_bytes=1 << 26
    )
    saved = ActivationCache.load(held.save(tmp_path / "b"))
    for cache in (kept, saved):
        assert cache.sites == held.sites and cache.dialogs == held.dialogs and len(cache) == len(held)
        for site in held.sites:
            numpy.testing.assert_array_equal(cache[site], held[site])
        for name, column in held.labels.items():
            assert cache.labels[name].tolist() == column.tolist()
    stored = load_file(tmp_path / "a" / "0001.safetensors")
    numpy.testing.assert_array_equal(stored[SITE], held[SITE])
    part = ActivationCache.load(held.select(speaker="Bob").save(tmp_path / "c"))
    numpy.testing.assert_array_equal(part[SITE], held.select(speaker="Bob")[SITE])
    assert part.dialogs == held.dialogs
    with pytest.raises(UserError, match="already"):
        held.save(tmp_path / "c")
    assert json.dumps(held.json())


@pytest.mark.parametrize("stop", [1, 4, 8])
def test_what_broke_off_goes_on_and_gives_the_same_bytes(tmp_path: Path, stop: int) -> None:
    options: dict[str, Any] = {"max_bytes": 1 << 18, "batch_tokens": 64}
    whole = ActivationCache.record(MODEL, corpus(), SITE, path=tmp_path / "whole", **options)

    def broken() -> Any:
        yield from corpus()[:stop]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        ActivationCache.record(MODEL, broken(), SITE, path=tmp_path / "part", **options)
    with pytest.raises(UserError, match="not recorded to its end"):
        ActivationCache.load(tmp_path / "part")
    # A crash may leave rows behind whose dialogs are not listed, and half a line of the list.
    with (tmp_path / "part" / "0000.safetensors").open("ab") as file:
        file.write(b"\1" * 999)
    with (tmp_path / "part" / "dialogs.jsonl").open("ab") as file:
        file.write(b'["d8", "0')
    again = ActivationCache.record(MODEL, corpus(), SITE, path=tmp_path / "part", **options)
    assert files(tmp_path / "part") == files(tmp_path / "whole")
    numpy.testing.assert_array_equal(again[SITE], whole[SITE])


def test_a_complete_recording_is_only_read_and_another_corpus_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    ActivationCache.record(MODEL, corpus(4), SITE, path=folder)
    before = files(folder)
    assert len(ActivationCache.record(MODEL, corpus(4), SITE, path=folder).dialogs) == 4
    assert files(folder) == before
    with pytest.raises(UserError, match="more dialogs"):
        ActivationCache.record(MODEL, corpus(5), SITE, path=folder)
    with pytest.raises(UserError, match="fewer dialogs"):
        ActivationCache.record(MODEL, corpus(3), SITE, path=folder)
    with pytest.raises(UserError, match=r"dialog 0 .* is another"):
        ActivationCache.record(MODEL, [dialog(7)], SITE, path=folder)
    with pytest.raises(UserError, match="span was 'content', now 'everything'"):
        ActivationCache.record(MODEL, corpus(4), SITE, "everything", path=folder)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "notes.txt").write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match="holds no cache"):
        ActivationCache.record(MODEL, corpus(4), SITE, path=tmp_path / "other")
    with pytest.raises(UserError, match="holds no cache"):
        ActivationCache.load(tmp_path / "nowhere")


def test_dialogs_without_ids_of_their_own_are_known_again(tmp_path: Path) -> None:
    def nameless() -> list[Dialog]:
        return [Dialog(turns=one.turns) for one in corpus(4)]

    first = ActivationCache.record(MODEL, nameless(), SITE, path=tmp_path / "c")
    assert ActivationCache.record(MODEL, nameless(), SITE, path=tmp_path / "c").dialogs == first.dialogs


def test_damaged_files_are_told(tmp_path: Path) -> None:
    folder = tmp_path / "c"
    ActivationCache.record(MODEL, corpus(2), SITE, path=folder)
    whole = (folder / "0000.safetensors").read_bytes()
    (folder / "0000.safetensors").write_bytes(whole[:-8])
    with pytest.raises(UserError, match="cut off"):
        ActivationCache.load(folder)
    (folder / "0000.safetensors").write_bytes(b"nonsense" * 20)
    with pytest.raises(UserError, match="damaged"):
        ActivationCache.load(folder)
    (folder / "0000.safetensors").write_bytes(whole)
    for wrong in (b"\0" * 20, b"[1, 2]\n"):
        (folder / "dialogs.jsonl").write_bytes(wrong + (folder / "dialogs.jsonl").read_bytes()[len(wrong) :])
        with pytest.raises(UserError, match=r"dialogs\.jsonl is damaged"):
            ActivationCache.load(folder)


def test_dialogs_of_one_id_are_all_meant() -> None:
    twice = [dialog(0), dialog(1), dialog(0)]
    cache = ActivationCache.record(MODEL, twice, SITE, reduce="turn")
    assert cache.select(dialog="d0").labels["dialog"].tolist() == [0] * 4 + [2] * 4
    assert set(cache.features("speaker").groups.tolist()) == {0, 1, 2}


def test_what_float16_does_not_hold_is_refused(tmp_path: Path) -> None:
    network = network_of("huggingface:" + local_models.save(tmp_path / "model", "llama"))
    with torch.no_grad():
        network.model.get_input_embeddings().weight[:] *= 1e6
    place = "layers.0.resid_pre"
    assert numpy.isfinite(ActivationCache.record(network, corpus(1), place)[place]).all()
    with pytest.raises(UserError, match=r"layers\.0\.resid_pre reach .* give dtype='float32'"):
        ActivationCache.record(network, corpus(1), place, dtype="float16")


@pytest.mark.parametrize("by", ["turn", "speaker", "dialog"])
def test_means_while_recording_and_after_are_the_same(tmp_path: Path, by: str) -> None:
    tokens = ActivationCache.record(MODEL, corpus(), SITE, "~part(template)")
    after = tokens.mean(by)
    while_recording = ActivationCache.record(
        MODEL, corpus(), SITE, "~part(template)", reduce=by, path=tmp_path / "means", batch_tokens=100
    )
    numpy.testing.assert_allclose(while_recording[SITE], after[SITE], atol=1e-3, rtol=1e-4)
    for name, column in after.labels.items():
        assert while_recording.labels[name].tolist() == column.tolist(), name
    rows = tokens.labels["dialog"] == 2
    if by == "dialog":
        numpy.testing.assert_allclose(after[SITE][2], tokens[SITE][rows].mean(axis=0), rtol=1e-4, atol=1e-4)
    assert int(after.labels["tokens"].sum()) == len(tokens)
    twice = after.mean("dialog")
    numpy.testing.assert_allclose(twice[SITE], tokens.mean("dialog")[SITE], atol=1e-3, rtol=1e-4)


def test_batches_do_not_change_rows() -> None:
    alone = ActivationCache.record(MODEL, corpus(), SITE, batch_tokens=1)
    together = ActivationCache.record(MODEL, corpus(), SITE, batch_tokens=100_000)
    numpy.testing.assert_allclose(alone[SITE], together[SITE], atol=2e-4, rtol=1e-4)
    half = ActivationCache.record(MODEL, corpus(), SITE, dtype="float16")
    assert half[SITE].dtype == numpy.float16
    numpy.testing.assert_allclose(half[SITE].astype(float), together[SITE], atol=0.2, rtol=2e-3)


def test_memory_is_bounded() -> None:
    with pytest.raises(UserError, match="give path= to keep them on disk"):
        ActivationCache.record(MODEL, corpus(), SITE, max_bytes=40_000)


def test_a_recording_of_nothing_leaves_no_folder(tmp_path: Path) -> None:
    """It would stand in the way of the same recording with a span that means something."""
    with pytest.raises(UserError, match="selects no token in any of 9 dialogs"):
        ActivationCache.record(MODEL, corpus(), SITE, "speaker(Zed)", path=tmp_path / "kept")
    assert not (tmp_path / "kept").exists()
    assert len(ActivationCache.record(MODEL, corpus(), SITE, "speaker(Bob)", path=tmp_path / "kept"))


def test_what_cannot_be_recorded_is_refused_before_anything_runs() -> None:
    with pytest.raises(ConfigError, match="float16, float32, float64"):
        ActivationCache.record(MODEL, corpus(), SITE, dtype="int8")
    with pytest.raises(ConfigError, match="float32 holds it exactly"):
        ActivationCache.record(MODEL, corpus(), SITE, dtype="bfloat16")
    with pytest.raises(UnsupportedFeatureError, match="another shape in each conversation"):
        ActivationCache.record(MODEL, corpus(), "layers.0.pattern")
    with pytest.raises(UserError, match="layers"):
        ActivationCache.record(MODEL, corpus(), "layers.9.resid_post")
    with pytest.raises(UnknownNameError):
        ActivationCache.record(MODEL, corpus(), SITE, reduce="week")
    with pytest.raises(UserError, match="not text"):
        ActivationCache.record(MODEL, "dialogs.jsonl", SITE)  # type: ignore[arg-type]
    with pytest.raises(UserError, match="no turns"):
        ActivationCache.record(MODEL, [Dialog(turns=[])], SITE)
    with pytest.raises(UserError, match="cut the dialog"):
        ActivationCache.record(MODEL, [dialog(0, 400)], SITE)
    with pytest.raises(UserError, match="speaker"):
        ActivationCache.record(MODEL, corpus(), SITE, speaker="Eve")
    with pytest.raises(UserError, match="selects no token in any of 9 dialogs"):
        ActivationCache.record(MODEL, corpus(), SITE, "generated")
    with pytest.raises(UnsupportedFeatureError, match="looked into"):
        ActivationCache.record(Agent(name="Bob", model=ScriptedModel(["Hi."])), corpus(), SITE)


def test_features_feed_probes() -> None:
    cache = ActivationCache.record(MODEL, corpus(12), SITE, reduce="turn")
    found = cache.features("speaker")
    assert found.values.shape == (len(cache), 192) and len(found.groups) == len(found.labels) == len(cache)
    result = Probe.evaluate(*found, source=cache.source())
    assert result.scores["accuracy"].value >= 0.95 and result.probe.source.site == SITE
    mixed = cache.features({f"d{n}": ("yes", True)[n % 2] for n in range(12)})
    with pytest.raises(UserError, match="different types"):
        Probe.fit(*mixed)
    with pytest.raises(UserError, match="with at least one of each"):
        Probe.fit(*cache.select(turn=99).features("speaker"))
    by_row = cache.features(lambda row: row["turn"] == 0).labels
    assert by_row.tolist() == (cache.labels["turn"] == 0).tolist()
    assert cache.features({f"d{n}": n % 3 for n in range(12)}).labels.tolist() == [
        n % 3 for n in cache.labels["dialog"].tolist()
    ]
    with pytest.raises(UserError, match="has no label"):
        cache.features({"d0": 1})
    two = ActivationCache.record(MODEL, corpus(2), "layers.*.resid_post")
    with pytest.raises(UserError, match="say which site"):
        two.features()


@pytest.mark.slow
def test_a_killed_recording_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    script = (
        "import sys\n"
        "from interpretability.test_cache import MODEL, SITE, corpus\n"
        "from sdialog.interpretability.cache import ActivationCache\n"
        "def slowly():\n"
        "    for number, one in enumerate(corpus(40)):\n"
        "        print(number, flush=True)\n"
        "        yield one\n"
        "ActivationCache.record(MODEL, slowly(), SITE, path=sys.argv[1], max_bytes=1 << 18, batch_tokens=64)\n"
    )
    here = Path(__file__).resolve().parents[1]
    options = {"env": {**os.environ, "PYTHONPATH": f"{here}{os.pathsep}{here.parent}"}, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path / "part")], **options) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) == 25:
                process.kill()
                break
    assert not json.loads((tmp_path / "part" / "cache.json").read_text(encoding="utf-8"))["complete"]
    for name in ("part", "whole"):
        ActivationCache.record(MODEL, corpus(40), SITE, path=tmp_path / name, max_bytes=1 << 18, batch_tokens=64)
    assert files(tmp_path / "part") == files(tmp_path / "whole")


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 3000), st.integers(1, 700), st.integers(0, 9), st.booleans())
def test_batches_hold_every_row_once(rows: int, size: int, seed: int, picked: bool) -> None:
    array = numpy.arange(2 * rows).reshape(rows, 2)
    chosen = numpy.arange(0, rows, 2) if picked else slice(0, rows)
    batches = CacheBatches(array, chosen, size, seed)
    found = list(batches.epoch(0))
    assert len(found) == len(batches) and all(len(one) == size for one in found[:-1])
    joined = numpy.concatenate(found) if found else array[:0]
    assert sorted(joined[:, 0].tolist()) == array[chosen][:, 0].tolist()
    again = list(CacheBatches(array, chosen, size, seed).epoch(0))
    assert all((one == other).all() for one, other in zip(found, again, strict=True))


def test_batches_of_several_places_keep_the_rows_of_each_token_together() -> None:
    sites = ["layers.0.resid_post", SITE, "layers.1.mlp_out"]
    cache = ActivationCache.record(MODEL, corpus(), [*sites, "layers.1.mlp_act"]).select(speaker="Ann")
    where = {row.tobytes(): place for place, row in enumerate(cache[SITE])}
    pairs = list(cache.batches(SITE, 7, target="layers.1.mlp_act", seed=3))
    alone = list(cache.batches(SITE, 7, seed=3))
    assert all((rows_read == one).all() for (rows_read, _), one in zip(pairs, alone, strict=True))
    for rows_read, predicted in pairs:
        rows = [where[row.tobytes()] for row in rows_read]
        numpy.testing.assert_array_equal(predicted, cache["layers.1.mlp_act"][rows])
    for layers in cache.batches(sites, 7):
        rows = [where[row.tobytes()] for row in layers[:, 1]]
        for place, site in enumerate(sites):
            numpy.testing.assert_array_equal(layers[:, place], cache[site][rows])
    with pytest.raises(ConfigError, match=r"of one shape, not \(192,\), \(512,\)"):
        cache.batches([SITE, "layers.1.mlp_act"], 7)
    with pytest.raises(ConfigError, match="not none"):
        cache.batches([], 7)
    with pytest.raises(UnknownNameError, match="in this cache"):
        cache.batches(SITE, 7, target="layers.3.mlp_out")


def test_chunks_are_the_rows_in_order() -> None:
    cache = ActivationCache.record(MODEL, corpus(), SITE).select(speaker="Ann")
    pieces = list(cache.chunks(SITE, 7))
    numpy.testing.assert_array_equal(numpy.concatenate([values for values, _ in pieces]), cache[SITE])
    positions = [place for _, labels in pieces for place in labels["position"].tolist()]
    assert positions == cache.labels["position"].tolist()
    assert sum(len(batch) for batch in cache.batches(SITE, 10)) == len(cache)


# -- live


def test_live_rows_are_those_of_the_replay() -> None:
    inspector = Inspector(["layers.1.resid_post", "layers.2.resid_post"])
    bob = Agent(Customer(name="Bob"), model=MODEL, max_tokens=12) | inspector
    ann = Agent(Customer(name="Ann"), model=MODEL, max_tokens=12)
    made = ann.dialog_with(bob, max_turns=6, seed=3)
    live = ActivationCache.live(inspector, "content")
    replay = ActivationCache.record(bob, [made], ["layers.1.resid_post", "layers.2.resid_post"])
    places = zip(replay.labels["position"].tolist(), replay.labels["token"].tolist(), strict=True)
    known = {place: row for row, place in enumerate(places)}
    rows = [known.get((int(p), int(t))) for p, t in zip(live.labels["position"], live.labels["token"], strict=True)]
    shared = [(at, row) for at, row in enumerate(rows) if row is not None]
    # Cut-off replies and end markers are the model's words, and not in the dialog.
    assert len(shared) > 0.8 * len(live)
    for site in live.sites:
        here, there = live[site][[at for at, _ in shared]], replay[site][[row for _, row in shared]]
        numpy.testing.assert_allclose(here, there, atol=5e-3, rtol=1e-3)
    assert len({*live.labels["position"].tolist()}) == len(live)
    with pytest.raises(UserError, match="recorded no activations"):
        ActivationCache.live(Inspector("layers.1.resid_post"))
