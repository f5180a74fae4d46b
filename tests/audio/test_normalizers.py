"""The published normalizers, step by step."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import numpy
import pytest

from sdialog.audio import normalizers as n
from sdialog.core.errors import MissingDependencyError, UserError


@pytest.mark.parametrize(
    ("step", "text", "after"),
    [
        (n.LowercaseNormalizer, "ÀB c", "àb c"),
        (n.StageNormalizer, "A <stage>waves\nslowly</stage> b <STAGE tone='x'>c</Stage>.", "A b."),
        (n.StageNormalizer, "1 < 2  stays", "1 < 2  stays"),
        (n.AudioEventTagsNormalizer, "[ding|desk] Hi [cough], you", "Hi, you"),
        (n.DocumentFormatNormalizer, "one\ntwo\r\n\tthree  four", "one two three four"),
        (n.ReplaceCommaWithDotNormalizer, "a, b,c 1,000", "a. b.c 1,000"),
        (n.UnicodeToAsciiNormalizer, "“a”–b… ½ ﬁn\u200b\u00a0é😀", '"a"-b... one half fin é😀'),
    ],
)
def test_steps(step, text, after):
    assert step().normalize(text) == after


def test_steps_are_taken_in_order_as_objects_or_classes():
    assert n.normalize_text("A,\nB", [n.DocumentFormatNormalizer, n.LowercaseNormalizer()]) == "a, b"
    with pytest.raises(TypeError, match="TextNormalizer"):
        n.normalize_text("a", [str.lower])


def test_levels():
    tone = 0.3 * numpy.sin(numpy.arange(16000) * 0.1).astype(numpy.float32)
    done = n.normalize_audio(tone)
    assert 20 * numpy.log10(numpy.sqrt(numpy.mean(done.astype(float) ** 2))) == pytest.approx(-26.02, abs=0.01)
    assert not n.normalize_audio(numpy.zeros(10)).any()
    assert n.normalize_audio(numpy.zeros(0)).shape == (0,)
    with pytest.raises(UserError, match="positive"):
        n.normalize_audio(tone, 0)


@pytest.mark.skipif(importlib.util.find_spec("whisper_normalization") is not None, reason="the package is there")
def test_whisper_names_its_package():
    with pytest.raises(MissingDependencyError, match="pip install whisper-normalization"):
        n.WhisperNormalizer()


def test_whisper_uses_its_package(tmp_path):
    # The interface of whisper-normalization 1.0: a class without arguments whose objects are called with a text.
    (tmp_path / "whisper_normalization.py").write_text(
        "class EnglishTextNormalizer:\n"
        "    def __call__(self, text):\n"
        "        return text.lower().replace('mr.', 'mister')\n"
    )
    code = "from sdialog.audio.normalizers import WhisperNormalizer as W; print(W().normalize('Mr. A'))"
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {str(tmp_path)!r}); {code}"],
        capture_output=True,
        text=True,
    )
    assert run.stdout == "mister a\n", run.stderr
