"""Loading modules of the Hugging Face library ``evaluate`` without the network."""

from __future__ import annotations

import tempfile
from functools import lru_cache
from pathlib import Path
from typing import Any

from sdialog.core.errors import ConfigError, MissingDependencyError
from sdialog.core.optional import need

KINDS = ("metric", "comparison", "measurement")
_PACKAGE = "sdialog_evaluate_modules"


def script_of(module: str) -> Path | None:
    """Return the script that a path means: the file itself, or the one of a folder's name in it; else None."""
    path = Path(module)
    candidate = path if path.suffix == ".py" else path / f"{path.resolve().name}.py"
    return candidate if candidate.is_file() else None


def load_module(
    module: str,
    config: str | None = None,
    kind: str | None = None,
    cache_dir: str | Path | None = None,
    download: bool = False,
) -> Any:
    """Load a module from a script, from what has been fetched before, or from the Hub if that is allowed.

    A script is copied to a temporary folder and imported from there, as ``evaluate`` does in the home folder.

    Args:
        module: path of a script or of its folder, or a module's name.
        config: configuration name.
        kind: one of :data:`KINDS`; None for any.
        cache_dir: where the module may keep files; None for a temporary folder.
        download: whether the Hub may be asked.

    Returns:
        An ``evaluate.EvaluationModule`` that keeps its data in memory.

    Raises:
        ConfigError: if there is no such module here, or it is of another kind.
        MissingDependencyError: if ``evaluate``, or what the script imports, is not installed.
    """
    why = f"compute {module}"
    loading = need("evaluate.loading", extra="evaluate", why=why)
    cache = str(cache_dir or _temporary("cache"))
    if download and script_of(module) is None:
        return loading.load(module, config, kind, keep_in_memory=True, cache_dir=cache, seed=0)
    try:
        found = _find(loading, module, kind)
        made = loading.import_main_class(found.module_path)
    except ImportError as error:
        raise MissingDependencyError(f"{module} could not be imported: {error}") from error
    if made is None:
        raise ConfigError(f"{module} holds no class of evaluate.EvaluationModule")
    loaded = made(config_name=config, keep_in_memory=True, cache_dir=cache, hash=found.hash, seed=0)
    if kind is not None and loaded.module_type != kind:
        raise ConfigError(f"{module} is a {loaded.module_type}, not a {kind}")
    offline = need("datasets", extra="evaluate", why=why).DownloadConfig(cache_dir=cache, local_files_only=True)
    loaded.download_and_prepare(download_config=offline)
    return loaded


def _find(loading: Any, module: str, kind: str | None) -> Any:
    """Return where a module lies in importable form."""
    script = script_of(module)
    if script is not None:
        folder = loading.init_dynamic_modules(_PACKAGE, _temporary("modules"))
        return loading.LocalEvaluationModuleFactory(str(script), dynamic_modules_path=folder).get_module()
    names = [module.replace("/", "--")] if "/" in module else [f"evaluate-{one}--{module}" for one in KINDS]
    if "/" not in module and kind in KINDS:
        names = [f"evaluate-{kind}--{module}"]
    for name in names:
        try:
            return loading.CachedEvaluationModuleFactory(name).get_module()
        except (FileNotFoundError, AssertionError):
            continue  # fetched under another kind, or never
    raise ConfigError(
        f"no module {module!r}: it is neither a script, nor a folder with a script of its name, nor fetched before. "
        "Give a path, or download=True to ask the Hub"
    )


@lru_cache(maxsize=4)
def _folder(purpose: str) -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix=f"sdialog-evaluate-{purpose}-")  # removed when the process ends


def _temporary(purpose: str) -> str:
    """Return a temporary folder that this process keeps for a purpose."""
    return _folder(purpose).name
