"""The repository speaks of the project alone."""

from __future__ import annotations

import re
import subprocess

from surface.source import ROOT

FOREIGN = re.compile(r"(?<![\w.])/(?:root|home/\w+|work|tmp)/[\w./-]+|[\w.-]*pypi\.org|pythonhosted")
SECRET = re.compile(r"sk-[A-Za-z0-9]{24,}|AKIA[0-9A-Z]{16}|-----BEGIN [A-Z ]*PRIVATE KEY")
ABOUT_SECRETS = {"tests/surface/test_tidy.py", "tests/core/test_secrets.py"}  # hold made-up ones on purpose
TEXT = {".py", ".md", ".toml", ".yaml", ".yml", ".txt", ".j2", ".cfg", ""}


def tracked():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True)
    for name in listed.stdout.split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.suffix in TEXT and path.stat().st_size < 500_000:
            yield name, path.read_text(encoding="utf-8")


def test_no_paths_of_one_machine_and_no_secrets():
    found = [
        f"{name}: {match.group()}"
        for name, text in tracked()
        if name not in ABOUT_SECRETS
        for pattern in (FOREIGN, SECRET)
        for match in pattern.finditer(text)
    ]
    assert not found
