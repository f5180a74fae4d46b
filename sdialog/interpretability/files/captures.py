"""What an inspector saw, in files instead of in memory: one safetensors file for each call of the model."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sdialog.core.errors import ConfigError
from sdialog.core.optional import need

if TYPE_CHECKING:
    from sdialog.agents.inspection import ModelCall
    from sdialog.interpretability.running.traces import Capture

_INDEX = "inspector.json"
_PARTS = ("values", "indices", "logsumexp")


class CaptureFolder:
    """A folder into which captures go; what is given back reads the files when it is used.

    Each file holds the tensors of one call, ``0.values`` and so on. Its header names them in ``captures``: key, site
    and positions of each; ``ids`` are the tokens of prompt and reply, the first ``prompt`` of which are the prompt.

    Args:
        path: the folder; made if need be.

    Raises:
        ConfigError: if there is something in it.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.path.mkdir(parents=True, exist_ok=True)
        if any(self.path.iterdir()):
            raise ConfigError(f"{self.path} is not empty; an inspector keeps what it sees in a folder of its own")
        (self.path / _INDEX).write_text(json.dumps({"kind": "captures", "version": 1}) + "\n", encoding="utf-8")
        self._files = 0

    def keep(
        self, call: ModelCall, captures: Mapping[Any, Capture], logits: Capture | None
    ) -> tuple[dict[Any, Capture], Capture | None]:
        """Write what was recorded during a call; return it with tensors that are memory maps of the file.

        Args:
            call: the call.
            captures: activations, by key.
            logits: the largest logits, if they were asked for.
        """
        files = need("safetensors.torch", extra="local", why="keep activations in files")
        listed = [*captures.items(), *([("logits", logits)] if logits is not None else [])]
        given = {
            f"{place}.{part}": value.contiguous()
            for place, (_, capture) in enumerate(listed)
            for part in _PARTS
            if (value := getattr(capture, part)) is not None
        }
        path = self.path / f"{self._files:06}.safetensors"
        self._files += 1
        unfinished = path.with_name(path.name + ".part")
        files.save_file(given, str(unfinished), metadata=_facts(call, listed))
        unfinished.replace(path)
        there = files.load_file(str(path))
        kept = [
            replace(capture, **{part: there.get(f"{place}.{part}") for part in _PARTS})
            for place, (_, capture) in enumerate(listed)
        ]
        return dict(zip(captures, kept, strict=False)), (None if logits is None else kept[-1])


def _facts(call: ModelCall, listed: Sequence[tuple[Any, Capture]]) -> dict[str, str]:
    """Return what the tensors of a call are, as the header of a file takes it."""
    tokens = listed[0][1].tokens
    facts: dict[str, Any] = {
        "key": call.key,
        "speaker": call.speaker,
        "turn": call.turn,
        "number": call.number,
        "captures": [[str(key), one.site, list(one.positions)] for key, one in listed],
        "ids": list(tokens.ids),
        "prompt": tokens.prompt,
    }
    return {name: json.dumps(value, ensure_ascii=False) for name, value in facts.items()}
