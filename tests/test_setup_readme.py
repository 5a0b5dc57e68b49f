"""The README names what there is: every setting with its default, and files that exist."""

from __future__ import annotations

import re

import pytest

from tests.support.clone import ROOT
from voicert.config import settings

README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_the_table_of_settings_is_complete() -> None:
    rows = re.findall(r"^\| `\[(\w+)\]` `(\w+)` \| (?:`(.+)`)? *\| .+ \|$", README, flags=re.MULTILINE)
    expected = [
        (s.section, s.name, "" if s.default in (None, (), "") else str(s.default)) for s in settings()
    ]
    assert rows == expected


@pytest.mark.parametrize("target", re.findall(r"\]\((?!https?:)([^)#]+)\)", README))
def test_files_that_the_readme_links_to_exist(target: str) -> None:
    assert (ROOT / target).exists()


@pytest.mark.parametrize("path", re.findall(r"\b(?:scripts|tests|docs)/[\w./]*\w", README))
def test_paths_that_the_readme_names_exist(path: str) -> None:
    assert (ROOT / path).exists()
