"""``steer`` in scenario files: a vector added to an agent's activations, taken out of them, or put in their place.

::

    agents:
      - name: Ben
        steer:
          - direction: mood.safetensors       # a saved direction, .safetensors, .npy, or numbers in a list
            site: layers.2.resid_post         # default: where the saved direction was found
            op: add                           # an operation of Edit
            strength: [0, 1.5, 3]             # a list is a sweep: dialogs take its values in turn
            span: choices
            condition: {site: layers.1.resid_post, direction: topic.npy, threshold: 0.3}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.agents.inspection import Scene, inspectors
from sdialog.core.errors import ConfigError, UnknownNameError, UnsupportedFeatureError
from sdialog.interpretability.files.vectors import Vector, read_vector
from sdialog.interpretability.plans.data import edit_from_data
from sdialog.interpretability.plans.schedules import Schedule, ScheduledSteering

if TYPE_CHECKING:
    from sdialog.interpretability.plan import Edit

KEYS = ("direction", "value", "site", "op", "strength", "span", "condition", "keep_norm", "name")
LABEL = "strength"


@inspectors.register("steer")
class SteeringRecipe:
    """Makes the steering of an agent, dialog by dialog.

    Args:
        entry: keys as in the module's text; ``site`` may be a list. A strength is a number, ``{by_token: [...]}``,
            ``{by_turn: [...]}``, or a list of these, which is a sweep. ``name`` is what dialogs record it as.
        folders: where files are looked for.

    Attributes:
        choices: how many strengths there are.
        label: what dialogs record the strength as.
        files: what was read.

    Raises:
        UnknownNameError: for a key, operation, span or file that there is not.
        ConfigError: if a value cannot be.

    Example:
        >>> recipe = SteeringRecipe({"direction": [0.0, 1.0], "site": "layers.1.resid_post", "strength": [0, 2]})
        >>> recipe.choices, recipe.value(1)
        (2, 2.0)
    """

    def __init__(self, entry: Mapping[str, Any], folders: Sequence[Path] = (Path(),)) -> None:
        for key in entry:
            if key not in KEYS:
                raise UnknownNameError("key of a steering", str(key), KEYS)
        self.folders = tuple(folders)
        self.files: dict[str, Path] = {}
        vector = self._vector(entry)
        self.label = str(entry.get("name") or LABEL)
        self.schedules = _schedules(entry.get("strength", 1.0))
        self.choices = len(self.schedules)
        self._steerings: dict[int, ScheduledSteering] = {}
        self.edits = self._made(entry, vector)
        self._about = self._told(entry, vector)

    def check(self, scene: Scene) -> None:
        """Check that the agent's model has the sites, and that spans mean something.

        Raises:
            UserError: if not; an agent of a remote model cannot be steered at all.
        """
        from sdialog.interpretability.networks import network_of
        from sdialog.interpretability.plans.checks import check_edits

        model = scene.agent.model
        if "interventions" not in model.features:
            raise UnsupportedFeatureError(
                f"{model.name} cannot be steered; use a model that runs in this process, such as embedded:mini or "
                "huggingface:FOLDER"
            )
        check_edits(network_of(scene.agent), self.edits, scene)

    def make(self, choice: int) -> ScheduledSteering:
        """Return the steering of a choice."""
        if choice not in self._steerings:
            self._steerings[choice] = ScheduledSteering([(edit, self.schedules[choice]) for edit in self.edits])
        return self._steerings[choice]

    def value(self, choice: int) -> Any:
        """Return the strength of a choice."""
        return self.schedules[choice].data()

    def record(self, choice: int) -> dict[str, Any]:
        """Return all that decides how a dialog was steered."""
        return {**self._about, "strength": self.value(choice)}

    def _vector(self, entry: Mapping[str, Any]) -> Vector | None:
        given = [key for key in ("direction", "value") if entry.get(key) is not None]
        if len(given) > 1:
            raise ConfigError("a steering has a direction or a value; they are two names of one thing")
        if not given:
            return None
        vector = read_vector(entry[given[0]], self.folders)
        self.files.update(vector.files)
        return vector

    def _made(self, entry: Mapping[str, Any], vector: Vector | None) -> list[Edit]:
        sites = entry.get("site") or (vector.site if vector else "")
        if not sites:
            raise ConfigError("a steering needs a site, such as layers.2.resid_post; no saved direction tells one")
        data = {key: entry[key] for key in ("op", "span", "keep_norm", "condition") if entry.get(key) is not None}
        if data.get("op") == "call":
            raise ConfigError("a function is no vector; attach an inspector of your own under 'inspectors'")
        if vector is not None:
            data["value"] = vector.values
        if "condition" in data:
            for key in ("direction", "offset"):
                self.files.update(read_vector(data["condition"].get(key) or [0.0], self.folders).files)
        listed = sites if isinstance(sites, (list, tuple)) else [sites]
        return [edit_from_data({"site": site, **data}, self.folders) for site in listed]

    def _told(self, entry: Mapping[str, Any], vector: Vector | None) -> dict[str, Any]:
        first = self.edits[0]
        told: dict[str, Any] = {
            "name": self.label,
            "op": first.op,
            "site": [edit.site for edit in self.edits] if len(self.edits) > 1 else first.site,
            "span": str(first.span),
        }
        if vector is not None:
            told |= {"direction": vector.name or None, "digest": vector.digest}
        if first.keep_norm:
            told["keep_norm"] = True
        if entry.get("condition") is not None:
            numbers = {"digest": read_vector(entry["condition"]["direction"], self.folders).digest}
            plain = {k: v for k, v in entry["condition"].items() if not isinstance(v, (list, tuple))}
            told["condition"] = {**plain, **numbers}
        return told


def _schedules(given: Any) -> list[Schedule]:
    if not isinstance(given, (list, tuple)):
        return [Schedule.read(given)]
    if not given:
        raise ConfigError("a sweep of strengths needs at least one; write a list such as [0, 1, 2]")
    made = [Schedule.read(one) for one in given]
    twice = next((one for place, one in enumerate(made) if one in made[:place]), None)
    if twice is not None:
        raise ConfigError(f"the strength {twice.data()!r} stands twice in the sweep; dialogs take its values in turn")
    return made
