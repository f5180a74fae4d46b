"""How texts are read aloud, and the way back from the spoken words to the tokens of the dialog."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog.audio.sound import Phoneme, Word
from sdialog.audio.speech_text import Draft, SpokenText, aligned, by_token, plain, read
from sdialog.audio.speech_text.cardinals import cardinal, english_ordinal, english_year
from sdialog.core.errors import UserError

ENGLISH = {
    "It costs $5.20.": "It costs five dollars and twenty cents.",
    "$1, $0.99, €1,000 and £2bn": "one dollar, ninety-nine cents, one thousand euros and two billion pounds",
    "USD 3.5 million": "three point five million dollars",
    "at 9:05 am, 14:30 and 9:00": "at nine oh five AM, fourteen thirty and nine o'clock",
    "See you at 3pm. Bye.": "See you at three PM. Bye.",
    "It opens at 7 a.m. today": "It opens at seven AM today",
    "on 3/4/2024": "on March fourth, twenty twenty-four",
    "2024-12-31": "December thirty-first, twenty twenty-four",
    "Jan. 5th, 2024 or 5 May 1999": "January fifth, twenty twenty-four or fifth May nineteen ninety-nine",
    "In 1995, the '80s and 1990s": "In nineteen ninety-five, the eighties and nineteen nineties",
    "I may 5 times": "I may five times",
    "1999 people": "one thousand nine hundred and ninety-nine people",
    "the 21st and 3rd": "the twenty-first and third",
    "5-10 km at -3°C": "five to ten kilometers at minus three degrees Celsius",
    "20% of 1 kg": "twenty percent of one kilogram",
    "1/2 cup, 2½ cups": "one half cup, two and a half cups",
    "Call +1 (555) 123-4567.": "Call plus one, five five five, one two three, four five six seven.",
    "555-0123": "five five five, zero one two three",
    "Room 101, code 007": "Room one hundred and one, code zero zero seven",
    "3.14": "three point one four",
    "Write to a.b@site.co.uk": "Write to a dot b at site dot co dot uk",
    "See https://www.example.com/path/x?y=1.": "See example dot com slash path slash x.",
    "Dr. Lee and Mrs. Ito": "Doctor Lee and Missus Ito",
    "e.g. tea, etc.": "for example, tea, et cetera.",
    "AT&T and R&D": "AT and T and R and D",
    "#1 fan @bob": "number one fan at bob",
    "What?!! No...": "What? No...",
}
OTHERS = {
    ("french", "Il coûte 12,50 € à 14h30."): "Il coûte douze euros et cinquante centimes à quatorze heures trente.",
    ("french", "1 234,5 km, 80 %"): "mille deux cent trente-quatre virgule cinq kilomètres, quatre-vingts pour cent",
    ("fr-CA", "le 5/3/2024"): "le cinq mars deux mille vingt-quatre",
    ("german", "1.034,50 € um 14:30 Uhr"): "eintausendvierunddreißig Euro und fünfzig Cent um vierzehn Uhr dreißig",
    ("german", "z.B. 3,5 km"): "zum Beispiel drei Komma fünf Kilometer",
    ("spanish", "Son 21 km y 100%"): "Son veintiún kilómetros y cien por ciento",
    ("spanish", "el 5/3/2024"): "el cinco de marzo de dos mil veinticuatro",
    ("italian", "28 € alle 14:00"): "ventotto euro alle quattordici",
    ("mandarin", "我有3个苹果 😀"): "我有3个苹果",
}  # fmt: skip
MARKUP = {
    "**Well** [cough] that's *so* nice! *laughs* 😀": "Well that's so nice!",
    "*sighs deeply* Fine. (laughs) Really (I think)": "Fine. Really (I think)",
    "# Title\n- first\n- [a link](https://x.org)": "Title first a link",
    "<p>Tom &amp; <b>Ann</b></p> <break time='1s'/>": "Tom & Ann",
    "`code` ~~old~~ __new__ _soft_ snake_case": "code old new soft snake_case",
    "I love it :) <3 :-D ok": "I love it ok",
    "2 * 3 * 4 and 5 < 6": "2 * 3 * 4 and 5 < 6",
    "👩‍👩‍👧 3️⃣ ☎️ end": "end",
}


@pytest.mark.parametrize(("text", "said"), ENGLISH.items())
def test_english(text, said):
    assert str(read(text)) == said


@pytest.mark.parametrize(("case", "said"), OTHERS.items())
def test_other_languages(case, said):
    assert str(read(case[1], case[0])) == said


@pytest.mark.parametrize(("text", "said"), MARKUP.items())
def test_markup_stage_directions_and_emoji(text, said):
    assert str(plain(text)) == said


def test_digits_stay_for_engines_that_read_them():
    assert (
        str(read("It's $5.20 for 1,234 in 1995.", digits=True))
        == "It's 5 dollars and 20 cents for 1234 in nineteen ninety-five."
    )
    assert str(read("12,50 € et 3,5", "french", digits=True)) == "12 euros et 50 centimes et 3,5"


def test_emoji_are_named_where_asked():
    assert str(read("Yes 👍🏽!", emoji="name")) == "Yes thumbs up sign !"
    with pytest.raises(UserError, match="drop"):
        read("x", emoji="keep")


def test_plain_marks():
    assert str(read("“It’s” — ok…", plain_marks=True)) == '"It\'s" - ok...'


@pytest.mark.parametrize(
    ("number", "language", "words"),
    [
        (0, "english", "zero"), (1_000_001, "english", "one million and one"),
        (340, "english", "three hundred and forty"),
        (71, "french", "soixante et onze"), (80, "french", "quatre-vingts"), (81, "french", "quatre-vingt-un"),
        (200, "french", "deux cents"), (201, "french", "deux cent un"), (80_000, "french", "quatre-vingt mille"),
        (2_000_000, "french", "deux millions"), (1, "german", "eins"), (101, "german", "einhunderteins"),
        (1_021, "german", "eintausendeinundzwanzig"), (1_000_000, "german", "eine Million"),
        (100, "spanish", "cien"), (555, "spanish", "quinientos cincuenta y cinco"), (21_000, "spanish", "veintiún mil"),
        (3_000_000_000, "spanish", "tres mil millones"), (23, "italian", "ventitré"), (2_008, "italian", "duemilaotto"),
        (181, "italian", "centoottantuno"),
    ],
)  # fmt: skip
def test_cardinals(number, language, words):
    assert cardinal(number, language) == words


def test_numbers_that_are_not_covered():
    assert cardinal(5, "polish") is None
    assert cardinal(10**12) is None
    assert str(read("1234567890123")) == "one two three four five six seven eight nine zero one two three"


def test_ordinals_and_years():
    ordinals = ["first", "twelfth", "twentieth", "thirty-first"]
    assert [english_ordinal(number) for number in (1, 12, 20, 31)] == ordinals
    assert [english_year(y) for y in (1066, 1905, 2000, 2010)] == [
        "ten sixty-six",
        "nineteen oh five",
        "two thousand",
        "twenty ten",
    ]


def test_tokens_get_the_times_of_the_words_that_stand_for_them():
    spoken = read("[door] Pay $5.20 now 😀")
    words = [Word(text, float(i), i + 1.0, (Phoneme("x", float(i), i + 1.0),)) for i, text in enumerate(spoken.split())]
    timed = spoken.timed(words)
    assert [(word.text, word.start, word.end) for word in timed] == [
        ("[door]", 0.0, 0.0), ("Pay", 0.0, 1.0), ("$5.20", 1.0, 6.0), ("now", 6.0, 7.0), ("😀", 7.0, 7.0),
    ]  # fmt: skip
    assert len(timed[2].phonemes) == 5


def test_a_plain_string_is_aligned_with_its_original():
    pieces = aligned("Oh! Call Dr. Who at 5.", "oh call doctor who at five").pieces
    assert [(piece.tokens, piece.words) for piece in pieces] == [
        (("Oh!",), 1), (("Call",), 1), (("Dr.",), 1), (("Who",), 1), (("at",), 1), (("5.",), 1),
    ]  # fmt: skip
    assert [piece.words for piece in aligned("a b c", "").pieces] == [0, 0, 0]


TEXTS = st.lists(st.sampled_from([*ENGLISH, *MARKUP, *[text for _, text in OTHERS]]) | st.text(max_size=20), max_size=4)


@given(
    TEXTS.map(" ".join), st.sampled_from(["english", "french", "german", "spanish", "italian", "polish"]), st.booleans()
)
def test_every_token_is_in_a_piece_and_every_spoken_word_counted(text, language, digits):
    spoken = read(text, language, digits=digits)
    assert [token for piece in spoken.pieces for token in piece.tokens] == text.split()
    assert sum(piece.words for piece in spoken.pieces) == len(spoken.split())
    words = [Word(word, i / 4, (i + 1) / 4) for i, word in enumerate(spoken.split())]
    edges = [edge for word in spoken.timed(words) for edge in (word.start, word.end)]
    assert edges == sorted(edges)
    again = pickle.loads(pickle.dumps(spoken))
    assert isinstance(again, SpokenText) and again == spoken and again.pieces == spoken.pieces


@given(st.text(max_size=30), st.text(max_size=30))
def test_alignment_covers_both_sides(text, said):
    spoken = aligned(text, said)
    assert [token for piece in spoken.pieces for token in piece.tokens] == text.split()
    assert sum(piece.words for piece in spoken.pieces) == len(said.split())


def test_reading_twice_changes_no_more_words():
    for text in ENGLISH:
        once = str(read(text))
        assert str(read(once)) == once


def test_a_rule_may_leave_a_match_as_it_is():
    draft = Draft("a1 b2")
    draft.rewrite(r"\w\d", lambda match: None if match[0] == "a1" else "B")
    assert str(draft.finished()) == "a1 B"


def test_tokens_that_an_engine_passed_over_share_with_their_neighbour():
    said = [(1, Word("", 1.0, 2.0))]
    assert [(w.text, w.start, w.end) for w in by_token(["a", "b", "!"], said)] == [
        ("a", 1.0, 1.5), ("b", 1.5, 2.0), ("!", 2.0, 2.0),
    ]  # fmt: skip
    assert [(w.text, w.end) for w in by_token(["a", "b"], [])] == [("a", 0.0), ("b", 0.0)]
