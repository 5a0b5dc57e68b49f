"""One frame through a network as a CUDA graph: hundreds of kernels started by a single call.

A graph always reads and writes the same memory, so the samples, the rows and the state stay where they are:
what is given is copied in, and the graph itself takes the rows out of the state and puts them back. There is
a graph per power of two of rows; smaller calls fill up with copies of their last row, which compute the same
and write it to the same place.
"""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor

from voicert_codecs.blocks.state import clone, lend, settle

WARM_UP = 3  # runs before a capture, in which libraries choose kernels and allocate


class Call(Protocol):
    """A network, as :class:`voicert_codecs.blocks.torch_codec.Network` describes it."""

    def __call__(self, x: Tensor, state: Any) -> tuple[Tensor, Any]: ...


class Graphs:
    """The graphs of one network over one state, made when they are first needed.

    ``state`` holds tensors only (nothing ``InPlace``); it is changed in place by every call.
    """

    def __init__(self, network: Call, state: Any) -> None:
        self.network, self.state = network, state
        self._steps: dict[tuple[int, ...], Step] = {}  # by the shape of x

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        """``x`` [B, ...], ``rows`` [B] → what the network makes of them; valid until the next call."""
        count = len(rows)
        size = 1 << (count - 1).bit_length()  # may exceed the slots: the rest are copies
        if size > count:
            x = torch.cat([x, x[-1:].expand(size - count, *x.shape[1:])])
            rows = torch.cat([rows, rows[-1:].expand(size - count)])
        shape = tuple(x.shape)
        if shape not in self._steps:
            self._steps[shape] = Step(self.network, self.state, x)
        return self._steps[shape](x, rows)[:count]


class Step:
    """A call with memory of its own for what goes in, captured on CUDA and simply run elsewhere."""

    def __init__(self, network: Call, state: Any, x: Tensor) -> None:
        self.network, self.state = network, state
        self.x = x.clone()
        self.rows = torch.zeros(len(x), dtype=torch.int64, device=x.device)
        self._y = x  # what the last run made; of a graph always the same memory
        self._graph = self._captured() if x.device.type == "cuda" else None

    def __call__(self, x: Tensor, rows: Tensor) -> Tensor:
        self.x.copy_(x)
        self.rows.copy_(rows)
        if self._graph is None:
            self._run()
        else:
            self._graph.replay()
        return self._y

    def _run(self) -> None:
        self._y, new = self.network(self.x, lend(self.state, self.rows))
        settle(self.state, self.rows, new)

    def _captured(self) -> torch.cuda.CUDAGraph:
        """The graph of ``_run``; the state is afterwards what it was before."""
        state, self.state = self.state, clone(self.state)
        stream = torch.cuda.Stream(self.x.device)
        stream.wait_stream(torch.cuda.current_stream(self.x.device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._run()
        torch.cuda.current_stream(self.x.device).wait_stream(stream)
        self.state = state
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # records and does not run
            self._run()
        return graph
