"""The wheel holds the three packages completely and nothing else."""

from __future__ import annotations

import subprocess
import sys
import tomllib
import zipfile
from email.parser import Parser
from email.policy import default
from fnmatch import fnmatch
from pathlib import Path

import pytest

from tests.support.clone import ROOT, clean_environment, copy_repository

pytestmark = pytest.mark.timeout(1500)  # packages are downloaded

PACKAGES = ("voicert", "codecs/voicert_codecs", "clients/voicert_clients")
MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_repository(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def wheel(clone: Path, tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """A wheel built as `pip install .` builds it."""
    target = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", target, clone],
        check=True,
        env=clean_environment(),
        timeout=600,
    )
    (built,) = target.iterdir()
    return zipfile.ZipFile(built)


def package_files(clone: Path) -> set[str]:
    """The files of the packages under the names that they have once installed."""
    return {
        path.relative_to((clone / package).parent).as_posix()
        for package in PACKAGES
        for path in (clone / package).rglob("*")
        if path.is_file()
    }


def test_every_file_of_the_packages_is_in_the_wheel_and_no_other(clone: Path, wheel: zipfile.ZipFile) -> None:
    held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert held == package_files(clone)


@pytest.mark.parametrize(
    "pattern",
    [
        "voicert/py.typed",
        "voicert_codecs/py.typed",
        "voicert_clients/py.typed",
        "voicert_clients/page/index.html",
        "voicert_clients/page/*.js",
        "voicert_clients/page/*.css",
        "voicert_codecs/nano/weights/*.onnx",
        "voicert/models/weights/nano/step.onnx",
        "voicert/models/weights/nano/words.onnx",
        "voicert/bench/speech/*.wav",
    ],
)
def test_what_a_user_needs_is_in_the_wheel(wheel: zipfile.ZipFile, pattern: str) -> None:
    assert any(fnmatch(name, pattern) for name in wheel.namelist())


def test_the_wheel_is_small(wheel: zipfile.ZipFile) -> None:
    assert sum(entry.file_size for entry in wheel.infolist()) < 30 * MEGABYTE


def test_the_plain_install_needs_neither_torch_nor_two_onnx_runtimes(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    metadata = Parser(policy=default).parsestr(wheel.read(name).decode())
    requirements = [str(value) for value in metadata.get_all("Requires-Dist", [])]
    plain = {line for line in requirements if "extra ==" not in line}
    assert not [line for line in plain if line.startswith(("torch", "onnx>", "nvidia", "livekit"))]
    assert [line for line in requirements if line.startswith("onnxruntime")] == [
        line for line in plain if line.startswith("onnxruntime>")
    ]
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_test_environment_holds_torch_fast() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    constraints = (ROOT / "constraints-test.txt").read_text().splitlines()
    assert "torch==2.13.0" in constraints
    assert any(line.startswith("torch") for line in pyproject["project"]["optional-dependencies"]["torch"])
