"""Fixtures that any test may use."""

from pathlib import Path

import pytest

from tests.support import tiny
from tests.support.server import scripted_server

__all__ = ["scripted_server"]


@pytest.fixture(scope="session")
def tiny_codec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an exported codec with the sizes of ``tiny.CODEC``."""
    return tiny.export_codec(tmp_path_factory.mktemp("codec"))


@pytest.fixture(scope="session")
def tiny_step(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported step of ``tiny.transformer()``, weights in float32."""
    return tiny.export_step(tmp_path_factory.mktemp("model") / "step.onnx", bits=None)


@pytest.fixture(scope="session")
def tiny_step_int8(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same with weights in 8 bits, as the shipped model has them."""
    return tiny.export_step(tmp_path_factory.mktemp("model8") / "step.onnx", bits=8)
