"""The library: every file loads, people are varied, and a broken file is answered with file and line."""

from __future__ import annotations

from collections import Counter

import pytest

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.personas import Customer, Persona, SupportAgent, library

CARDS = [library.card(name) for name in library.names()]


@pytest.fixture
def folder(tmp_path):
    def write(name, text):
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        return file

    write.root = tmp_path
    return write


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.name)
def test_every_file_makes_a_persona_with_a_summary_and_tags(card):
    persona = card.persona()
    assert type(persona).__name__ == card.type
    assert persona.name
    assert card.summary.endswith(".") and "\n" not in card.summary
    assert len(card.tags) >= 2 and all(tag == tag.lower() for tag in card.tags)
    assert type(persona).from_dict(persona.json()) == persona


def test_the_people_are_many_and_varied():
    people = [card.persona() for card in CARDS]
    assert len(people) >= 48
    assert {card.domain for card in CARDS} == {
        *("support", "medical", "education", "finance", "retail", "travel"),
        *("legal", "it", "public-service", "restaurant", "general"),
    }
    assert len({card.language for card in CARDS}) >= 15
    assert sum(card.language != "English" for card in CARDS) >= len(CARDS) / 3
    ages = [person.age for person in people if getattr(person, "age", None)]
    assert min(ages) <= 15 and max(ages) >= 80
    assert len({age // 10 for age in ages}) >= 8
    genders = Counter(person.gender for person in people if hasattr(person, "gender"))
    assert {"female", "male", "non-binary"} <= set(genders)
    assert min(genders["female"], genders["male"]) >= 0.3 * sum(genders.values())
    assert max(Counter(tag for card in CARDS for tag in card.tags).values()) < len(CARDS) / 4


def test_names_are_unique_and_every_published_class_has_someone():
    from sdialog import personas

    full = [card.persona().name for card in CARDS]
    assert len(set(full)) == len(full)
    assert len({name.split()[0] for name in full}) == len(full)
    assert {card.type for card in CARDS} == set(personas.__all__) - {"BasePersona"}


def test_a_persona_is_loaded_by_name_new_each_time():
    ava, riley = library.load("support/ava"), library.load("support/riley")
    assert isinstance(ava, SupportAgent) and isinstance(riley, Customer)
    assert library.load("support/ava") is not ava
    patient = library.load("medical/minh")
    patient.symptoms.append("changed")
    assert "changed" not in library.load("medical/minh").symptoms


def test_people_are_found_by_domain_type_language_and_tag():
    assert "medical/chen" in library.find(domain="medical", type="doctor", language="MANDARIN")
    assert all(library.card(name).language == "Spanish" for name in library.find(language="Spanish"))
    assert "support/walter" in library.find(tag="elderly")
    assert library.find(domain="legal", language="Hindi") == []
    with pytest.raises(UnknownNameError, match="Spanish"):
        library.find(language="Spansh")


@pytest.mark.parametrize(
    ("name", "hint"), [("support/avva", "support/ava"), ("ava", "'support/ava'"), ("suport/riley", "support/riley")]
)
def test_a_name_that_is_not_there_is_answered_with_near_ones(name, hint):
    with pytest.raises(UnknownNameError, match=hint):
        library.load(name)


def test_a_folder_of_ones_own_comes_before_the_library(folder):
    folder("support/ava.yaml", "type: Persona\nname: Another Ava\n")
    folder("guild/wei.yml", "type: Persona\nname: Wei\nlanguage: Mandarin\n")
    assert library.names(folder.root) == ["guild/wei", "support/ava"]
    assert library.load("support/ava", folder.root).name == "Another Ava"
    assert library.load("support/riley", folder.root).name == library.load("support/riley").name
    assert library.find(folder=folder.root, language="mandarin") == ["guild/wei"]
    with pytest.raises(ConfigError, match="nowhere"):
        library.names(folder.root / "nowhere")


def test_a_file_is_loaded_by_its_path(folder, monkeypatch):
    file = folder("ana.yaml", "type: Persona\nname: Ana\n")
    Persona(name="Bo", age=7).to_file(folder.root / "bo.json")
    assert library.load(file) == Persona(name="Ana")
    assert library.load("ana.yaml", folder.root) == Persona(name="Ana")
    assert library.load(str(folder.root / "bo.json")) == Persona(name="Bo", age=7)
    monkeypatch.chdir(folder.root)
    assert library.load("ana.yaml") == Persona(name="Ana")
    with pytest.raises(ConfigError, match=r"nobody\.yaml"):
        library.load("nobody.yaml")


def test_a_changed_file_is_read_again(folder):
    file = folder("ana.yaml", "type: Persona\nname: Ana\n")
    assert library.load(file).name == "Ana"
    file.write_text("type: Persona\nname: Another Ana\n", encoding="utf-8")
    assert library.load(file).name == "Another Ana"


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("type: Customer\nname: Al\nisue: late\n", 3, "no attribute 'isue'; did you mean 'issue'"),
        ("type: Customer\nname: Al\noccupation: 12\n", 3, "occupation cannot be 12.*in quotes"),
        ("type: Customer\nname: Al\nname: Bo\n", 3, "'name' stands already in line 2"),
        ("type: Customer\nissue: he said: no\n", 2, "not readable as YAML"),
        ("- type: Customer\n", 1, "attribute: value"),
        ("", 1, "attribute: value"),
        ("name: Al\n", 1, "'type: Customer'"),
        ("type: Customer\ntags: billing\n", 2, "tags is a list"),
        ("type: !!python/object:os.system {}\n", 1, "not readable as YAML"),
    ],
)
def test_a_broken_file_is_answered_with_file_line_and_cure(folder, text, line, words):
    file = folder("al.yaml", text)
    with pytest.raises(ConfigError, match=words) as caught:
        library.load(file)
    assert str(caught.value).startswith(f"{file}, line {line}: ")


@pytest.mark.parametrize(
    "content", ["name: Zoé".encode("latin-1"), b"name: \x01", b"type: Persona\nname: 2024-13-45\n"]
)
def test_a_file_that_is_no_text_is_answered_with_its_name(folder, content):
    file = folder("al.yaml", "")
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=r"al\.yaml.*: not readable as YAML"):
        library.load(file)


def test_an_unknown_type_in_a_file_is_answered_with_near_names(folder):
    with pytest.raises(UnknownNameError, match="Customer"):
        library.load(folder("al.yaml", "type: Custommer\n"))


def test_two_files_of_one_name_are_refused(folder):
    folder("a/al.yaml", "type: Persona\n")
    folder("a/al.yml", "type: Persona\n")
    with pytest.raises(ConfigError, match="two persona files want the name 'a/al'"):
        library.names(folder.root)
