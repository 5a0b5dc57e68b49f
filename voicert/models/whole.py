"""Attention over all of a text at once, as in training, and over a part of a cache, as in an exported step.

Out of plain products: torch's own attention takes twice the time of a whole layer to go backwards on a CPU,
and looks at all of the text whatever the window; and an exported graph is made from them.
Sizes: B rows, T positions, H heads, Hkv of keys, C keys that are looked at, d head width, W a window.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from voicert.models.layers import group, ungroup

SHORT = 320  # positions up to which attention is done by plain products


class Put(Protocol):
    def __call__(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, H, d] and [B, T, Hkv, d] → the same, told where they stand: see `Places.put`."""
        ...


def attend_to_all(put: Put, mask: Tensor | None, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """All of a text at once: plain causal, or with the ``mask`` [n, W, C] of `window_mask`."""
    length, heads = query.shape[1], query.shape[2]
    query, key = put(query, key)
    if mask is None:
        q, k, v = (part.transpose(1, 2) for part in (query, key, value))
        k, v = (part.repeat_interleave(heads // key.shape[2], 1) for part in (k, v))
        return F.scaled_dot_product_attention(q, k, v, is_causal=True).transpose(1, 2).flatten(2)
    blocks, size, seen = mask.shape
    missing = blocks * size - length
    q, k, v = (F.pad(part, (0, 0, 0, 0, 0, missing)) for part in (query, key, value))
    q, k, v = (part.reshape(-1, size, *part.shape[2:]) for part in (q, k, v))
    if seen > size:
        k, v = (_with_block_before(part, blocks) for part in (k, v))
    keys, values = k.transpose(1, 2), v.transpose(1, 2)
    y = attend_to_some(q, keys, values, mask.repeat(len(query), 1, 1))
    return y.reshape(-1, blocks * size, y.shape[2])[:, :length]


def _with_block_before(x: Tensor, blocks: int) -> Tensor:
    """[B * n, W, H, d] → [B * n, 2W, H, d]: each block behind the one before it in its row, or zeros."""
    x = x.reshape(-1, blocks, *x.shape[1:])
    before = F.pad(x, (0, 0, 0, 0, 0, 0, 1, 0))[:, :-1]
    return torch.cat([before, x], dim=2).flatten(0, 1)


def attend_to_some(query: Tensor, keys: Tensor, values: Tensor, mask: Tensor) -> Tensor:
    """query [B, T, H, d], rotated, keys, values [B, Hkv, C, d], mask [B, T, C] → [B, T, H * d].

    The queries of a group are rows of one product, so that a position gives the same bits with any T. Out of
    plain products, from which an exported graph is made.
    """
    _, steps, heads, width = query.shape
    kv_heads = keys.shape[1]
    scores = group(query, kv_heads) * width**-0.5 @ keys.transpose(2, 3)
    scores = scores.reshape(-1, kv_heads, heads // kv_heads, steps, keys.shape[2])
    weights = torch.softmax(scores + mask[:, None, None], dim=-1)  # [B, Hkv, G, T, C]
    return ungroup(weights.flatten(2, 3).to(values.dtype) @ values, heads, steps)


def window_mask(length: int, window: int, device: torch.device) -> Tensor | None:
    """Of ``length`` positions from 0 on → [n, W, C], 0 where i may look at j: i - window < j <= i, else -inf.

    A long text is cut into n blocks of W = window positions; a block looks at itself and the one before it,
    C = 2W. A text of up to SHORT positions in sight is one block. None for a longer one: plain causal.
    """
    if SHORT < length <= window:
        return None
    block = min(length, window)
    query = torch.arange(-(-length // block) * block, device=device).reshape(-1, block)
    before = 0 if length <= window else block
    key = query[:, :1] + torch.arange(-before, block, device=device)
    age = query[:, :, None] - key[:, None, :]
    unseen = (age < 0) | (age >= window) | (key < 0)[:, None, :]
    return torch.zeros(age.shape, device=device).masked_fill(unseen, float("-inf"))
