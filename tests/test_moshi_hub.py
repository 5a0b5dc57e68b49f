"""`voicert serve --model`: by the hub's own client from a hub on this machine, and from a folder alone."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import make_tiny_moshi
import pytest
from safetensors.torch import load_file, save_file

from tests.support.moshi_served import tiny_folder
from tests.test_server_cli import ROOT, environment

LISTENING = "voicert is listening on "
NOWHERE = "http://127.0.0.1:9"  # nobody listens there


class Hub(BaseHTTPRequestHandler):
    """Gives the files below ``root`` as /OWNER/NAME/resolve/REVISION/FILE, as the hub does."""

    def __init__(self, root: Path, *rest: object) -> None:
        self.root = root
        super().__init__(*rest)  # pyright: ignore[reportArgumentType]

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self.wfile.write(self._answer())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""

    def _answer(self) -> bytes:
        owner, name, *rest = self.path.strip("/").split("/")
        file = self.root / owner / name / "/".join(rest[2:])
        content = file.read_bytes() if rest[:1] == ["resolve"] and file.is_file() else b""
        self.send_response(200 if content else 404)
        if not content:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", f'"{hashlib.sha256(content).hexdigest()}"')
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        return content


@pytest.fixture
def hub(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> Iterator[str]:
    """Its address. It holds the tiny checkpoint as ``kyutai/tiny``, the weights in two files."""
    place = tmp_path / "hub/kyutai/tiny"
    shutil.copytree(tiny_folder(tmp_path_factory.getbasetemp()), place)
    weights = load_file(place / "model.safetensors")
    parts = {name: f"model-{i % 2}.safetensors" for i, name in enumerate(weights)}
    for file in set(parts.values()):
        save_file({name: weights[name] for name in weights if parts[name] == file}, place / file)
    (place / "model.safetensors").unlink()
    (place / "model.safetensors.index.json").write_text(json.dumps({"weight_map": parts}))
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Hub, tmp_path / "hub")) as server:
        threading.Thread(target=server.serve_forever).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextmanager
def served(model: str, errors: Path, **variables: str) -> Iterator[str]:
    """Its address, once it listens; what it says besides that is in ``errors``."""
    command = [
        sys.executable,
        "-m",
        "voicert",
        "serve",
        "--model",
        model,
        "--port",
        "0",
        "--max-sessions",
        "2",
    ]
    with (
        errors.open("w") as told,
        subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=told, text=True, cwd=ROOT, env=environment() | variables
        ) as process,
    ):
        try:
            assert process.stdout
            line = process.stdout.readline()
            assert line.startswith(LISTENING), errors.read_text()
            yield line.removeprefix(LISTENING).strip()
        finally:
            process.terminate()


def models(url: str) -> list[str]:
    with urllib.request.urlopen(f"{url}/v1/models", timeout=60) as answer:
        return [model["id"] for model in json.load(answer)["data"]]


def test_a_repository_is_fetched_with_progress_and_later_served_without_a_network(
    hub: str, tmp_path: Path
) -> None:
    told = tmp_path / "told"
    here = {"HF_HOME": str(tmp_path / "home"), "TQDM_POSITION": "-1"}  # bars without a terminal too
    with served("kyutai/tiny", told, HF_ENDPOINT=hub, **here) as url:
        assert models(url) == ["kyutai/tiny"]
    text = told.read_text()
    for part in ("model-0.safetensors: 100%", "model-1.safetensors: 100%", "MB for its weights"):
        assert part in text
    with served("kyutai/tiny", told, HF_ENDPOINT=NOWHERE, HF_HUB_OFFLINE="1", **here) as url:
        assert models(url) == ["kyutai/tiny"]
    assert "100%" not in told.read_text()


def test_what_the_script_writes_is_served_from_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, told = tmp_path / "tiny", tmp_path / "told"
    monkeypatch.setattr(sys, "argv", ["make_tiny_moshi.py", str(folder)])
    make_tiny_moshi.main()
    name, megabytes, _ = capsys.readouterr().out.rsplit(maxsplit=2)
    assert name == f"{folder}:"
    assert 1 < float(megabytes) < 5
    with served(str(folder), told, HF_ENDPOINT=NOWHERE) as url:
        assert models(url) == [str(folder)]
    assert f"{folder} on cpu needs" in told.read_text()
