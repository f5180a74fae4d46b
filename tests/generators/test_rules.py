"""The rule grammar: what each rule gives, that draws are private and stable, and that mistakes are named."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.generators.rules import Ask, Fixed, apply_rules, parse
from sdialog.personas import Customer, Patient, Persona, SupportAgent


def value_of(rule, seed=13, field="role", model=Persona, **options):
    return apply_rules(model, {field: rule}, random.Random(seed), **options).values[field]


@pytest.mark.parametrize("rule", [42, 2.5, True, "plain text", "a {b} c"])
def test_a_plain_value_is_itself(rule):
    assert value_of(rule) == rule


@pytest.mark.parametrize("rule", ["*", "{llm}", "{{llm}}", " {llm} "])
def test_a_star_or_llm_asks_the_model(rule):
    assert parse(rule) == Ask()


@pytest.mark.parametrize("rule", ["{llm:a town: in Peru}", "{{llm:a town: in Peru}}"])
def test_a_hint_is_kept_whole(rule):
    filled = apply_rules(Persona, {"background": rule}, random.Random(1))
    assert filled.ask_llm == {"background": "a town: in Peru"}
    assert "background" not in filled.values


@given(st.integers(-50, 50), st.integers(0, 30), st.integers(), st.booleans())
def test_a_range_gives_whole_numbers_between_its_ends(low, width, seed, doubled):
    text = f"{{{low}-{low + width}}}"
    drawn = value_of(f"{{{text}}}" if doubled else text, seed)
    assert isinstance(drawn, int) and low <= drawn <= low + width


@given(st.integers())
def test_a_range_with_a_point_gives_numbers_of_that_precision(seed):
    drawn = value_of("{0.5-1.25}", seed)
    assert isinstance(drawn, float) and 0.5 <= drawn <= 1.25 and round(drawn, 2) == drawn


def test_both_ends_of_a_range_come_up():
    assert {value_of("{1-3}", seed) for seed in range(60)} == {1, 2, 3}


@pytest.mark.parametrize("rule", ["{80-18}", "{{2-1}}"])
def test_an_empty_range_is_refused(rule):
    with pytest.raises(ConfigError, match="empty"):
        parse(rule)


@pytest.mark.parametrize("rule", ["{2020-01-01}", "{llmX}", "{lmm}", "{}", "{18-}", "{txt}", "{txt:}"])
def test_text_in_braces_that_is_no_rule_is_named_with_the_rules_there_are(rule):
    with pytest.raises(UnknownNameError) as caught:
        apply_rules(Persona, {"age": rule}, random.Random(1))
    assert "age" in str(caught.value) and rule in str(caught.value) and "{llm:hint}" in str(caught.value)


def test_a_misspelt_rule_is_answered_with_the_near_one():
    with pytest.raises(UnknownNameError, match=r"did you mean '\{llm\}'"):
        apply_rules(Persona, {"age": "{lmm}"}, random.Random(1))


def test_a_list_of_one_is_a_literal():
    assert value_of(["{not a rule}"]) == "{not a rule}"


def test_a_list_gives_one_of_its_items_as_it_stands():
    symptoms = [["cough", "fever"], ["rash"]]
    assert {str(value_of(symptoms, seed, "symptoms", Patient)) for seed in range(30)} == set(map(str, symptoms))


def test_weights_are_obeyed():
    rule = {"choose": ["rare", "common", "never"], "weights": [1, 9, 0]}
    drawn = [value_of(rule, seed) for seed in range(400)]
    assert 15 <= drawn.count("rare") <= 80 and "never" not in drawn
    assert value_of({"choose": ["only"]}) == "only"


@pytest.mark.parametrize(
    "rule",
    [[], {"choose": []}, {"choose": "ab"}, {"choose": ["a"], "weights": [1, 2]}, {"choose": ["a"], "weights": [0]}],
)
def test_a_choice_of_nothing_is_refused(rule):
    with pytest.raises(ConfigError):
        parse(rule)


def test_another_mapping_is_a_plain_value():
    assert parse({"a": 1}) == Fixed({"a": 1})


def test_lines_and_cells_come_from_files(tmp_path):
    (tmp_path / "jobs.txt").write_text("﻿baker\n\n  welder \n", encoding="utf-8")
    (tmp_path / "people.csv").write_text('name,town\nZoé,"Lyon, France"\n,Oslo\n', encoding="utf-8", newline="")
    (tmp_path / "plain.tsv").write_text("1\tred\n2\tblue\n3\n", encoding="utf-8")

    def drawn(rule):
        return {value_of(rule, seed, folder=tmp_path) for seed in range(40)}

    assert drawn("{txt:jobs.txt}") == {"baker", "welder"}
    assert drawn("{csv:name:people.csv}") == {"Zoé"}
    assert drawn("{{csv:town:people.csv}}") == {"Lyon, France", "Oslo"}
    assert drawn("{csv:1:people.csv}") == {"town", "Lyon, France", "Oslo"}
    assert drawn("{tsv:1:plain.tsv}") == {"red", "blue"}
    assert value_of(f"{{txt:{tmp_path / 'jobs.txt'}}}") in {"baker", "welder"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ("{txt:gone.txt}", "gone.txt"),
        ("{txt:empty.txt}", "no entries"),
        ("{csv:town:people.csv}", "'town'; known: name"),
        ("{csv:7:people.csv}", "no entries"),
        ("{csv:people.csv}", "incomplete"),
        ("{csv:0:endless.csv}", r"cannot read .*endless\.csv: field larger"),
    ],
)
def test_a_file_rule_that_cannot_be_followed_says_why(tmp_path, rule, words):
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "people.csv").write_text("name\nAnn\n")
    (tmp_path / "endless.csv").write_text("a" * 200_000)
    with pytest.raises((ConfigError, UnknownNameError), match=words):
        value_of(rule, folder=tmp_path)


def test_a_file_is_read_once_and_again_when_it_changes(tmp_path):
    file = tmp_path / "jobs.txt"
    file.write_text("baker\n")
    assert value_of(f"{{txt:{file}}}") == "baker"
    file.write_text("welder\n")
    assert value_of(f"{{txt:{file}}}") == "welder"


def test_a_function_gets_by_name_what_it_has_parameters_for():
    seen = {}

    def everything(**attributes):
        seen.update(attributes)
        return "made"

    rules = {
        "name": "Ann",
        "age": 30,
        "background": "{llm}",
        "role": lambda: "baker",
        "personality": lambda age, name: f"{name} at {age}",
        "circumstances": everything,
    }
    values = apply_rules(Persona, rules, random.Random(1)).values
    assert (values["role"], values["personality"], values["circumstances"]) == ("baker", "Ann at 30", "made")
    assert seen["name"] == "Ann" and seen["background"] is None and seen["language"] == "English"


def test_a_function_may_draw_and_may_leave_it_to_the_model():
    rules = {"age": lambda rng: rng.randint(1, 10**9), "role": lambda: None}
    first, again = (apply_rules(Persona, rules, random.Random(7)) for _ in range(2))
    assert first.values["age"] == again.values["age"]
    assert first.ask_llm == {"role": ""}


def test_an_error_inside_a_function_is_its_own_and_names_the_attribute():
    def broken(age):
        return age + "x"

    with pytest.raises(TypeError) as caught:
        apply_rules(Persona, {"age": 3, "role": broken}, random.Random(1))
    assert "'role'" in caught.value.__notes__[0]


def test_a_rule_outranks_what_the_class_or_the_object_holds():
    assert value_of(["French"], field="language") == "French"
    assert value_of("Manager", field="role", model=SupportAgent) == "Manager"
    assert value_of(0, field="age", model=Persona(age=5)) == 0


def test_what_is_held_is_kept_and_only_gaps_are_asked():
    filled = apply_rules(Customer(name="Al", times_called=0), {}, random.Random(1), ask=["name", "times_called", "age"])
    assert filled.values == {"name": "Al", "language": "English", "times_called": 0}
    assert filled.ask_llm == {"age": ""}


def test_none_leaves_an_attribute_alone():
    assert apply_rules(Persona, {"age": None}, random.Random(1)).values == {"language": "English"}


def test_an_unknown_attribute_is_named_with_near_ones():
    with pytest.raises(UnknownNameError, match="did you mean 'age'"):
        apply_rules(Persona, {"agee": 1}, random.Random(1))


@given(st.integers(), st.permutations(["age", "role", "race"]))
def test_a_draw_depends_neither_on_the_order_nor_on_the_presence_of_other_rules(seed, order):
    rules = {"age": "{1-1000000}", "role": list(range(1000)), "race": "{1-1000000}"}
    whole = apply_rules(Persona, {name: rules[name] for name in order}, random.Random(seed)).values
    assert value_of(rules["age"], seed, "age") == whole["age"]
    assert whole == apply_rules(Persona, rules, random.Random(seed)).values


def test_the_global_random_state_is_left_alone():
    random.seed(5)  # the test's own use of it
    expected = random.random()
    random.seed(5)
    value_of("{1-100}")
    assert random.random() == expected
