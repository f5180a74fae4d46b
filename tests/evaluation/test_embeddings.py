"""Embedders: the same vector everywhere, near texts near, and the models of sentence-transformers from a folder."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sdialog import Dialog, Turn
from sdialog.core.errors import UnsupportedFeatureError, UserError
from sdialog.evaluation.embeddings.base import BaseDialogEmbedder, without_empty
from sdialog.evaluation.embeddings.callable import CallableDialogEmbedder
from sdialog.evaluation.embeddings.choice import get_embedder
from sdialog.evaluation.embeddings.hashed import HashedNgramEmbedder
from sdialog.evaluation.embeddings.sentence_transformer import SentenceTransformerDialogEmbedder
from sdialog.evaluation.embeddings.utterance_pairs import dialogs_to_utt_pairs

ORDER = "Where is my order?"


def dialog(*turns: tuple[str, str]) -> Dialog:
    return Dialog(turns=[Turn(speaker=speaker, text=text) for speaker, text in turns])


@given(st.lists(st.text(max_size=40), min_size=1, max_size=5))
def test_vectors_have_length_one_or_none_and_do_not_depend_on_their_neighbours(texts: list[str]) -> None:
    embedder = HashedNgramEmbedder(dimensions=64)
    found = embedder.embed_texts(texts)
    lengths = np.linalg.norm(found, axis=1)
    assert found.shape == (len(texts), 64) and np.isfinite(found).all()
    assert all(length == pytest.approx(1, abs=1e-5) or length == 0 for length in lengths)
    alone = np.concatenate([HashedNgramEmbedder(dimensions=64).embed_texts([text]) for text in texts])
    assert np.array_equal(found, alone)


def test_no_words_is_no_direction() -> None:
    embedder = HashedNgramEmbedder()
    assert not embedder.embed_texts(["", "  "]).any() and not embedder(Dialog()).any()
    assert embedder.embed_texts([]).shape == (0, 512) and embedder.embed_dialogs([]).shape == (0, 512)


def test_another_process_gives_the_same_vector() -> None:
    code = (
        "from sdialog.evaluation.embeddings.hashed import HashedNgramEmbedder\n"
        f"print(HashedNgramEmbedder(dimensions=8).embed_texts([{ORDER!r}])[0].tolist())"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == str(HashedNgramEmbedder(dimensions=8).embed_texts([ORDER])[0].tolist())


@pytest.mark.parametrize(
    "near", ["Where's my order?", "Where is the order?", "where are my orders", "WHERE IS MY ORDER ?"]
)
def test_like_wording_is_near(near: str) -> None:
    own, other, far = HashedNgramEmbedder().embed_texts([ORDER, near, "Good night, Ann."])
    assert own @ other > 0.4 > 0.2 > own @ far


def test_scripts_without_spaces_and_numbers_count() -> None:
    embedder = HashedNgramEmbedder()
    own, near, far = embedder.embed_texts(["我的订单在哪里", "你的订单在哪里", "晚安"])
    assert own @ near > own @ far
    one, same, other = embedder.embed_texts(["order 4821", "order 4821", "order 9999"])
    assert one @ same == pytest.approx(1) and one @ other < 0.9


def test_ngrams_of_words_stay_within_an_utterance() -> None:
    pairs = HashedNgramEmbedder(ngrams=["w2"])
    assert np.array_equal(pairs(dialog(("A", "a b"), ("B", "c d"))), pairs(dialog(("A", "c d"), ("B", "a b"))))
    assert not pairs(dialog(("A", "a"), ("B", "b"))).any()


def test_chance_cosines_are_as_small_as_promised() -> None:
    texts = [" ".join(f"{letter}{number}x" for letter in "abcdefgh") for number in range(10, 60)]
    found = HashedNgramEmbedder(ngrams=["w1"]).embed_texts(texts)
    chance = (found @ found.T)[np.triu_indices(len(texts), 1)]
    assert abs(chance.mean()) < 0.01 and chance.std() == pytest.approx(1 / np.sqrt(512), rel=0.2)


def test_rare_words_weigh_more_after_fitting() -> None:
    texts = ["please tell me the fare", "please tell me the time", "please tell me the gate"]
    plain, fitted = HashedNgramEmbedder(), HashedNgramEmbedder().fit(texts)
    before, after = (embedder.embed_texts(texts[:2]) for embedder in (plain, fitted))
    assert after[0] @ after[1] < before[0] @ before[1]
    with pytest.raises(UserError, match="no text to fit"):
        plain.fit([])


def test_one_speaker_is_read_in_any_letter_case() -> None:
    both = dialog(("Ava", ORDER), ("Riley", "Good night."))
    ava = HashedNgramEmbedder(ai_speaker="AVA")
    assert np.array_equal(ava(both), HashedNgramEmbedder().embed_texts([ORDER])[0])
    assert ava.name == "hashed-ngrams-ai" and HashedNgramEmbedder(name="mine", ai_speaker="Ava").name == "mine"
    assert not HashedNgramEmbedder(ai_speaker="Nobody")(both).any()


@pytest.mark.parametrize("wrong", [{"dimensions": 0}, {"ngrams": ["x2"]}, {"ngrams": ()}])
def test_wrong_options_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(UserError):
        HashedNgramEmbedder(**wrong)  # type: ignore[arg-type]


def test_an_embedder_is_chosen_by_name_function_or_itself() -> None:
    def sizes(texts: list[str]) -> list[list[int]]:
        return [[len(text)] for text in texts]

    own = HashedNgramEmbedder()
    assert get_embedder(own) is own
    assert isinstance(get_embedder("hashed"), HashedNgramEmbedder)
    assert isinstance(get_embedder("all-MiniLM-L6-v2"), SentenceTransformerDialogEmbedder)
    chosen = get_embedder(sizes, ai_speaker="A")
    assert chosen.name == "sizes-ai" and chosen(dialog(("A", "abc"), ("B", "a"))).tolist() == [3]
    assert chosen(Dialog()).tolist() == [0] and chosen.embed_dialogs([Dialog(), dialog(("A", "ab"))]).tolist() == [
        [0],
        [2],
    ]
    with pytest.raises(UserError, match="an embedder is"):
        get_embedder(3)  # type: ignore[arg-type]


def test_a_function_of_the_wrong_shape_is_named() -> None:
    with pytest.raises(UserError, match=r"flat returned shape \(1,\) for 1 texts"):
        CallableDialogEmbedder(lambda texts: [1.0], name="flat").embed_texts(["a"])


def test_dialogs_only_and_ragged_vectors_are_said() -> None:
    class Counts(BaseDialogEmbedder):
        def embed(self, dialog: Dialog) -> object:  # type: ignore[override]
            return [1.0] * len(dialog)

    with pytest.raises(UnsupportedFeatureError, match="Counts embeds dialogs"):
        Counts().embed_texts(["a"])
    with pytest.raises(UserError, match="vectors of one length"):
        Counts().embed_dialogs([Dialog(), dialog(("A", "a"))])


def test_rows_of_zeros_are_left_out() -> None:
    assert without_empty(np.zeros((3, 2))).shape == (0, 2)


def test_pairs_are_an_utterance_and_its_answer() -> None:
    talk = dialog(("Riley", "a"), ("Ava", "b"), ("Ava", "c"), ("Riley", "d"))
    assert dialogs_to_utt_pairs([talk]) == (["a", "b", "c"], ["b", "c", "d"])
    assert dialogs_to_utt_pairs([talk], "AVA") == (["a"], ["b"])
    with pytest.raises(UserError, match="no pair of turns in which 'Zoe' answers"):
        dialogs_to_utt_pairs([talk], "Zoe")


@pytest.fixture(scope="module")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sentence-transformers model of random weights, in a folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.models import Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    folder = tmp_path_factory.mktemp("models")
    vocabulary = folder / "vocab.txt"
    known = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "where", "is", "my", "order", "good", "night", "a", "b"]
    vocabulary.write_text("\n".join(known))
    shape = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    with torch.random.fork_rng():
        torch.manual_seed(1)
        BertModel(BertConfig(vocab_size=13, **shape)).save_pretrained(folder / "bert")
    BertTokenizerFast(str(vocabulary)).save_pretrained(folder / "bert")
    body = Transformer(str(folder / "bert"))
    SentenceTransformer(modules=[body, Pooling(16)], device="cpu").save(str(folder / "tiny"))
    return folder / "tiny"


@pytest.mark.slow
def test_a_model_in_a_folder_embeds_dialogs(tiny_model: Path) -> None:
    talk, silent = dialog(("Riley", "where is my order"), ("Ava", "good night")), Dialog()
    mean = SentenceTransformerDialogEmbedder(str(tiny_model))
    texts = mean.embed_texts(["where is my order", "good night"])
    assert texts.shape == (2, 16) and mean.name == "mean-tiny"
    assert mean(talk) == pytest.approx(texts.mean(axis=0), abs=1e-6)
    assert np.allclose(mean.embed_dialogs([silent, talk, silent])[1], mean(talk), atol=1e-6)
    assert mean(silent).shape == (16,) and not mean(silent).any()
    assert mean(talk, batch_size=1) == pytest.approx(mean(talk), abs=1e-6)

    whole = SentenceTransformerDialogEmbedder(str(tiny_model), mean=False)
    assert whole.name == "tiny" and whole(talk) == pytest.approx(
        whole.embed_texts(["where is my order\ngood night"])[0], abs=1e-6
    )
    ava = SentenceTransformerDialogEmbedder(str(tiny_model), ai_speaker="ava")
    assert ava(talk) == pytest.approx(texts[1], abs=1e-6) and ava.name == "mean-tiny-ai"


@pytest.mark.slow
def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(UserError, match="cannot be loaded"):
        SentenceTransformerDialogEmbedder(str(tmp_path)).embed_texts(["a"])
