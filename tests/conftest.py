"""Fixtures that any test may use."""

from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import settings
from voicert_codecs.ort import open_session

from tests.support import tiny
from tests.support.page import answering, browsers, question, quiet
from tests.support.server import scripted_server
from tests.support.tapes import tiny_bundle

__all__ = ["answering", "browsers", "question", "quiet", "scripted_server", "tiny_bundle"]

settings.register_profile("any machine", deadline=None)  # a busy one is no fault of the code
settings.load_profile("any machine")


@pytest.fixture(scope="session", autouse=True)
def _full_precision() -> None:
    """Opens the first session of ONNX Runtime on a thread of its own.

    The first one that asks for it makes its thread take numbers too small for full precision as zero, for
    good; hypothesis refuses to draw numbers on such a thread.
    """
    with ThreadPoolExecutor(1) as thread:
        thread.submit(
            open_session, Path(str(files("voicert_codecs.nano"))) / "weights/decoder.onnx", 1
        ).result()


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


@pytest.fixture(scope="session")
def tiny_words(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The exported graph of ``tiny.word_transformer()``, weights in float32."""
    return tiny.export_words(tmp_path_factory.mktemp("words") / "words.onnx")
