"""What a channel is, chains of them, and the one way in: sound in, as much sound out, nothing moved in time."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from sdialog.core.errors import ConfigError, UnknownNameError, UserError
from sdialog.core.optional import need
from sdialog.core.registry import Registry
from sdialog.core.seeds import derive_seed

if TYPE_CHECKING:
    import numpy

    from sdialog.audio.sound import Samples


@dataclass(frozen=True, slots=True, eq=False)
class ChannelOutput:
    """What came out of a channel.

    Attributes:
        samples: as many as went in, float32.
        rate: samples a second, as it went in.
        info: which channel, whether it is simulated, its bit rate, the delay that was removed in seconds, losses.
    """

    samples: Samples
    rate: int
    info: Mapping[str, Any]

    def json(self) -> dict[str, Any]:
        """Return the info."""
        return dict(self.info)


class Channel(ABC):
    """Something that sound goes through: a subclass is a frozen dataclass and writes :meth:`passed`.

    Attributes:
        name: what scenes call it.
        simulated: whether it imitates a real one whose code is not at hand.
    """

    name: ClassVar[str] = ""
    simulated: ClassVar[bool] = False

    def apply(self, samples: Any, rate: int, seed: int = 0) -> ChannelOutput:
        """Return sound as it is after the channel.

        Args:
            samples: array of shape (n,), full scale 1.
            rate: samples a second, 4000 or more.
            seed: of whatever is random in it.

        Returns:
            As many samples at the same rate, aligned with what went in, and what happened.

        Raises:
            UserError: if the samples are not one channel.
            MissingDependencyError: if a package that it needs is not installed.
        """
        numpy = need("numpy", extra="audio", why="send sound through a channel")
        array = numpy.asarray(samples, dtype=numpy.float32)
        if array.ndim != 1:
            raise UserError(f"a channel takes one channel of sound, an array of shape (samples,), not {array.shape}")
        if isinstance(rate, bool) or not isinstance(rate, int) or rate < 4000:
            raise UserError(f"a channel takes sound at 4000 samples a second or more, not {rate!r}")
        if not numpy.isfinite(array).all():
            raise UserError("the samples hold values that are no numbers")
        generator = numpy.random.Generator(numpy.random.PCG64(derive_seed(seed, "channel", self.name)))
        out, info = self.passed(array, rate, generator) if len(array) else (array, {})
        basic = {"channel": self.name, "simulated": self.simulated, **self.json()}
        return ChannelOutput(out.astype(numpy.float32, copy=False), rate, {**basic, **info})

    @abstractmethod
    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound after the channel, as long and in time, and what else is to be told of it.

        Args:
            samples: array of shape (n,), at least one sample.
            rate: samples a second.
            generator: for whatever is random.
        """

    def json(self) -> dict[str, Any]:
        """Return the options as data."""
        own: Any = self
        names = [field.name for field in fields(own)] if is_dataclass(own) else []
        return {name: _plain(getattr(self, name)) for name in names}


channels: Registry[type[Channel]] = Registry("channel", "sdialog.audio.channels")

# Other spellings, among them the published ones.
ALIASES = {
    "telephone": "g711",
    "phone": "g711",
    "g.711": "g711",
    "pcmu": "g711",
    "amr": "amr_nb",
    "amr-nb": "amr_nb",
    "amrnb": "amr_nb",
    "amr-wb": "amr_wb",
    "amrwb": "amr_wb",
    "g.722": "g722",
    "g.723.1": "g723_1",
    "g723.1": "g723_1",
    "g.726": "g726",
    "g.729": "g729",
}


class Chain(Channel):
    """Channels one after another.

    Args:
        stages: in the order in which sound goes through them.
    """

    name = "chain"

    def __init__(self, stages: Sequence[Channel]) -> None:
        if not stages:
            raise ConfigError("a chain of channels needs at least one, such as 'handset+g711'")
        self.stages = tuple(stages)

    def apply(self, samples: Any, rate: int, seed: int = 0) -> ChannelOutput:
        """Return sound as it is after all stages; each has random numbers of its own.

        See :meth:`Channel.apply`.
        """
        told: list[Mapping[str, Any]] = []
        output = ChannelOutput(samples, rate, {})
        for number, stage in enumerate(self.stages):
            output = stage.apply(output.samples, rate, derive_seed(seed, "stage", number))
            told.append(output.info)
        name = "+".join(stage.name for stage in self.stages)
        info = {
            "channel": name,
            "simulated": any(bool(one["simulated"]) for one in told),
            "delay_removed": round(sum(float(one.get("delay_removed", 0.0)) for one in told), 7),
            "stages": [dict(one) for one in told],
        }
        return ChannelOutput(output.samples, rate, info)

    def passed(
        self, samples: Samples, rate: int, generator: numpy.random.Generator
    ) -> tuple[Samples, Mapping[str, Any]]:
        """Return the sound after all stages; see :meth:`Channel.passed`."""
        output = self.apply(samples, rate, int(generator.integers(2**62)))
        return output.samples, output.info

    def json(self) -> dict[str, Any]:
        """Return the stages as data."""
        return {"stages": [{"type": stage.name, **stage.json()} for stage in self.stages]}


def channel_from(spec: Any) -> Channel:
    """Return the channel that a description means.

    Args:
        spec: a name, names joined by ``+``, ``{"type": name, **options}``, a list of these (one after another), True
            for ``g711``, or a :class:`Channel`.

    Raises:
        UnknownNameError: if there is no channel of that name, or it has no such option; names near ones.
        ConfigError: if it is none of these.

    Example:
        >>> channel_from("clipping").json()
        {'threshold_db': -3.0}
        >>> [stage.name for stage in channel_from("handset+loss").stages]
        ['handset', 'loss']
    """
    if isinstance(spec, Channel):
        return spec
    if spec is True:
        return channel_from("g711")
    if isinstance(spec, str):
        parts = [part.strip() for part in spec.split("+")]
        return _named(parts[0], {}) if len(parts) == 1 else Chain([_named(part, {}) for part in parts])
    if isinstance(spec, Mapping):
        options = dict(spec)
        name = options.pop("type", None)
        if not isinstance(name, str):
            raise ConfigError(
                f"a channel as a mapping has its name under 'type', such as {{'type': 'g711'}}, not {spec!r}"
            )
        if "+" in name:
            raise ConfigError(f"options belong to one channel; write a list in place of {name!r}")
        return _named(name, options)
    if isinstance(spec, Sequence):
        return Chain([channel_from(part) for part in spec])
    raise ConfigError(f"a channel is a name such as 'g711', a chain such as 'handset+g711' or a mapping, not {spec!r}")


def _named(name: str, options: dict[str, Any]) -> Channel:
    lower = name.lower()
    known = ALIASES.get(lower, lower)
    if known not in channels and ":" not in name:
        raise UnknownNameError("channel", name, [*channels.names(), *ALIASES])
    kind = channels.get(name if ":" in name else known)
    possible: list[str] = [field.name for field in fields(kind)] if is_dataclass(kind) else []
    for option in options:
        if possible and option not in possible:
            raise UnknownNameError(f"option of the channel {known!r}:", str(option), possible)
    return kind(**options)


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
