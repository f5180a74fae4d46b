"""``steer: {hold: ...}`` in scenario files: strengths that follow what a probe reads of the agent's own replies.

::

    agents:
      - name: Ben
        steer:
          hold:
            direction: mood                   # what is added: as for steer
            probe: angry                      # what is read: a saved probe, or a direction; default: the direction
            target: {from: 0.1, to: 0.9, replies: 6}   # calm at first, angry by the sixth reply
            gain: 0.5                         # strength for each unit of the reading
            limits: [0, 2]
            max_loss: 4                       # fluency limit, in nats a token

A target is a number, ``{by_turn: [...]}`` or a ramp as above; a list of these is a sweep.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sdialog.agents.inspection import Scene, inspectors
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError
from sdialog.interpretability.control import HoldReading
from sdialog.interpretability.directions import Direction
from sdialog.interpretability.files.vectors import Vector, read_vector
from sdialog.interpretability.fitting.labelled import Source
from sdialog.interpretability.plan import Edit
from sdialog.interpretability.plans.data import finite_number
from sdialog.interpretability.plans.trajectories import Trajectory
from sdialog.interpretability.probes import Probe
from sdialog.interpretability.sites import Site
from sdialog.interpretability.tokens.expressions import Span

_NUMBERS = ("gain", "correction", "start", "rest", "max_loss")
_TEXTS = ("site", "read_site", "span", "read_span", "name")
KEYS = ("direction", "probe", "target", "limits", "logit", *_NUMBERS, *_TEXTS)
LABEL = "target"


@inspectors.register("hold")
class HoldRecipe:
    """Makes the closed loops of an agent; keys as in the module's text, and those of :class:`HoldReading`.

    Args:
        entry: its keys. ``name`` is what dialogs record the target as.
        folders: where files are looked for.

    Attributes:
        choices: how many targets there are.
        label: what dialogs record the target as.
        files: what was read.

    Raises:
        UnknownNameError: for a key, span or file that there is not.
        ConfigError: if a value cannot be.

    Example:
        >>> recipe = HoldRecipe({"direction": [0.0, 1.0], "site": "layers.1.resid_post", "target": [0, 2]})
        >>> recipe.choices, recipe.value(1)
        (2, 2.0)
    """

    def __init__(self, entry: Mapping[str, Any], folders: Sequence[Path] = (Path(),)) -> None:
        for key in entry:
            if key not in KEYS:
                raise UnknownNameError("key of hold", str(key), KEYS)
        for key in ("direction", "target"):
            if entry.get(key) is None:
                raise ConfigError(f"hold needs the key {key!r}")
        self.folders = tuple(folders)
        self.files: dict[str, Path] = {}
        self.label = str(entry.get("name") or LABEL)
        self.targets = _targets(entry["target"])
        self.choices = len(self.targets)
        vector = read_vector(entry["direction"], self.folders)
        self.files.update(vector.files)
        options, told = self._options(entry, vector)
        direction = _direction(vector)
        self.loops = [HoldReading(direction, one.values, **options) for one in self.targets]
        self._about = {**self._told(entry, vector), **told}

    def check(self, scene: Scene) -> None:
        """Check that the agent's model has the sites, that vectors and probe fit, and that spans mean something.

        Raises:
            UserError: if not; an agent of a remote model cannot be steered at all.
        """
        from sdialog.interpretability.networks import network_of
        from sdialog.interpretability.plans.checks import check_edits, check_read

        model = scene.agent.model
        if "interventions" not in model.features:
            raise UnsupportedFeatureError(
                f"{model.name} cannot be steered; use a model that runs in this process, such as embedded:mini or "
                "huggingface:FOLDER"
            )
        network, loop = network_of(scene.agent), self.loops[0]
        check_edits(network, [Edit(loop.site, "add", loop.direction.vector, 1.0, span=loop.span)], scene)
        check_read(network, loop.read_site, loop.reader.width, loop.read_span, scene)

    def make(self, choice: int) -> HoldReading:
        """Return the loop of a choice; each session has its own made."""
        return self.loops[choice]

    def value(self, choice: int) -> Any:
        """Return the target of a choice."""
        return self.targets[choice].told

    def record(self, choice: int) -> dict[str, Any]:
        """Return all that decides how a dialog was steered."""
        return {**self._about, "target": self.value(choice)}

    def _options(self, entry: Mapping[str, Any], vector: Vector) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the loop's options, and what is recorded of the probe."""
        options: dict[str, Any] = {
            key: finite_number(entry[key], key) for key in _NUMBERS if entry.get(key) is not None
        }
        for key in _TEXTS:
            if entry.get(key) is not None and not isinstance(entry[key], str):
                raise ConfigError(f"{key} is one text, not {entry[key]!r:.60}")
        options |= {key: str(Site.parse(entry[key])) for key in ("site", "read_site") if entry.get(key)}
        options |= {key: str(Span.parse(entry[key])) for key in ("span", "read_span") if entry.get(key)}
        options["name"] = "" if self.label == LABEL else self.label
        if entry.get("limits") is not None:
            options["limits"] = _limits(entry["limits"])
        logit = entry.get("logit", False)
        if not isinstance(logit, bool):
            raise ConfigError(f"logit is true or false, not {logit!r:.40}")
        options["logit"] = logit
        told: dict[str, Any] = {}
        if entry.get("probe") is not None:
            options["probe"], told["probe"] = self._probe(entry["probe"])
        elif not vector.site and "read_site" not in options and "site" in options:
            options["read_site"] = options["site"]  # numbers alone are read where they are added
        return options, told

    def _probe(self, given: Any) -> tuple[Probe | Direction, dict[str, Any]]:
        """Return what is read, and what is recorded of it."""
        path = self._saved_probe(given) if isinstance(given, str) else None
        if path is None:
            vector = read_vector(given, self.folders)
            self.files.update(vector.files)
            return _direction(vector), {"direction": vector.name or None, "digest": vector.digest}
        self.files |= {str(given): path, f"{given} (facts)": path.with_suffix(".json")}
        digest = hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest()
        return Probe.load(path), {"probe": str(given), "digest": digest}

    def _saved_probe(self, name: str) -> Path | None:
        stem = name.removesuffix(".safetensors").removesuffix(".json")
        for folder in self.folders:
            facts, weights = folder / f"{stem}.json", folder / f"{stem}.safetensors"
            if weights.is_file() and facts.is_file():
                try:
                    told = json.loads(facts.read_text(encoding="utf-8"))
                except ValueError:  # a file of somebody else's that happens to lie there
                    return None
                return weights if isinstance(told, dict) and told.get("kind") == "probe" else None
        return None

    def _told(self, entry: Mapping[str, Any], vector: Vector) -> dict[str, Any]:
        loop = self.loops[0]
        told = {
            "name": self.label,
            "op": "hold",
            "site": loop.site,
            "span": str(loop.span),
            "direction": vector.name or None,
            "digest": vector.digest,
            "read_site": loop.read_site,
            "read_span": str(loop.read_span),
            "gain": loop.gain,
            "correction": loop.correction,
            "limits": list(loop.limits),
        }
        return told | {key: entry[key] for key in ("start", "rest", "max_loss", "logit") if entry.get(key) is not None}


def _direction(vector: Vector) -> Direction:
    if vector.values.ndim != 1:
        raise ConfigError(f"a direction is one vector, not {len(vector.values)} of them")
    return Direction(vector.values, source=Source(site=vector.site))


def _targets(given: Any) -> list[Trajectory]:
    if not isinstance(given, (list, tuple)):
        return [Trajectory.read(given)]
    if not given:
        raise ConfigError("a sweep of targets needs at least one; write a list such as [0, 1, 2]")
    made = [Trajectory.read(one) for one in given]
    twice = next((one for place, one in enumerate(made) if one in made[:place]), None)
    if twice is not None:
        raise ConfigError(
            f"the target {twice.told!r} stands twice in the sweep; targets of one dialog, reply by reply, are "
            "{by_turn: [...]}"
        )
    return made


def _limits(given: Any) -> tuple[float, float]:
    if not isinstance(given, (list, tuple)) or len(given) != 2:
        raise ConfigError(f"limits are a lower and an upper end, such as [-2, 2], not {given!r:.60}")
    return finite_number(given[0], "limits"), finite_number(given[1], "limits")
