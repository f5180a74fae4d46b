from __future__ import annotations

import re

import numpy
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn, util


def talk(*lines):
    return Dialog(turns=[Turn(speaker=line[0], text=line[1:]) for line in lines])


def test_tables(capsys):
    data = {"b": {"score": 0.512, "n": 3}, "a": {"score": 0.2, "extra": "x"}, "c": {"n": 1}}
    text = util.dict_to_table(data, sort_by="score", format=".1f")
    assert capsys.readouterr().out == text + "\n"
    assert [line.split("|")[1].strip() for line in text.splitlines() if line.startswith("|")] == [
        "dataset",
        "a",
        "b",
        "c",
    ]
    assert "0.5" in text and "0.51" not in text
    descending = util.dict_to_table(data, sort_by="score", sort_ascending=False, markdown=True, show=False)
    assert [line.split("|")[1].strip() for line in descending.splitlines()[2:]] == ["b", "a", "c"]
    assert util.dict_to_table({}, show=False) == "(empty table)"
    with pytest.raises(ValueError, match="no column 'scor'"):
        util.dict_to_table(data, sort_by="scor", show=False)


def test_utterance_pairs():
    dialogs = [talk("Ahi", "Bhello", "Bhow?", "Afine"), talk("Abye")]
    assert util.dialogs_to_utt_pairs(dialogs) == (["hi", "hello", "how?"], ["hello", "how?", "fine"])
    assert util.dialogs_to_utt_pairs(dialogs, ai_speaker="b") == (["hi"], ["hello"])
    with pytest.raises(ValueError, match="'Z' answers"):
        util.dialogs_to_utt_pairs(dialogs, ai_speaker="Z")


@given(st.lists(st.floats(-5, 5), min_size=1, max_size=5), st.floats(0.01, 5))
def test_softmax_is_a_distribution_that_keeps_order(values, temperature):
    shares = util.softmax(values, temperature)
    assert sum(shares) == pytest.approx(1) and min(shares) >= 0
    assert numpy.allclose(util.softmax(values, temperature, as_list=False), shares)
    assert all(
        a <= b or x > y for x, a in zip(values, shares, strict=True) for y, b in zip(values, shares, strict=True)
    )


def test_nearest_neighbours():
    model = util.KNNModel([("e", [2, 0]), ("n", [0, 1]), ("w", [-1, 0]), ("zero", [0, 0])], k=2)
    assert [i for i, _ in model([1, 0.1])] == ["e", "n"]
    assert model.neighbors([1, 0], k=1) == [("e", pytest.approx(0))]
    assert [[i for i, _ in row] for row in model([[1, 0], [-1, 0]], k=1)] == [["e"], ["w"]]
    assert dict(model([1, 0], k=4))["zero"] == 1
    with pytest.raises(ValueError, match="at least one"):
        util.KNNModel([])


def test_names_and_texts():
    assert util.camel_or_snake_to_words("yearsOfWork") == "years Of Work"
    assert util.camel_or_snake_to_words("snake_case") == "snake case"
    assert util.upper_camel_to_dash("LengthOrchestrator") == "length-orchestrator"
    assert util.remove_newlines("a\r\n b") == "a b" and util.remove_newlines(3) == 3
    assert util.remove_audio_tags("<b>Hi</b> 3 < 4") == "Hi 3 < 4"
    assert len(util.get_universal_id()) == 36
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", util.get_timestamp())


def test_make_serializable_works_in_place():
    data = {"turn": talk("Ahi"), "set": {1}, "fine": [1]}
    assert util.make_serializable(data) is data
    assert data["turn"]["turns"][0]["text"] == "hi" and data["set"] == "{1}" and data["fine"] == [1]
    with pytest.raises(TypeError, match="not list"):
        util.make_serializable([])


def test_model_name_predicates_agree_with_the_names():
    kinds = {
        "openai:org/model": util.is_openai_model_name, "qwen3:14b": util.is_ollama_model_name,
        "ollama:hf.co/a/b": util.is_ollama_model_name, "org/model": util.is_huggingface_model_name,
    }  # fmt: skip
    for name, predicate in kinds.items():
        assert [other for other in kinds.values() if other(name)] == [predicate] * list(kinds.values()).count(predicate)
    assert not util.is_openai_model_name(3) and not util.is_ollama_model_name("")


def test_models_by_name(tmp_path):
    (tmp_path / "replies.txt").write_text("Hello!\n")
    model, options = util.get_llm_model(
        f"scripted:{tmp_path}/replies.txt", return_model_params=True, temperature=0.5, api_key="hush"
    )
    assert model.name.startswith("scripted:") and options["temperature"] == 0.5 and "hush" not in str(options)
    _, options = util.get_llm_model(f"scripted:{tmp_path}/replies.txt", return_model_params=True, think=False)
    assert options == {"think": False}
    with pytest.raises(ValueError, match="give them to the Agent"):
        util.get_llm_model(f"scripted:{tmp_path}/replies.txt", tools=[print])
