"""What the commands of ``sdialog inspect`` share: where dialogs and model are from, what is kept, how it is shown."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sdialog.cli._output import counting, print_json, run_dialogs, run_place
from sdialog.core.errors import UnknownNameError, UserError

if TYPE_CHECKING:
    from sdialog.core.dialog import Dialog
    from sdialog.interpretability.cache import ActivationCache
    from sdialog.interpretability.caching.views import View

RunArgument = Annotated[
    str, typer.Argument(help="A run folder, a file or folder of dialogs, or a scenario, of which a run is made.")
]
ModelOption = Annotated[
    str | None, typer.Option("--model", "-m", help="Local model that reads the dialogs; default: the speaker's own.")
]
SpeakerOption = Annotated[
    str | None, typer.Option(help="Whom the model plays; default: the second speaker of each dialog.")
]
SitesOption = Annotated[
    list[str] | None, typer.Option("--site", "-s", help="Where, such as layers.*.resid_post; may be repeated.")
]
SpanOption = Annotated[str, typer.Option(help="Which tokens, such as 'content & role(assistant)'.")]
NumberOption = Annotated[
    int | None, typer.Option("-n", "--number", min=1, help="Of a scenario: how many dialogs to make; default 10.")
]
NameOption = Annotated[str | None, typer.Option(help="What to call the result in the folder.")]
OutOption = Annotated[
    Path | None, typer.Option("--out", "-o", help="Folder of results; default: activations/ in the run folder.")
]
SeedOption = Annotated[int, typer.Option(help="Seed of what is random.")]
PlotOption = Annotated[Path | None, typer.Option("--plot", help="Also draw it into this file, such as map.png.")]

RESIDUAL = "layers.*.resid_post"
OWN_WORDS = "content & role(assistant)"
_FOLDER = "activations"


@dataclass(frozen=True)
class Corpus:
    """Dialogs to look into, and with which model.

    Attributes:
        place: where the dialogs are.
        speaker: whom the model plays; None for the second speaker of each dialog.
        asked: the model that the user asked for.
        folder: where results go.
    """

    place: Path
    speaker: str | None
    asked: str | None
    folder: Path

    @classmethod
    def of(cls, run: str, speaker: str | None, model: str | None, out: Path | None, number: int | None) -> Corpus:
        """Return the corpus that options mean; of a scenario a run is made, or gone on with, first.

        Raises:
            UserError: if there is nothing, or the run could not be made.
        """
        place = _made(run, number)
        inside = place / _FOLDER if (place / "plan.json").exists() else Path(_FOLDER)
        return cls(place, speaker, model, out or inside)

    def dialogs(self) -> Iterator[Dialog]:
        """Yield the dialogs in which something was said, by the speaker if one is named; count them on a terminal.

        Raises:
            UnknownNameError: if the speaker is in none of them.
        """
        heard, there = dict[str, None](), False
        with counting(f"reading {self.place}") as count:
            for number, dialog in enumerate(run_dialogs(self.place), start=1):
                names = {turn.speaker for turn in dialog if turn.speaker is not None}
                heard.update(dict.fromkeys(sorted(names)))
                if len(dialog) and (self.speaker is None or self.speaker in names):
                    there = True
                    yield dialog
                count(number)
        if not there and heard and self.speaker is not None:
            raise UnknownNameError("speaker", self.speaker, heard)

    @property
    def model(self) -> str:
        """The model that reads them: as asked for, else that of the speaker in the first dialog.

        Raises:
            UserError: if there are no dialogs, or they do not tell.
        """
        if self.asked is not None:
            return self.asked
        first = next((dialog for dialog in run_dialogs(self.place) if len(dialog)), None)
        if first is None:
            raise UserError(f"there are no dialogs in {self.place}")
        names = list(dict.fromkeys(turn.speaker for turn in first if turn.speaker is not None))
        speaker = self.speaker or names[min(1, len(names) - 1)]
        told = (first.models or {}).get(speaker) or first.model
        name = told.get("name") if isinstance(told, dict) else told
        if not isinstance(name, str) or not name:
            raise UserError(f"the dialogs in {self.place} do not tell which model spoke; give --model")
        return name

    def cache(self, sites: Sequence[str], span: str, name: str | None = None, **options: Any) -> ActivationCache:
        """Return the activations of all dialogs, kept in the folder; those that are there are not computed again."""
        from sdialog.interpretability.cache import ActivationCache

        title = name or self._title(sites, span, options)
        return ActivationCache.record(
            self.model, self.dialogs(), list(sites), span, speaker=self.speaker, path=self.folder / title, **options
        )

    def _title(self, sites: Sequence[str], span: str, options: Mapping[str, Any]) -> str:
        """Return a name that tells what is in a cache, with a digest, since names drop what files cannot be called."""
        told = slug(*sites, span, self.speaker or "", *map(str, options.values()))[:100]
        asked = json.dumps([list(sites), span, self.speaker, self.asked, options], sort_keys=True)
        return f"{told}_{hashlib.blake2b(asked.encode(), digest_size=4).hexdigest()}"

    def view(self, index: int, reply: int | None = None) -> View:
        """Return a dialog as the speaker saw it, by its position from 0.

        Args:
            index: which dialog.
            reply: end before the speaker's reply of this number, from the end below 0; None for the whole dialog.

        Raises:
            UserError: if there is no such dialog or reply.
        """
        from sdialog.interpretability.caching.views import Viewpoint

        found = next((dialog for place, dialog in enumerate(run_dialogs(self.place)) if place == index), None)
        if found is None:
            raise UserError(f"{self.place} has no dialog {index}; dialogs count from 0")
        view = Viewpoint(None, self.speaker).view(found)
        return view if reply is None else before_reply(view, reply, str(index))


def before_reply(view: View, reply: int, dialog: str) -> View:
    """Return a dialog up to a reply of the speaker, by the reply's number, from the end below 0.

    Raises:
        UserError: if there is no such reply; names the dialog.
    """
    own = [place for place, one in enumerate(view.messages) if one.role == "assistant" and one.content]
    if not -len(own) <= reply < len(own):
        raise UserError(f"{view.speaker} replies {len(own)} times in dialog {dialog}; there is no reply {reply}")
    end = own[reply]
    return replace(view, messages=view.messages[:end], turns=view.turns[:end])


def labels_by(by: str, dialogs: Iterable[Dialog]) -> dict[int, Hashable]:
    """Return an attribute of each dialog by its number, for two may have one id.

    See :func:`sdialog.evaluation.comparison.attributes.attribute_of`.

    Raises:
        UserError: if no dialog has it, or some have not.
    """
    from sdialog.evaluation.comparison.attributes import attribute_of, known_names

    read = attribute_of(by)
    found, names = dict[int, Hashable](), dict[str, None]()
    for number, dialog in enumerate(dialogs):
        found[number] = read(dialog)
        names.update(dict.fromkeys(known_names(dialog)))
    missing = [name for name, value in found.items() if value is None]
    if missing:
        some = "no dialog has" if len(missing) == len(found) else f"{len(missing)} of {len(found)} dialogs have no"
        raise UserError(f"{some} {by!r}; dialogs tell: {', '.join(sorted(names)) or 'nothing'}")
    return found


def keep(folder: Path, name: str, result: Any) -> Path:
    """Write a result's JSON into a folder; returns the file."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.json"
    told = result if isinstance(result, dict) else result.json()
    path.write_text(json.dumps(told, ensure_ascii=False, indent=1, default=str) + "\n", encoding="utf-8")
    return path


def show(result: Any, written: Sequence[Path], as_json: bool, plot: Path | None = None, **more: Any) -> None:
    """Print a result, as JSON or as a table, with where it is; draw it if asked to."""
    files = list(written)
    if plot is not None:
        from sdialog.evaluation.plots import save

        save(result.plot(), plot)
        files.append(plot)
    if as_json:
        print_json({**result.json(), **more, "files": [str(path) for path in files]})
        return
    typer.echo(result.table())
    for key, value in more.items():
        typer.echo(f"{key}: {value}")
    for path in files:
        typer.echo(f"written to {path}")


def slug(*parts: str) -> str:
    """Return a name for a file that tells what it is of."""
    words = [re.sub(r"[^\w.]+", "-", part.replace("*", "all")).strip("-") for part in parts]
    return "_".join(word for word in words if word)


def _made(run: str, number: int | None) -> Path:
    from sdialog.simulation.scenario import shipped

    path = Path(run)
    if not (path.suffix.lower() in (".yaml", ".yml") or (not path.exists() and run in shipped())):
        if number is not None:
            raise UserError(f"-n makes dialogs of a scenario; {run} is none")
        return run_place(path)
    from sdialog.simulation.batch import generate
    from sdialog.simulation.scenario import Scenario

    scenario = Scenario.from_file(run)
    output = scenario.spec.output
    folder = Path(output.folder or Path("runs") / scenario.name)
    result = generate(scenario, number or output.dialogs or 10, folder)
    if not result.done:
        raise UserError(f"no dialog could be made of {run}; see: sdialog show {folder} --failed")
    typer.echo(f"{result.done} dialogs in {folder}", err=True)
    return folder
