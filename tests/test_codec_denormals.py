"""Numbers too small for full precision count as zero on the thread that asks for it, and on no other."""

from __future__ import annotations

import platform
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest
from voicert_codecs.denormals import flush_denormals

TINY = sys.float_info.min


def is_flushing() -> bool:
    return TINY * 0.5 == 0.0


@pytest.mark.skipif(platform.machine() not in ("x86_64", "aarch64", "arm64"), reason="not known how")
def test_a_thread_flushes_once_it_has_asked_for_it() -> None:
    before = is_flushing()
    with ThreadPoolExecutor(1) as asking, ThreadPoolExecutor(1) as other:
        assert other.submit(is_flushing).result() == before
        assert asking.submit(flush_denormals).result()
        assert asking.submit(is_flushing).result()
        assert other.submit(is_flushing).result() == before
    assert is_flushing() == before


def test_where_it_is_not_known_how_nothing_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    before = is_flushing()
    monkeypatch.setattr(platform, "machine", lambda: "abacus")
    assert not flush_denormals()
    assert is_flushing() == before
