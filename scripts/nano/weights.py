"""Trained weights in and out of PyTorch."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from safetensors.torch import load_file
from voicert_codecs.nano.config import NanoCodecConfig
from voicert_codecs.nano.modules import NanoCodecModules

from voicert.models.config import ModelConfig, WordConfig, load_config
from voicert.models.transformer import DuplexTransformer
from voicert.models.words import WordTransformer

# The matrix products of a step in the order in which it makes them (`voicert.models.export`), and what each
# one holds of a model in training.
_FIRST, _LAST = ("user_input", "user_output"), ("text_head", "user_text_head", "code_head")
_LAYER = (
    ("attention.query", "attention.key", "attention.value"),
    ("attention.out",),
    ("gate", "up"),
    ("down",),
)
_MIDDLE = 128  # the byte that stands for zero


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


def load_words(folder: Path, config: ModelConfig) -> WordTransformer:
    """The transformer over words that scripts/train_words.py trained, for a model of ``config``."""
    saved = torch.load(folder / "checkpoint.pt", weights_only=True)
    model = WordTransformer(dataclasses.replace(config, words=WordConfig(**saved["sizes"])))
    model.load_state_dict(saved.get("exported", saved["model"]))
    return model.eval()


def load_shipped(folder: Path) -> DuplexTransformer:
    """The model whose exported step lies in ``folder``, as exact as its 8-bit weights are.

    So training can go on from shipped weights where the checkpoint they came from is gone.
    """
    config, _ = load_config(folder / "config.json")
    model = DuplexTransformer(config)
    graph = onnx.load(folder / "step.onnx").graph
    stored = {i.name: numpy_helper.to_array(i) for i in graph.initializer}
    products = [node for node in graph.node if node.op_type == "MatMulNBits"]
    names = [[name] for name in _FIRST]
    for n in range(config.layers):
        names += [[f"temporal.layers.{n}.{part}" for part in parts] for parts in _LAYER]
    names.append(list(_LAST))
    empty, weights = model.state_dict(), dict[str, NDArray[np.float32]]()
    for parts, node in zip(names, products, strict=True):
        whole = [f"{name}.weight" for name in parts]
        ends = np.cumsum([len(empty[name]) for name in whole])[:-1]
        weights |= zip(whole, np.split(_matrix(node, stored), ends), strict=True)
    for name in empty.keys() - weights.keys():
        places = name.removeprefix("temporal."), f"model.{name}", f"model.{name}.half"
        tensor = next((stored[place] for place in places if place in stored), None)
        if tensor is None:
            raise ValueError(f"{folder / 'step.onnx'} has no {name}: it is not a step of this model's shape")
        weights[name] = tensor.astype(np.float32)
    model.load_state_dict({name: torch.from_numpy(w.copy()) for name, w in weights.items()})
    return model.eval()


def _matrix(product: onnx.NodeProto, stored: dict[str, NDArray[Any]]) -> NDArray[np.float32]:
    """[N, K] from bytes [N, blocks, size] and N * blocks scales; the last block may reach beyond K."""
    data, scales = stored[product.input[1]], stored[product.input[2]]
    rows, blocks, size = data.shape
    values = (data.astype(np.float32) - _MIDDLE) * scales.reshape(rows, blocks, 1)
    inputs = next(a.i for a in product.attribute if a.name == "K")
    return values.reshape(rows, blocks * size)[:, :inputs]
