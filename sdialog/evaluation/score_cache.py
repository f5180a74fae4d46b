"""Results of scores kept on disk, found again by all that decides them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from contextlib import closing
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

from sdialog.core import settings
from sdialog.core.shelf import Shelf
from sdialog.evaluation.base import BaseDialogScore
from sdialog.evaluation.identity import dialog_hash
from sdialog.evaluation.results import ItemResult

FILE = "scores.sqlite"
"""What the cache is called in its folder."""

F = TypeVar("F", bound=Callable[..., Any])


class ScoreCache:
    """A SQLite file of results, shared by threads and processes.

    A result is found again by the identity of the score (class, version, options, and for judges the prompt, the
    model and its parameters), the content of the dialog, and the seed where the score draws on it. Ids and names
    play no part. Errors are not kept, nor are values that JSON cannot hold as they are.

    Args:
        path: the file; made when first used.

    Example:
        >>> from sdialog import Dialog
        >>> from sdialog.evaluation import MeanTurnLengthScore
        >>> content = dialog_hash(Dialog())
        >>> keys = [ScoreCache.key(score, content) for score in (MeanTurnLengthScore(), MeanTurnLengthScore("mine"))]
        >>> keys[0] == keys[1] != ScoreCache.key(MeanTurnLengthScore(speaker="Ann"), content)
        True
    """

    def __init__(self, path: str | Path) -> None:
        self._shelf = Shelf(path)

    @property
    def path(self) -> Path:
        """The file."""
        return self._shelf.path

    @staticmethod
    def key(score: BaseDialogScore, content: str, seed: int = 0) -> str | None:
        """Return what a result is found by: 40 hex digits; None for a score that cannot be told from others.

        Args:
            score: the score.
            content: hash of the dialog (:func:`sdialog.evaluation.identity.dialog_hash`).
            seed: the seed of the evaluation.
        """
        identity = score.identity()
        if identity is None:
            return None
        asked = [identity, content, seed if score.seeded else None]
        text = json.dumps(asked, sort_keys=True, ensure_ascii=False)
        return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=20).hexdigest()

    def find(self, key: str, dialog_id: str | int | None, content: str) -> ItemResult | None:
        """Return a kept result as that of this dialog, or None.

        Raises:
            ConfigError: if the file is no cache.
        """
        kept = self._shelf.find([key]).get(key)
        if kept is None:
            return None
        return ItemResult(
            dialog_id, content, kept["value"], kept.get("reason"), details=kept.get("details", {}), cached=True
        )

    def keep(self, key: str, name: str, item: ItemResult) -> bool:
        """Store a result; return whether it could be.

        Raises:
            ConfigError: if the file cannot be written.
        """
        kept = {"value": item.value, "reason": item.reason, "details": dict(item.details)}
        if item.error is not None or not _survives(kept):
            return False
        self._shelf.keep(name, {key: kept})
        return True

    def stats(self) -> dict[str, int]:
        """Return how many results are kept, by the names of the scores."""
        return self._shelf.labels()

    def clear(self) -> None:
        """Forget all results."""
        self._shelf.clear()

    def close(self) -> None:
        """Close the file; it is opened again when used again."""
        self._shelf.close()

    def __len__(self) -> int:
        return len(self._shelf)


def _survives(value: object) -> bool:
    """Whether JSON gives back exactly what it was given."""
    try:
        return bool(json.loads(json.dumps(value, allow_nan=False)) == value)
    except (TypeError, ValueError):
        return False


def configured() -> ScoreCache | None:
    """Return the cache that the settings ask for (:func:`sdialog.config.set_cache`), or None when it is off."""
    now = settings.current()
    return ScoreCache(Path(now.cache_path) / FILE) if now.cache else None


class CacheDialogScore:
    """The cache of scores under its published name: functions on the settings of the process.

    Example:
        >>> from sdialog.core.settings import reset_base
        >>> CacheDialogScore.set_enable_cache(True)
        >>> CacheDialogScore.is_cache_enabled()
        True
        >>> reset_base()
    """

    @staticmethod
    def init(path: str | Path, enable_cache: bool = True) -> None:
        """Set the folder of the cache, and turn it on or off."""
        settings.set_base(cache_path=path, cache=bool(enable_cache))

    @staticmethod
    def set_enable_cache(enable_cache: bool) -> None:
        """Turn the cache on or off."""
        settings.set_base(cache=bool(enable_cache))

    @staticmethod
    def is_cache_enabled() -> bool:
        """Whether the cache is on."""
        return settings.current().cache

    @staticmethod
    def set_cache_path(path: str | Path) -> None:
        """Set the folder of the cache."""
        settings.set_base(cache_path=path)

    @staticmethod
    def get_cache_path() -> str:
        """Return the cache file."""
        return str(Path(settings.current().cache_path) / FILE)

    @classmethod
    def get_cache(cls) -> Mapping[str, int]:
        """Return how many results are kept, by the names of the scores."""
        with closing(ScoreCache(cls.get_cache_path())) as cache:
            return cache.stats()

    @classmethod
    def clear(cls) -> None:
        """Forget all results."""
        with closing(ScoreCache(cls.get_cache_path())) as cache:
            cache.clear()

    @staticmethod
    def save() -> None:
        """Do nothing: every result is on disk as soon as it is there."""

    @staticmethod
    def cache(score: F) -> F:
        """Decorate a ``score`` method so that it looks into the cache, when that is on, before it computes."""

        @wraps(score)
        def cached(self: BaseDialogScore, dialog: Any, *args: Any, **options: Any) -> Any:
            held = None if args or options else configured()
            if held is None:
                return score(self, dialog, *args, **options)
            content = dialog_hash(dialog)
            key = held.key(self, content)
            if key is None:
                return score(self, dialog)
            try:
                found = held.find(key, None, content)
                if found is None:
                    found = ItemResult(None, content, score(self, dialog))
                    held.keep(key, self.name, found)
                return found.value
            finally:
                held.close()

        return cached  # type: ignore[return-value]
