"""All features at once: the same values as one by one, from one reading of the dialog; the published shim."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import ConfigError, UnknownNameError
from sdialog.evaluation import score_dialogs
from sdialog.evaluation.catalogue import get_score
from sdialog.evaluation.metrics import transcript as reading
from sdialog.evaluation.metrics.everything import FAMILIES, DialogFeatures, LinguisticFeatureScore
from sdialog.evaluation.metrics.transcript import Transcript
from sdialog.evaluation.metrics.wordlists import Phrases, word_list

SAID = [
    "Um, where is my lamp?",
    "I'm sorry. It is late!",
    "",
    "...",
    "Thanks, thanks.",
    "Привет! Как дела?",
    "你好吗？",
]
TURNS = st.lists(
    st.tuples(st.sampled_from(["Ann", "BOB", None]), st.one_of(st.sampled_from(SAID), st.text(max_size=20)))
)


def dialog(*turns: tuple[str | None, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


@settings(max_examples=60)
@given(TURNS, st.sampled_from([None, "ann", "Bob", "nobody"]))
def test_all_at_once_are_what_they_are_one_by_one(turns: list[tuple[str | None, str]], speaker: str | None) -> None:
    talk = dialog(*turns)
    together = DialogFeatures(speaker=speaker)(talk)
    apart: dict[str, float | None] = {}
    for family in FAMILIES:
        apart |= family(speaker=speaker)(talk)
    del apart["turn_entropy"]
    assert together == apart
    assert speaker != "nobody" or sum(value is not None for value in together.values()) <= 4  # type: ignore[union-attr]


def test_no_two_features_share_a_name_or_a_key() -> None:
    count = sum(len(family.features) for family in FAMILIES) - 1
    keys = [key for key, _ in DialogFeatures.features.values()]
    assert len(DialogFeatures.features) == len(set(keys)) == count > 50


def test_a_dialog_is_split_into_words_once(monkeypatch: pytest.MonkeyPatch) -> None:
    split: list[str] = []
    original = reading.sentences
    monkeypatch.setattr(reading, "sentences", lambda text: split.append(text) or original(text))
    DialogFeatures()(dialog(("Ann", "Where is it?"), ("Bob", "Here.")))
    assert split == ["Where is it?", "Here."]


def test_an_empty_dialog_has_no_value_at_all() -> None:
    assert set(DialogFeatures()(Dialog()).values()) == {None}
    (result,) = score_dialogs([DialogFeatures()], [Dialog(), dialog(("A", "Hi."), ("B", "Hello!"))])
    assert result.parts["word_share"].n_missing == 1 and result.parts["word_share"].values == [50.0]


def test_the_published_shim() -> None:
    score = LinguisticFeatureScore()
    assert score.name == "linguistic_features"
    values = score(dialog(("Ann", "Um, where is it?"), ("Bob", "It is here.")))
    assert list(values) == ["mean-turn-length", "hesitation_rate", "gunning_fog", "flesch_reading_ease"]  # type: ignore[arg-type]
    assert values["mean-turn-length"] == 3.5 and values["hesitation_rate"] == pytest.approx(100 / 7)  # type: ignore[index]
    one = LinguisticFeatureScore("mean-turn-length", speaker="BOB")
    assert one.name == "mean-turn-length" and one(dialog(("Ann", "Hi"), ("Bob", "It is here."))) == 3.0
    with pytest.raises(UnknownNameError):
        LinguisticFeatureScore("question-rate")


def test_scores_can_be_told_apart_by_a_cache() -> None:
    identities = [DialogFeatures(speaker=speaker).identity() for speaker in (None, "Ann")]
    assert None not in identities and identities[0] != identities[1]


def test_replies_follow_another_speaker() -> None:
    talk = Transcript(["A", "a", "B", "A", None], ["1", "2", "3", "4", "5"])
    assert list(talk.replies()) == [(2, 1), (3, 2), (4, 3)]
    assert list(Transcript(talk.labels, talk.texts, "A").replies()) == [(3, 2)]


def test_phrases_are_found_whole_longest_first_and_apart() -> None:
    phrases = Phrases(["no", "no i mean", "i mean", "sorry"])
    assert phrases.count(["no", "i", "mean", "i", "mean", "sorry", "no"]) == 4
    assert phrases.count(["nothing", "i", "meant"]) == 0 and not phrases.within(["i"]) and not phrases.begin([])
    assert phrases.within(["well", "i", "mean"]) and not phrases.begin(["well", "i", "mean"])


def test_word_lists_say_whose_they_are_and_unknown_ones_are_errors() -> None:
    with pytest.raises(UnknownNameError, match="sentiment"):
        word_list("sentimental")
    for name in ("sentiment", "politeness", "repair", "function_words"):
        for entries in word_list(name).values():
            assert entries and all(entry == entry.lower().strip() for entry in entries)


def test_scores_by_the_name_of_their_class() -> None:
    assert get_score("TurnLength", speaker="A")(dialog(("A", "Where is it?"), ("B", "Here."))) == [3]
    assert get_score("MeanTurnLengthScore").name == "mean-turn-length"
    for name in ("EvalResult", "BaseDialogScore", "score_dialogs"):
        with pytest.raises(UnknownNameError, match="unknown score"):
            get_score(name)
    with pytest.raises(ConfigError, match=r"math:sqrt is no class of scores"):
        get_score("math:sqrt")
