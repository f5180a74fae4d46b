"""The sounds that ship with the package are those that their script makes, and the manifest is right."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
import yaml

from sdialog.audio.assets import asset
from sdialog.audio.files import read_audio
from sdialog.audio.snr import noise_at

ROOT = asset("MANIFEST.yaml").parent
MANIFEST = yaml.safe_load((ROOT / "MANIFEST.yaml").read_text(encoding="utf-8"))["files"]


@pytest.fixture(scope="module")
def make():
    spec = importlib.util.spec_from_file_location("make_audio_assets", ROOT / "make.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_manifest_names_every_sound():
    shipped = {f"{path.parent.name}/{path.name}" for path in ROOT.glob("*/*") if path.suffix in {".wav", ".flac"}}
    assert shipped == set(MANIFEST)
    assert all(entry["license"] and entry["made"] for entry in MANIFEST.values())
    assert sum((ROOT / name).stat().st_size for name in MANIFEST) < 1_500_000


@pytest.mark.parametrize("name", sorted(MANIFEST))
def test_a_sound_is_what_the_script_makes(make, name):
    entry = MANIFEST[name]
    assert make.digest(make.stored(ROOT / name)) == entry["sha256_of_samples"]
    if "spoken_by" in entry:
        from sdialog.audio.tts.base import engines

        if engines.get("espeak")().json() != entry["spoken_by"]:
            pytest.skip("another version of the voices")
    # Two steps of 16 bits: libraries of numbers differ in the last digits.
    assert make.furthest(name) <= 2 / 32768


@pytest.mark.parametrize("name", [name for name in sorted(MANIFEST) if name.startswith("noises")])
def test_an_ambience_goes_round_without_a_seam(name):
    samples, rate = read_audio(ROOT / name)
    assert samples.ndim == 1 and rate == 16000
    twice = np.tile(samples, 2)
    steps = np.abs(np.diff(twice))
    assert steps[len(samples) - 1] <= np.quantile(steps, 0.999)
    powers = (twice[: len(twice) // 400 * 400].reshape(-1, 400) ** 2).mean(axis=1)
    seam = len(samples) // 400
    assert powers[seam - 2 : seam + 2].max() <= powers.max()


def test_ambience_is_reached_by_name():
    speech = 0.1 * np.sin(np.arange(32000) * 0.3)
    random = np.random.Generator(np.random.PCG64(1))
    added = noise_at(speech, 16000, random, 12, "ambience", name="street")
    assert added.measured_snr_db == pytest.approx(12, abs=0.01)
    assert added.json()["name"] == "street"
