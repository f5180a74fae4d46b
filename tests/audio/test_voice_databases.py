"""Voice databases: the published rules of drawing, tables and datasets of voices, and what messages say."""

from __future__ import annotations

import json
import warnings

import numpy
import pytest
import soundfile

from sdialog.audio import voice_database
from sdialog.audio.voices import (
    BaseVoiceDatabase,
    EspeakVoiceDatabase,
    HuggingFaceVoiceDatabase,
    HuggingfaceVoiceDatabase,
    LocalVoiceDatabase,
    ToneVoiceDatabase,
    Voice,
    VoiceDatabase,
    database_for,
    databases,
    is_a_audio_file,
    voice_rows,
)
from sdialog.core.errors import UnknownNameError, UserError


class Small(BaseVoiceDatabase):
    def populate(self):
        self.add_voice("female", 31, "ana", "af_ana", "English", "a")
        self.add_voice("F", 31, "bea", "af_bea", "english", "a")
        self.add_voice("female", 60, "cleo", "af_cleo", "english", "a")
        self.add_voice("m", 50, "dan", "am_dan", "english", "a")
        self.add_voice("male", 40, "luc", "fm_luc", "FRENCH", "f")


def test_published_paths_and_names():
    assert voice_database.VoiceDatabase is VoiceDatabase
    assert voice_database.HuggingfaceVoiceDatabase is HuggingFaceVoiceDatabase
    assert set(databases.names()) == {"espeak", "huggingface", "listed", "local", "tone"}
    assert Voice(voice="x").model_dump() == {
        "gender": "", "age": 0, "identifier": "", "voice": "x", "language": "english", "language_code": "a",
        "accent": "", "person": "", "f0": None, "pace": None,
    }  # fmt: skip


def test_data_are_by_language_then_gender_and_age():
    data = Small().get_data()
    assert set(data) == {"english", "french"}
    assert [voice.identifier for voice in data["english"]["female", 31]] == ["ana", "bea"]


def test_the_nearest_age_that_is_free_is_drawn():
    database = Small()
    drawn = [database.get_voice("female", 35, seed=1).identifier for _ in range(3)]
    assert set(drawn[:2]) == {"ana", "bea"} and drawn[2] == "cleo"
    with pytest.raises(ValueError, match="each female voice of english is in use; pass keep_duplicate=True"):
        database.get_voice("female", 35)
    assert database.get_voice("female", 35, keep_duplicate=True).age == 31
    database.reset_used_voices()
    assert database.get_voice("f", 70).identifier == "cleo"


def test_drawing_is_repeatable_and_leaves_the_database_in_order():
    first = [Small().get_voice("female", 31, seed=seed).identifier for seed in range(20)]
    assert first == [Small().get_voice("female", 31, seed=seed).identifier for seed in range(20)]
    assert set(first) == {"ana", "bea"}
    database = Small()
    for seed in range(10):
        database.get_voice("female", 31, keep_duplicate=True, seed=seed)
    assert [voice.identifier for voice in database.get_data()["english"]["female", 31]] == ["ana", "bea"]


def test_what_is_not_there_is_said_aloud():
    with pytest.warns(UserWarning, match="no voice of 'Dutch' in the voice database: English instead"):
        assert Small().get_voice("male", 50, "Dutch").identifier == "dan"
    with pytest.warns(UserWarning, match="no female voice of french: a male one instead"):
        assert Small().get_voice("female", 50, "French").identifier == "luc"
    with pytest.raises(UnknownNameError, match="french"):
        VoiceDatabase([{"voice": 1, "identifier": "a", "gender": "f", "age": 3, "language": "French"}]).get_voice(
            "f", 3, "Dutch"
        )
    with pytest.raises(ValueError, match="male, female, m or f, not 'x'"):
        Small().get_voice("x", 3)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Small().get_voice("m", 3, "fr-FR").identifier == "luc"


def test_voices_by_identifier():
    database = Small()
    assert database.get_voice_by_identifier("ana", "English").voice == "af_ana"
    with pytest.raises(ValueError, match="'ana' is in use already"):
        database.get_voice_by_identifier("ana", "english", keep_duplicate=False)
    with pytest.raises(ValueError, match="unknown english voice 'anna'; did you mean 'ana'"):
        database.get_voice_by_identifier("anna", "english")
    with pytest.raises(ValueError, match="unknown language of the voice database 'dutch'"):
        database.get_voice_by_identifier("ana", "dutch")
    assert database.get_voice("female", 31).identifier == "bea"


def test_two_voices_of_one_name_are_refused():
    with pytest.raises(UserError, match="voice 1: two english voices are called 'a'"):
        VoiceDatabase([{"voice": 1, "identifier": "a", "gender": "f", "age": age} for age in (3, 4)])


def test_statistics():
    numbers = Small().get_statistics()
    assert numbers["num_languages"] == 2
    assert numbers["overall"] == {
        "total": 5, "by_gender": {"female": 3, "male": 2}, "ages": {31: 2, 40: 1, 50: 1, 60: 1}
    }  # fmt: skip
    english = numbers["languages"]["english"]
    assert english["by_gender_age"] == {"female": {31: 2, 60: 1}, "male": {50: 1}}
    assert english["unique_speakers"] == 4 and english["language_codes"] == ["a"]
    assert english["age_stats"] == {"min": 31, "max": 60, "mean": 43.0}
    for style in ("markdown", "text"):
        text = Small().get_statistics(pretty=True, pretty_format=style)
        assert "Voice Database Statistics" in text and "french" in text
    assert "| english | 4 | 3 | 1 | 4 | 31-60 | a |" in Small().get_statistics(pretty=True)
    with pytest.raises(UserError, match="'markdown' or 'text'"):
        Small().get_statistics(pretty=True, pretty_format="html")
    assert VoiceDatabase([]).get_statistics()["overall"]["total"] == 0


def test_voices_from_mappings():
    row = {"voice": "v", "language": "French", "language_code": "f", "identifier": 7, "gender": "F", "age": "30"}
    voice = VoiceDatabase([row]).get_voice("female", 30, "french")
    assert (voice.identifier, voice.age, voice.language) == ("7", 30, "french")
    for name in ("voice", "identifier", "gender", "age"):
        with pytest.raises(ValueError, match=f"{name.capitalize()} column does not exist in the data"):
            VoiceDatabase([{key: value for key, value in row.items() if key != name}])
    for wrong in ("text", [1], {"a": 1}):
        with pytest.raises(ValueError, match="Data is not a list of dictionaries"):
            VoiceDatabase(wrong)
    with pytest.raises(ValueError, match="voice 0: age is a number of years, not 'x'"):
        VoiceDatabase([{**row, "age": "x"}])


ROWS = [
    {"identifier": "ana", "gender": "F", "age": 31, "file_name": "ana.wav", "language": "French", "language_code": "f"},
    {
        "identifier": "bob",
        "gender": "male",
        "age": 60,
        "file_name": "deep/bob.wav",
        "language": "",
        "language_code": "",
    },
]


@pytest.fixture
def recordings(tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("ana.wav", "deep/bob.wav"):
        soundfile.write(tmp_path / name, numpy.zeros(400), 8000)
    return tmp_path


@pytest.mark.parametrize("kind", ["csv", "tsv", "json", "columns"])
def test_recordings_with_a_table(recordings, kind):
    table = recordings / f"voices.{'json' if kind == 'columns' else kind}"
    if kind == "json":
        table.write_text(json.dumps(ROWS))
    elif kind == "columns":
        table.write_text(json.dumps({key: {str(n): row[key] for n, row in enumerate(ROWS)} for key in ROWS[0]}))
    else:
        lines = [ROWS[0].keys(), *(row.values() for row in ROWS)]
        table.write_text("\n".join(("," if kind == "csv" else "\t").join(map(str, line)) for line in lines))
    database = LocalVoiceDatabase(recordings, table)
    ana, bob = database.get_voice("f", 30, "french"), database.get_voice("m", 30)
    assert ana.voice == str((recordings / "ana.wav").resolve()) and ana.language_code == "f"
    assert bob.voice.endswith("bob.wav") and (bob.language, bob.language_code) == ("english", "e")


def test_messages_about_tables(recordings, tmp_path):
    table = recordings / "voices.csv"
    table.write_text("identifier,gender,age,voice\nana,f,31,ana.wav\nkokoro,f,31,af_heart\n")
    assert LocalVoiceDatabase(recordings, table).get_voice_by_identifier("kokoro", "english").voice == "af_heart"
    with pytest.raises(ValueError, match="Directory audios does not exist"):
        LocalVoiceDatabase(tmp_path / "no", table)
    with pytest.raises(ValueError, match="is not a directory"):
        LocalVoiceDatabase(table, table)
    with pytest.raises(ValueError, match="Metadata file does not exist"):
        LocalVoiceDatabase(recordings, tmp_path / "no.csv")
    with pytest.raises(ValueError, match="is not a csv / tsv / json file"):
        LocalVoiceDatabase(recordings, recordings / "ana.wav")
    for content, words in [
        ("identifier,gender,age\na,f,3", "Voice or file_name column does not exist"),
        ("identifier,age,voice\na,3,x", "Gender column does not exist"),
        ("identifier,gender,voice\na,f,x", "Age column does not exist"),
        ("gender,age,voice\nf,3,x", "Speaker id .* column does not exist"),
        ("identifier,gender,age,voice\na,f,3,b.wav", "voice 1: there is no recording"),
        ("identifier,gender,age,voice\na,,3,x", "voice 1: gender is empty"),
        ("identifier,gender,age,voice\na,f,3,", "voice 1: voice and file_name are empty"),
    ]:
        table.write_text(content)
        with pytest.raises(ValueError, match=words):
            LocalVoiceDatabase(recordings, table)


def test_names_of_recordings():
    assert is_a_audio_file("a.WAV") and is_a_audio_file("b/c.flac") and is_a_audio_file("x.aif")
    assert not is_a_audio_file("my.wave.txt") and not is_a_audio_file("wav")


@pytest.mark.slow
def test_a_saved_dataset_of_recordings(tmp_path):
    datasets = pytest.importorskip("datasets")
    tone = numpy.sin(numpy.arange(1600) / 5).astype(numpy.float32) / 2
    soundfile.write(tmp_path / "a.wav", tone, 16000)
    with_sound = datasets.Dataset.from_dict(
        {
            "audio": [str(tmp_path / "a.wav")],
            "gender": ["F"],
            "age": [30],
            "identifier": ["ana"],
            "language": ["English"],
        }
    ).cast_column("audio", datasets.Audio(decode=False))
    datasets.DatasetDict({"train": with_sound}).save_to_disk(tmp_path / "sound")
    voice = HuggingfaceVoiceDatabase(tmp_path / "sound").get_voice("f", 30)
    assert voice.voice[1] == 16000 and numpy.abs(voice.voice[0] - tone).max() < 1e-4
    assert (voice.identifier, voice.language, voice.language_code) == ("ana", "english", "e")
    with pytest.raises(UserError, match="no split 'test'; it has train"):
        HuggingfaceVoiceDatabase(tmp_path / "sound", subset="test")

    datasets.Dataset.from_dict({"voice": ["af_a", "af_b"]}).save_to_disk(tmp_path / "names")
    database = database_for(tmp_path / "names")
    assert [voice.identifier for voice in database.voices()] == ["voice_0", "voice_1"]
    assert all(18 <= voice.age <= 65 for voice in database.voices())
    again = HuggingfaceVoiceDatabase(tmp_path / "names")
    assert [voice.json_data() for voice in again.voices()] == [voice.json_data() for voice in database.voices()]
    datasets.Dataset.from_dict({"gender": ["f"]}).save_to_disk(tmp_path / "neither")
    with pytest.raises(ValueError, match="row 0: it has neither audio nor voice"):
        HuggingfaceVoiceDatabase(tmp_path / "neither")


def test_rows_for_a_table():
    rows = voice_rows(EspeakVoiceDatabase(), language="Scottish English", gender="female")
    assert len(rows) == 24 and {row["accent"] for row in rows} == {"scottish"}
    assert len(voice_rows(ToneVoiceDatabase(), language="de")) == 48
    with pytest.raises(
        UnknownNameError, match="unknown language of the voice database 'frensh'; did you mean 'french'"
    ):
        voice_rows(EspeakVoiceDatabase(), language="frensh")
