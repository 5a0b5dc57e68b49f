"""The transformer run by PyTorch, with parallel heads or a depth transformer."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from voicert.models.base import Ints
from voicert.models.duplex import Draw, Floats, Logits
from voicert.models.slots import REWIND_FRAMES, StepInputs
from voicert.models.transformer import DuplexTransformer


class TorchRunner:
    """See :class:`voicert.models.duplex.Runner`."""

    def __init__(self, model: DuplexTransformer, slots: int) -> None:
        self.slots = slots
        self._model = model.eval()
        self._cache = model.init_cache(slots, REWIND_FRAMES)

    @torch.inference_mode()
    def run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Logits:
        model, rows = self._model, _tensor(slots)
        self._cache.position[rows], self._cache.words[rows] = _tensor(position), _tensor(inputs.words)
        user, own = _tensor(inputs.user), _tensor(inputs.own)
        text, user_text = _tensor(inputs.text), _tensor(inputs.user_text)
        hidden = model.steps(user, own, text, user_text, self._cache, rows)
        heads = model.text_head(hidden).numpy(), model.user_text_head(hidden).numpy()
        if model.config.depth is not None:
            return Logits(*heads, partial(self._in_turn, hidden))
        return Logits(*heads, model.code_logits(hidden).numpy())

    @torch.inference_mode()
    def _in_turn(self, hidden: Tensor, text: Ints, choose: Draw) -> Ints:
        def chosen(codebook: int, logits: Tensor) -> Tensor:
            return _tensor(choose(codebook, logits.numpy()))

        model = self._model
        return model.depth(hidden[:, 0], _tensor(text), model.config.codebooks, chosen).numpy()

    def read(self, slot: int) -> list[Floats]:
        return [part[slot].numpy().copy() for part in self._parts()]

    def write(self, slot: int, saved: list[Floats]) -> None:
        for part, old in zip(self._parts(), saved, strict=True):
            part[slot] = torch.as_tensor(old)

    def _parts(self) -> list[Tensor]:
        """Keys and values of one layer after the other."""
        cache = self._cache
        return [part for pair in zip(cache.keys, cache.values, strict=True) for part in pair]


def _tensor(array: Ints) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(array))
