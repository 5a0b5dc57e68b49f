"""What the commands that compare ours with the originals have in common: their options and their machine."""

from __future__ import annotations

import argparse
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).resolve().parents[2]


def machine() -> dict[str, Any]:
    """What the numbers hold for."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return {
        "cpu": models[0] if models else platform.processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def common_arguments(description: str | None, parts: Sequence[str]) -> argparse.ArgumentParser:
    """Which parts are run, by which clock, against which originals, and where the numbers go."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = os.environ.get("VOICERT_ORACLES") or ROOT / ".venv-test" / "oracles"
    parser.add_argument("--only", nargs="+", choices=parts, default=parts, help="leave out the other parts")
    parser.add_argument(
        "--cpu-time", action="store_true", help="count the CPU time of the thread, where other work runs"
    )
    parser.add_argument("--originals", type=Path, default=Path(folder), help=f"folder (default {folder})")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers there")
    return parser
