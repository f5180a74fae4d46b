"""Seeds derived by name, so that each part of a run has its own random numbers."""

from __future__ import annotations

import hashlib
import random

SEED_BITS = 63


def derive_seed(root: int, *path: str | int) -> int:
    """Return the seed of the part that ``path`` names under the seed ``root``.

    The value is a BLAKE2b digest (RFC 7693, 2015) of the root and the path, so it is the same in every
    process, on every machine and in every version, and two different paths give unrelated seeds.

    Args:
        root: seed of the whole, any integer.
        path: names and numbers that lead to the part; ``1`` and ``"1"`` are different steps.

    Returns:
        An integer in ``[0, 2**63)``.

    Raises:
        TypeError: if a step is neither a string nor an integer.

    Example:
        >>> derive_seed(13, "dialog", 7) == derive_seed(13, "dialog", 7)
        True
        >>> derive_seed(13, "dialog", 7) == derive_seed(13, "dialog", "7")
        False
    """
    digest = hashlib.blake2b(str(int(root)).encode(), digest_size=8)
    for step in path:
        if not isinstance(step, (str, int)):
            raise TypeError(f"a seed path is made of strings and integers, not {type(step).__name__}: {step!r}")
        text = step if isinstance(step, str) else str(int(step))
        kind = "s" if isinstance(step, str) else "i"
        digest.update(f"/{kind}{len(text)}:{text}".encode("utf-8", "surrogatepass"))
    return int.from_bytes(digest.digest(), "big") >> (64 - SEED_BITS)


def rng(root: int, *path: str | int) -> random.Random:
    """Return a private ``random.Random`` for the part that ``path`` names.

    Example:
        >>> rng(13, "names").random() == rng(13, "names").random()
        True
    """
    return random.Random(derive_seed(root, *path))


def fresh_seed() -> int:
    """Return a seed nobody has asked for: 32 bits from the operating system."""
    return random.SystemRandom().getrandbits(32)
