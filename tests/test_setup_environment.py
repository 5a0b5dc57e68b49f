"""scripts/environment.sh on a tiny project: made once, made again when it must be, one start at a time."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.support.clone import ROOT, clean_environment

pytestmark = pytest.mark.timeout(1500)  # packages are downloaded

PYPROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[project]
name = "tiny"
version = "1"
[tool.hatch.build.targets.wheel]
packages = ["tiny"]
"""
START = """#!/usr/bin/env bash
set -euo pipefail
. "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")/environment.sh"
make_environment "$root/.venv-tiny" .
exec "$root/.venv-tiny/bin/python" -c "$@"
"""
GREET = "import tiny; print(tiny.GREETING)"
INSTALLING = "installing into"


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone of a project with one module, in a folder with a space in its name."""
    clone = tmp_path / "a clone"
    (clone / "scripts").mkdir(parents=True)
    (clone / "tiny").mkdir()
    (clone / "tiny/__init__.py").write_text("GREETING = 'hello'\n")
    (clone / "pyproject.toml").write_text(PYPROJECT)
    (clone / "scripts/start").write_text(START)
    (clone / "scripts/start").chmod(0o755)
    shutil.copy(ROOT / "scripts/environment.sh", clone / "scripts")
    return clone


def begin(clone: Path, code: str = GREET, **variables: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [clone / "scripts/start", code],
        cwd=clone.parent,
        env=clean_environment() | variables,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def start(clone: Path, code: str = GREET, **variables: str) -> tuple[int, str, str]:
    process = begin(clone, code, **variables)
    out, err = process.communicate(timeout=1200)
    return process.returncode, out, err


def test_it_is_made_once_and_again_when_pyproject_or_place_changes(clone: Path) -> None:
    assert start(clone)[:2] == (0, "hello\n")
    assert start(clone) == (0, "hello\n", "")

    with (clone / "pyproject.toml").open("a") as pyproject:
        pyproject.write("# changed\n")
    code, out, err = start(clone)
    assert (code, out, err.count(INSTALLING)) == (0, "hello\n", 1)

    moved = clone.rename(clone.parent / "moved")
    code, out, err = start(moved)
    assert (code, out, err.count(INSTALLING)) == (0, "hello\n", 1)


def test_source_changes_need_no_installation(clone: Path) -> None:
    start(clone)
    (clone / "tiny/__init__.py").write_text("GREETING = 'hello again'\n")
    assert start(clone) == (0, "hello again\n", "")


def test_starts_at_the_same_moment_install_once(clone: Path) -> None:
    processes = [begin(clone) for _ in range(4)]
    results = [process.communicate(timeout=1200) for process in processes]
    assert [process.returncode for process in processes] == [0] * 4
    assert [out for out, _ in results] == ["hello\n"] * 4
    assert sum(err.count(INSTALLING) for _, err in results) == 1


def test_a_killed_installation_is_made_again(clone: Path) -> None:
    process = begin(clone)
    while not (clone / ".venv-tiny/bin/python").exists() and process.poll() is None:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=60)
    assert start(clone)[:2] == (0, "hello\n")


def test_a_failed_installation_says_so_and_is_made_again(clone: Path) -> None:
    good = (clone / "pyproject.toml").read_text()
    (clone / "pyproject.toml").write_text(good.replace('"hatchling.build"', '"hatchling.no_such_backend"'))
    code, out, err = start(clone)
    assert (code, out) == (2, "")
    assert "voicert: installing failed" in err.splitlines()[-1]
    (clone / "pyproject.toml").write_text(good)
    assert start(clone)[:2] == (0, "hello\n")


def test_what_is_started_does_not_hold_the_lock(clone: Path) -> None:
    process = begin(clone, "print('up', flush=True); input()")
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    holders = subprocess.run(["flock", "-n", clone / ".venv-tiny.lock", "true"], check=False)
    process.communicate(timeout=60)
    assert holders.returncode == 0


def test_a_python_that_cannot_be_used_is_named(clone: Path) -> None:
    code, _, err = start(clone, PYTHON="no-such-python")
    assert code == 2
    assert err == "voicert: PYTHON is set to 'no-such-python', which is not a Python 3.11 or newer.\n"


def shell(script: str) -> subprocess.CompletedProcess[str]:
    """Runs bash lines after environment.sh; commands are replaced by functions of the same name."""
    line = f'set -euo pipefail; . "{ROOT}/scripts/environment.sh"; {script}'
    return subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False, timeout=60)


def test_missing_debian_packages_are_named_when_not_root() -> None:
    result = shell("id() { echo 1000; }; apt-get() { :; }; apt_install chromium flite")
    assert result.returncode == 2
    assert result.stderr == (
        "voicert: these Debian packages are missing; install them with: sudo apt install chromium flite\n"
    )


def test_installed_debian_packages_are_not_asked_for() -> None:
    answer = 'dpkg-query() { [ "$3" != flite ] && echo -n installed; }'
    result = shell(f"{answer}; apt_packages_missing chromium flite espeak-ng")
    assert result.stdout == "flite\n"


def test_a_system_without_debian_packages_is_told_what_is_needed() -> None:
    hide = 'command() { [ "$2" != dpkg-query ] && builtin command "$@"; }'
    result = shell(f"{hide}; apt_packages_missing chromium flite")
    assert (result.returncode, result.stdout) == (0, "")
    assert "chromium flite" in result.stderr
