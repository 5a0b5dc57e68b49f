"""Times of codecs that run side by side, frame by frame."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from voicert_codecs.base import Codec, Codes, Pcm

Clock = Callable[[], float]  # seconds
WARM_UP = 10  # frames that are not counted


class Contender(Protocol):
    """Something that codes a stream frame by frame."""

    name: str

    def start(self, batch: int) -> None:
        """Begins ``batch`` streams."""
        ...

    def encode(self, pcm: Pcm) -> Codes: ...

    def decode(self, codes: Codes) -> Pcm: ...


class Ours:
    """One of our codecs."""

    def __init__(self, name: str, codec: Codec[Any]) -> None:
        self.name, self.codec = name, codec
        self._state: Any = None

    def start(self, batch: int) -> None:
        self._state = self.codec.init_state(batch)

    def encode(self, pcm: Pcm) -> Codes:
        return self.codec.encode(pcm, self._state)

    def decode(self, codes: Codes) -> Pcm:
        return self.codec.decode(codes, self._state)


@dataclass
class Times:
    """Of one contender, in milliseconds per frame of the whole batch."""

    encode_ms: list[float] = field(default_factory=list[float])
    decode_ms: list[float] = field(default_factory=list[float])
    codes: list[Codes] = field(default_factory=list[Codes])

    def summary(self) -> dict[str, float]:
        """p50 and p95 of each direction, and of both together frame by frame."""
        both = np.add(self.encode_ms, self.decode_ms)
        kinds = {"encode": self.encode_ms, "decode": self.decode_ms, "both": both}
        return {
            f"{name}_p{percent}_ms": round(float(np.percentile(values, percent)), 3)
            for name, values in kinds.items()
            for percent in (50, 95)
        }


def race(
    contenders: Sequence[Contender], pcm: Pcm, frame_size: int, clock: Clock = time.perf_counter
) -> dict[str, Times]:
    """Each frame goes through all of them before the next one, so that a busy moment meets all alike.

    Who comes first changes from frame to frame. ``pcm`` [B, T * frame_size].
    """
    times = {contender.name: Times() for contender in contenders}
    for contender in contenders:
        contender.start(len(pcm))
    for n, at in enumerate(range(0, pcm.shape[1], frame_size)):
        frame = np.ascontiguousarray(pcm[:, at : at + frame_size])
        for k in range(len(contenders)):
            contender = contenders[(n + k) % len(contenders)]
            began = clock()
            codes = contender.encode(frame)
            coded = clock()
            contender.decode(codes)
            ended = clock()
            if n >= WARM_UP:
                own = times[contender.name]
                own.encode_ms.append(1e3 * (coded - began))
                own.decode_ms.append(1e3 * (ended - coded))
                own.codes.append(codes)
    return times


def ratios(ours: dict[str, float], theirs: dict[str, float]) -> dict[str, float]:
    """How many times as long they take, by the names of `Times.summary` without the unit."""
    return {name.removesuffix("_ms"): round(theirs[name] / ours[name], 2) for name in ours}


def codes_that_differ(one: Times, other: Times) -> int:
    return sum(int((a != b).sum()) for a, b in zip(one.codes, other.codes, strict=True))


def sound(batch: int, samples: int, rate: int, seed: int = 0) -> Pcm:
    """[batch, samples]: voices that glide and pause, with some noise."""
    random = np.random.default_rng(seed)
    t = np.arange(samples) / rate
    phase = random.uniform(0, 6, (batch, 1))
    pitch = 140 + 60 * np.sin(2 * np.pi * 0.7 * t + phase)
    angle = 2 * np.pi * np.cumsum(pitch, axis=1) / rate
    voice = sum(np.sin(n * angle) / n for n in range(1, 8))
    loud = np.clip(np.sin(2 * np.pi * 0.4 * t + phase) + 0.5, 0, 1)
    return (0.1 * loud * voice + 0.002 * random.standard_normal((batch, samples))).astype(np.float32)
