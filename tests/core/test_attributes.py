from __future__ import annotations

import json

import pytest
from core.strategies import texts
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field, ValidationError

from sdialog import Context
from sdialog.base import BaseAttributeModel, Metadata
from sdialog.core.attributes import find_class, known_classes
from sdialog.core.errors import DialogFormatError, UnknownNameError


class Address(BaseModel):
    city: str
    tags: list[str] = []


class Diver(BaseAttributeModel):
    name: str = Field("", description="What people call the diver.")
    depth: int | str = ""
    language: str = "English"
    gear: str | list[str] = ""
    address: Address | None = None
    extra_data: dict[str, list[int]] = Field(default_factory=dict)


class DeepDiver(Diver):
    gas: str = "trimix"


class Registered(BaseAttributeModel):
    licence_number: int
    holder_name: str | None


divers = st.builds(
    Diver, name=texts, depth=st.integers() | texts, language=texts, gear=texts | st.lists(texts, max_size=3)
)


@given(divers)
def test_everything_comes_back_from_its_own_json(diver):
    assert Diver.from_dict(diver.json()) == diver
    assert Diver.from_json(diver.json(string=True)) == diver
    assert BaseAttributeModel.from_dict(diver.record()) == diver
    assert diver.json() == Diver.from_dict(diver.json()).json()


def test_json_leaves_out_what_would_come_back_anyway():
    assert Diver(name="Zoé").json() == {"name": "Zoé", "language": "English", "extra_data": {}}
    assert Diver(language="").json()["language"] == ""
    assert '"Zoé"' in Diver(name="Zoé").prompt() and "_metadata" not in Diver().clone().prompt()
    nested = Diver(address=Address(city="Nantes")).json()
    assert nested["address"] == {"city": "Nantes", "tags": []}
    assert Diver.from_dict(nested).address == Address(city="Nantes")
    assert Registered(licence_number=1, holder_name=None).json() == {"licence_number": 1, "holder_name": None}


def test_description_is_one_line_an_attribute():
    diver = Diver(name="Ann", gear=["mask", "fins"], address=Address(city="Brest"), language="")
    assert str(diver) == '* Name: Ann\n* Gear: mask, fins\n* Address: {"city": "Brest", "tags": []}'


def test_attributes_are_listed_and_shown(capsys):
    assert Context.attributes()[:2] == ["location", "datetime"]
    assert Diver().attributes() == list(Diver.model_fields)
    assert Diver.attributes(print=True) is None
    assert "What people call the diver." in capsys.readouterr().out


def test_unknown_attributes_are_refused():
    with pytest.raises(ValidationError, match="shoe_size"):
        Diver(shoe_size=3)
    with pytest.raises(ValidationError, match="shoe_size"):
        Diver().clone(shoe_size=3)


def test_clones_are_deep_and_know_their_parent():
    diver = Diver(name="Ann", language="", extra_data={"dives": [1]}, address=Address(city="Brest"))
    twin = diver.clone(name="Eve")
    assert (twin.name, twin.language, diver.name) == ("Eve", "", "Ann")
    twin.extra_data["dives"].append(2)
    twin.address.tags.append("x")
    assert diver.extra_data == {"dives": [1]} and diver.address.tags == []
    assert twin.get_metadata().className == "Diver" and twin.get_metadata().parentId is None
    third = twin.clone(new_id="third")
    assert third.get_metadata().id == "third" and third.get_metadata().parentId == twin.get_metadata().id
    assert diver.get_metadata() is None


def test_files(tmp_path):
    diver = Diver(name="Zoé", depth=40)
    diver.to_file(tmp_path / "new" / "diver.json")
    assert diver.get_metadata() is None
    text = (tmp_path / "new" / "diver.json").read_text(encoding="utf-8")
    saved = json.loads(text)
    assert saved["_metadata"]["className"] == "Diver" and "Zoé" in text
    for cls in (BaseAttributeModel, Diver):
        loaded = cls.from_file(tmp_path / "new" / "diver.json")
        assert loaded == diver and loaded.get_metadata().id == saved["_metadata"]["id"]
    with pytest.raises(FileNotFoundError):
        diver.to_file(tmp_path / "other" / "diver.json", makedir=False)
    (tmp_path / "bad.json").write_text('{"name":\n oops}')
    with pytest.raises(DialogFormatError, match=r"bad\.json, line 2: not JSON"):
        Diver.from_file(tmp_path / "bad.json")


def test_reading_does_not_change_what_is_read():
    data = Diver(name="A", extra_data={"x": [1]}).clone().json()
    before = json.dumps(data)
    loaded = BaseAttributeModel.from_dict(data)
    loaded.extra_data["x"].append(2)
    assert json.dumps(data) == before


def test_a_record_is_reproducible():
    assert Diver(name="A").record() == Diver(name="A").record()
    assert Diver(name="A").record()["_metadata"] == {"className": "Diver"}
    assert BaseAttributeModel.from_dict(Diver(name="A").record()).get_metadata() is None
    twin = Diver(name="A").clone(new_id=7)
    assert BaseAttributeModel.from_dict(twin.record())._metadata == twin._metadata


def test_which_class_is_built():
    deep = DeepDiver(name="A").record()
    assert type(Diver.from_dict(deep)) is DeepDiver
    assert type(BaseAttributeModel.from_dict({"name": "A"}, object_class=Diver)) is Diver
    assert type(BaseAttributeModel.from_dict(Diver(name="A").record(), object_class=DeepDiver)) is DeepDiver
    assert type(BaseAttributeModel.from_dict({"licence_number": 1, "holder_name": None})) is Registered
    qualified = {"name": "A", "_metadata": {"className": f"{Diver.__module__}.Diver"}}
    assert type(BaseAttributeModel.from_dict(qualified)) is Diver
    with pytest.raises(DialogFormatError, match="this is a Diver, not a Registered"):
        Registered.from_dict(Diver(name="A").record())


@pytest.mark.parametrize(
    ("data", "error", "says"),
    [
        ({"name": "A"}, DialogFormatError, "classes have all of its attributes"),
        ({"no_such_attribute": 1}, DialogFormatError, "no known class has all of its attributes"),
        ({"_metadata": {"className": "Divr"}}, UnknownNameError, "'Divr'; did you mean 'Diver'"),
        ({"depth": [1], "_metadata": {"className": "Diver"}}, DialogFormatError, "not a Diver: depth"),
        ({"_metadata": 3}, DialogFormatError, "broken _metadata"),
        ([1], DialogFormatError, "JSON object, not list"),
    ],
)
def test_what_cannot_be_built_says_why(data, error, says):
    with pytest.raises(error, match=says):
        BaseAttributeModel.from_dict(data)


def test_a_class_defined_later_is_known_and_the_newest_of_a_name_wins():
    def define(default):
        class Latecomer(BaseAttributeModel):
            how_late: str = default

        return Latecomer

    first = define("an hour")
    assert find_class("Latecomer") is first
    second = define("a day")
    assert find_class("Latecomer") is second and known_classes().count(second) == 1
    assert BaseAttributeModel.from_dict({"_metadata": {"className": "Latecomer"}}).how_late == "a day"


def test_published_personas_are_found_without_importing_them():
    assert find_class("Doctor").__module__.startswith("sdialog.personas")


def test_equality_ignores_metadata_but_not_class():
    assert Diver(name="A").clone() == Diver(name="A") != DeepDiver(name="A")
    assert Diver() != "text"


def test_metadata_defaults():
    metadata = Metadata()
    assert metadata.timestamp.endswith("Z") and len(metadata.id) == 36 and metadata.className is None


def test_print_shows_metadata_then_attributes(capsys):
    Diver(name="Ann", language="").clone(new_id="the-id").print()
    shown = capsys.readouterr().out
    assert shown.index("the-id") < shown.index("Diver Begins") < shown.index("Ann")
    assert "language" not in shown
