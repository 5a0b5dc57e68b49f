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

from voicert.models.vocabulary import PAD

UNSEEN = -30.0  # added to the score of a step that wrote nothing; finite, for there may be no other
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
        width, heads, kv_heads = query.shape[3], query.shape[2], key.shape[2]
        of_words, first = word_heads * (heads // kv_heads), kv_heads - word_heads
        # The last channel gives way to what hides a step: with a query's √d it is added to the score as it
        # is, and it stays with the key in whatever memory that is put.
        hidden = torch.where(self.written, 0.0, UNSEEN)[:, :, None, None].to(key.dtype)
        hidden = hidden.expand(-1, -1, word_heads, -1)
        seeking = rotate(query[:, :, heads - of_words :], self.words)
        found = rotate(key[:, :, first:], self.words)
        seeking = torch.cat([seeking[..., :-1], torch.full_like(seeking[..., -1:], width**0.5)], -1)
        found = torch.cat([found[..., :-1], hidden], -1)
        if not first:
            return seeking, found
        near = rotate(query[:, :, : heads - of_words], self.frames), rotate(key[:, :, :first], self.frames)
        return torch.cat([near[0], seeking], 2), torch.cat([near[1], found], 2)
