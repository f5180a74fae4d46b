"""Plans as plain data: what is written is read back, and what is wrong is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy
import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as some

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.interpretability import Condition, Edit, Plan, Read
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.files.vectors import read_vector
from sdialog.interpretability.plans.data import plan_from_data, plan_to_data
from sdialog.interpretability.plans.schedules import Schedule

SITES = ("layers.2.resid_post", "layers.*.mlp_out", "layers.1.head.3.z", "embed", "model.layers.0.mlp:in")
SPANS = ("everything", "choices", "turn(-1) & content[0:3]", 'speaker("Ann Lee") | generated', "~role(system)")

numbers = some.floats(-1e6, 1e6, allow_nan=False)
vectors = some.lists(numbers, min_size=1, max_size=5)
conditions = some.builds(
    Condition,
    site=some.sampled_from(SITES),
    direction=vectors,
    threshold=numbers,
    span=some.sampled_from(SPANS),
    measure=some.sampled_from(["dot", "cosine"]),
    below=some.booleans(),
    offset=some.none() | vectors,
)
edits = some.builds(
    Edit,
    site=some.sampled_from(SITES),
    op=some.sampled_from(["add", "project_out", "clamp", "scale", "zero"]),
    value=vectors,
    strength=numbers | some.lists(numbers, min_size=1, max_size=4).map(tuple),
    span=some.sampled_from(SPANS),
    condition=some.none() | conditions,
    keep_norm=some.booleans(),
)
reads = some.builds(
    Read,
    site=some.sampled_from(SITES),
    span=some.sampled_from(SPANS),
    name=some.sampled_from(["", "one"]),
    reduce=some.sampled_from([None, "mean", "last"]),
    before_edits=some.booleans(),
    dtype=some.sampled_from([None, "float16"]),
)
plans = some.builds(
    Plan,
    reads=some.lists(reads, max_size=2, unique_by=lambda read: read.title),
    edits=some.lists(edits, max_size=2),
    prefix=some.sampled_from(["", "a/"]),
    speaker=some.sampled_from([None, "Ann"]),
    feed_last=some.booleans(),
    notes=some.sampled_from([{}, {"why": [1, 2]}]),
)


@given(plans)
@settings(max_examples=60, deadline=None)
def test_a_plan_survives_yaml_and_json(plan: Plan) -> None:
    told = plan_to_data(plan)
    assert plan_to_data(plan_from_data(told)) == told
    assert yaml.safe_load(yaml.safe_dump(told)) == told
    back = plan_from_data(json.loads(json.dumps(told)))
    for one, other in zip(plan.edits, back.edits, strict=True):
        assert (one.site, one.op, one.strength, one.keep_norm) == (
            other.site,
            other.op,
            other.strength,
            other.keep_norm,
        )
        assert numpy.array_equal(one.value, other.value)
        assert (one.condition is None) == (other.condition is None)
    assert [(r.site, r.reduce, r.dtype) for r in plan.reads] == [(r.site, r.reduce, r.dtype) for r in back.reads]
    assert (plan.prefix, plan.speaker, plan.feed_last) == (back.prefix, back.speaker, back.feed_last)


def test_vectors_may_be_written_beside_the_data(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    vector = torch.tensor([0.5, -0.25, 3.0], dtype=torch.bfloat16)
    plan = Plan(edits=[Edit("embed", "add", vector), Edit("layers.0.mlp_out", "set", [[0.5, -0.25, 3.0]] * 2)])
    told = plan_to_data(plan, tmp_path)
    assert {path.suffix for path in tmp_path.iterdir()} == {".npy"} and len(list(tmp_path.iterdir())) == 2
    first, second = plan_from_data(told, tmp_path).edits
    assert first.value.tolist() == [0.5, -0.25, 3.0] and second.value.shape == (2, 3)


def test_every_kind_of_vector_file_is_read(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    direction = Direction([3.0, 4.0])
    direction.save(tmp_path / "mood.direction")
    numpy.save(tmp_path / "plain.npy", numpy.array([1, 2]))
    save_file({"one": numpy.ones(2), "two": numpy.zeros(2)}, tmp_path / "both.safetensors")
    (tmp_path / "folder").mkdir()
    direction.save(tmp_path / "folder" / "it")
    places = (tmp_path / "nothing here", tmp_path)
    for name in ("mood.direction", "mood.direction.safetensors", "mood.direction.json", "folder"):
        assert read_vector(name, places).values.tolist() == [3.0, 4.0]
    assert read_vector("plain", places).values.tolist() == [1.0, 2.0]
    assert read_vector({"file": "both.safetensors", "tensor": "two"}, places).values.tolist() == [0.0, 0.0]
    with pytest.raises(ConfigError, match="several tensors \\(one, two\\)"):
        read_vector("both.safetensors", places)
    with pytest.raises(UnknownNameError, match="did you mean 'two'"):
        read_vector({"file": "both", "tensor": "tow"}, places)
    with pytest.raises(UnknownNameError, match=r"did you mean 'plain\.npy'"):
        read_vector("plane.npy", places)
    assert read_vector("plain", places).digest == read_vector([1.0, 2.0]).digest != read_vector([1.0, 2.5]).digest


def test_a_file_that_is_no_vector_is_told(tmp_path: Path) -> None:
    (tmp_path / "bad.npy").write_text("no array")
    (tmp_path / "bad.safetensors").write_text("no tensors")
    (tmp_path / "notes.txt").write_text("1, 2")
    numpy.save(tmp_path / "nan.npy", numpy.array([1.0, float("nan")]))
    for name, said in [("bad.npy", "no array"), ("bad.safetensors", "no safetensors"), ("nan", "not finite")]:
        with pytest.raises(ConfigError, match=said):
            read_vector(name, (tmp_path,))
    with pytest.raises(ConfigError, match=r"no \.safetensors or \.npy file"):
        read_vector("notes.txt", (tmp_path,))
    for numbers_given in ([], [[1.0], [1.0, 2.0]], ["a"], 3, [True], [[[1.0]]]):
        with pytest.raises(ConfigError, match="no vector"):
            read_vector(numbers_given)


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"reeds": []}, "unknown key of a plan 'reeds'; did you mean 'reads'"),
    ({"reads": [{"sit": "embed"}]}, r"reads\[0\]\) 'sit'; did you mean 'site'"),
    ({"reads": [{}]}, r"reads\[0\]: a read needs the key 'site'"),
    ({"reads": {"site": "embed"}}, "reads is a list"),
    ({"reads": [{"site": "embed", "span": "turns(1)"}]}, "did you mean 'turn'"),
    ({"reads": [{"site": "embed", "top": 1.5}]}, "top is a whole number"),
    ({"edits": [{"site": "embed", "value": [1.0], "op": "ad"}]}, "did you mean 'add'"),
    ({"edits": [{"site": "embed", "op": "add"}]}, r"edits\[0\]: the operation add needs a value"),
    ({"edits": [{"site": "embed", "value": [1.0], "strength": [1, 2]}]}, r"\{by_token: \[1, 2\]\}"),
    ({"edits": [{"site": "embed", "value": [1.0], "strength": "much"}]}, "finite number"),
    ({"edits": [{"site": "embed", "value": [1.0], "keep_norm": "yes"}]}, "true or false"),
    ({"edits": [{"site": "embed", "value": [1.0], "condition": {"site": "embed"}}]}, "needs the key 'direction'"),
    ({"edits": [{"site": "embed", "op": "call", "value": [1.0]}]}, "module:function"),
    ({"notes": 3}, "notes is a mapping"),
]


@pytest.mark.parametrize(("data", "said"), WRONG, ids=[str(number) for number in range(len(WRONG))])
def test_what_is_wrong_is_told(data: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError if "needs" in said else Exception, match=said) as error:
        plan_from_data(data)
    assert isinstance(error.value, (ConfigError, UnknownNameError))


def test_a_function_is_named_and_others_are_refused(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("def double(x):\n    return 2 * x\n")
    (edit,) = plan_from_data({"edits": [{"site": "embed", "op": "call", "value": "own.py:double"}]}, tmp_path).edits
    assert edit.value(4) == 8
    told = plan_to_data(Plan(edits=[Edit("embed", "call", read_vector)]))
    assert told["edits"][0]["value"] == "sdialog.interpretability.files.vectors:read_vector"
    with pytest.raises(ConfigError, match="module:function"):
        plan_to_data(Plan(edits=[Edit("embed", "call", lambda x: x)]))


@pytest.mark.parametrize(
    ("written", "replies"),
    [
        (2, [2.0, 2.0]),
        ({"by_turn": [0, 1, 2]}, [0.0, 1.0, 2.0, 2.0]),
        ({"by_token": [3, 1]}, [(3.0, 1.0), (3.0, 1.0)]),
        ({"by_turn": [{"by_token": [3, 1]}, 0]}, [(3.0, 1.0), 0.0, 0.0]),
    ],
)
def test_schedules_hold_on_to_their_last_strength(written: Any, replies: list[Any]) -> None:
    schedule = Schedule.read(written)
    assert [schedule.at(reply) for reply in range(len(replies))] == replies
    assert Schedule.read(schedule.data()) == schedule


@pytest.mark.parametrize("written", [{"by_turns": [1]}, {"by_turn": []}, {"by_turn": [1], "by_token": [1]}, "2", None])
def test_what_is_no_schedule_is_refused(written: Any) -> None:
    with pytest.raises((ConfigError, UnknownNameError)):
        Schedule.read(written)
