"""RHVoice, an engine that is used where it is installed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from nano import rhvoice
from nano.voices import random_voice


@pytest.fixture(autouse=True)
def fresh() -> Iterator[None]:
    rhvoice.places.cache_clear()
    yield
    rhvoice.places.cache_clear()


def engines() -> set[str]:
    rng = np.random.default_rng(0)
    return {random_voice(rng).engine for _ in range(300)}


def test_it_is_drawn_only_where_it_is_installed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(rhvoice, "find_spec", lambda name: None)
    assert engines() == {"espeak", "flite", "pico"}
    with pytest.raises(RuntimeError, match="pip install rhvoice-wrapper-bin"):
        rhvoice.speak("Bdl", "hello")
    rhvoice.places.cache_clear()
    monkeypatch.setenv(rhvoice.LIBRARY, str(tmp_path / "libRHVoice.so"))
    monkeypatch.setenv(rhvoice.DATA, str(tmp_path))
    assert engines() == {"espeak", "flite", "pico", "rhvoice"}
    with pytest.raises(RuntimeError, match=r"cannot be loaded.*libRHVoice\.so"):
        rhvoice.speak("Bdl", "hello")
