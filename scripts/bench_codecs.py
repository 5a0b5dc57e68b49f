#!/usr/bin/env python3
"""Times our codecs against the original implementations, on one thread and frame by frame.

    python scripts/bench_codecs.py [--json FILE] [--only nano mimi encodec memory gpu]

In one run, on the same sound and with the same random weights of the published sizes:

    nano      our codec by ONNX Runtime
    mimi      ours against the moshi package's streaming Mimi; x is how many times as fast ours is
    encodec   ours at 50 frames/s against the encodec package's modules on one frame at a time
    memory    an hour of sound: what a process takes after a minute, and has grown by at the end
    gpu       codes equal to the CPU's, frames per second with CUDA graphs, where there is a CUDA device

The originals are taken from the folder that scripts/test installs them into, or the one that VOICERT_ORACLES
names. Each frame goes through all contenders before the next; p50 and p95 are of single frames.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from codec_bench import gpu
from codec_bench.command import common_arguments, machine
from codec_bench.measure import Contender, Ours, codes_that_differ, race, ratios, sound
from codec_bench.memory import in_a_process
from codec_bench.peers import OriginalEncodec, OriginalMimi, PeersMissingError
from make_tiny_mimi import write_mimi
from voicert_codecs import load
from voicert_codecs.base import Codec, CodecError
from voicert_codecs.encodec.load import open_codec as open_encodec
from voicert_codecs.mimi.config import MimiConfig
from voicert_codecs.mimi.load import open_codec as open_mimi
from voicert_codecs.onnx_export import export

PARTS = ("nano", "mimi", "encodec", "memory", "gpu")
BATCHES = (1, 8)


class Bench:
    """The parts of a run; each adds to ``results`` and prints its lines."""

    def __init__(self, options: argparse.Namespace, work: Path) -> None:
        self.options, self.work = options, work
        self.results: dict[str, Any] = {"machine": machine(), "clock": "cpu" if options.cpu_time else "wall"}
        self._files: dict[str, Path] = {}

    def nano(self) -> None:
        codec = load("nano")
        self._race("nano", codec, [Ours("ours", codec)])

    def mimi(self) -> None:
        # The original forgets whole frames; else the codes differ once the transformers' windows are full.
        opening = functools.partial(open_mimi, self.file("mimi"), forget_by_frame=True)
        codec = opening()
        theirs = OriginalMimi(self.options.originals, self.file("mimi"))
        self._race("mimi", codec, [Ours("ours", codec), *self._exported(opening), theirs])

    def encodec(self) -> None:
        opening = functools.partial(open_encodec, self.file("encodec"), 12)
        codec = opening()
        theirs = OriginalEncodec(self.options.originals)
        contenders = [Ours("ours", codec), *self._exported(opening), theirs]
        self._race("encodec", codec, contenders, same_codes=False)

    def memory(self) -> None:
        for name in self.options.memory_of:
            codec = "nano" if name == "nano" else self.file(name)
            found = in_a_process(codec, self.options.minutes)
            self.results.setdefault("memory", {})[name] = found
            print(
                f"\nmemory, {name}: {found['early_mb']:.1f} MB after the first minute, "
                f"{found['grown_mb']:+.2f} MB in {found['minutes']:g} minutes of sound"
            )

    def gpu(self) -> None:
        if not torch.cuda.is_available():
            self.results["gpu"] = None
            print("\ngpu: no CUDA device here, so this part was left out")
            return
        for name in ("encodec", "mimi"):
            found = gpu.on_gpu(lambda device, graphs, name=name: self._opened(name, device, graphs), name)
            self.results.setdefault("gpu", {})[name] = found
            print(json.dumps(found, indent=1))

    def file(self, kind: str) -> Path:
        """Random weights of the published size, in the original's own file format."""
        if kind not in self._files:
            if kind == "mimi":
                self._files[kind] = write_mimi(self.work / "mimi", MimiConfig())
            else:
                self._files[kind] = self.work / "encodec.th"
                OriginalEncodec(self.options.originals).save(self._files[kind])
        return self._files[kind]

    def _exported(self, opening: Callable[..., Codec[Any]]) -> list[Contender]:
        """The same codec by ONNX Runtime, where that is asked for."""
        if not self.options.exported:
            return []
        codec = opening(packed=False)
        folder = self.work / f"{codec.name}-onnx"
        export(codec, folder)
        return [Ours("ours, exported", load(folder))]

    def _opened(self, name: str, device: str, graphs: bool) -> Codec[Any]:
        return load(self.file(name), codebooks=8, device=device, graphs=graphs)

    def _race(
        self, name: str, codec: Codec[Any], contenders: list[Contender], same_codes: bool = True
    ) -> None:
        period_ms = 1e3 * codec.frame_size / codec.sample_rate
        clock = time.thread_time if self.options.cpu_time else time.perf_counter
        for batch in BATCHES:
            pcm = sound(batch, self.options.frames * codec.frame_size, codec.sample_rate)
            times = race(contenders, pcm, codec.frame_size, clock)
            found: dict[str, Any] = {who: own.summary() for who, own in times.items()}
            print(f"\n{name}, B = {batch}: ms per frame of {period_ms:g} ms  (p50 / p95)")
            for who, own in found.items():
                print(f"  {who:16} {_line(own)}")
            theirs = contenders[-1].name
            for who in [who for who in times if who != theirs]:
                found[who]["times_as_fast"] = ratios(found[who], found[theirs])
                print(f"  {f'{who}: x':16} {_line(found[who]['times_as_fast'])}")
                if same_codes:
                    found[who]["codes_that_differ"] = codes_that_differ(times[who], times[theirs])
                    total = sum(codes.size for codes in times[who].codes)
                    print(f"  {found[who]['codes_that_differ']} of {total} codes differ")
            self.results.setdefault(name, {})[f"b{batch}"] = found


def _line(numbers: dict[str, float]) -> str:
    parts: list[str] = []
    for kind in ("encode", "decode", "both"):
        p50, p95 = (value for name, value in numbers.items() if name.startswith(kind))
        parts.append(f"{kind} {p50:7.2f} /{p95:7.2f}")
    return "   ".join(parts)


def arguments() -> argparse.ArgumentParser:
    parser = common_arguments(__doc__, PARTS)
    parser.add_argument("--frames", type=int, default=150, help="of each race (default 150)")
    parser.add_argument("--minutes", type=float, default=60, help="of sound in the memory part (default 60)")
    parser.add_argument(
        "--memory-of", nargs="+", choices=PARTS[:3], default=["nano"], help="(default nano; others take long)"
    )
    parser.add_argument(
        "--exported", action="store_true", help="ours by ONNX Runtime too (an export takes a minute or two)"
    )
    return parser


def main(argv: list[str] | None = None) -> int:
    options = arguments().parse_args(argv)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as work:
        bench = Bench(options, Path(work))
        told = {**bench.results["machine"], "clock": bench.results["clock"]}
        print(", ".join(f"{name} {value}" for name, value in told.items()))
        try:
            for part in options.only:
                getattr(bench, part)()
        except (CodecError, PeersMissingError) as error:
            print(f"bench_codecs: {error}; run scripts/test once, which installs them.", file=sys.stderr)
            return 2
    if options.json:
        options.json.write_text(json.dumps(bench.results, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
