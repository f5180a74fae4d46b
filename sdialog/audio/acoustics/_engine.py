"""pyroomacoustics as a pure function: one call at a time, its own random numbers seeded, one thread.

Its generators and its number of threads belong to the whole process, and the number of threads changes the order in
which it adds and so the last bits of a response. This is the only place that touches them.
"""

from __future__ import annotations

import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sdialog.core.optional import need

_LOCK = threading.RLock()
# Its high-pass works backwards in time too, and would put sound before the direct sound: ours is in _boxes.
_SETTINGS = {"num_threads": 1, "rir_hpf_enable": False, "frac_delay_length": 81}


@contextmanager
def engine(seed: int) -> Iterator[Any]:
    """Lend pyroomacoustics with its ray tracer seeded; whatever it computes inside depends on the seed alone."""
    pra = need("pyroomacoustics", extra="audio", why="simulate a room")
    with _LOCK:
        before = {name: pra.constants.get(name) for name in _SETTINGS}
        for name, value in _SETTINGS.items():
            pra.constants.set(name, value)
        pra.random.seed(numpy=seed, libroom=seed)
        try:
            with warnings.catch_warnings():
                # Its notes on the cost of many rays are for whoever chooses their number by hand.
                warnings.simplefilter("ignore")
                yield pra
        finally:
            pra.random.seed()
            for name, value in before.items():
                pra.constants.set(name, value)
