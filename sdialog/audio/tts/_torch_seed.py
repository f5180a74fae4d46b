"""Random numbers for networks that draw from torch's own generator, and give it back afterwards."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sdialog.core.optional import need

# The generator belongs to the whole process: two threads inside would take numbers from each other.
_lock = threading.Lock()


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let what is inside draw from a seed, and leave torch's generator as it was; one thread at a time."""
    torch = need("torch", extra="local", why="speak with a neural network")
    devices = list(range(torch.cuda.device_count())) if torch.cuda.is_available() else []
    with _lock, torch.random.fork_rng(devices=devices):
        torch.random.set_rng_state(torch.Generator().manual_seed(seed % 2**63).get_state())
        for device in devices:
            state = torch.Generator(f"cuda:{device}").manual_seed(seed % 2**63).get_state()
            torch.cuda.set_rng_state(state, device)
        yield
