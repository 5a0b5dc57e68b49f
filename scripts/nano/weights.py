"""Trained weights in and out of PyTorch."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from voicert_codecs.nano.config import NanoCodecConfig
from voicert_codecs.nano.modules import NanoCodecModules

from voicert.models.config import load_config
from voicert.models.transformer import DuplexTransformer


def load_codec(checkpoint: Path) -> NanoCodecModules:
    """The codec of a checkpoint or of a .safetensors file, rounded to float16 as it is shipped.

    So all its users see the same codes.
    """
    modules = NanoCodecModules(NanoCodecConfig())
    if checkpoint.suffix == ".safetensors":
        modules.load_state_dict({k: v.float() for k, v in load_file(checkpoint).items()})
    else:
        modules.load_state_dict(torch.load(checkpoint, weights_only=True)["modules"])
    with torch.no_grad():
        for tensor in [*modules.parameters(), modules.quantizer.codebooks]:
            tensor.copy_(tensor.half().float())
    return modules.eval()


def load_model(folder: Path) -> DuplexTransformer:
    """The averaged weights of a model's training; tables that are not multiplied are rounded to float16."""
    config, _ = load_config(folder / "config.json")
    model = DuplexTransformer(config)
    model.load_state_dict(torch.load(folder / "checkpoint.pt", weights_only=True)["average"])
    with torch.no_grad():
        for name, tensor in model.named_parameters():
            if "embedding" in name:
                tensor.copy_(tensor.half().float())
    return model.eval()
