"""What a position sees of those before it, and where in a ring they lie.

    context 8, sinks 2, spare 3:      index   0  1 | 2  3 ...
    position 20 is written            holds   0  1 | the newest others, in a ring

A position sees the newest ``context`` of them, itself included. With sinks, the first positions of a call
stay in sight for ever, and the window behind them is that much shorter (Xiao et al., "Efficient Streaming
Language Models with Attention Sinks", 2024): a model gives the first positions much of the attention that it
has no use for, and speaks nonsense once they are gone. To the model the sinks lie right before the window: a
query looks at them as if it stood at position ``context - 1``, the farthest from them that it was trained
for. Up to ``context`` positions all of this is plain attention to everything.

The ring is longer than the window by the positions that can be undone, and by those that are written at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Window:
    """
    Raises:
        ValueError: the numbers do not fit each other.
    """

    context: int  # positions that are seen, the own one and the sinks included
    sinks: int = 0  # first positions that are never forgotten
    # Further positions in the ring: so many of the newest can be undone and the window still be whole, less
    # those that are written, but for one, before they are attended to.
    spare: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.sinks < self.context or self.spare < 0:
            raise ValueError(f"the numbers of a window do not fit: {self}")

    @property
    def capacity(self) -> int:
        """Positions that a ring holds at its full size; up to there position p lies at index p."""
        return self.context + self.spare

    def index(self, position: int) -> int:
        """Where in a ring of full size a position lies."""
        if position < self.capacity:
            return position
        return self.sinks + (position - self.sinks) % (self.capacity - self.sinks)

    def indices(self, position: Tensor) -> Tensor:
        """The same of many at once."""
        around = self.sinks + (position - self.sinks) % (self.capacity - self.sinks)
        return torch.where(position < self.sinks, position, around)

    def seen(self, position: Tensor, filled: int, context: int | None = None) -> Tensor:
        """position [..., T], growing by one → [..., T, filled]: whether it sees what lies at each index.

        Those of the same call that come after it may already lie there, and so may some that were undone.

        Args:
            context: of a layer that sees less than there is.
        """
        context = self.context if context is None else context
        index = torch.arange(filled, device=position.device)
        last, own = position[..., -1:, None], position[..., None]  # [..., 1, 1], [..., T, 1]
        held = last - (last - index) % (self.capacity - self.sinks)  # what the index holds, if not a sink
        sink = index < self.sinks
        near = (held > own - context + self.sinks) | (own < context)
        return torch.where(sink, index <= own, (held >= self.sinks) & (held <= own) & near)

    def before_sinks(self, position: Tensor) -> Tensor:
        """From where a query looks at the sinks."""
        return position.clamp(max=self.context - 1)
