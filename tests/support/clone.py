"""Fresh copies of this repository and a clean environment, for the tests of set-up and packaging."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent


def repository_files() -> list[Path]:
    """What a clone of this state of the repository would hold, relative to its root; sorted."""
    command = ["git", "-c", "safe.directory=*", "ls-files", "-coz", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout.decode()
    names = {Path(name) for name in listing.split("\0") if name}
    return sorted(name for name in names if (ROOT / name).is_file())  # a file just deleted is still listed


def copy_repository(target: Path) -> Path:
    """Copies the repository's files, without anything that was built or installed in it."""
    for name in repository_files():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, target / name)
    return target


def clean_environment() -> dict[str, str]:
    """This process's environment less what an activated virtual environment or a voicert setting adds."""
    bin_directory = str(Path(sys.prefix) / "bin")
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "PYTHONHOME", "PYTHON"}
    kept = {k: v for k, v in os.environ.items() if k not in dropped and not k.startswith("VOICERT_")}
    entries = kept.get("PATH", os.defpath).split(os.pathsep)
    return kept | {"PATH": os.pathsep.join(entry for entry in entries if entry != bin_directory)}
