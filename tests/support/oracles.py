"""The original implementations of codecs, which ours must equal; see ``oracles-test.txt``.

``scripts/test`` installs them into a folder and names it in ``VOICERT_ORACLES``; what is missing there is a
failure. Without that variable the tests that need them are skipped.
"""

from __future__ import annotations

import importlib
import os
import sys
import types
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest


def oracle(name: str) -> Any:
    """The module ``name`` of the oracles; skips the test when there are none."""
    folder = os.environ.get("VOICERT_ORACLES")
    if not folder:
        pytest.skip("the original implementations are installed by scripts/test (VOICERT_ORACLES)")
    if folder not in sys.path:
        sys.path.append(folder)  # last: what the environment has itself comes first
    try:
        with warnings.catch_warnings(), _torchaudio_stand_in() if name == "encodec" else nullcontext():
            warnings.simplefilter("ignore")
            return importlib.import_module(name)
    except ImportError as error:
        pytest.fail(f"VOICERT_ORACLES={folder} does not offer {name}: {error}")


@contextmanager
def _torchaudio_stand_in() -> Iterator[None]:
    """encodec imports torchaudio, which its models do not use and whose wheels need CUDA libraries."""
    if "torchaudio" in sys.modules:
        yield
        return
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        yield
    finally:
        del sys.modules["torchaudio"]
