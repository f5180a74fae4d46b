from __future__ import annotations

import copy
import json
import pickle
import re
import sys

import pytest
from core.strategies import dialogs
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Context, Dialog, Event, Instruction, Turn
from sdialog.base import BaseAttributeModel
from sdialog.core.errors import DialogFormatError, UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.core.turns import owners


class Mariner(BaseAttributeModel):
    name: str = ""
    ship: str = "Argo"


def event(agent, action="utter", content="x", label=None, at=0):
    return Event(agent=agent, action=action, content=content, actionLabel=label, timestamp=at)


@pytest.fixture
def talk():
    return Dialog(
        id="talk",
        turns=[
            Turn(speaker="Ann", text="Hi there!"),
            Turn(speaker="Bob", text="It is sunny."),
            Turn(speaker="Ann", text="Bye"),
        ],
        events=[
            event("Ann", "instruct", "be short", "Len"),
            event("Bob", "think", "early thought"),
            event("Ann", content="Hi there!"),
            event("Bob", "tool", {"name": "wx", "args": {}, "id": "1"}, "call"),
            event("Bob", content="It is sunny."),
            event("Ann", content="Bye"),
            event("Bob", "think", "afterthought"),
        ],
        personas={"Ann": {"name": "Ann"}, "Bob": {"name": "Bob"}},
        context={"location": "quay"},
        models={"Ann": {"name": "m"}},
    )


def test_a_new_dialog_says_what_it_is():
    dialog = Dialog(turns=[Turn(speaker="A", text="hi")])
    data = dialog.json()
    assert list(data) == [
        "version", "timestamp", "model", "seed", "id", "parentId", "complete", "personas", "context", "scenario",
        "turns", "events", "annotations", "notes", "stopReason", "models", "schemaVersion",
    ]  # fmt: skip
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", data["timestamp"])
    assert re.fullmatch(r"[0-9a-f-]{36}", data["id"])
    assert data["turns"] == [{"speaker": "A", "text": "hi"}]
    assert data["events"] is None
    assert Dialog().turns == [] and not Dialog()


def test_turns():
    turn = Turn(speaker="Zoé", text="two  words")
    assert (len(turn), str(turn), str(Turn(text="x")), str(Turn(speaker="", text="x"))) == (
        2,
        "Zoé: two  words",
        "x",
        "x",
    )
    assert turn.prompt() == '{\n  "speaker": "Zoé",\n  "text": "two  words"\n}'
    assert Turn.model_validate({"text": "x", "unknown": 1}) == Turn(text="x")
    assert Instruction(text="do", events=event("A")).events == event("A")
    assert Instruction().text is None


def test_indexing_iterating_and_text(talk):
    assert talk[0].text == "Hi there!" and talk[-1].text == "Bye"
    assert [turn.speaker for turn in talk] == ["Ann", "Bob", "Ann"]
    assert str(talk) == "Ann: Hi there!\nBob: It is sunny.\nAnn: Bye"
    assert Dialog(turns=[Turn(text="a\nb\r\nc")]).description() == "a b c"
    assert Dialog(turns=[Turn(text="a")]).description("{speaker}|{text}") == "|a"
    assert '"text": "Bye"' in talk.prompt()
    with pytest.raises(TypeError, match="slice, not by str"):
        talk["a"]
    with pytest.raises(IndexError):
        talk[3]


def test_string_methods_change_the_dialog_and_return_it(talk):
    assert talk.lower() is talk and talk[0].text == "hi there!"
    assert talk.upper()[0].text == "HI THERE!"
    assert talk.title()[0].text == "Hi There!"
    assert talk.capitalize()[0].text == "Hi there!"
    assert talk.replace("e", "E", 1)[0].text == "Hi thEre!"
    assert talk.strip("!B")[0].text == "Hi thEre" and talk[2].text == "yE"
    assert talk.re_sub(r"h(.)", lambda m: m[1].upper(), flags=re.IGNORECASE)[0].text == "I tEre"
    assert talk.re_sub(re.compile("I"), "i", count=1)[0].text == "i tEre"
    assert talk.events[2].content == "Hi there!"


def test_string_methods_leave_the_dialog_alone_on_request(talk):
    before = copy.deepcopy(talk)
    for changed in (
        talk.lower(in_place=False),
        talk.upper(in_place=False),
        talk.title(in_place=False),
        talk.strip("H", in_place=False),
        talk.replace("i", "o", in_place=False),
        talk.re_sub("i", "o", in_place=False),
        talk.rename_speaker("Ann", "Eve", in_place=False),
    ):
        assert changed.parentId == "talk" and changed.turns != before.turns
    assert talk == before


@pytest.mark.parametrize(
    ("mode", "words", "expected"),
    [("words", 7, 7), ("TURNS", 7, 1), ("minutes", 0, 1), ("time", 195, 2), ("minutes", 325, 2), ("minutes", 455, 4)],
)
def test_length(mode, words, expected):
    assert Dialog(turns=[Turn(text="word " * words)]).length(mode) == expected


def test_length_in_unknown_units_is_refused(talk):
    assert talk.length() == 6
    with pytest.raises(UserError, match="not 'miles'"):
        talk.length("miles")


def test_speakers(talk):
    assert talk.get_speakers() == ["Ann", "Bob"]
    mixed = Dialog(turns=[Turn(speaker=s, text="x") for s in ("b", "A", None, "", "B", "a")])
    assert mixed.get_speakers() == ["b", "A", "B", "a"]
    assert mixed.get_speakers(keep_case=False) == ["b", "a"]


def test_rename_speaker(talk):
    assert talk.rename_speaker("ann", "Eve") is talk
    assert talk.get_speakers() == ["Eve", "Bob"]
    assert {e.agent for e in talk.events} == {"Eve", "Bob"}
    assert list(talk.personas) == ["Eve", "Bob"] and list(talk.models) == ["Eve"]
    assert talk.rename_speaker("EVE", "X", case_sensitive=True).get_speakers() == ["Eve", "Bob"]
    talk.rename_speaker("Eve", "Y", in_events=False)
    assert talk.events[0].agent == "Eve" and talk[0].speaker == "Y"


def test_filter_keeps_one_speaker_and_copies(talk):
    before = copy.deepcopy(talk)
    only = talk.filter("BOB")
    assert [turn.text for turn in only] == ["It is sunny."]
    assert {e.agent for e in only.events} == {"Bob"} and len(only.events) == 4
    only.upper().rename_speaker("Bob", "Eve").events[1].content["name"] = "changed"
    assert talk == before
    assert only.parentId == "talk"


def test_filter_by_nobody_and_by_strangers(caplog):
    dialog = Dialog(turns=[Turn(text="narration"), Turn(speaker="A", text="hi")], events=[event(None), event("A")])
    assert [turn.text for turn in dialog.filter(None)] == ["narration"]
    assert dialog.filter("A").events == [event("A")]
    assert not dialog.filter("Z") and "'Z'" in caplog.text


def test_slices_are_copies_with_their_own_events(talk):
    before = copy.deepcopy(talk)
    first, second = talk[:1], talk[1:2]
    assert [e.content for e in first.events] == ["be short", "Hi there!"]
    assert [e.actionLabel or e.content for e in second.events] == ["early thought", "call", "It is sunny."]
    assert [e.content for e in talk[2:].events] == ["Bye", "afterthought"]
    assert [turn.text for turn in talk[::-1]] == ["Bye", "It is sunny.", "Hi there!"]
    first.upper()
    second.events[1].content["name"] = "changed"
    assert talk == before
    assert first.parentId == "talk" and first.id != "talk" and first.context == talk.context
    assert Dialog()[:1].events is None and talk[5:].events == []


def test_events_of_a_turn(talk):
    assert [e.action for e in talk.events_of(1)] == ["think", "tool", "utter"]
    assert talk.events_of(-1) == [talk.events[5]]
    assert Dialog(turns=[Turn(text="x")]).events_of(0) == []
    with pytest.raises(IndexError):
        talk.events_of(3)


def test_events_find_their_turns_by_their_words_where_numbers_differ():
    said = [Turn(speaker="A", text="one"), Turn(speaker="B", text="three")]
    log = [event("A", content="one"), event("A", content="lost"), event("B", "think"), event("B", content="three")]
    assert owners(said, log) == [0, 2, 1, 1]


@given(dialogs, st.slices(6))
def test_any_slice_keeps_order_and_shares_nothing(dialog, where):
    part = dialog[where]
    assert part.turns == (dialog.turns or [])[where]
    shared = {id(x) for x in (part.turns or []) + (part.events or [])} & {
        id(x) for x in (dialog.turns or []) + (dialog.events or [])
    }
    assert not shared
    if dialog.events is not None and where.step in (None, 1):
        rest = iter(dialog.events)
        assert all(e in rest for e in part.events), "events keep their order"


@given(dialogs)
def test_halves_have_all_events_between_them(dialog):
    middle = len(dialog) // 2
    if dialog.events and dialog.turns:
        halves = [dialog[:middle], dialog[middle:]]
        assert sum(len(half.events) for half in halves) == len(dialog.events)


@given(dialogs)
def test_a_clone_is_equal_but_for_its_origin(dialog):
    twin = dialog.clone(new_id="twin")
    assert twin.id == "twin" and twin.parentId == dialog.id
    twin.id, twin.parentId = dialog.id, dialog.parentId
    assert twin == dialog
    assert pickle.loads(pickle.dumps(dialog)) == dialog


def test_a_clone_shares_nothing(talk):
    talk.notes, talk._path = {"list": [1]}, "somewhere"
    twin = talk.clone()
    twin.notes["list"].append(2)
    twin.personas["Ann"]["name"] = twin.turns[0].text = "changed"
    twin.events[3].content["args"]["x"] = 1
    assert talk.notes == {"list": [1]} and talk.personas["Ann"]["name"] == "Ann" and talk[0].text == "Hi there!"
    assert talk.events[3].content["args"] == {} and twin._path is None


def test_equality_is_about_content():
    data = {"id": 1, "timestamp": None}
    one, two = Dialog(**data), Dialog(**data)
    one._path = "a.json"
    assert one == two != Dialog(id=2, timestamp=None)
    assert one != "a string"


def test_files_of_earlier_versions_load():
    old = {
        "formatVersion": "0.0.5", "version": "0.0.2+" + "a" * 40, "dialogId": 17, "model": "llama2", "seed": 1,
        "turns": [{"speaker": "A", "text": "hi", "extra": 1}], "unknown": {"x": 1},
        "events": [{"agent": "A", "action": "utter", "content": "hi", "timestamp": 5, "more": 2}],
    }  # fmt: skip
    dialog = Dialog.from_dict(old)
    assert dialog.id == 17 and dialog.version.endswith("a" * 40) and dialog[0].text == "hi"
    assert Dialog.from_dict({"turns": None}).length() == 0
    assert Dialog.from_dict({"model": {"name": "m", "seed": 3}}).model["seed"] == 3


def test_what_is_no_dialog_is_refused_with_the_place():
    with pytest.raises(DialogFormatError, match=r"turns\[0\]: .*\(and 1 more\)"):
        Dialog.from_dict({"events": [{"action": "utter", "content": "", "timestamp": "now"}], "turns": [3]})
    with pytest.raises(DialogFormatError, match=r"events\[0\].timestamp: .*integer"):
        Dialog.from_dict({"events": [{"action": "utter", "content": "", "timestamp": "now"}]})
    with pytest.raises(ValueError, match="line 2: not JSON"):
        Dialog.from_json("{\n]")


def test_json_of_strange_values():
    dialog = Dialog(notes={"set": {1}, "obj": Mariner(name="Jo"), "class": Mariner, "bytes": b"\xff", 3: (1, 2)})
    notes = dialog.json()["notes"]
    assert notes["obj"] == {"name": "Jo", "ship": "Argo"} and notes["3"] == [1, 2] and "Mariner" in notes["class"]
    assert Dialog.from_json(dialog.json_line()).notes == notes
    assert "\\u00e9" in Dialog(notes="é").json(string=True, ensure_ascii=True)
    assert "é" in Dialog(notes="é").json(string=True)


def test_personas_and_contexts_are_kept_as_data_and_come_back():
    dialog = Dialog(personas={"Jo": Mariner(name="Jo")}, context=Context(location="sea", topics=["wind"]))
    again = Dialog.from_json(dialog.json_line())
    assert again == dialog
    assert again.get_persona("Jo") == Mariner(name="Jo") and type(again.get_persona("Jo")) is Mariner
    assert again.context == {"location": "sea", "topics": ["wind"]}
    assert Context.from_dict(again.context) == Context(location="sea", topics=["wind"])
    with pytest.raises(UnknownNameError, match="persona 'jo'; did you mean 'Jo'"):
        again.get_persona("jo")


def test_personas_kept_without_a_class_name():
    dialog = Dialog(personas={"Jo": {"name": "Jo", "ship": "Beagle"}})
    assert dialog.get_persona("Jo") == Mariner(name="Jo", ship="Beagle")
    assert dialog.get_persona("Jo", object_class=Mariner).ship == "Beagle"


@pytest.mark.skipif("sdialog.audio" in sys.modules, reason="there is an audio part")
def test_audio_says_when_it_is_not_there(talk):
    try:
        import sdialog.audio  # noqa: F401
    except ImportError:
        with pytest.raises(UnsupportedFeatureError, match="without its audio part"):
            talk.to_audio("x.wav")


@pytest.mark.parametrize(
    "data",
    [{"foo": 1, "bar": 2}, {"name": "Ann", "role": "customer"}, {"id": "e", "items": [{"who": "Ann", "what": "Hi"}]}],
)
def test_an_object_without_a_field_of_a_dialog_is_none(data, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(data))
    for load in (lambda: Dialog.from_dict(data), lambda: Dialog.from_json(json.dumps(data))):
        with pytest.raises(DialogFormatError, match=r"neither turns nor events, but unknown fields: '\w+'"):
            load()
    with pytest.raises(DialogFormatError, match=r"config\.json"):
        Dialog.from_file(tmp_path / "config.json")
    assert Dialog.from_dict({}).turns == []
