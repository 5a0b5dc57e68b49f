"""Runs a network for slots, and holds their keys and values.

There are two ways. :class:`Eager` starts one operation after the other, and gives every slot memory of its
own; it is right where starting an operation costs little beside its work, as on a CPU. :class:`Graphed` lets
a CUDA device repeat recorded graphs, in which nothing is started by the host; all slots lie side by side.
The graphs have not been run on a CUDA device in this project's tests: on other devices their functions run
as they are, and tests check that these compute the same, ask the host for nothing and mix no devices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from voicert.models.base import Ints
from voicert.models.moshi.network import MoshiNetwork
from voicert.models.moshi.sampling import Draws, draw
from voicert.models.rings import Rings, grown

WARM_UP = 3  # runs before a capture, in which libraries choose kernels and allocate


class Runner(Protocol):
    def run(self, tokens: Tensor, slots: Ints, first: Ints) -> tuple[Tensor, Tensor]:
        """tokens [B, 1 + S, T] of the steps from ``first`` [B] on → hidden [B, T, D], text logits [B, T, V].

        Rows are of distinct slots; more than one step is run for one row only.
        """
        ...

    def run_embedded(self, x: Tensor, slot: int, first: int) -> None:
        """The steps from ``first`` on of a slot, of which only the embeddings x [T, D] are known."""
        ...

    def say(self, hidden: Tensor, text: Tensor, count: int, draws: Draws, uniform: Tensor) -> Tensor:
        """hidden [B, D], text [B], uniform [B, count] → the codes [B, count]."""
        ...

    def room(self, slot: int) -> int:
        """Steps that there is memory for."""
        ...

    def clear(self, slot: int) -> None: ...

    def copy(self, slot: int, end: int) -> Tensor:
        """What a slot whose next step is ``end`` remembers."""
        ...

    def put(self, slot: int, saved: Tensor) -> None: ...


def runner(network: MoshiNetwork, slots: int) -> Runner:
    """The one for the device that the network is on."""
    on_cuda = network.table.weight.device.type == "cuda"
    return Graphed(network, slots) if on_cuda else Eager(network, slots)


class Eager:
    def __init__(self, network: MoshiNetwork, slots: int) -> None:
        self._network = network
        self._rings = Rings(network.temporal.zeros, slots, network.temporal.window.capacity)
        self.room, self.clear = self._rings.room, self._rings.clear
        self.copy, self.put = self._rings.copy, self._rings.put

    def run(self, tokens: Tensor, slots: Ints, first: Ints) -> tuple[Tensor, Tensor]:
        length = tokens.shape[2]
        rings = [self._rings.take(int(slot), int(at) + length) for slot, at in zip(slots, first, strict=True)]
        return in_runs(self._network, self._network.embed(tokens), rings, first)

    def run_embedded(self, x: Tensor, slot: int, first: int) -> None:
        ring = self._rings.take(slot, first + len(x))
        in_runs(self._network, x[None], [ring], np.array([first]))

    def say(self, hidden: Tensor, text: Tensor, count: int, draws: Draws, uniform: Tensor) -> Tensor:
        return said(self._network, hidden, text, count, draws, uniform)


class Graphed:
    """A call is over the first slots, as many as a power of two, whoever of them takes a step: those that do
    not are computed along, and what they write is overwritten by their next step."""

    def __init__(self, network: MoshiNetwork, slots: int) -> None:
        self._network = network
        self._slots = slots
        self._window = network.temporal.window
        self._rings = network.temporal.zeros(grown(0, self._window.capacity), slots)
        self._next = np.zeros(slots, np.int64)  # a step that a slot may write without harm
        self._steps: dict[
            tuple[int, bool], Captured
        ] = {}  # by rows, and whether sinks are looked at from afar
        self._depths: dict[tuple[int, int, int], Captured] = {}  # by rows, codebooks, most of the draws

    def room(self, slot: int) -> int:
        return self._rings.shape[3]

    def clear(self, slot: int) -> None:
        self._rings[:, slot] = 0  # a mask does not hide numbers that are not finite
        self._next[slot] = 0

    def copy(self, slot: int, end: int) -> Tensor:
        return self._rings[:, slot, :, :end].clone()

    def put(self, slot: int, saved: Tensor) -> None:
        self.clear(slot)
        self._grow(saved.shape[2])
        self._rings[:, slot, :, : saved.shape[2]] = saved
        self._next[slot] = saved.shape[2]

    def run(self, tokens: Tensor, slots: Ints, first: Ints) -> tuple[Tensor, Tensor]:
        length = tokens.shape[2]
        self._next[slots] = first
        rows = min(power_of_two(int(slots.max()) + 1), self._slots)
        self._grow(max(int(first.max()) + length, int(self._next[:rows].max()) + 1))
        if length > 1:
            made = in_runs(self._network, self._network.embed(tokens), [self._rings[:, int(slots[0])]], first)
        else:
            made = self._step(rows, tokens, slots, bool(first.max() >= self._window.context))
        self._next[slots] = first + length
        return made

    def run_embedded(self, x: Tensor, slot: int, first: int) -> None:
        self._grow(max(first + len(x), int(self._next.max()) + 1))
        in_runs(self._network, x[None], [self._rings[:, slot]], np.array([first]))
        self._next[slot] = first + len(x)

    def say(self, hidden: Tensor, text: Tensor, count: int, draws: Draws, uniform: Tensor) -> Tensor:
        count_rows = len(hidden)
        rows, most = power_of_two(count_rows), power_of_two(draws.most)
        greedy = torch.zeros_like(text, dtype=torch.bool) if draws.greedy is None else draws.greedy
        given = [hidden, text, uniform, draws.temperature, draws.top_k, greedy]
        given = [torch.cat([part, part[-1:].expand(rows - count_rows, *part.shape[1:])]) for part in given]

        def depth(hidden: Tensor, text: Tensor, uniform: Tensor, *how: Tensor) -> tuple[Tensor, ...]:
            temperature, top_k, greedy = how
            drawn = Draws(temperature, top_k, most, equal=False, greedy=greedy if most else None)
            return (said(self._network, hidden, text, count, drawn, uniform),)

        key = rows, count, most
        if key not in self._depths:
            self._depths[key] = Captured(depth, *given)
        return self._depths[key](*given)[0][:count_rows].clone()

    def _step(self, rows: int, tokens: Tensor, slots: Ints, far: bool) -> tuple[Tensor, Tensor]:
        device = tokens.device
        which = torch.as_tensor(slots).to(device)
        everyone = tokens.new_zeros(rows, *tokens.shape[1:])
        everyone[which] = tokens
        position = torch.as_tensor(self._next[:rows].copy()).to(device)
        network, rings = self._network, self._rings

        def step(tokens: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
            return network.all_slots(tokens, rings, position, far)

        if (rows, far) not in self._steps:
            self._steps[rows, far] = Captured(step, everyone, position)
        hidden, logits = self._steps[rows, far](everyone, position)
        return hidden[which], logits[which]

    def _grow(self, end: int) -> None:
        """Larger memory lies elsewhere: the graphs that know the old one go."""
        more = grown(end, self._window.capacity) - self._rings.shape[3]
        if more > 0:
            self._steps.clear()
            self._rings = F.pad(self._rings, (0, 0, 0, more))


class Captured:
    """A function of tensors with memory of its own for what goes in: a graph on CUDA, simply run elsewhere.

    Args:
        function: its work and the shapes it makes depend on no values, and it may be repeated.
        given: what it is called with first; later calls give the same shapes.
    """

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], *given: Tensor) -> None:
        self._function = function
        self._given = [part.clone() for part in given]
        self._made: tuple[Tensor, ...] = ()
        self._graph = self._capture() if given[0].device.type == "cuda" else None

    def __call__(self, *given: Tensor) -> Any:
        """What the function makes, in memory that the next call may write to."""
        for own, part in zip(self._given, given, strict=True):
            own.copy_(part)
        if self._graph is None:
            self._made = self._function(*self._given)
        else:
            self._graph.replay()
        return self._made

    def _capture(self) -> torch.cuda.CUDAGraph:
        device = self._given[0].device
        stream = torch.cuda.Stream(device)
        stream.wait_stream(torch.cuda.current_stream(device))
        with torch.cuda.stream(stream):
            for _ in range(WARM_UP):
                self._function(*self._given)
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):  # records and does not run
            self._made = self._function(*self._given)
        return graph


def in_runs(network: MoshiNetwork, x: Tensor, rings: list[Tensor], first: Ints) -> tuple[Tensor, Tensor]:
    """All steps of embeddings x [B, T, D], in as many calls as it takes."""
    start, hidden, logits = 0, list[Tensor](), list[Tensor]()
    for length in network.temporal.runs(int(first[0]), x.shape[1]):
        part = network(x[:, start : start + length], rings, [int(at) + start for at in first])
        hidden.append(part[0])
        logits.append(part[1])
        start += length
    return (hidden[0], logits[0]) if len(hidden) == 1 else (torch.cat(hidden, 1), torch.cat(logits, 1))


def said(
    network: MoshiNetwork, hidden: Tensor, text: Tensor, count: int, draws: Draws, uniform: Tensor
) -> Tensor:
    def choose(codebook: int, logits: Tensor) -> Tensor:
        return draw(logits, draws, uniform[:, codebook])

    return network.depth(hidden, text, count, choose)


def power_of_two(count: int) -> int:
    """The least that is not below; 0 of 0."""
    return 1 << (count - 1).bit_length() if count else 0
