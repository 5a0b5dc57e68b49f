"""The files of a published model, in a folder or on the Hugging Face hub."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from voicert_codecs import hub
from voicert_codecs.base import CodecError

from voicert.errors import ModelError
from voicert.models.moshi.config import Folder
from voicert.models.moshi.headers import read_headers
from voicert.models.moshi.kyutai import read_folder

CONFIG = "config.json"
INDEX = ".index.json"
_ELSEWHERE = re.compile(
    r"hf://([\w.-]+/[\w.-]+)/(.+)"
)  # a file of another repository, as configurations may say
_WHOLE = 1 << 24  # bytes: larger files are known by samples of them
_SAMPLES = 64


@dataclass(frozen=True)
class Checkpoint:
    """All that is needed to run a model."""

    about: Folder
    weights: Path  # or the path without ``.index.json`` of one in several files
    codec: Path
    tokenizer: Path
    lora: Path | None = None

    def identity(self) -> bytes:
        """Says which weights these are.

        Large files are known by their size and samples from all over: to read them whole takes minutes.
        """
        digest = hashlib.sha256(repr(self.about).encode())
        parts = {header.file for header in read_headers(self.weights).values()}
        for path in [*sorted(parts), self.codec, self.tokenizer, *([self.lora] if self.lora else [])]:
            digest.update(_sampled(path))
        return digest.digest()


def find(name: str) -> Checkpoint:
    """The checkpoint of a folder, or of a repository of the hub, which is fetched if it is not yet here.

    Raises:
        ModelError: it cannot be fetched, a file is missing, or its configuration is not understood.
    """
    path = Path(name).expanduser()
    try:
        return _in_folder(path) if path.is_dir() else _on_hub(name)
    except CodecError as error:
        raise ModelError(str(error)) from error


def _in_folder(folder: Path) -> Checkpoint:
    about = read_folder(folder)

    def path_of(name: str) -> Path:
        elsewhere = _ELSEWHERE.fullmatch(name)
        if elsewhere:
            return hub.fetched(elsewhere[1], elsewhere[2])[0]
        return folder / name.removeprefix("file://")

    lora = path_of(about.lora) if about.lora else None
    weights, codec, tokenizer = (path_of(name) for name in (about.weights, about.codec, about.tokenizer))
    for what, file in (("codec", codec), ("tokenizer", tokenizer), ("LoRA", lora)):
        if file is not None and not file.is_file():
            raise ModelError(f"the {what} {file} is not there")
    return Checkpoint(about, weights, codec, tokenizer, lora)


def _on_hub(repository: str) -> Checkpoint:
    """Only what is needed is fetched; the hub's client shows how far it is."""
    try:
        folder = hub.fetched(repository, CONFIG)[0].parent
    except CodecError as error:
        if not hub.lacks(repository, CONFIG, error):
            raise
        folder = hub.fetched(repository, Folder.codec)[0].parent  # the first models came without
    about = read_folder(folder)
    names = [about.codec, about.codec_config, about.tokenizer, about.lora]
    hub.fetched(repository, *(name for name in names if name and not _ELSEWHERE.fullmatch(name)))
    if not _ELSEWHERE.fullmatch(about.weights):
        _fetch_weights(repository, about.weights)
    return _in_folder(folder)


def _fetch_weights(repository: str, name: str) -> None:
    """One file, or those that an index lists."""
    try:
        file = hub.fetched(repository, name)[0]
    except CodecError as error:
        if not hub.lacks(repository, name, error):
            raise
        file = hub.fetched(repository, name + INDEX)[0]
    if file.name.endswith(INDEX):
        parts = hub.read_json(file).get("weight_map")
        if not isinstance(parts, dict):
            raise ModelError(f"cannot read the index of the weights {file}: it has no weight_map")
        named = cast("dict[str, Any]", parts)
        hub.fetched(repository, *sorted({str(part) for part in named.values()}))


def _sampled(path: Path) -> bytes:
    size = path.stat().st_size
    with path.open("rb") as file:
        if size <= _WHOLE:
            return file.read()
        parts = [str(size).encode()]
        for i in range(_SAMPLES):
            file.seek((size - 4096) * i // (_SAMPLES - 1))
            parts.append(file.read(4096))
    return b"".join(parts)
