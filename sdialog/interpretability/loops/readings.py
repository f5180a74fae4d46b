"""One number from the mean activation of a reply, and how far rounding in the model can move it."""

from __future__ import annotations

import math
from functools import cached_property
from typing import Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.probes import Probe

# Activations of one row differ between batches of different shapes by this share of their length at most; in float32
# less than a tenth of it is seen.
_ROUNDING = 2e-6


class Reader:
    """Reads a probe.

    Args:
        probe: of a direction the projection on it in units of its length is read, of a probe of two classes the
            probability of the positive one, of a probe of numbers the number.
        logit: read the logit of a probe of two classes.

    Raises:
        ConfigError: of a probe of more classes, which has no one number.

    Example:
        >>> Reader(Direction([2.0, 0.0])).read([1.0, 3.0])
        0.5
    """

    def __init__(self, probe: Probe | Direction, logit: bool = False) -> None:
        if isinstance(probe, Probe) and len(probe.classes) > 2:
            raise ConfigError(
                f"the probe tells {len(probe.classes)} classes apart, so its reading is not one number; hold its "
                "direction to one of them: probe.direction(CLASS)"
            )
        self.probe = probe
        self.chance = isinstance(probe, Probe) and len(probe.classes) == 2 and not logit

    @property
    def width(self) -> int:
        """How many numbers an activation has."""
        return len(self.probe.vector if isinstance(self.probe, Direction) else self.probe.fitted.mean)

    def read(self, values: Any) -> float:
        """Return the reading of one activation, of any shape with so many numbers."""
        rows = _row(values)
        if isinstance(self.probe, Direction):
            return float(self.probe.project(rows)[0]) / self.probe.norm
        if self.chance:
            return float(self.probe.predict_proba(rows)[0, 1])
        return float(self.probe.outputs(rows)[0, 0])

    def slack(self, values: Any) -> float:
        """Return how far the reading may be from that of the same tokens in another batch; infinity if not known."""
        numpy = need("numpy", extra="local", why="read a probe")
        return self._slope * float(numpy.linalg.norm(_row(values))) * _ROUNDING

    @cached_property
    def _slope(self) -> float:
        """By how much the reading changes for a change of the activation of length 1, at most."""
        numpy = need("numpy", extra="local", why="read a probe")
        if isinstance(self.probe, Direction):
            return 1 / self.probe.norm
        if len(self.probe.fitted.layers) > 1:
            return math.inf
        steps = self.probe.outputs(numpy.eye(self.width)) - self.probe.outputs(numpy.zeros((1, self.width)))
        slope = float(numpy.linalg.norm(steps[:, 0]))
        return slope / 4 if self.chance else slope  # the steepest place of the logistic function


def rounded(number: float) -> float:
    """Return a number to four digits."""
    return float(f"{number:.4g}")


def is_settled(number: float, slack: float) -> bool:
    """Tell whether a number and all within ``slack`` of it are rounded alike.

    Example:
        >>> is_settled(1.2342, 1e-5), is_settled(1.23450001, 1e-5)
        (True, False)
    """
    return math.isfinite(slack) and rounded(number - slack) == rounded(number + slack)


def _row(values: Any) -> Any:
    numpy = need("numpy", extra="local", why="read a probe")
    plain = values.detach().cpu().double().numpy() if hasattr(values, "detach") else values
    return numpy.asarray(plain, dtype=float).reshape(1, -1)
