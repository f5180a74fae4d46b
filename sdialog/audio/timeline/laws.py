"""Laws of times: how long a gap, a pause or an overlap is, as data that can be drawn from."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import accumulate
from statistics import NormalDist
from typing import Any, ClassVar

from sdialog.core.errors import ConfigError, UnknownNameError

_NORMAL = NormalDist()
_EDGE = 1e-9


@dataclass(frozen=True, slots=True)
class Fixed:
    """Always the same time.

    Attributes:
        seconds: that time, at least 0.
    """

    name: ClassVar[str] = "fixed"
    seconds: float

    def __post_init__(self) -> None:
        _check_range("a fixed time", self.seconds, self.seconds)

    def quantile(self, share: float) -> float:
        """Return the time that a share of all draws stay below."""
        return self.seconds

    def json(self) -> dict[str, Any]:
        """Return plain data, from which :func:`law_from` makes an equal law."""
        return {"law": self.name, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every time between two is as likely as any other.

    Attributes:
        low, high: seconds, 0 <= low <= high.
    """

    name: ClassVar[str] = "uniform"
    low: float
    high: float

    def __post_init__(self) -> None:
        _check_range("a uniform law", self.low, self.high)

    def quantile(self, share: float) -> float:
        """Return the time that a share of all draws stay below."""
        return self.low + share * (self.high - self.low)

    def json(self) -> dict[str, Any]:
        """Return plain data, from which :func:`law_from` makes an equal law."""
        return {"law": self.name, **asdict(self)}


@dataclass(frozen=True, slots=True)
class LogNormal:
    """A time whose logarithm is normal; beyond the limits it is the limit.

    Attributes:
        median: seconds, above 0.
        sigma: standard deviation of the natural logarithm.
        low, high: limits in seconds.

    Example:
        >>> round(LogNormal(0.4).quantile(0.5), 3)
        0.4
    """

    name: ClassVar[str] = "log-normal"
    median: float
    sigma: float = 0.4
    low: float = 0.05
    high: float = 3.0

    def __post_init__(self) -> None:
        _check_range("a log-normal law", self.low, self.high)
        if not (math.isfinite(self.median) and self.median > 0):
            raise ConfigError(f"the median of a log-normal law is a number of seconds above 0, not {self.median!r}")
        if not (math.isfinite(self.sigma) and self.sigma >= 0):
            raise ConfigError(f"sigma of a log-normal law is a number of at least 0, not {self.sigma!r}")

    def quantile(self, share: float) -> float:
        """Return the time that a share of all draws stay below."""
        inside = min(max(share, _EDGE), 1 - _EDGE)
        return min(max(self.median * math.exp(self.sigma * _NORMAL.inv_cdf(inside)), self.low), self.high)

    def json(self) -> dict[str, Any]:
        """Return plain data, from which :func:`law_from` makes an equal law."""
        return {"law": self.name, **asdict(self)}


@dataclass(frozen=True, slots=True)
class Histogram:
    """Times as they were counted: bins of equal width, every time of a bin as likely as the others in it.

    Attributes:
        start: where the first bin begins, in seconds.
        width: of a bin, in seconds.
        weights: of the bins, at least 0; only their shares matter.

    Example:
        >>> Histogram(0.0, 0.1, (1, 3)).quantile(0.25)
        0.1
    """

    name: ClassVar[str] = "histogram"
    start: float
    width: float
    weights: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", tuple(self.weights))
        _check_range("a histogram", self.start, self.start)
        if not (math.isfinite(self.width) and self.width > 0):
            raise ConfigError(f"the width of a histogram's bins is a number of seconds above 0, not {self.width!r}")
        if not all(math.isfinite(one) and one >= 0 for one in self.weights) or math.fsum(self.weights) <= 0:
            raise ConfigError("the weights of a histogram are numbers of at least 0, and one of them is above 0")

    def quantile(self, share: float) -> float:
        """Return the time that a share of all draws stay below."""
        sums = list(accumulate(self.weights))
        wanted = min(max(share, 0.0), 1 - _EDGE) * sums[-1]
        bin_ = bisect_right(sums, wanted)
        before = sums[bin_ - 1] if bin_ else 0.0
        return self.start + self.width * (bin_ + (wanted - before) / self.weights[bin_])

    def json(self) -> dict[str, Any]:
        """Return plain data, from which :func:`law_from` makes an equal law."""
        return {"law": self.name, "start": self.start, "width": self.width, "weights": list(self.weights)}


Law = Fixed | Uniform | LogNormal | Histogram
_LAWS: dict[str, type[Law]] = {one.name: one for one in (Fixed, Uniform, LogNormal, Histogram)}


def law_from(value: Any, what: str = "a law of times") -> Law:
    """Return the law that a value means.

    Args:
        value: a law, its :meth:`json`, a number (the median of a log-normal of sigma 0.4, from 0.05 to 3 s; 0 is always
            0), or a pair (a uniform law).
        what: how a message calls it.

    Raises:
        ConfigError: if the value means none.
        UnknownNameError: if it names a law that is not there.

    Example:
        >>> law_from((0.2, 0.7)).json()
        {'law': 'uniform', 'low': 0.2, 'high': 0.7}
    """
    if isinstance(value, Law):
        return value
    if _is_number(value):
        return LogNormal(float(value)) if value else Fixed(0.0)
    if isinstance(value, Mapping):
        return _from_mapping(value, what)
    if isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 2 and all(map(_is_number, value)):
        return Uniform(float(value[0]), float(value[1]))
    raise ConfigError(
        f"{what} is a number of seconds (the median), a pair (the lowest and the highest), or a mapping such as "
        f"{{'law': 'fixed', 'seconds': 0.3}}, not {value!r}"
    )


def _from_mapping(value: Mapping[str, Any], what: str) -> Law:
    fields = dict(value)
    name = fields.pop("law", None)
    if name not in _LAWS:
        raise UnknownNameError("law of times", str(name), _LAWS, hint=f"It is the key 'law' of {what}.")
    try:
        return _LAWS[name](**fields)
    except TypeError as error:
        known = ", ".join(_LAWS[name].__dataclass_fields__)
        raise ConfigError(f"{what}: the law {name!r} takes {known}, not {', '.join(fields) or 'nothing'}") from error


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _check_range(what: str, low: Any, high: Any) -> None:
    if not (_is_number(low) and _is_number(high) and 0 <= low <= high < math.inf):
        raise ConfigError(f"{what} has seconds from 0 on, the lower limit first, not {low!r} to {high!r}")
