"""What ``bench_moshi`` lets run: our language model and codec, and those of the ``moshi`` package."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from voicert_codecs.base import Codec
from voicert_codecs.mimi.load import open_codec

from codec_bench.peers import import_peer
from voicert.models.base import Sampling
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.kyutai import PUBLISHED
from voicert.models.moshi.layout import tensors
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.network import MoshiNetwork

Ints = NDArray[np.int64]
REWIND = 125  # steps: 10 s
SMALL: dict[str, Any] = {
    **PUBLISHED, "dim": 512, "num_layers": 8, "num_heads": 8, "depformer_dim": 256, "depformer_num_layers": 4,
    "depformer_num_heads": 8, "depformer_dim_feedforward": 1056,
}  # fmt: skip
SAMPLING = Sampling(temperature=0.8, top_k=250, text_temperature=0.7, text_top_k=25)


class RandomWeights:
    """Weights in place of a file's."""

    def __init__(self, config: MoshiConfig, device: str = "cpu", dtype: torch.dtype = torch.float32) -> None:
        self.config, self._shapes = config, dict(tensors(config))
        self._source = torch.Generator(device).manual_seed(0)
        self._where: dict[str, Any] = {"generator": self._source, "device": device, "dtype": dtype}

    def read(self, name: str) -> Tensor:
        shape = self._shapes[name]
        if name.endswith("alpha"):
            return torch.ones(shape, device=self._where["device"], dtype=self._where["dtype"])
        return torch.randn(shape, **self._where) / (1.0 if "emb" in name else shape[1] ** 0.5)


class Ours:
    """Our model, at a position of its choice."""

    name = "ours"

    def __init__(self, network: MoshiNetwork, rows: int, filled: int) -> None:
        self.lm = MoshiLm(network, rows, REWIND)
        self._slots = np.arange(rows)
        for slot in range(rows):
            self.lm.reset(slot, SAMPLING)
        if filled:  # zeros for keys and values, and the tokens before the first
            tokens = self.lm.tokens
            tokens.position[:], tokens.own[:], tokens.heard[:] = filled, 0, 0

    def step(self, user: Ints) -> Ints:
        """user [B, 8] → codes [B, 8] of the last complete frame."""
        thought = self.lm.think(self._slots, user)
        self.lm.write(thought, self.lm.choose_text(thought))
        return self.lm.completed(thought)[:, 1:].clip(0)


class Theirs:
    """The package's generator."""

    name = "moshi package"

    def __init__(self, originals: Path, file: Path, rows: int) -> None:
        loaders, lm = (import_peer(originals, f"moshi.models.{name}") for name in ("loaders", "lm"))
        model = loaders.get_moshi_lm(file, SMALL, device="cpu", dtype=torch.float32)
        s = SAMPLING
        self.generator = lm.LMGen(
            model, temp=s.temperature, temp_text=s.text_temperature, top_k=s.top_k, top_k_text=s.text_top_k
        )
        self.generator.streaming_forever(rows)

    def step(self, user: Ints) -> Ints:
        frame = self.generator.step(torch.from_numpy(user)[:, :, None])
        return np.zeros_like(user) if frame is None else frame[:, 1:, 0].numpy()


class OurMimi:
    """Our codec, over one batch."""

    def __init__(self, file: Path, rows: int) -> None:
        self._codec: Codec[Any] = open_codec(file)
        self._state = self._codec.init_state(rows)

    def encode(self, pcm: NDArray[np.float32]) -> Ints:
        return self._codec.encode(pcm, self._state)

    def decode(self, codes: Ints) -> NDArray[np.float32]:
        return self._codec.decode(codes, self._state)
