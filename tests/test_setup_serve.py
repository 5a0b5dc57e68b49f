"""`scripts/serve` from a fresh clone: it installs itself without torch, listens, and says what is wrong.

Nothing is shared with the environment the tests run in. Packages come from wherever pip is set up to find
them.
"""

from __future__ import annotations

import json
import re
import socket
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.clone import clean_environment, copy_repository

pytestmark = pytest.mark.timeout(1500)  # packages are downloaded

URL_LINE = re.compile(r"voicert is listening on (http://127\.0\.0\.1:\d+)\n")
INSTALLING = "installing into"


def command(clone: Path, *arguments: str) -> list[str]:
    return [str(clone / "scripts/serve"), *arguments]


@contextmanager
def served(clone: Path, log: Path, *arguments: str) -> Iterator[str]:
    """Runs scripts/serve from another directory and gives the URL it prints; the end is a SIGTERM."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            command(clone, *arguments),
            cwd=clone.parent,
            env=clean_environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
    assert process.stdout is not None
    try:
        line = process.stdout.readline()  # "" when the process ends without a line
        match = URL_LINE.fullmatch(line)
        assert match, f"printed {line!r}; stderr: {log.read_text()}"
        yield match[1]
    finally:
        process.terminate()
        rest, _ = process.communicate(timeout=120)
    assert rest == ""


def health(url: str) -> dict[str, object]:
    with urllib.request.urlopen(f"{url}/health", timeout=60) as response:
        assert response.status == 200
        return json.load(response)


def refused(clone: Path, *arguments: str) -> str:
    """Runs scripts/serve with something wrong and returns the one line it says about it."""
    result = subprocess.run(
        command(clone, *arguments),
        env=clean_environment(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert result.returncode == 2
    assert result.stdout == ""
    lines = result.stderr.splitlines()
    assert len(lines) == 1, result.stderr
    return lines[0]


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh clone in a folder with a space in its name, started once."""
    clone = copy_repository(tmp_path_factory.mktemp("clone") / "my voicert")
    log = clone.parent / "first.log"
    with served(clone, log, "--port", "0") as url:
        assert health(url)["status"] == "ok"
        with urllib.request.urlopen(url, timeout=60) as page:
            assert page.headers.get_content_type() == "text/html"
    assert INSTALLING in log.read_text()
    return clone


def test_later_starts_install_nothing_and_run_side_by_side(clone: Path, tmp_path: Path) -> None:
    with (
        served(clone, tmp_path / "one.log", "--port", "0") as one,
        served(clone, tmp_path / "two.log", "--port", "0", "--max-sessions", "3") as two,
    ):
        assert one != two
        assert health(one)["status"] == "ok"
        assert health(two)["max_sessions"] == 3
    assert INSTALLING not in (tmp_path / "one.log").read_text() + (tmp_path / "two.log").read_text()


def test_torch_is_not_installed(clone: Path) -> None:
    python = clone / ".venv-serve/bin/python"
    result = subprocess.run([python, "-c", "import torch"], capture_output=True, text=True, check=False)
    assert "No module named 'torch'" in result.stderr


def test_a_port_in_use_is_one_sentence(clone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert str(port) in refused(clone, "--port", str(port))


def test_an_unknown_model_is_one_sentence(clone: Path) -> None:
    assert "no-such-model" in refused(clone, "--port", "0", "--model", "no-such-model")
