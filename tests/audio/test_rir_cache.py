"""The cache of impulse responses: found by what they depend on, whole or not at all, bounded."""

from __future__ import annotations

import multiprocessing
import time

import numpy
import pytest

from sdialog.audio.acoustics import RirCache, impulse_responses
from sdialog.audio.rooms import Microphone, Position3D, Room
from sdialog.core.errors import UserError


def room(name="Ann", microphone="table", **options):
    start = {"dimensions": (5, 4, 3), "speakers": {name: (1, 1, 1.2)}, "rt60": 0.3}
    return Room(**{**start, "microphones": [Microphone(microphone, Position3D(2.2, 2.1, 1.1))], **options})


def test_the_second_use_is_the_same_and_much_quicker(tmp_path):
    plain = impulse_responses(room())
    spent = []
    for _ in range(3):
        cache = RirCache(tmp_path)
        start = time.process_time()
        found = impulse_responses(room(), cache=cache)
        spent.append(time.process_time() - start)
        assert numpy.array_equal(found.stack, plain.stack)
        assert found.json() == plain.json()
    assert cache.use().json() == {"made": 0, "found": 1, "damaged": 0}
    assert spent[0] > 5 * min(spent[1:])


def test_names_do_not_count_and_all_else_does():
    cache = RirCache()
    other = impulse_responses(room("Bo 😀", "a/b"), cache=cache, reference="a/b")
    assert impulse_responses(room(), cache=cache).speakers == ("Ann",)
    assert other.reference == "a/b" and cache.use().made == 1
    moved = {"speakers": {"Ann": (1, 1.1, 1.2)}}
    for options in ({"rt60": 0.31}, {"dimensions": (5, 4, 3.1)}, moved, {"rt60": None}):
        impulse_responses(room(**options), cache=cache)
    impulse_responses(room(), 8000, cache=cache)
    impulse_responses(room(), cache=cache, seed=1)
    impulse_responses(room(), cache=cache, method="hybrid")
    impulse_responses(room(), cache=cache, air=False)
    assert cache.use().made == 9


def test_damaged_files_are_made_again(tmp_path):
    whole = impulse_responses(room(), cache=RirCache(tmp_path))
    (file,) = tmp_path.glob("*/*.npz")
    content = file.read_bytes()
    middle = len(content) // 2
    for broken in (b"", content[:middle], content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]):
        file.write_bytes(broken)
        cache = RirCache(tmp_path)
        assert impulse_responses(room(), cache=cache).digest() == whole.digest()
        assert cache.use().damaged == 1
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_memory_and_disk_are_bounded(tmp_path):
    size = impulse_responses(room()).stack.nbytes
    cache = RirCache(tmp_path, memory=round(1.5 * size), disk=3 * size)
    for seed in range(6):
        impulse_responses(room(), cache=cache, seed=seed)
    assert sum(file.stat().st_size for file in tmp_path.glob("*/*.npz")) <= 3 * size
    impulse_responses(room(), cache=cache, seed=5)
    assert cache.use().found == 1
    with pytest.raises(UserError, match="is a file"):
        file = tmp_path / "file"
        file.write_text("")
        RirCache(file)
    with pytest.raises(UserError, match="bytes"):
        RirCache(memory=-1)


def _digest(path):
    return impulse_responses(room(), cache=RirCache(path)).digest()


@pytest.mark.slow
def test_processes_share_a_folder(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        digests = pool.map(_digest, [tmp_path] * 4)
    assert len(set(digests)) == 1
    assert len(list(tmp_path.glob("*/*.npz"))) == 1
