"""Where a step stands for those who look at it: heads with a clock of frames, and heads with one of words.

    heard               what .  .  is .  .  .  five times .  .  .  .  .
    place among frames  0    1  2  3  4  5  6  7    8     9 10 11 12 13
    place among words   1    1  1  2  2  2  2  3    4     4  4  4  4  4

A head of the second kind sees nothing but steps after which something new stood in a text stream, the user's
or the assistant's, placed by their number. To it a request that is typed, or said fast or slowly, or with a
pause in its middle, is the same: what one of them teaches holds for all. Sizes as in `voicert.models.layers`.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor
from voicert_codecs.blocks.rotary import rotate

from voicert.models.config import WORDLESS
from voicert.models.vocabulary import PAD

STILL = 1  # pairs of channels that are not turned among words: one of the last two hides a step
Rotation = tuple[Tensor, Tensor]  # cos and sin, see ``voicert_codecs.blocks.rotary``


@dataclass(frozen=True)
class WordClock:
    """Of T steps in a row."""

    count: Tensor  # [B, T] steps so far, each one itself included, that were given something written
    written: Tensor  # [B, T] whether the step is one of them


def written(text: Tensor, user_text: Tensor) -> Tensor:
    """Of both texts as steps are given them, [B, T] each → whether there is anything in one of them."""
    return (text != PAD) | (user_text != PAD)


@dataclass(frozen=True)
class Places:
    """Of T steps in a row; the last two are there for models with heads for words."""

    frames: Rotation
    words: Rotation | None = None
    written: Tensor | None = None  # [B, T]

    def put(self, word_heads: int, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """query [B, T, H, d] and key [B, T, Hkv, d], rotated; the last ``word_heads`` keys are for words.

        Raises:
            ValueError: there are some, and no word was counted.
        """
        if not word_heads:
            return rotate(query, self.frames), rotate(key, self.frames)
        if self.words is None or self.written is None:
            raise ValueError("these steps have no clock of words")
        width, kv_heads = key.shape[3], key.shape[2]
        near = kv_heads - word_heads
        # The last channel of a head for words gives way to what hides a step: with a query's √d it is added
        # to the score as it is, and it stays with the key in whatever memory that is put. Its sine is 0.
        last = key.new_zeros(kv_heads, width)
        last[near:, -1] = 1.0
        cos, sin = (
            torch.cat([f.expand(key.shape[0], -1, near, -1), w.expand(key.shape[0], -1, word_heads, -1)], 2)
            for f, w in zip(self.frames, self.words, strict=True)
        )
        cos = cos * (1.0 - last)
        hidden = torch.where(self.written, 0.0, WORDLESS)[:, :, None, None].to(key.dtype)
        groups = query.reshape(*query.shape[:2], kv_heads, -1, width)  # that share a key
        seeking = rotate(groups, (cos[:, :, :, None], sin[:, :, :, None]))
        seeking = seeking + last[:, None] * width**0.5
        return seeking.flatten(2, 3), rotate(key, (cos, sin)) + hidden * last
