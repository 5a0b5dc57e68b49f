"""The bundled model in PyTorch: reference for the ONNX step, and what training works on.

At step t it is given the user's codes of frame t and what it wrote itself at step t - 1 (text, user text, and
codes if it is to have them), and writes the tokens of step t. What it has for itself is how it hears: some
frames of the user's codes at once, through a perceptron.
Sizes: B sessions, T steps, K codebooks, D width, F frames heard at once.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from voicert.models.config import ModelConfig
from voicert.models.layers import LayerSizes
from voicert.models.network import Network, Sizes
from voicert.models.parts import Table
from voicert.models.places import WordClock, written

EPSILON = 1e-6  # of the norms


class DuplexTransformer(Network):
    """
    Args:
        rewind: steps that can be undone.
    """

    def __init__(self, config: ModelConfig, rewind: int = 0) -> None:
        c = config
        super().__init__(
            Sizes(
                layer=LayerSizes(c.width, c.heads, c.kv_heads, c.head_dim, c.hidden, EPSILON, fused=False),
                contexts=c.windows,
                sinks=0,
                word_heads=c.word_heads,
                rope_period=c.rope_base,
                text_in=c.text_size,
                text_out=c.text_size,
                user_text_out=c.text_size,
                codebooks=c.codebooks,
                card=c.codebook_size,
                depth=c.depth_sizes,
            ),
            rewind,
        )
        self.config = config
        self.user_embedding = nn.Embedding(c.codebooks * c.codebook_size, c.user_dim)
        self.user_input = nn.Linear(c.user_frames * c.user_dim, c.user_hidden, bias=False)
        self.user_output = nn.Linear(c.user_hidden, c.width, bias=False)
        if c.own_codes:
            self.own_embedding = nn.Embedding(c.codebooks * c.codebook_size, c.width)
        self.text_embedding = nn.Embedding(c.text_size, c.width)
        self.user_text_embedding = nn.Embedding(c.text_size, c.width)
        self.apply(self._initialise)
        for each in self.temporal.layers:  # residual branches begin small, the deeper the model the smaller
            for out in (each.attention.out, each.down):
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
        steps = text.shape[1]
        heard = embedded(self.user_embedding, self._rows(user))  # [B, F - 1 + T, user_dim]
        windows = torch.cat([heard[:, i : i + steps] for i in range(self.config.user_frames)], dim=2)
        said = embedded(self.own_embedding, self._rows(own)) if self.config.own_codes else None
        return self.told(windows, said, text, user_text)

    def told(self, heard: Tensor, said: Tensor | None, text: Tensor, user_text: Tensor) -> Tensor:
        """The vectors of steps of any number of sizes [...]: heard [..., F * user_dim], said [..., D]."""
        x = self.user_output(F.gelu(self.user_input(heard), approximate="tanh"))
        if said is not None:
            x = x + said
        return x + self.text_embedding(text) + self.user_text_embedding(user_text)

    def _rows(self, codes: Tensor) -> Tensor:
        """Codes [B, K, T] as rows of a table of all codebooks."""
        offset = torch.arange(self.config.codebooks, device=codes.device) * self.config.codebook_size
        return codes + offset[:, None]

    def forward(self, user: Tensor, own: Tensor, text: Tensor, user_text: Tensor) -> Tensor:
        """All steps of a conversation, inputs as they stand at each → hidden [B, T, D].

        ``user`` [B, K, F - 1 + T] begins F - 1 frames before the first step; own streams lag by one step.
        """
        return self.whole(self.embed(user, own, text, user_text), self._clock(text, user_text, 0))

    def steps(
        self, user: Tensor, own: Tensor, text: Tensor, user_text: Tensor, words: Tensor,
        rings: Sequence[Tensor], first: Sequence[int],
    ) -> Tensor:  # fmt: skip
        """The same of T steps of each row, of which ``rings`` remember those before → hidden [B, T, D].

        Args:
            words: [B] steps before the first one that were given something written.
            rings, first: as :class:`voicert.models.temporal.Temporal` has them.
        """
        x = self.embed(user, own, text, user_text)
        return self.stepped(x, rings, first, self._clock(text, user_text, words[:, None]))

    def _clock(self, text: Tensor, user_text: Tensor, words: Tensor | int) -> WordClock | None:
        if not any(self.config.word_heads):
            return None
        some = written(text, user_text)
        return WordClock(words + some.cumsum(1), some)


def embedded(embedding: nn.Embedding, codes: Tensor) -> Tensor:
    """The sum of the vectors of all codebooks: codes [B, K, T] → [B, T, width]."""
    codes = codes.transpose(1, 2)
    # In training in a tenth of the time, since the K vectors of a step are never written. An exported graph
    # would have a loop over the steps in its place.
    if torch.is_grad_enabled() and not torch.compiler.is_exporting():
        summed = F.embedding_bag(codes.flatten(0, 1), embedding.weight, mode="sum")
        return summed.reshape(*codes.shape[:2], -1)
    # Codebooks stand behind the time: summed so, a step has the same bits whatever B and T are.
    return embedding(codes).sum(2)
