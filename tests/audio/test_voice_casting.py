"""Casting: the best voices for all speakers together, none shared while one is free, everything recorded."""

from __future__ import annotations

import json
import random
import warnings

import numpy
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog.audio.tts.base import BaseDialogTTS, BaseTTS, PerTurnTTS, engines
from sdialog.audio.voices import (
    EspeakVoiceDatabase,
    ToneVoiceDatabase,
    Voice,
    VoiceDatabase,
    cast,
    database_for,
    facts_of,
    language_of,
    normalize_age,
    normalize_gender,
    resolve_voices,
)
from sdialog.core.errors import MissingDependencyError, UnknownNameError, UnsupportedFeatureError, UserError
from sdialog.personas import ExtendedPersona, Patient, Persona

ESPEAK = EspeakVoiceDatabase()


def row(identifier, gender, age, language="english", **more):
    return {
        "identifier": identifier, "gender": gender, "age": age, "voice": identifier, "language": language,
        "language_code": "x", **more,
    }  # fmt: skip


@pytest.mark.parametrize("count", [1, 2, 3, 8, 40])
def test_each_speaker_gets_a_voice_of_another_person(count):
    names = [f"S{number}" for number in range(count)]
    casting = cast(names, ESPEAK, seed=5)
    assert [one.speaker for one in casting] == names
    assert len({one.voice.person for one in casting}) == count
    assert not casting.fallbacks
    assert all(one.facts["drawn"] == ["gender", "age"] for one in casting)
    assert json.loads(json.dumps(casting.json())) == casting.json()


def test_nobody_speaks_in_nobody_is_cast():
    assert len(cast([], ESPEAK)) == 0


def test_the_same_seed_casts_the_same_and_another_one_does_not():
    names = [f"S{number}" for number in range(8)]
    persona = {"gender": "female", "age": 35}
    first = cast(names, ESPEAK, personas=[persona] * 8, seed=1)
    assert cast(names, ESPEAK, personas=[persona] * 8, seed=1).json() == first.json()
    others = {tuple(one.voice.identifier for one in cast(names, ESPEAK, seed=seed)) for seed in range(5)}
    assert len(others) == 5


def test_what_is_drawn_for_one_speaker_does_not_depend_on_the_others():
    alone = cast(["Bo"], ESPEAK, seed=3)["Bo"].facts
    beside = cast(["Ann", "Bo", "Cy"], ESPEAK, personas={"Ann": {"gender": "m", "age": 9}}, seed=3)["Bo"].facts
    assert alone == beside
    known = cast(["Bo"], ESPEAK, personas={"Bo": {"gender": "female"}}, seed=3)["Bo"].facts
    assert known["age"] == alone["age"]


def test_all_speakers_are_considered_together():
    # One after the other, Ann would take the voice of 40 and leave Bea with that of 70.
    database = VoiceDatabase([row("forty", "f", 40), row("seventy", "f", 70)])
    personas = {"Ann": {"gender": "f", "age": 56}, "Bea": {"gender": "f", "age": 30}}
    casting = cast(["Ann", "Bea"], database, personas=personas)
    assert [one.value for one in casting] == ["seventy", "forty"]


def test_gender_comes_before_age_and_language_before_both():
    database = VoiceDatabase(
        [row("en-f-30", "f", 30), row("fr-m-30", "m", 30, "French"), row("fr-f-80", "f", 80, "French")]
    )
    casting = cast(["A"], database, personas={"A": {"gender": "female", "age": 30, "language": "French"}})
    assert casting["A"].value == "fr-f-80"
    assert casting.fallbacks == [("A", "no free female voice of French near age 30: 80 instead")]
    both = cast(["A", "B"], database, personas={key: {"gender": "f", "age": 30, "language": "fr"} for key in "AB"})
    assert {one.value for one in both} == {"fr-m-30", "fr-f-80"}
    assert any("no free female voice of French: a male one instead" in reason for _, reason in both.fallbacks)


def test_a_language_without_voices_falls_back_to_english_and_says_so():
    casting = cast(["A"], ESPEAK, personas={"A": {"language": "Klingon", "age": 8, "gender": "male"}})
    assert casting["A"].language == "english"
    assert casting["A"].facts["language"] == "klingon"
    assert casting["A"].fallback == ("no Klingon voice: English instead",)
    only = VoiceDatabase([row("ines", "f", 30, "Spanish"), row("luc", "m", 30, "French"), row("li", "m", 31, "French")])
    assert cast(["A"], only, personas={"A": {"gender": "f", "age": 30}})["A"].language == "french"


def test_voices_are_shared_only_when_all_are_taken_and_then_evenly():
    database = VoiceDatabase([row(f"v{number}", "f", 20 + number) for number in range(3)])
    personas = [{"gender": "f", "age": 20}] * 7
    casting = cast([f"S{number}" for number in range(7)], database, personas=personas)
    counts = sorted(casting.values.count(value) for value in ("v0", "v1", "v2"))
    assert counts == [2, 2, 3]
    assert len(casting.fallbacks) == 4
    assert all("is shared with 'S" in reason and "all 3 are taken" in reason for _, reason in casting.fallbacks)
    loose = cast([f"S{number}" for number in range(3)], database, personas=personas[:3], avoid_reuse=False)
    assert loose.values == ["v0"] * 3


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("mf"), st.integers(5, 90), st.sampled_from(["english", "french"])), max_size=9),
    st.lists(st.tuples(st.sampled_from("mf"), st.integers(5, 90), st.sampled_from(["english", "french"])), min_size=1,
             max_size=6),
    st.integers(0, 9),
)  # fmt: skip
def test_no_voice_is_used_twice_while_one_of_its_language_is_free(asked, there, seed):
    database = VoiceDatabase([row(f"v{number}", *one) for number, one in enumerate(there)])
    personas = [{"gender": gender, "age": age, "language": language} for gender, age, language in asked]
    casting = cast([f"S{number}" for number in range(len(asked))], database, personas=personas, seed=seed)
    for language in database.languages():
        used = [one.value for one in casting if one.language == language]
        assert len(set(used)) == min(len(used), len(database.voices(language)))
    for one, (_, _, language) in zip(casting, asked, strict=True):
        assert one.language == language or language not in database.languages()


def test_two_of_one_name_are_two_speakers():
    personas = [{"gender": "female", "age": 35}, {"gender": "male", "age": 70}]
    casting = cast(["Sam", "Sam"], ESPEAK, personas=personas)
    assert [one.voice.gender for one in casting] == ["female", "male"]
    nothing_known = cast(["Sam", "Sam"], ESPEAK)
    assert nothing_known[0].facts != nothing_known[1].facts


@pytest.mark.parametrize(
    ("persona", "gender", "age", "language"),
    [
        (Persona(name="Ines", age="late fifties", gender="Woman", language="Spanish"), "female", 58, "spanish"),
        (Patient(age=8, gender="boy"), "male", 8, "english"),
        (ExtendedPersona(voice_characteristics="an elderly woman's voice, hoarse"), "female", 75, "english"),
        ({"background": "She is a nurse, 42 years old, with a 3-year-old son."}, "female", 42, "english"),
        ({"background": "A retired baker in his sixties who has an 8-year-old grandson."}, "male", 65, "english"),
        ({"name": "Mr. Okafor", "age_group": "teenager", "language": ["French", "English"]}, "male", 16, "french"),
        ({"pronouns": "they/she", "age": "sixty-two"}, "female", 62, "english"),
    ],
)
def test_facts_are_read_from_personas_of_any_class(persona, gender, age, language):
    before = repr(persona)
    facts = facts_of("Somebody", persona)
    assert (facts.gender, facts.age, facts.language, facts.drawn) == (gender, age, language, ())
    assert {"gender", "age"} <= set(facts.said)
    assert repr(persona) == before


def test_an_age_of_somebody_else_is_not_taken():
    facts = facts_of("A", {"background": "Has a 4-year-old daughter and drives a 10-year-old car."})
    assert "age" in facts.drawn and 20 <= facts.age <= 65
    assert facts_of("A", {"age": "unknown", "gender": "non-binary"}).drawn == ("gender", "age")


@pytest.mark.parametrize(
    ("text", "years"),
    [
        (41, 41), (0.4, 1), ("41", 41), ("8 years old", 8), ("25-30", 25), ("in her sixties", 65), ("early 30s", 32),
        ("mid-forties", 45), ("late 70s", 78), ("thirty five", 35), ("child", 10), ("kid", 10), ("teen", 16),
        ("adolescent", 16), ("young", 25), ("young adult", 25), ("adult", 35), ("middle-aged", 45), ("senior", 70),
        ("an old man", 70), ("elderly", 75), ("late teens", 18), ("6 months old", 1), ("born in 1980, adult", 35),
    ],
)  # fmt: skip
def test_ages_in_numbers_and_words(text, years):
    assert normalize_age(text, random.Random(0)) == years


@pytest.mark.parametrize("nothing", [None, "", "unknown", 0, -3, float("nan"), True, "secret"])
def test_an_age_that_nothing_says_is_between_20_and_65(nothing):
    for generator in (random.Random(1), numpy.random.Generator(numpy.random.PCG64(1))):
        drawn = {normalize_age(nothing, generator) for _ in range(200)}
        assert min(drawn) >= 20 and max(drawn) <= 65 and len(drawn) > 30


def test_genders_in_words():
    for text in ("male", "M", "man", "Boy", "masculine", "Male (he/him)", "malebodied"):
        assert normalize_gender(text, random.Random(0)) == "male"
    for text in ("female", "f", "Woman", "girl", "feminine", "FEMALE", "trans woman", "femalelike"):
        assert normalize_gender(text, random.Random(0)) == "female"
    coin = random.Random(0)
    heads = sum(normalize_gender("", coin) == "male" for _ in range(1000))
    assert 430 < heads < 570


@pytest.mark.parametrize(
    ("text", "language", "accent"),
    [
        ("French", "french", ""), ("fr", "french", ""), ("fr-FR", "french", ""), ("FR_be", "french", "belgian"),
        ("Brazilian Portuguese", "portuguese", "brazilian"), ("pt", "portuguese", ""), ("Chinese", "mandarin", ""),
        ("en-GB", "english", "british"), ("English (Scottish accent)", "english", "scottish"),
        ("Mexican Spanish", "spanish", "latin american"), ("Spanish and English", "spanish", ""),
        ("Klingon", "klingon", ""), ("Español", "spanish", ""),
    ],
)  # fmt: skip
def test_languages_by_name_code_and_accent(text, language, accent):
    assert language_of(text) == (language, accent)


def test_descriptions_choose_accent_pitch_and_pace():
    personas = {key: {"gender": "male", "age": 35, "language": "English"} for key in ["High", "Low"]}
    words = {"High": "high-pitched, quick", "Low": "deep and slow, with a Scottish accent"}
    for seed in range(5):
        casting = cast(["High", "Low"], ESPEAK, personas=personas, voice_description=words, seed=seed)
        high, low = casting["High"].voice, casting["Low"].voice
        assert low.accent == "scottish" and high.accent == "american"
        assert low.f0 < high.f0 and low.pace < high.pace
    assert casting["Low"].facts["said"]["pitch"] == "description: deep"
    irish = cast(["A"], ESPEAK, personas={"A": {"accent": "Irish"}})
    assert irish["A"].fallback == ("no irish accent of English: american instead",)
    called = cast(["A"], ESPEAK, voice_description=lambda speaker, persona: f"{speaker} has a child's voice")
    assert called["A"].facts["age"] == 10


def test_given_voices_by_name_number_text_and_role(tmp_path):
    path = tmp_path / "bea.wav"
    soundfile.write(path, numpy.zeros(800), 8000)
    mine = Voice(voice="mine", gender="male", age=50, identifier="mine")
    sound = (numpy.zeros(1600, dtype=numpy.float32), 16000)
    names = ["A", "B", "C", "D", "E", "F", "G"]
    given = {
        "A": str(path), 1: sound, "2": mine, "speaker_4": "en-us-woman-35a", "E": "en+f2",
        "F": ("fr-man-35a", "French"), "G": {"language": "de", "variant": "m3"},
    }  # fmt: skip
    casting = cast(names, ESPEAK, voices=given)
    assert [one.source for one in casting] == ["user"] * 7
    assert casting["A"].value == str(path)
    assert casting["B"].value[1] == 16000 and (casting["B"].value[0] == sound[0]).all()
    assert casting["C"].voice is mine
    assert casting["D"].voice.person == "woman-35a"
    assert casting["E"].value == "en+f2"
    assert casting["F"].language == "french"
    assert casting["G"].language == "german"
    told = json.dumps(casting.json())
    assert "digest" in told and len(told) < 10_000


def test_who_is_left_out_is_cast_beside_the_given_voices():
    given = {"A": "en-us-woman-35a"}
    personas = {key: {"gender": "female", "age": 35} for key in "ABCD"}
    casting = cast(list("ABCD"), ESPEAK, voices=given, personas=personas)
    assert {one.voice.identifier for one in casting} == {f"en-us-woman-35{letter}" for letter in "abcd"}
    assert [one.source for one in casting] == ["user", "db", "db", "db"]


@pytest.mark.parametrize(
    ("voices", "error", "words"),
    [
        ("dv", UnknownNameError, "did you mean 'db'"),
        ({"Bob": "x"}, UnknownNameError, "unknown speaker 'Bob'"),
        ({"Ann": "missing.wav"}, UserError, "there is no recording"),
        ({"Ann": "en-us-woman-35z"}, UnknownNameError, "en-us-woman-35"),
        ({"Ann": ("nobody", "French")}, UnknownNameError, "unknown french voice"),
        ({"Ann": (1, 2)}, UserError, "a pair is"),
        (["a", "b", "c"], UserError, "3 voices are given for 2 speakers"),
        (3.5, TypeError, "mapping from speakers"),
        ("random", UnsupportedFeatureError, "use voices='db'"),
        ("design", UnsupportedFeatureError, "design_voice"),
    ],
)
def test_errors_name_the_cure(voices, error, words):
    with pytest.raises(error, match=words):
        cast(["Ann", "Ben"], ESPEAK, voices=voices, engine=PerTurnTTS(engines.get("tone")()))


def test_a_recording_for_an_engine_that_imitates_none(tmp_path):
    path = tmp_path / "a.wav"
    soundfile.write(path, numpy.zeros(800), 8000)
    with pytest.raises(UnsupportedFeatureError, match="ToneTTS does not imitate recordings"):
        cast(["A"], ToneVoiceDatabase(), voices={"A": path}, engine=engines.get("tone")())


def test_without_a_database_every_voice_must_be_given():
    assert cast(["A"], None, voices={"A": "am_echo"}).values == ["am_echo"]
    with pytest.raises(UserError, match="'B' needs a voice from a database"):
        cast(["A", "B"], None, voices={"A": "am_echo"})
    with pytest.raises(UserError, match="holds no voice"):
        cast(["A"], VoiceDatabase([]))
    with pytest.raises(UserError, match="3 personas are given for 1 speakers"):
        cast(["A"], ESPEAK, personas=[None, None, None])


class Imitator(BaseDialogTTS):
    supports_random_voices = True
    supports_reference_audio = True

    def synthesize(self, turns, voices, seed=None):
        return []

    def design_voice(self, description, text, *, language, seed):
        return f"{description} | {text}"


def test_engines_that_choose_or_make_voices():
    casting = cast(["A", "B"], None, voices="random", engine=Imitator())
    assert casting.values == [None, None] and [one.source for one in casting] == ["random"] * 2
    mixed = cast(["A", "B"], None, voices={"A": "mine"}, engine=Imitator())
    assert [one.source for one in mixed] == ["user", "random"]
    personas = {"A": {"gender": "f", "age": 70}}
    found, told = resolve_voices(
        ["A"], personas, [(0, " ".join(["word"] * 60))], "design", Imitator(), random.Random(0)
    )
    assert found == [f"A female voice, about 70 years old. | {' '.join(['word'] * 40)}"]
    assert told["A"]["source"] == "design" and told["A"]["description"].startswith("A female voice")


def test_resolve_voices_as_published():
    generator = numpy.random.Generator(numpy.random.PCG64(1))
    personas = {"Ann": {"gender": "female", "age": 34, "language": "French"}}
    found, told = resolve_voices(["Ann", "Bo"], personas, [(0, "Hi")], "db", engines.get("espeak")(), generator)
    assert found[0]["language"] == "fr" and told["Ann"]["gender"] == "female" and told["Ann"]["source"] == "db"
    engine = PerTurnTTS(engines.get("tone")())
    found, told = resolve_voices(["Ann"], None, [], {"0": {"pitch": 200}}, engine, random.Random(1))
    assert found == [{"pitch": 200}] and told["Ann"]["source"] == "user"


class Foreign(BaseTTS):
    def generate(self, text, speaker_voice, tts_pipeline_kwargs=None):
        return numpy.zeros(10, dtype=numpy.float32), 8000


def test_which_database_a_value_or_an_engine_means(tmp_path):
    assert database_for(None, engines.get("espeak")()).name == "espeak"
    assert database_for(None, PerTurnTTS(engines.get("tone")())).name == "tone"
    assert database_for(ESPEAK) is ESPEAK
    assert database_for([row("a", "f", 3)]).languages() == ["english"]
    (tmp_path / "metadata.csv").write_text("identifier,gender,age,voice\nana,f,30,am_echo\n")
    assert database_for(tmp_path).get_voice("f", 30).voice == "am_echo"
    with pytest.raises(UserError, match="Foreign brings no voices: give voice_database="):
        database_for(None, Foreign())
    with pytest.raises(UserError, match="no voice database 'espeek'; use espeak, tone"):
        database_for("espeek")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found, _ = resolve_voices(["A"], None, [], {"A": "x"}, Foreign(), random.Random(0))
    assert found == ["x"]


def test_unknown_voices_of_espeak_are_found_out_before_anything_is_spoken():
    with pytest.raises((UnknownNameError, MissingDependencyError), match=r"unknown voice 'en\+f77'"):
        cast(["A"], ESPEAK, voices={"A": "en+f77"})
