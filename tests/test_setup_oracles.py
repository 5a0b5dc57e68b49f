"""The original codecs are there when the tests say so, in fixed versions."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from tests.support.oracles import oracle

ROOT = Path(__file__).resolve().parent.parent


def test_every_package_is_held_at_a_version() -> None:
    lines = (ROOT / "oracles-test.txt").read_text().splitlines()
    packages = [line for line in lines if line and not line.startswith("#")]
    assert {package.split("==")[0] for package in packages} >= {"encodec", "moshi", "transformers"}
    assert all(re.fullmatch(r"[\w-]+==[\w.]+", package) for package in packages)


def test_a_missing_one_is_a_failure_where_there_should_be_some(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setenv("VOICERT_ORACLES", str(tmp_path))
    with pytest.raises(pytest.fail.Exception, match="does not offer voicert_original"):
        oracle("voicert_original")


def test_without_any_the_test_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOICERT_ORACLES", raising=False)
    with pytest.raises(pytest.skip.Exception, match="installed by scripts/test"):
        oracle("voicert_original")
