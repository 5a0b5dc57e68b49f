"""The original implementations of codecs, which ours must equal; see ``oracles-test.txt``.

``scripts/test`` installs them into a folder and names it in ``VOICERT_ORACLES``; what is missing there is a
failure. Without that variable the tests that need them are skipped.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from codec_bench.peers import PeersMissingError, import_peer


def oracle(name: str) -> Any:
    """The module ``name`` of the oracles; skips the test when there are none."""
    folder = os.environ.get("VOICERT_ORACLES")
    if not folder:
        pytest.skip("the original implementations are installed by scripts/test (VOICERT_ORACLES)")
    try:
        return import_peer(Path(folder), name)
    except PeersMissingError as error:
        pytest.fail(f"VOICERT_ORACLES: {error}")
