"""Voices as PersonaPlex publishes them: what its temporal transformer was given while it heard a voice.

A file of ``torch.save`` holds two tensors: "embeddings" [F, 1, 1, D], the sum of the embeddings of all
streams in each of the first F steps, and "cache" [1, 1 + S, C], the tokens of the last C positions, position
p at p % C, where C is the largest delay and 3. After F embeddings the cache knows what is given in step F
and, of a stream with a delay of d, in the d steps after that.
Source: the code of PersonaPlex, https://github.com/NVIDIA/personaplex, moshi/models/lm.py.
"""

from __future__ import annotations

import io
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor
from voicert_codecs import hub
from voicert_codecs.base import CodecError

from voicert.errors import ModelError
from voicert.models.base import Ints
from voicert.models.moshi.config import MoshiConfig
from voicert.models.parts import NOTHING

SUFFIX = ".pt"
FOLDER, ARCHIVE = "voices", "voices.tgz"  # beside the weights; the archive holds the folder
LONGEST_FRAMES = 750  # a minute
LARGEST_BYTES = 64 << 20
_CACHE_BEYOND = 3  # positions of the cache besides the largest delay


@dataclass(frozen=True)
class Voice:
    """The first steps of a conversation, in which a voice was heard."""

    embeddings: Tensor  # [F, D] what they were given
    ahead: Ints  # [1 + S, M + 1] what is given from step F on, of a stream as far as its delay

    def own(self, streams: int, pad: int) -> Ints:
        """[F, streams] as it is written step by step: pads and, in the last step, what is known."""
        own = np.full((len(self.embeddings), streams), NOTHING)
        own[:, 0] = pad
        own[-1] = self.ahead[:streams, 0]
        return own

    def user(self, delays: Ints) -> Ints:
        """[F + 1, U] what was heard, as far as it is given after the last of the steps; delays [U]."""
        steps = len(self.embeddings)
        user = np.full((steps + 1, len(delays)), NOTHING)
        for stream, delay in enumerate(delays):
            end, known = delay + 1, min(delay, steps) + 1
            user[steps + 1 - known :, stream] = self.ahead[stream - len(delays), end - known : end]
        return user

    def identity(self) -> bytes:
        return self.embeddings.float().numpy().tobytes() + self.ahead.tobytes()


def read_voice(model: str, file: Path, config: MoshiConfig) -> Voice:
    """
    Args:
        model: folder or repository that publishes voices.
        file: a file, or the name of one of those.

    Raises:
        ModelError: there is no such voice, or it is of another model, or no voice at all.
    """
    try:
        data = _bytes(model, file)
    except (OSError, EOFError, tarfile.TarError, CodecError) as error:
        raise ModelError(f"cannot read the voice_prompt {file}: {error}") from error
    try:
        read: Any = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # of pickle, of zipfile, and torch's own, all without a common base
        reason = str(error).strip().splitlines() or [type(error).__name__]
        raise ModelError(f"the voice_prompt {file} is no file of tensors: {reason[0]}") from error
    try:
        return _voice(read, config)
    except ValueError as error:
        raise ModelError(f"the voice_prompt {file} does not suit the model: {error}") from error


def _bytes(model: str, file: Path) -> bytes:
    if not file.is_file() and file.name == str(file):
        folder = Path(model).expanduser()
        if not folder.is_dir():
            return _in_archive(hub.fetched(model, ARCHIVE)[0], file.name)
        if not (folder / FOLDER / file).is_file() and (folder / ARCHIVE).is_file():
            return _in_archive(folder / ARCHIVE, file.name)
        if (folder / FOLDER).is_dir():
            file = folder / FOLDER / file
    if file.stat().st_size > LARGEST_BYTES:
        raise ModelError(f"the voice_prompt {file} is larger than a voice can be")
    return file.read_bytes()


def _in_archive(archive: Path, name: str) -> bytes:
    """The file ``voices/NAME``; nothing else is taken out, and nothing is written."""
    there: list[str] = []
    with tarfile.open(archive, "r:gz") as packed:
        for member in packed:
            path = Path(member.name)
            if not member.isfile() or path.parent.name != FOLDER or path.suffix != SUFFIX:
                continue
            if path.name == name and member.size <= LARGEST_BYTES:
                content = packed.extractfile(member)
                return content.read() if content else b""
            there.append(path.name)
    raise ModelError(f"{archive} has no voice {name}; it has {', '.join(sorted(there)) or 'none'}")


def _voice(read: Any, config: MoshiConfig) -> Voice:
    """
    Raises:
        ValueError: what is wrong.
    """
    fields = cast("dict[str, Any]", read) if isinstance(read, dict) else {}
    embeddings, cache = fields.get("embeddings"), fields.get("cache")
    if not isinstance(embeddings, Tensor) or not isinstance(cache, Tensor):
        raise ValueError("it has no tensors named embeddings and cache")
    steps = embeddings.shape[0] if embeddings.dim() else 0
    if embeddings.shape != (steps, 1, 1, config.width) or not 1 <= steps <= LONGEST_FRAMES:
        raise ValueError(
            f"its embeddings are of the shape {list(embeddings.shape)}, not [1 to {LONGEST_FRAMES}, 1, 1, "
            f"{config.width}]"
        )
    if not embeddings.is_floating_point() or not bool(embeddings.isfinite().all()):
        raise ValueError("its embeddings are not finite numbers of a floating type")
    size = config.max_delay + _CACHE_BEYOND
    if cache.shape != (1, 1 + config.streams, size) or cache.dtype != torch.int64:
        raise ValueError(
            f"its cache is {cache.dtype} of the shape {list(cache.shape)}, not torch.int64 of "
            f"{[1, 1 + config.streams, size]}"
        )
    positions = steps + np.arange(config.max_delay + 1)
    ahead = cache[0].numpy()[:, positions % size].copy()
    cards = np.array([config.text_card] + [config.card] * config.streams)[:, None]
    known = np.arange(config.max_delay + 1) <= np.array(config.delays)[:, None]
    if (known & ((ahead < 0) | (ahead > cards))).any():
        raise ValueError("its cache holds tokens that the model does not have")
    return Voice(embeddings[:, 0, 0], ahead)
