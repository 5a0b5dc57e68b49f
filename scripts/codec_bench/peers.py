"""The original implementations as contenders: the ``encodec`` and ``moshi`` packages, as they are installed.

They lie in the folder that ``scripts/test`` fills, and are imported from there only here.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from voicert_codecs.base import Codes, Pcm

ENCODEC_RATIOS = (8, 5, 4, 3)  # 50 frames per second, hops of 20 ms
ENCODEC_KBPS = 6.0


class PeersMissingError(Exception):
    """The packages are not there."""


def import_peer(folder: Path, name: str) -> Any:
    """A module of the originals.

    Raises:
        PeersMissingError: it is not in ``folder``.
    """
    if str(folder) not in sys.path:
        sys.path.append(str(folder))  # last: what the environment has itself comes first
    try:
        stand_in = _without_torchaudio() if name == "encodec" else contextlib.nullcontext()
        with warnings.catch_warnings(action="ignore"), stand_in:
            return importlib.import_module(name)
    except ImportError as error:
        raise PeersMissingError(f"{folder} does not offer {name} ({error})") from error


@contextlib.contextmanager
def _without_torchaudio() -> Iterator[None]:
    """encodec imports torchaudio, which its models do not use and whose wheels need CUDA libraries."""
    if "torchaudio" in sys.modules:
        yield
        return
    sys.modules["torchaudio"] = types.ModuleType("torchaudio")
    try:
        yield
    finally:
        del sys.modules["torchaudio"]


class OriginalEncodec:
    """The package's modules on one frame after the other.

    The package cannot stream: every call begins anew, so its codes differ at the frames' edges. What a call
    costs is what streaming by these modules would cost at least.
    """

    name = "encodec package"

    def __init__(self, folder: Path) -> None:
        encodec = import_peer(folder, "encodec")
        torch.manual_seed(0)
        common: dict[str, Any] = {
            "ratios": list(ENCODEC_RATIOS), "causal": True, "norm": "weight_norm", "n_residual_layers": 1
        }  # fmt: skip
        with warnings.catch_warnings(action="ignore"):  # of the weight normalisation that it uses
            self.model = encodec.EncodecModel(
                encodec.modules.SEANetEncoder(**common),
                encodec.modules.SEANetDecoder(**common),
                encodec.quantization.ResidualVectorQuantizer(dimension=128, n_q=32, bins=1024),
                [1.5, 3.0, ENCODEC_KBPS, 12.0],
                24_000,
                1,
            ).eval()
        for layer in self.model.quantizer.vq.layers:
            layer._codebook.embed.normal_().mul_(0.3)
            layer._codebook.inited.fill_(1)
        self.model.set_target_bandwidth(ENCODEC_KBPS)

    def save(self, file: Path) -> None:
        """Its weights as the package gives them out."""
        torch.save(self.model.state_dict(), file)

    def start(self, batch: int) -> None:
        """Nothing to do: it has no state."""

    @torch.no_grad()
    def encode(self, pcm: Pcm) -> Codes:
        ((codes, _),) = self.model.encode(torch.from_numpy(pcm)[:, None])
        return codes.numpy()

    @torch.no_grad()
    def decode(self, codes: Codes) -> Pcm:
        return self.model.decode([(torch.from_numpy(codes), None)])[:, 0].numpy()


class OriginalMimi:
    """The ``moshi`` package's Mimi in its own streaming mode."""

    name = "moshi package"

    def __init__(self, folder: Path, file: Path) -> None:
        loaders = import_peer(folder, "moshi.models.loaders")
        sizes = json.loads((file.parent / "mimi_config.json").read_text())
        self.model = loaders.get_mimi(file, sizes, num_codebooks=8)
        self._streaming: Any = None

    def start(self, batch: int) -> None:
        if self._streaming is not None:
            self._streaming.__exit__(None, None, None)
        self._streaming = self.model.streaming(batch)
        self._streaming.__enter__()

    @torch.no_grad()
    def encode(self, pcm: Pcm) -> Codes:
        codes: NDArray[np.int64] = self.model.encode(torch.from_numpy(pcm)[:, None]).numpy()
        return codes

    @torch.no_grad()
    def decode(self, codes: Codes) -> Pcm:
        pcm: Pcm = self.model.decode(torch.from_numpy(codes))[:, 0].numpy()
        return pcm
