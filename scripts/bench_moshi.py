#!/usr/bin/env python3
"""Times our Moshi against the moshi package: same random weights, one run, one thread, step by step.

    python scripts/bench_moshi.py [--json FILE] [--only step frame gpu] [--cpu-time] [--int8]
    python scripts/bench_moshi.py --minutes 30

    step    the language model alone, 1 and 8 rows, with nearly nothing in the cache and with a full one
    frame   a whole frame: Mimi of the published size codes the user, the model steps, Mimi decodes
    gpu     the published 7B sizes in bfloat16 on a CUDA device, against the time that reading weights, keys
            and values takes at the speed of a copy; without such a device it is left out and says so
    long    with --minutes alone: ours in a call of so long, as fast as it goes, with attention sinks; the
            step's time and the memory of each minute

The model of the first two parts is 512 wide with 8 layers, its depth transformer 256 wide with 4; its ring
holds 3000 steps. The package attends to all of the ring whatever is in it, so its time is that of a full one.
The originals are taken from the folder that scripts/test installs them into, or the one that VOICERT_ORACLES
names. Both take every step in turn; ``x`` is how many times as fast ours is, by the medians.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from codec_bench.command import common_arguments, machine
from codec_bench.moshi import REWIND, SMALL, OurMimi, Ours, RandomWeights, Theirs
from codec_bench.peers import OriginalMimi, PeersMissingError
from make_tiny_mimi import write_mimi
from numpy.typing import NDArray
from safetensors.torch import save_file
from voicert_codecs.mimi.config import MimiConfig

from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.kyutai import PUBLISHED, from_kyutai
from voicert.models.moshi.layout import tensors
from voicert.models.moshi.loader import Form, Reader, build
from voicert.models.moshi.memory import need
from voicert.models.moshi.network import MoshiNetwork

Ints = NDArray[np.int64]
PARTS = ("step", "frame", "gpu")
STEPS_PER_MINUTE = 750  # 12.5 Hz
SINKS = 4  # of the long call, as the server has them
WARM_UP = 5  # steps that are not counted


class Bench:
    """The parts of a run; each adds to ``results`` and prints its lines."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options, self.work = options, work
        self._clock = time.thread_time if options.cpu_time else time.perf_counter
        self.results: dict[str, Any] = {"machine": machine(), "clock": "cpu" if options.cpu_time else "wall"}
        self._built: tuple[Path, MoshiNetwork] | None = None

    def step(self) -> None:
        file, network = self._model()
        for rows in self.options.rows:
            theirs = Theirs(self.options.originals, file, rows)
            for what, filled in (("nearly empty", 0), ("full", SMALL["context"] + REWIND)):
                ours = Ours(network, rows, filled)
                self._race(f"step, B = {rows}, {what}", rows, {o.name: o.step for o in (ours, theirs)})

    def frame(self) -> None:
        file, network = self._model()
        mimi = write_mimi(self.work / "mimi", MimiConfig())
        for rows in self.options.rows:
            codec, original = OurMimi(mimi, rows), OriginalMimi(self.options.originals, mimi)
            original.start(rows)
            ours, theirs = Ours(network, rows, 0), Theirs(self.options.originals, file, rows)
            noise = np.random.default_rng(0).normal(0, 0.1, (rows, 1920)).astype(np.float32)

            def whole(codec: Any, model: Any, noise: NDArray[np.float32] = noise) -> Callable[[Ints], object]:
                return lambda _: codec.decode(model.step(codec.encode(noise)[:, :, 0])[:, :, None])

            contenders = {"ours": whole(codec, ours), theirs.name: whole(original, theirs)}
            self._race(f"frame, B = {rows}", rows, contenders)

    def gpu(self) -> None:
        if not torch.cuda.is_available():
            self.results["gpu"] = None
            print("\ngpu: no CUDA device here, so this part was left out")
            return
        config, device = from_kyutai(PUBLISHED), torch.device("cuda")
        form = Form(device, torch.bfloat16, packed=False)
        network = build(RandomWeights(config, "cuda", torch.bfloat16), form, REWIND)
        speed = _copy_speed()
        found: dict[str, Any] = {"device": torch.cuda.get_device_name(), "gb_per_s": round(speed / 1e9)}
        per_step = need(config, 1, torch.bfloat16, int8=False).per_session
        weights = _read_by_a_step(config) * 2
        for rows in (1, 8, 16, 32, 64):
            filled = 500
            ours = Ours(network, rows, filled)
            took = _milliseconds(ours.step, rows, 30, torch.cuda.synchronize)
            floor = 1e3 * (weights + rows * filled * per_step) / speed
            found[f"b{rows}"] = {"p50_ms": _p(took, 50), "p99_ms": _p(took, 99), "floor_ms": round(floor, 2)}
            print(f"gpu, B = {rows}: {found[f'b{rows}']}")
        self.results["gpu"] = found

    def long(self) -> None:
        """A call of ``--minutes``; once its ring is full, neither memory nor the step may grow."""
        weights = RandomWeights(replace(from_kyutai(SMALL), sinks=SINKS))
        ours = Ours(build(weights, Form(int8=self.options.int8), REWIND), 1, 0)
        random, found = np.random.default_rng(0), list[dict[str, Any]]()
        for minute in range(1, self.options.minutes + 1):
            took = list[float]()
            for user in random.integers(0, SMALL["card"], (STEPS_PER_MINUTE, 1, 8)):
                start = self._clock()
                ours.step(user)
                took.append(1e3 * (self._clock() - start))
            found.append({"p50_ms": _p(took, 50), "p99_ms": _p(took, 99), "room": ours.lm.room,
                          "resident_mb": _resident_mb()})  # fmt: skip
            print(f"long, minute {minute}: {found[-1]}", flush=True)
        self.results["long"] = found

    def _model(self) -> tuple[Path, MoshiNetwork]:
        """The small model in a file, and ours built from it."""
        if self._built is None:
            weights, file = RandomWeights(from_kyutai(SMALL)), self.work / "model.safetensors"
            save_file({name: weights.read(name) for name, _ in tensors(weights.config)}, file)
            with Reader(weights.config, file) as reader:
                self._built = file, build(reader, Form(int8=self.options.int8), REWIND)
        return self._built

    def _race(self, title: str, rows: int, contenders: dict[str, Callable[[Ints], object]]) -> None:
        """Each step is taken by all of them before the next, so that a busy moment meets all alike."""
        took: dict[str, list[float]] = {name: [] for name in contenders}
        random = np.random.default_rng(0)
        for _ in range(WARM_UP + self.options.steps):
            user = random.integers(0, SMALL["card"], (rows, 8))
            for name, step in contenders.items():
                start = self._clock()
                step(user)
                took[name].append(1e3 * (self._clock() - start))
        found: dict[str, Any] = {
            name: {"p50_ms": _p(times[WARM_UP:], 50), "p95_ms": _p(times[WARM_UP:], 95)}
            for name, times in took.items()
        }
        ours, theirs = (found[name]["p50_ms"] for name in contenders)
        found["times_as_fast"] = round(theirs / ours, 2)
        self.results[title] = found
        print(
            f"{title:28} ours {ours:7.1f} ms, moshi package {theirs:7.1f} ms, x {theirs / ours:.2f}",
            flush=True,
        )


def _milliseconds(
    step: Callable[[Ints], object], rows: int, steps: int, finish: Callable[[], None]
) -> list[float]:
    user, took = np.zeros((rows, 8), np.int64), list[float]()
    for _ in range(WARM_UP + steps):
        finish()
        start = time.perf_counter()
        step(user)
        finish()
        took.append(1e3 * (time.perf_counter() - start))
    return took[WARM_UP:]


def _read_by_a_step(config: MoshiConfig) -> int:
    """Weights that a step needs all of; of an embedding it is one row."""
    return sum(int(np.prod(shape)) for name, shape in tensors(config) if "emb" not in name)


def _copy_speed() -> float:
    """Bytes per second that are read and written by a copy of 4 GB on the CUDA device."""
    source = torch.empty(2_000_000_000, dtype=torch.bfloat16, device="cuda")
    target, best = torch.empty_like(source), float("inf")
    for _ in range(10):
        torch.cuda.synchronize()
        start = time.perf_counter()
        target.copy_(source)
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - start)
    return 2 * source.nbytes / best


def _resident_mb() -> int | None:
    """What the process holds now; None where there is no ``/proc``."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) // 1024 for line in lines if line.startswith("VmRSS:")), None)


def _p(times: list[float], percent: int) -> float:
    return round(float(np.percentile(times, percent)), 2)


def arguments() -> argparse.ArgumentParser:
    parser = common_arguments(__doc__, PARTS)
    parser.add_argument("--rows", nargs="+", type=int, default=[1, 8], help="of a batch (default 1 8)")
    parser.add_argument("--steps", type=int, default=50, help="of each race (default 50)")
    parser.add_argument("--minutes", type=int, metavar="N", help="only a call of so many minutes")
    parser.add_argument("--int8", action="store_true", help="ours with weights of 8 bits")
    return parser


def main(argv: list[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(options, Path(work))
        print(", ".join(f"{name} {value}" for name, value in bench.results["machine"].items()))
        try:
            for part in ("long",) if options.minutes else options.only:
                getattr(bench, part)()
        except PeersMissingError as error:
            print(f"bench_moshi: {error}; run scripts/test once, which installs them.", file=sys.stderr)
            return 2
    if options.json:
        options.json.write_text(json.dumps(bench.results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
