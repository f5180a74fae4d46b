"""Makes the sounds of this folder: ambience and the impulse responses of devices, and the manifest that tells of them.

    python audio_assets/make.py            # write them all
    python audio_assets/make.py --check    # make them again in memory and compare with the files

Nothing here is recorded: each sound is computed from the tables and seeds below, so all are ours to give away.
"""

from __future__ import annotations

import argparse
import hashlib
import sys
from pathlib import Path
from typing import Any

import numpy
import yaml

from sdialog.audio.files import read_audio, write_audio
from sdialog.audio.noises import noises
from sdialog.audio.noises.babble import SENTENCES
from sdialog.audio.sound import Clip
from sdialog.audio.tts.base import engines
from sdialog.core.seeds import derive_seed

HERE = Path(__file__).resolve().parent
NOISE_RATE, NOISE_SECONDS, NOISE_FADE, NOISE_DB = 16000, 8.0, 0.5, -40.0
RESPONSE_RATE, RESPONSE_SAMPLES = 48000, 1024
LICENSE = "MIT"  # as the rest of the project

AMBIENCE = ("babble", "cafe", "fan", "hum", "keyboard", "rain", "street")
SPOKEN = ("babble", "cafe")
VOICES = ("m1", "f1", "m3", "f2", "m4", "f3", "m7", "f4", "m2", "f5", "klatt4", "m5")

# The sensitivity of each class of device over frequency, (Hz, dB), in broad strokes: the handset after the sending
# sensitivity of ITU-T P.48 (1988), the others drawn by hand. Then what its surroundings reflect, (ms, dB).
DEVICES: dict[str, tuple[tuple[tuple[float, float], ...], tuple[tuple[float, float], ...]]] = {
    "handset": (
        ((50, -45), (100, -30), (200, -12), (300, -5), (500, -1), (1000, 0), (2000, 3), (3000, 5), (3400, 3),
         (4000, -8), (5000, -25), (8000, -45)),
        (),
    ),
    "headset": (
        ((50, -18), (80, -10), (150, -3), (300, 0), (1000, 0), (3000, 2), (6000, 0), (10000, -6), (16000, -15)),
        (),
    ),
    "laptop": (
        ((50, -30), (100, -15), (200, -6), (400, -2), (1000, 0), (2500, 3), (4500, -2), (7000, 4), (10000, -5),
         (16000, -14)),
        ((0.42, -9), (0.95, -13)),
    ),
    "lapel": (
        ((50, -15), (80, -8), (150, 0), (300, 2), (700, 3), (1500, 0), (3000, -4), (5000, -6), (8000, -7),
         (12000, -12)),
        (),
    ),
    "speakerphone": (
        ((50, -35), (150, -12), (250, -4), (500, 0), (1000, 0), (2000, 2), (4000, 1), (6500, -3), (7500, -15),
         (9000, -35)),
        ((0.7, -7),),
    ),
    "conference": (
        ((50, -14), (120, -3), (250, 0), (1000, 0), (4000, 1), (8000, 0), (12000, -6), (18000, -15)),
        ((1.5, -9), (4.1, -14)),
    ),
}  # fmt: skip


def ambience(name: str) -> numpy.ndarray:
    """Return one ambience, (n,) 16-bit: what goes round without a seam, at -40 dBFS."""
    generator = numpy.random.Generator(numpy.random.PCG64(derive_seed(1, "ambience", name)))
    fade, n = int(NOISE_FADE * NOISE_RATE), int(NOISE_SECONDS * NOISE_RATE)
    options: dict[str, Any] = {"clips": spoken()} if name in SPOKEN else {}
    made = noises.get(name)(n + fade, NOISE_RATE, generator, **options)
    rise = numpy.sin(numpy.linspace(0, numpy.pi / 2, fade))
    loop = made[:n].astype(numpy.float64)
    loop[:fade] = made[:fade] * rise + made[n:] * rise[::-1]
    loop *= 10 ** (NOISE_DB / 20) / numpy.sqrt((loop**2).mean())
    return numpy.clip(numpy.rint(loop * 32768), -32768, 32767).astype(numpy.int16)


def spoken() -> list[Clip]:
    """Return sentences in a dozen voices of espeak-ng."""
    engine: Any = engines.get("espeak")()  # type: ignore[call-arg]
    return [
        engine.speak(SENTENCES[number % len(SENTENCES)], {"variant": voice}, seed=number)
        for number, voice in enumerate(VOICES)
    ]


def response(device: str) -> numpy.ndarray:
    """Return the impulse response of a device, (1024,) float32 at 48 kHz: minimum phase, highest gain 1."""
    points, reflections = DEVICES[device]
    size = 1 << 15
    frequencies = numpy.fft.rfftfreq(size, 1 / RESPONSE_RATE)
    places, levels = numpy.log([point[0] for point in points]), [point[1] for point in points]
    level = numpy.interp(numpy.log(numpy.maximum(frequencies, 1)), places, levels)
    # Beyond the table it goes on falling, 12 dB an octave below and 18 above.
    level -= 12 * numpy.maximum(0, numpy.log2(points[0][0] / numpy.maximum(frequencies, 5)))
    level -= 18 * numpy.maximum(0, numpy.log2(numpy.maximum(frequencies, 1) / points[-1][0]))
    # The phase that belongs to a gain without delay comes from the cepstrum, folded to its causal half.
    cepstrum = numpy.fft.irfft(numpy.maximum(level, -90) / 20 * numpy.log(10), size)
    cepstrum[1 : size // 2] *= 2
    cepstrum[size // 2 + 1 :] = 0
    impulse = numpy.fft.irfft(numpy.exp(numpy.fft.rfft(cepstrum)), size)
    out = impulse[:RESPONSE_SAMPLES].copy()
    for milliseconds, decibels in reflections:
        late = round(milliseconds / 1000 * RESPONSE_RATE)
        out[late:] += 10 ** (decibels / 20) * impulse[: RESPONSE_SAMPLES - late]
    out[-128:] *= numpy.hanning(256)[128:]
    return (out / numpy.abs(numpy.fft.rfft(out, size)).max()).astype(numpy.float32)


def digest(samples: numpy.ndarray) -> str:
    """Return a checksum of samples as they are in the file."""
    return hashlib.sha256(numpy.ascontiguousarray(samples).tobytes()).hexdigest()


def stored(path: Path) -> numpy.ndarray:
    """Return the samples of a file as they were made: whole numbers of 16 bits, or floats for responses."""
    samples, _rate = read_audio(path)
    return samples if path.suffix == ".wav" else numpy.rint(samples * 32768).astype(numpy.int16)


def manifest() -> dict[str, Any]:
    """Return what is to be told of each file."""
    engine: Any = engines.get("espeak")()  # type: ignore[call-arg]
    files: dict[str, Any] = {}
    for name in AMBIENCE:
        path = HERE / "noises" / f"{name}.flac"
        files[f"noises/{name}.flac"] = {
            "license": LICENSE,
            "made": f"the noise {name!r} of sdialog.audio.noises, seeded, the end faded into the beginning",
            **({"spoken_by": engine.json()} if name in SPOKEN else {}),
            "sha256_of_samples": digest(stored(path)),
        }
    for name in DEVICES:
        path = HERE / "microphones" / f"{name}.wav"
        files[f"microphones/{name}.wav"] = {
            "license": LICENSE,
            "made": "minimum-phase response from a table of gains, with reflections",
            "sha256_of_samples": digest(stored(path)),
        }
    return {"made_by": "audio_assets/make.py", "files": files}


def write() -> None:
    """Write every file and the manifest."""
    for name in AMBIENCE:
        write_audio(HERE / "noises" / f"{name}.flac", ambience(name) / 32768, NOISE_RATE)
    for name in DEVICES:
        write_audio(HERE / "microphones" / f"{name}.wav", response(name), RESPONSE_RATE, "wav32f")
    text = yaml.safe_dump(manifest(), sort_keys=False, allow_unicode=True, width=120)
    (HERE / "MANIFEST.yaml").write_text(text, encoding="utf-8")


def furthest(name: str) -> float:
    """Return how far a file of the manifest is from what is made now, as a share of full scale."""
    path = HERE / name
    if path.suffix == ".wav":
        return float(numpy.abs(stored(path) - response(path.stem)).max())
    return float(numpy.abs(stored(path).astype(int) - ambience(path.stem)).max()) / 32768


def main() -> int:
    """Write or check, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="compare and write nothing")
    if not parser.parse_args().check:
        write()
        return 0
    wrong = [name for name in manifest()["files"] if furthest(name) > 2 / 32768]
    sys.stdout.write("".join(f"{name} is made differently now\n" for name in wrong) or "all as made\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
