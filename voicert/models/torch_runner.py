"""The bundled model run by PyTorch, with parallel heads or a depth transformer."""

from __future__ import annotations

from functools import partial

import numpy as np
import torch
from torch import Tensor

from voicert.errors import ModelError
from voicert.models.base import Floats, Ints
from voicert.models.rings import Rings
from voicert.models.runner import Draw, Logits
from voicert.models.slots import REWIND_FRAMES, StepInputs
from voicert.models.transformer import DuplexTransformer


class TorchRunner:
    """See :class:`voicert.models.runner.Runner`.

    Args:
        model: built to go back REWIND_FRAMES.

    Raises:
        ModelError: it is not.
    """

    def __init__(self, model: DuplexTransformer, slots: int) -> None:
        if model.rewind < REWIND_FRAMES:
            raise ModelError(f"the model was built to go back {model.rewind} steps, not {REWIND_FRAMES}")
        self.slots = slots
        self._model = model.eval()
        self._rings = Rings(model.temporal.zeros, slots, model.temporal.window.capacity)

    @torch.inference_mode()
    def run(self, inputs: StepInputs, slots: Ints, position: Ints) -> Logits:
        model, steps = self._model, inputs.text.shape[1]
        rings = [self._rings.take(int(s), int(at) + steps) for s, at in zip(slots, position, strict=True)]
        done, hidden = 0, list[Tensor]()
        while done < steps:  # in runs that the ring of every row takes
            count = min(model.temporal.runs(int(at) + done, steps - done)[0] for at in position)
            part = inputs.part(done, count)
            user, own, words = _tensor(part.user), _tensor(part.own), _tensor(part.words)
            text, user_text = _tensor(part.text), _tensor(part.user_text)
            first = [int(at) + done for at in position]
            hidden.append(model.steps(user, own, text, user_text, words, rings, first))
            done += count
        whole = torch.cat(hidden, 1)
        heads = model.text_head(whole).numpy(), model.user_text_head(whole).numpy()
        if model.config.depth is not None:
            return Logits(*heads, partial(self._in_turn, whole))
        return Logits(*heads, model.code_logits(whole).numpy())

    @torch.inference_mode()
    def _in_turn(self, hidden: Tensor, text: Ints, choose: Draw) -> Ints:
        def chosen(codebook: int, logits: Tensor) -> Tensor:
            return _tensor(choose(codebook, logits.numpy()))

        model = self._model
        return model.depth(hidden[:, 0], _tensor(text), model.config.codebooks, chosen).numpy()

    def read(self, slot: int) -> list[Floats]:
        """Keys and values of one layer after the other, [Hkv, room, d] each."""
        ring = self._rings.copy(slot, self._rings.room(slot))
        return [part.numpy() for layer in ring for part in layer.chunk(2)]

    def write(self, slot: int, saved: list[Floats]) -> None:
        both = [torch.as_tensor(np.concatenate(pair)) for pair in zip(saved[::2], saved[1::2], strict=True)]
        self._rings.put(slot, torch.stack(both))


def _tensor(array: Ints) -> Tensor:
    return torch.as_tensor(np.ascontiguousarray(array))
