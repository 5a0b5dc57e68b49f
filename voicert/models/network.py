"""A duplex model: what is given to a step → the temporal transformer → texts, and the codes of its frame.

The bundled model and Moshi are two configurations of it, which `Sizes` says; they differ in nothing but the
front end that makes a step's vector of its tokens, see :mod:`voicert.models.transformer` and
:mod:`voicert.models.moshi.network`.
Sizes: B rows, T steps, D width, V text tokens, K codebooks, N codes of each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from voicert.models.config import DepthSizes
from voicert.models.depth import DepthTransformer
from voicert.models.layers import LayerSizes, Product, RmsNorm
from voicert.models.places import WordClock
from voicert.models.temporal import PIECE, Temporal
from voicert.models.window import Window


@dataclass(frozen=True)
class Sizes:
    layer: LayerSizes
    contexts: tuple[int, ...]  # of each layer: steps that are seen, the own one included
    sinks: int  # first steps that are never forgotten
    word_heads: tuple[int, ...]  # of each layer: see `voicert.models.places`
    rope_period: float
    text_in: int  # text tokens that can be given
    text_out: int  # and written
    user_text_out: int  # of what the user says; 0: it is not written
    codebooks: int
    card: int  # codes of a codebook
    depth: DepthSizes | None  # None: one head for each codebook, all at once


class Network(nn.Module):
    """Its modules are public for loaders and for training.

    Args:
        rewind: steps that can be undone.
    """

    def __init__(self, sizes: Sizes, rewind: int = 0) -> None:
        super().__init__()
        s, width = sizes, sizes.layer.width
        self.rewind = rewind
        window = Window(max(s.contexts), s.sinks, rewind + PIECE - 1)
        self.temporal = Temporal(s.layer, len(s.contexts), window, s.rope_period, s.contexts, s.word_heads)
        self.norm = RmsNorm(width, s.layer.epsilon)
        self.text_head = Product(width, s.text_out)
        if s.user_text_out:
            self.user_text_head = Product(width, s.user_text_out)
        if s.depth is None:
            self.code_head = Product(width, s.codebooks * s.card)
        else:
            self.depth = DepthTransformer(s.depth, width, s.text_in, s.card, s.layer.epsilon)
        self._codebooks = s.codebooks

    def whole(self, x: Tensor, clock: WordClock | None = None) -> Tensor:
        """All steps of a text: x [B, T, D] → hidden [B, T, D]."""
        return self.norm(self.temporal.whole(x, clock))

    def stepped(
        self, x: Tensor, rings: Sequence[Tensor], first: Sequence[int], clock: WordClock | None = None
    ) -> Tensor:
        """Some steps of each row: x [B, T, D] → hidden [B, T, D]; arguments as `Temporal` has them."""
        return self.norm(self.temporal(x, rings, first, clock))

    def code_logits(self, hidden: Tensor) -> Tensor:
        """Of a model without a depth transformer: hidden [..., D] → [..., K, N]."""
        return self.code_head(hidden).unflatten(-1, (self._codebooks, -1))
