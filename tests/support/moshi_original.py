"""Small Moshis with random weights, and the ``moshi`` package's own model of the same file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from make_tiny_moshi import SMALL, random_weights, write_moshi
from numpy.typing import NDArray
from torch import Tensor

from tests.support.oracles import oracle
from voicert.models.moshi.kyutai import read_folder
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.loader import Form, Reader, build
from voicert.models.sampling import uniforms

__all__ = ["SMALL", "Original", "open_lm", "original_lm", "random_weights", "write_moshi"]
Ints = NDArray[np.int64]


def open_lm(folder: Path, slots: int = 1, rewind: int = 20, spoken: int | None = None,
            form: Form | None = None, lora: str | None = None, sinks: int = 0) -> MoshiLm:  # fmt: skip
    """Ours on a folder."""
    config = replace(read_folder(folder).config, sinks=sinks)
    with Reader(config, folder / "model.safetensors", folder / lora if lora else None) as reader:
        network = build(reader, form or Form(), rewind)
    return MoshiLm(network, slots, rewind, spoken)


def original_lm(folder: Path, lora: str | None = None) -> Any:
    """The ``moshi`` package's model of a folder."""
    lm = json.loads((folder / "config.json").read_text())
    load = oracle("moshi.models.loaders").get_moshi_lm
    added = {"lora_weights": folder / lora, "fuse_lora": False} if lora else {}
    return load(folder / "model.safetensors", lm, device="cpu", dtype=torch.float32, **added)


class Original:
    """The ``moshi`` package's generator on a folder.

    Args:
        temperatures: of text and codes; 0 takes the most likely.
        top_k: of text and codes.
        seeds: of the random numbers that it shares with ours, one per row.
        lora: the file of the products that are added.
    """

    def __init__(self, folder: Path, rows: int = 1, temperatures: tuple[float, float] = (0.0, 0.0),
                 top_k: tuple[int, int] = (25, 250), seeds: tuple[int, ...] = (0,),
                 lora: str | None = None) -> None:  # fmt: skip
        self.text_logits: list[Tensor] = []  # [B, V] of every step
        self.code_logits: list[Tensor] = []  # [B, N] of every sub-step
        self._seeds, self._position, self._at = seeds, 0, 0
        generator = oracle("moshi.models.lm").LMGen
        self.lm = original_lm(folder, lora)
        self._count = 1 + self.lm.dep_q
        self.generator = generator(
            self.lm,
            use_sampling=max(temperatures) > 0,
            temp_text=temperatures[0],
            temp=temperatures[1],
            top_k_text=top_k[0],
            top_k=top_k[1],
            on_text_logits_hook=lambda logits: self.text_logits.append(logits[:, 0, 0].clone()),
        )
        depth = self.lm.forward_depformer

        def kept(*args: Any) -> Tensor:
            logits: Tensor = depth(*args)
            self.code_logits.append(logits[:, 0, 0].clone())
            return logits

        self.lm.forward_depformer = kept
        self.generator.streaming_forever(rows)

    def step(self, user: Ints) -> tuple[Ints, Ints | None]:
        """``user`` [B, U] → what it wrote [B, 1 + dep_q], and the frame that this completed."""
        written: list[Tensor] = []
        self.generator.on_text_hook = lambda text: written.append(text[:, None].clone())
        self.generator.on_audio_hook = lambda codes: written.append(codes.clone())
        with self._shared_randomness():
            frame = self.generator.step(torch.from_numpy(user)[:, :, None])
        self._position, self._at = self._position + 1, 0
        return torch.cat(written, 1).numpy(), None if frame is None else frame[:, :, 0].numpy()

    @contextmanager
    def _shared_randomness(self) -> Iterator[None]:
        """In place of torch's random numbers: the share of the total at which a token's part begins."""
        module = oracle("moshi.utils.sampling")
        before = module.multinomial

        def drawn(probabilities: Tensor, num_samples: int, **_: Any) -> Tensor:
            rows = [uniforms(seed, self._position, self._count)[self._at] for seed in self._seeds]
            self._at += 1
            total = probabilities.cumsum(-1)
            mark = torch.tensor(rows, dtype=torch.float32).view(-1, *[1] * (total.dim() - 1))
            return (total <= mark * total[..., -1:]).sum(-1, keepdim=True)

        module.multinomial = drawn
        try:
            yield
        finally:
            module.multinomial = before
