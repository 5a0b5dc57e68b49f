"""Finding and opening a model by name or folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
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
from voicert.models.moshi.names import is_kyutai_folder, is_repository
from voicert.models.onnx_runner import OnnxRunner, OnnxWords
from voicert.models.options import Options
from voicert.models.vocabulary import Vocabulary

BUNDLED = ("nano",)
FILES = ("config.json", "vocabulary.json", "step.onnx")
WORDS = "words.onnx"  # of a model with a transformer over words


def load(
    name_or_path: str,
    max_slots: int,
    threads: int = 1,
    options: Options | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Bundle:
    """Opens a bundled model by name, or another by its folder or its repository on the Hugging Face hub.

    Args:
        name_or_path: besides a name, a folder of ``config.json``, ``vocabulary.json``, ``step.onnx`` and, if
            its configuration says so, ``words.onnx``; or one of the Moshi family in Kyutai's layout, or a
            repository with such files, as "owner/name".
        max_slots: sessions that it shall hold at once.
        threads: of the model.
        options: how a model of the Moshi family is run.
        tell: is told what takes long or much.

    Raises:
        ModelError: there is no such model, or a file of it is missing or unreadable.
    """
    options = options or Options()
    folder = Path(name_or_path).expanduser()
    if name_or_path in BUNDLED:
        folder = Path(str(files("voicert.models") / "weights" / name_or_path))
    elif is_kyutai_folder(folder) or (not folder.exists() and is_repository(name_or_path)):
        return _of_moshi_family(name_or_path, max_slots, threads, options, tell)
    elif not folder.is_dir():
        names = ", ".join(BUNDLED)
        raise ModelError(
            f"there is no model {name_or_path!r}: give a bundled name ({names}), a model's folder, or its "
            "name on the Hugging Face hub, such as kyutai/moshiko-pytorch-bf16"
        )
    options.refuse(name_or_path)
    return _bundled(name_or_path, folder, max_slots, threads)


def _of_moshi_family(
    name: str, max_slots: int, threads: int, options: Options, tell: Callable[[str], None]
) -> Bundle:
    try:
        from voicert.models.moshi.opening import open_moshi
    except ImportError as error:
        missing = error.name or "a package"
        if missing.startswith("voicert"):
            raise
        raise ModelError(
            f'the model {name} needs {missing}, which is not installed: pip install "voicert[torch]"'
        ) from error
    return open_moshi(name, max_slots, threads, options, tell)


def _bundled(name: str, folder: Path, max_slots: int, threads: int) -> Bundle:
    """A model of voicert's own layout."""
    config, extra = load_config(folder / "config.json")
    vocabulary = Vocabulary.load(folder / "vocabulary.json")
    if len(vocabulary) != config.text_size:
        raise ModelError(
            f"the vocabulary in {folder} has {len(vocabulary)} pieces, the model {config.text_size}"
        )
    try:
        codec = NanoCodec(threads=threads)
        session = open_session(folder / "step.onnx", threads)
        words = open_session(folder / WORDS, threads) if config.words else None
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
    next_words = OnnxWords(words, config, max_slots) if words else None
    model = DuplexModel(name, runner, config, vocabulary, silence, next_words)
    able = frozenset({*capabilities, "user_transcripts"})  # it has a stream for what it hears
    return Bundle(model, codec, sampling, examples, able, _identity(folder, codec, bool(words)))


def _identity(folder: Path, codec: NanoCodec, words: bool) -> str:
    """16 hexadecimal digits of all that decides which tokens come out, the codec included."""
    digest = hashlib.sha256(codec.identity.encode())
    for name in (*FILES, WORDS) if words else FILES:
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
