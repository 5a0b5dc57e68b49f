"""The transformer over words: what was written, without the time between, and which word comes next.

    user text    capital of France  .      .    .   .      .
    text            .    .    .   START   The  capital ... Paris.
    next word       -    -    -    The  capital of ...     END

In a conversation of a minute the duplex transformer makes three thousand steps, of which a tenth writes
something. When a word is due, and whether one is due at all, is heard, and its matter alone. Which one it is
follows mostly from the words so far; that is learnt from conversations as text, many times as many in an hour
as with their sound. So in an answer the two give their opinions on the next word, and the product decides
(a product of experts, Hinton 1999; in speech recognition: shallow fusion, Gulcehre et al. 2015). And after a
word of the user it says whether an answer comes next, or the request goes on: "what is the capital of" is not
complete, however long the pause after it.
Sizes: B rows, T written steps, D width, V text tokens.
"""

from __future__ import annotations

from torch import Tensor, nn

from voicert.errors import ModelError
from voicert.models.config import ModelConfig
from voicert.models.layers import LayerSizes, Product, RmsNorm
from voicert.models.temporal import Temporal
from voicert.models.window import Window

EPSILON = 1e-6  # of the norms


class WordTransformer(nn.Module):
    """
    Raises:
        ModelError: the model of ``config`` has none.
    """

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        if config.words is None:
            raise ModelError("words in the configuration is null: this model has no transformer over words")
        c, size = config.words, config.text_size
        self.config = c
        sizes = LayerSizes(c.width, c.heads, c.kv_heads, c.head_dim, c.hidden, EPSILON, fused=False)
        self.temporal = Temporal(sizes, c.layers, Window(c.window), config.rope_base)
        # Of a written step and of the one before it: with both at hand, to find where a word stood last, and
        # what came after it, takes one layer.
        self.text_embedding, self.user_text_embedding = (nn.Embedding(size, c.width) for _ in range(2))
        self.text_before, self.user_text_before = (nn.Embedding(size, c.width) for _ in range(2))
        self.norm = RmsNorm(c.width, EPSILON)
        self.head = Product(c.width, size)
        self.apply(self._initialise)
        for layer in self.temporal.layers:  # residual branches begin small, the deeper the model the smaller
            for out in (layer.attention.out, layer.down):
                nn.init.normal_(out.weight, std=0.04 / (2 * c.layers) ** 0.5)

    @staticmethod
    def _initialise(module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=module.in_features**-0.5)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=0.1)

    def embed(self, text: Tensor, user_text: Tensor) -> Tensor:
        """Both texts [B, 1 + T], from the written step before the first one on → [B, T, D]."""
        return self.told(text[:, 1:], user_text[:, 1:], text[:, :-1], user_text[:, :-1])

    def told(self, text: Tensor, user_text: Tensor, text_before: Tensor, user_text_before: Tensor) -> Tensor:
        """The vectors of written steps of any number of sizes [...], and the steps before them → [..., D]."""
        now = self.text_embedding(text) + self.user_text_embedding(user_text)
        return now + self.text_before(text_before) + self.user_text_before(user_text_before)

    def forward(self, text: Tensor, user_text: Tensor) -> Tensor:
        """All written steps of a conversation, [B, 1 + T] after a first one of nothing → hidden [B, T, D].

        What `head` makes of it are the logits of the assistant's word in the next written step, if there is
        one of the assistant's in it; after a word of the user, of START if there is, and of PAD if not.
        """
        return self.norm(self.temporal.whole(self.embed(text, user_text)))
