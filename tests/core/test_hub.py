"""Data sets from the hub: the real client against a server on loopback that answers as the hub does."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from sdialog import Dialog, Turn

COMMIT = "c" * 40


class Hub(BaseHTTPRequestHandler):
    """One data set, ``me/talks``; its files are in ``server.files``."""

    protocol_version = "HTTP/1.1"

    def do_HEAD(self):
        self.do_GET()

    def do_GET(self):
        path = self.path.partition("?")[0]
        files = self.server.files
        if path.startswith("/api/datasets/me/talks/revision/"):
            siblings = [{"rfilename": name} for name in files]
            self.reply(json.dumps({"id": "me/talks", "sha": COMMIT, "siblings": siblings}).encode())
        elif path.startswith("/api/datasets/me/talks/tree/"):
            entries = [{"type": "file", "path": n, "size": len(c), "oid": digest(c)} for n, c in files.items()]
            self.reply(json.dumps(entries).encode())
        elif path.startswith("/datasets/me/talks/resolve/") and path.split("/", 6)[6] in files:
            self.reply(files[path.split("/", 6)[6]])
        else:
            self.reply(b"{}", status=404)

    def reply(self, body, status=200):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("ETag", f'"{digest(body)}"')
        self.send_header("X-Repo-Commit", COMMIT)
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def digest(content):
    return hashlib.sha1(content).hexdigest()


@pytest.fixture
def hub():
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


FETCH = """
import json, sys
from sdialog import Dialog
try:
    found = Dialog.from_huggingface("me/talks", **json.loads(sys.argv[1]))
except ValueError as error:
    print(json.dumps([type(error).__name__, str(error)]))
else:
    splits = found if isinstance(found, dict) else {"": found}
    print(json.dumps({name: [[d.id, len(d), d._path] for d in part] for name, part in splits.items()}))
"""


def fetch(hub, root, tmp_path, **options):
    env = {
        **os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{hub.server_port}", "HF_HUB_OFFLINE": "0",
        "HF_HOME": str(tmp_path / "hf"), "HF_HUB_DISABLE_XET": "1", "HF_HUB_DISABLE_TELEMETRY": "1",
    }  # fmt: skip
    command = [sys.executable, "-c", FETCH, json.dumps(options)]
    shown = subprocess.run(command, capture_output=True, text=True, cwd=root, env=env, timeout=120)
    assert shown.returncode == 0, shown.stderr
    return json.loads(shown.stdout)


def dialog(name):
    said = [Turn(speaker="A", text="one"), Turn(speaker="A", text="two")]
    return Dialog(id=name, turns=said).json(string=True).encode()


@pytest.mark.slow
def test_a_data_set_without_splits(hub, root, tmp_path):
    hub.files = {"README.md": b"# talks", "data/b.json": dialog("b"), "data/a/1.json": dialog("a"), "data/x.txt": b"x"}
    assert fetch(hub, root, tmp_path) == {"": [["a", 2, None], ["b", 2, None]]}
    kept = fetch(hub, root, tmp_path, local_dir=str(tmp_path / "kept"), collapse_consecutive_speakers=True)
    assert kept[""][0] == ["a", 1, str(tmp_path / "kept" / "data" / "a" / "1.json")]


@pytest.mark.slow
def test_a_data_set_with_splits(hub, root, tmp_path):
    hub.files = {f"data/{split}/1.json": dialog(split) for split in ("train", "validation", "test")}
    found = fetch(hub, root, tmp_path)
    assert {split: part[0][0] for split, part in found.items()} == {
        "train": "train",
        "validation": "validation",
        "test": "test",
    }


@pytest.mark.slow
def test_a_data_set_without_dialogs(hub, root, tmp_path):
    hub.files = {"README.md": b"# nothing"}
    name, message = fetch(hub, root, tmp_path)
    assert name == "UserError" and "no folder data/" in message
