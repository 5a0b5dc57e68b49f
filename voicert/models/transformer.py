"""The duplex transformer in PyTorch: reference for the ONNX step, and what training works on.

At step t it is given the user's codes of frame t and what it wrote itself at step t - 1 (text, user text, and
codes if it is to have them), and writes the tokens of step t. Its layers are those of Moshi; apart from sizes
it differs in what goes in (it hears some frames at once, through a perceptron) and in that each layer has a
window of its own.
Sizes: B sessions, T steps, K codebooks, D width, N codebook size, H heads, Hkv of keys, C entries of a ring.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert.models.config import ModelConfig
from voicert.models.depth import DepthTransformer
from voicert.models.layers import Layer, LayerSizes, RmsNorm, group, ungroup
from voicert.models.parts import Table
from voicert.models.places import Places, rope_angles, written
from voicert.models.window import Window

EPSILON = 1e-6  # of the norms
SHORT = 320  # positions up to which attention is done by plain products
BLOCK = 64  # entries of a ring by which the part that is looked at grows


@dataclass
class Cache:
    """Keys and values of the last positions of every slot, in a ring for each layer.

    ``keys`` and ``values``: of each layer [S, Hkv, its window + ``room``, d]; ``position`` [S] counts the
    steps so far, and ``words`` [S] those that were given something written.
    """

    keys: list[Tensor]
    values: list[Tensor]
    position: Tensor
    words: Tensor
    room: int


class DuplexTransformer(nn.Module):
    """Embeddings of all streams, the temporal transformer, and the heads."""

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        c = config
        self.user_embedding = nn.Embedding(c.codebooks * c.codebook_size, c.user_dim)
        self.user_input = nn.Linear(c.user_frames * c.user_dim, c.user_hidden, bias=False)
        self.user_output = nn.Linear(c.user_hidden, c.width, bias=False)
        if c.own_codes:
            self.own_embedding = nn.Embedding(c.codebooks * c.codebook_size, c.width)
        self.text_embedding = nn.Embedding(c.text_size, c.width)
        self.user_text_embedding = nn.Embedding(c.text_size, c.width)
        sizes = LayerSizes(c.width, c.heads, c.kv_heads, c.head_dim, c.hidden, EPSILON, fused=False)
        self.layers = cast("Sequence[Layer]", nn.ModuleList([Layer(sizes) for _ in range(c.layers)]))
        self.norm = RmsNorm(c.width, EPSILON)
        self.text_head = nn.Linear(c.width, c.text_size, bias=False)
        self.user_text_head = nn.Linear(c.width, c.text_size, bias=False)
        if c.depth_sizes is None:
            self.code_head = nn.Linear(c.width, c.codebooks * c.codebook_size, bias=False)
        else:
            self.depth = DepthTransformer(c.depth_sizes, c.width, c.text_size, c.codebook_size, EPSILON)
        self.apply(self._initialise)
        for layer in self.layers:  # residual branches begin small, the deeper the model the smaller
            for out in (layer.attention.out, layer.down):
                nn.init.normal_(out.weight, std=0.02 / (2 * c.layers) ** 0.5 * (256 / c.width) ** 0.5 * 2)

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)
        elif isinstance(module, Table):
            module.draw(std=0.1)

    def embed(self, user: Tensor, own: Tensor, text: Tensor, user_text: Tensor) -> Tensor:
        """user codes [B, K, F - 1 + T], own codes [B, K, T], text and user text [B, T] → [B, T, D].

        F is ``config.user_frames``: each step hears a little of what came before it, as a convolution would.
        """
        c = self.config
        offset = torch.arange(c.codebooks, device=user.device)[:, None] * c.codebook_size
        heard = embedded(self.user_embedding, user + offset)  # [B, F - 1 + T, user_dim]
        steps = text.shape[1]
        windows = torch.cat([heard[:, i : i + steps] for i in range(c.user_frames)], dim=2)
        x = self.user_output(F.gelu(self.user_input(windows), approximate="tanh"))
        if c.own_codes:
            x = x + embedded(self.own_embedding, own + offset)
        return x + self.text_embedding(text) + self.user_text_embedding(user_text)

    def forward(self, user: Tensor, own: Tensor, text: Tensor, user_text: Tensor) -> Tensor:
        """Inputs as they stand at each step → hidden [B, T, D].

        ``user`` [B, K, F - 1 + T] begins F - 1 frames before the first step; own streams lag by one step.
        """
        c = self.config
        x = self.embed(user, own, text, user_text)
        frames = torch.arange(x.shape[1], device=x.device)[None]
        places = self._places(frames, 0, text, user_text)
        masks = {window: window_mask(x.shape[1], window, x.device) for window in c.window_kinds}
        for layer, window, words in zip(self.layers, c.windows, c.word_heads, strict=True):
            x = layer(x, partial(attend_to_all, partial(places.put, words), masks[window]))
        return self.norm(x)

    def _places(self, frames: Tensor, words: Tensor | int, text: Tensor, user_text: Tensor) -> Places:
        """Of steps with these numbers [B or 1, T]; ``words`` [B, 1] were written before the first."""
        c, some = self.config, written(text, user_text)
        clock, size = words + some.cumsum(1), (c.head_dim, c.rope_base)
        return Places(rope_angles(frames, *size), rope_angles(clock, *size, of_words=True), some)

    def code_logits(self, hidden: Tensor) -> Tensor:
        """Parallel heads: hidden [..., D] → [..., K, N]."""
        return self.code_head(hidden).unflatten(-1, (self.config.codebooks, self.config.codebook_size))

    def init_cache(self, slots: int, room: int) -> Cache:
        """``room``: how many of the last steps can be forgotten; one more can be taken at once."""
        c, device = self.config, self.norm.weight.device
        shapes = [(slots, c.kv_heads, window + room, c.head_dim) for window in c.windows]
        keys, values = ([torch.zeros(shape, device=device) for shape in shapes] for _ in range(2))
        position, words = (torch.zeros(slots, dtype=torch.int64, device=device) for _ in range(2))
        return Cache(keys, values, position, words, room)

    def steps(
        self, user: Tensor, own: Tensor, text: Tensor, user_text: Tensor, cache: Cache, slots: Tensor
    ) -> Tensor:
        """The next T positions of ``slots`` [B]: user [B, K, F - 1 + T], own [B, K, T], text and user text
        [B, T] → hidden [B, T, D]; updates the cache. T is at most the cache's room and one more.
        """
        c = self.config
        x = self.embed(user, own, text, user_text)
        position = cache.position[slots, None] + torch.arange(text.shape[1], device=x.device)  # [B, T]
        places = self._places(position, cache.words[slots, None], text, user_text)
        masks = {window: ring_mask(position, window + cache.room, window) for window in c.window_kinds}
        rings = zip(self.layers, c.windows, c.word_heads, cache.keys, cache.values, strict=True)
        for layer, window, words, keys, values in rings:
            put = partial(places.put, words)
            x = layer(x, partial(_attend_in_place, put, masks[window], slots, position, keys, values))
        cache.position[slots] += text.shape[1]
        cache.words[slots] += places.written.sum(1)
        return self.norm(x)


def embedded(embedding: nn.Embedding, codes: Tensor) -> Tensor:
    """The sum of the vectors of all codebooks: codes [B, K, T] → [B, T, width]."""
    codes = codes.transpose(1, 2)
    if torch.is_grad_enabled():  # in a tenth of the time, since the K vectors of a step are never written
        summed = F.embedding_bag(codes.flatten(0, 1), embedding.weight, mode="sum")
        return summed.reshape(*codes.shape[:2], -1)
    # Codebooks stand behind the time: summed so, a step has the same bits whatever B and T are.
    return embedding(codes).sum(2)


class Put(Protocol):
    def __call__(self, query: Tensor, key: Tensor) -> tuple[Tensor, Tensor]:
        """[B, T, H, d] and [B, T, Hkv, d] → the same, told where they stand: see `Places.put`."""
        ...


def attend_to_all(put: Put, mask: Tensor | None, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """All of a text at once: plain causal, or with the ``mask`` [n, W, C] of `window_mask`.

    By plain products where there is a mask: torch's own attention takes twice the time of the whole layer
    to go backwards on a CPU, and looks at all of the text whatever the window.
    """
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


def _attend_in_place(
    put: Put, mask: Tensor, slots: Tensor, position: Tensor, keys: Tensor, values: Tensor,
    query: Tensor, key: Tensor, value: Tensor,
) -> Tensor:  # fmt: skip
    """Writes into the rings ``keys`` and ``values`` [S, Hkv, window + room, d] at ``position`` [B, T]."""
    heads = torch.arange(key.shape[2], device=key.device)
    where = (slots[:, None, None], heads, position[:, :, None] % keys.shape[2])  # [B, T, Hkv]
    query, key = put(query, key)
    keys[where], values[where] = key, value
    filled = slice(mask.shape[2])
    return attend_to_some(query, keys[:, :, filled][slots], values[:, :, filled][slots], mask)


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


def ring_mask(position: Tensor, capacity: int, window: int) -> Tensor:
    """position [B, T] → [B, T, C]: 0 where the ring has one of the ``window`` positions up to it, else -inf.

    C are the entries that any row has filled so far, rounded up to a multiple of BLOCK, or all of them. The
    ring may already hold the positions of the same call that come after.
    """
    filled = min(capacity, -(-(int(position.max()) + 1) // BLOCK) * BLOCK)
    seen = Window(window, spare=capacity - window).seen(position, filled)
    return torch.zeros(seen.shape, device=position.device).masked_fill(~seen, float("-inf"))
