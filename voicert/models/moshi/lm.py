"""A Moshi over a fixed number of slots: one step is a thought, and what is written in it.

The two halves of a step are apart so that rules may come between them: what text is written, who is silent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from voicert.errors import ModelError
from voicert.models.base import Ints, Sampling
from voicert.models.moshi.network import MoshiNetwork
from voicert.models.moshi.runners import Runner, runner
from voicert.models.moshi.sampling import code_draws, draw, text_draws
from voicert.models.moshi.tokens import Tokens
from voicert.models.parts import NOTHING
from voicert.models.sampling import uniforms


@dataclass(frozen=True)
class Thought:
    """The first half of a step; row ``i`` belongs to ``slots[i]``."""

    slots: Ints  # [B]
    position: Ints  # [B] the step
    hidden: Tensor  # [B, D]
    text_logits: Tensor  # [B, V]
    uniform: Tensor  # [B, 1 + K] numbers in [0, 1): of the text, and of each codebook


@dataclass(frozen=True)
class Snapshot:
    """A copy of one slot."""

    keys_values: Tensor  # [layers, 2 * Hkv, steps that are remembered, d]
    tokens: tuple[NDArray[Any], ...]
    sampling: Sampling


class MoshiLm:
    """Steps, goes back, and copies slots. Not thread-safe.

    Args:
        network: built with at least as many steps of ``rewind``.
        spoken: audio streams that it writes, the others are heard; by default as in a conversation.
        rewind: steps that a slot can go back.
        make: what runs the network; by default what is right for its device.

    Raises:
        ModelError: the network cannot write so many streams, or go back so far.
    """

    def __init__(
        self,
        network: MoshiNetwork,
        slots: int,
        rewind: int = 0,
        spoken: int | None = None,
        make: Callable[[MoshiNetwork, int], Runner] = runner,
    ) -> None:
        self.config = config = network.config
        self.network = network
        self.slots = slots
        self.spoken = config.spoken if spoken is None else spoken
        if not 1 <= self.spoken <= config.depth.codebooks:
            raise ModelError(f"the model writes 1 to {config.depth.codebooks} codebooks, not {self.spoken}")
        if rewind > network.rewind:
            raise ModelError(f"the network was built to go back {network.rewind} steps")
        self.tokens = Tokens(config, self.spoken, slots, rewind)
        self._runner = make(network, slots)
        self._sampling = [Sampling()] * slots
        self._device = network.table.weight.device

    @property
    def room(self) -> int:
        """Steps whose keys and values there is memory for, in the slot that has most."""
        return max(self._runner.room(slot) for slot in range(self.slots))

    @torch.inference_mode()
    def reset(self, slot: int, sampling: Sampling) -> None:
        """Begins a new conversation in a slot, with as little memory as at first."""
        self.tokens.reset(slot)
        self._runner.clear(slot)
        self._sampling[slot] = sampling

    def step(self, slots: Ints, user: Ints) -> Ints:
        """What it hears, and nothing else decides: ``user`` [B, U] → what it writes [B, 1 + spoken]."""
        thought = self.think(slots, user)
        return self.write(thought, self.choose_text(thought))

    @torch.inference_mode()
    def think(self, slots: Ints, user: Ints) -> Thought:
        """Hears ``user`` [B, U] in ``slots`` [B] (distinct)."""
        position = self.tokens.position[slots]
        self.tokens.hear(slots, position, user)
        hidden, logits = self._run(slots, position[:, None])
        count = 1 + self.config.depth.codebooks
        how = [self._sampling[int(slot)] for slot in slots]
        random = [uniforms(h.seed, int(at), count) for h, at in zip(how, position, strict=True)]
        uniform = torch.as_tensor(np.stack(random).astype(np.float32)).to(self._device)
        return Thought(slots, position, hidden[:, 0], logits[:, 0], uniform)

    @torch.inference_mode()
    def choose_text(self, thought: Thought) -> Ints:
        """[B] the text that the model itself would write."""
        how = [self._sampling[int(slot)] for slot in thought.slots]
        return draw(thought.text_logits, text_draws(how, self._device), thought.uniform[:, 0]).cpu().numpy()

    @torch.inference_mode()
    def write(self, thought: Thought, text: Ints, codes: Ints | None = None) -> Ints:
        """Ends the step with ``text`` [B]. Returns all that is written [B, 1 + spoken].

        Args:
            codes: [B, spoken] stand in place of what the model would say, in rows that do not begin with -1.
        """
        free = np.ones(len(text), np.bool_) if codes is None else codes[:, 0] == NOTHING
        made = np.empty((len(text), self.spoken), np.int64) if codes is None else codes.copy()
        if free.any():
            made[free] = self._say(thought, text, np.flatnonzero(free))
        own = np.concatenate([text[:, None], made], axis=1)
        self.tokens.write(thought.slots, thought.position, own)
        return own

    def completed(self, thought: Thought) -> Ints:
        """[B, 1 + spoken]: text and codes of the frame that a written step completed; -1 before the first."""
        return self.tokens.completed(thought.slots, thought.position)

    @torch.inference_mode()
    def feed(self, slot: int, own: Ints, user: Ints) -> Tensor:
        """T steps at once whose outcome is known, such as a prompt: ``own`` [T, 1 + spoken], ``user`` [T, U].

        Returns: the text logits [T, V] of each.

        Raises:
            ModelError: more steps at once than the slot can go back.
        """
        steps = self._known(slot, own, user)
        return self._run(np.array([slot]), steps[None])[1][0]

    @torch.inference_mode()
    def feed_embeddings(self, slot: int, embeddings: Tensor, own: Ints, user: Ints) -> None:
        """As `feed`, with ``embeddings`` [T, D] in place of those of the tokens.

        Of the tokens only those matter that are given to later steps.
        """
        steps = self._known(slot, own, user)
        weight = self.network.table.weight
        self._runner.run_embedded(embeddings.to(self._device, weight.dtype), slot, int(steps[0]))

    def rewind(self, slot: int, steps: int) -> None:
        """Undoes the last ``steps`` of a slot.

        Raises:
            ModelError: more than are kept.
        """
        self.tokens.rewind(slot, steps)

    @torch.inference_mode()
    def snapshot(self, slot: int) -> Snapshot:
        tokens = tuple(part[slot].copy() for part in self.tokens.parts())
        keys_values = self._runner.copy(slot, int(self.tokens.position[slot]))
        return Snapshot(keys_values, tokens, self._sampling[slot])

    @torch.inference_mode()
    def restore(self, slot: int, saved: Snapshot) -> None:
        self._runner.put(slot, saved.keys_values)
        for part, old in zip(self.tokens.parts(), saved.tokens, strict=True):
            part[slot] = old
        self._sampling[slot] = saved.sampling

    def _known(self, slot: int, own: Ints, user: Ints) -> Ints:
        """Notes what is written and heard in the next steps [T], and returns these."""
        most = max(1, self.tokens.rewind_steps)
        if len(own) > most:
            raise ModelError(f"at most {most} steps are fed at once, not {len(own)}")
        steps, slots = self.tokens.position[slot] + np.arange(len(own)), np.full(len(own), slot)
        self.tokens.hear(slots, steps, user)
        for at, row in zip(steps, own, strict=True):
            self.tokens.write(slots[:1], at[None], row[None])
        return steps

    def _run(self, slots: Ints, position: Ints) -> tuple[Tensor, Tensor]:
        """Steps ``position`` [B, T] → hidden [B, T, D], text logits [B, T, V]."""
        tokens = torch.as_tensor(self.tokens.given(slots, position)).to(self._device)
        return self._runner.run(tokens, slots, position[:, 0])

    def _say(self, thought: Thought, text: Ints, rows: Ints) -> Ints:
        """[R, spoken] of the chosen ``rows`` [R] of a thought."""
        hidden, uniform = thought.hidden, thought.uniform
        if len(rows) < len(text):
            which = torch.as_tensor(rows).to(self._device)
            hidden, uniform = hidden[which], uniform[which]
        draws = code_draws([self._sampling[int(slot)] for slot in thought.slots[rows]], self._device)
        words = torch.as_tensor(text[rows]).to(self._device)
        count = self.spoken
        return self._runner.say(hidden, words, count, draws, uniform[:, 1 : 1 + count]).cpu().numpy()
