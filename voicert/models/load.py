"""Finding and opening a model by name or folder."""

from __future__ import annotations

import hashlib
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

import numpy as np
from voicert_codecs.base import CodecError
from voicert_codecs.nano.runtime import NanoCodec, open_session

from voicert.errors import ModelError
from voicert.models.base import CAPABILITIES, Bundle, Ints, Sampling
from voicert.models.config import ModelConfig, load_config
from voicert.models.duplex import DuplexModel
from voicert.models.onnx_runner import OnnxRunner
from voicert.models.vocabulary import Vocabulary

BUNDLED = ("nano",)
FILES = ("config.json", "vocabulary.json", "step.onnx")


def load(name_or_path: str, max_slots: int, threads: int = 1) -> Bundle:
    """Opens a bundled model by name, or a folder of ``config.json``, ``vocabulary.json`` and ``step.onnx``.

    Args:
        max_slots: sessions that it shall hold at once.
        threads: of every ONNX session.

    Raises:
        ModelError: there is no such model, or a file of it is missing or unreadable.
    """
    if name_or_path in BUNDLED:
        folder = Path(str(files("voicert.models") / "weights" / name_or_path))
    else:
        folder = Path(name_or_path).expanduser()
        if not folder.is_dir():
            names = ", ".join(BUNDLED)
            raise ModelError(
                f"there is no model {name_or_path!r}: give a bundled name ({names}) or a model's folder"
            )
    config, extra = load_config(folder / "config.json")
    vocabulary = Vocabulary.load(folder / "vocabulary.json")
    if len(vocabulary) != config.text_size:
        raise ModelError(
            f"the vocabulary in {folder} has {len(vocabulary)} pieces, the model {config.text_size}"
        )
    try:
        codec = NanoCodec(threads=threads)
        session = open_session(folder / "step.onnx", threads)
    except CodecError as error:
        raise ModelError(str(error)) from error
    if (codec.num_codebooks, codec.codebook_size) != (config.codebooks, config.codebook_size):
        raise ModelError(
            f"the model in {folder} has {config.codebooks} codebooks of {config.codebook_size} codes, "
            f"its codec {codec.num_codebooks} of {codec.codebook_size}"
        )
    silence, sampling = _settings(extra, folder, config)
    examples, capabilities = _texts(extra, "examples", folder), _texts(extra, "capabilities", folder)
    if unknown := set(capabilities) - CAPABILITIES:
        known = ", ".join(sorted(CAPABILITIES))
        raise ModelError(
            f"config.json in {folder} has the unknown capability {min(unknown)!r}; known are {known}"
        )
    runner = OnnxRunner(session, config, max_slots)
    model = DuplexModel(name_or_path, runner, config, vocabulary, silence)
    return Bundle(model, codec, sampling, examples, frozenset(capabilities), _identity(folder, codec))


def _identity(folder: Path, codec: NanoCodec) -> str:
    """16 hexadecimal digits of all that decides which tokens come out, the codec included."""
    digest = hashlib.sha256(codec.identity.encode())
    for name in FILES:
        digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


def _settings(extra: dict[str, Any], folder: Path, config: ModelConfig) -> tuple[Ints, Sampling]:
    """The codes of a silent frame [K], and how to sample."""
    try:
        silence, sampling = np.array(extra["silence"], np.int64), Sampling(**extra.get("sampling", {}))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ModelError(f"config.json in {folder} is not understood: {error!r}") from error
    if silence.shape != (config.codebooks,) or silence.min() < 0 or silence.max() >= config.codebook_size:
        raise ModelError(f"config.json in {folder} must give {config.codebooks} codes of silence in range")
    return silence, sampling


def _texts(extra: dict[str, Any], name: str, folder: Path) -> tuple[str, ...]:
    """A list of texts; it may be missing."""
    given: Any = extra.get(name, [])
    texts = cast("list[Any]", given) if isinstance(given, list) else [given]
    if not isinstance(given, list) or not all(isinstance(text, str) for text in texts):
        raise ModelError(f"{name} in config.json in {folder} must be a list of texts")
    return tuple(texts)
