"""scripts/bench_codecs.py: it measures what it says, compares like with like, and tells what is missing."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bench_codecs
import numpy as np
import pytest
import torch
from codec_bench.gpu import on_gpu
from codec_bench.measure import WARM_UP, Ours, Times, codes_that_differ, race, ratios, sound
from codec_bench.memory import memory
from codec_bench.peers import OriginalEncodec, OriginalMimi
from make_tiny_mimi import TINY, write_mimi
from voicert_codecs import load
from voicert_codecs.base import Codec, Codes, Pcm
from voicert_codecs.mimi.load import open_codec
from voicert_codecs.nano.runtime import NanoCodec

from tests.support.codecs import by_torch, frame_by_frame
from tests.support.oracles import oracle

FRAMES = WARM_UP + 5


class Backwards:
    """Notes what it is asked, and codes every frame in the wrong order of codebooks."""

    name = "backwards"

    def __init__(self, inner: Ours, log: list[str]) -> None:
        self.inner, self.log = inner, log

    def start(self, batch: int) -> None:
        self.inner.start(batch)
        self.log.append(f"start {batch}")

    def encode(self, pcm: Pcm) -> Codes:
        self.log.append("encode")
        return self.inner.encode(pcm)[:, ::-1].copy()

    def decode(self, codes: Codes) -> Pcm:
        self.log.append("decode")
        return self.inner.decode(codes)


def test_all_contenders_get_every_frame_and_the_first_ones_do_not_count(tiny_codec: Path) -> None:
    codec, log = NanoCodec(tiny_codec), list[str]()
    pcm = sound(2, FRAMES * codec.frame_size, codec.sample_rate)
    ours, other = Ours("ours", codec), Backwards(Ours("x", codec), log)
    times = race([ours, other], pcm, codec.frame_size)
    assert log == ["start 2", *["encode", "decode"] * FRAMES]
    wanted, _ = frame_by_frame(codec, pcm)
    assert np.array_equal(np.concatenate(times["ours"].codes, 2), wanted[:, :, WARM_UP:])
    assert np.array_equal(np.concatenate(times["backwards"].codes, 2), wanted[:, ::-1, WARM_UP:])
    assert len(times["ours"].encode_ms) == len(times["backwards"].decode_ms) == 5
    differing = int((wanted != wanted[:, ::-1])[:, :, WARM_UP:].sum())
    assert codes_that_differ(times["ours"], times["backwards"]) == differing > 0


def test_times_are_those_of_the_clock(tiny_codec: Path) -> None:
    codec = NanoCodec(tiny_codec)
    ticks = iter([0, 1, 3] * FRAMES)  # before, between, after
    pcm = sound(1, FRAMES * codec.frame_size, codec.sample_rate)
    times = race([Ours("ours", codec)], pcm, codec.frame_size, lambda: float(next(ticks)))
    assert times["ours"].encode_ms == [1e3] * 5
    assert times["ours"].decode_ms == [2e3] * 5


def test_percentiles_are_of_frames_and_ratios_of_percentiles() -> None:
    ours = Times([1.0, 2.0, 3.0], [3.0, 2.0, 1.0]).summary()
    assert (ours["encode_p50_ms"], ours["encode_p95_ms"]) == (2.0, 2.9)
    assert (ours["both_p50_ms"], ours["both_p95_ms"]) == (4.0, 4.0)
    theirs = Times([6.0, 6.0, 6.0], [1.0, 1.0, 1.0]).summary()
    assert ratios(ours, theirs) == {
        "encode_p50": 3.0,
        "encode_p95": 2.07,
        "decode_p50": 0.5,
        "decode_p95": 0.34,
        "both_p50": 1.75,
        "both_p95": 1.75,
    }


def test_the_original_mimi_streams_to_the_same_codes(tmp_path: Path) -> None:
    oracle("moshi")
    file = write_mimi(tmp_path)
    codec = open_codec(file, forget_by_frame=True)
    theirs = OriginalMimi(bench_codecs.arguments().parse_args([]).originals, file)
    pcm = sound(2, FRAMES * TINY.frame_size, TINY.sample_rate)
    for _ in range(2):  # each race begins with fresh streams
        times = race([Ours("ours", codec), theirs], pcm, codec.frame_size)
        assert codes_that_differ(times["ours"], times["moshi package"]) == 0


def test_the_original_encodec_begins_anew_with_every_frame(tmp_path: Path) -> None:
    oracle("encodec")
    theirs = OriginalEncodec(bench_codecs.arguments().parse_args([]).originals)
    theirs.save(tmp_path / "encodec.th")
    codec = load(tmp_path / "encodec.th", codebooks=12)
    assert codec.sample_rate == 50 * codec.frame_size
    pcm = sound(2, codec.frame_size, codec.sample_rate)
    codes = theirs.encode(pcm)
    assert codes.shape == codec.encode(pcm, codec.init_state(2)).shape == (2, 12, 1)
    assert np.array_equal(theirs.encode(pcm), codes)
    assert theirs.decode(codes).shape == pcm.shape


def test_memory_is_compared_with_the_first_part(tiny_codec: Path) -> None:
    pieces = list[int]()

    class Counting(NanoCodec):
        def decode(self, codes: Codes, *rest: object) -> Pcm:
            pieces.append(codes.shape[2])
            return super().decode(codes, *rest)  # pyright: ignore[reportArgumentType]

    found = memory(Counting(tiny_codec), 0.1)
    assert pieces == [50] * 6
    assert found["minutes"] == 0.1
    assert found["early_mb"] > 10
    assert found["grown_mb"] < found["early_mb"]


def test_the_gpu_s_part_compares_and_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its arithmetic, with the CPU in the place of a GPU."""
    opened = list[tuple[str, bool]]()

    def opener(device: str, graphs: bool) -> Codec[object]:
        opened.append((device, graphs))
        return by_torch("mimi")

    monkeypatch.setattr(torch.cuda, "get_device_name", lambda: "none")
    found = on_gpu(opener, "mimi")
    assert opened == [("cpu", False), ("cuda", True)]
    assert found["codes"] == 4 * 4 * 50
    assert found["codes_that_differ_from_cpu"] == 0
    assert found["largest_difference_of_samples"] == 0
    assert found["frames_per_second_b64"] > found["frames_per_second_b1"] > 0


def test_a_run_prints_and_writes_its_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    file = tmp_path / "numbers.json"
    command = ["--only", "nano", "memory", "gpu", "--frames", "13", "--minutes", "0.05", "--json", str(file)]
    assert bench_codecs.main(command) == 0
    printed = capsys.readouterr().out
    assert "gpu: no CUDA device here, so this part was left out" in printed
    found = json.loads(file.read_text())
    assert found["gpu"] is None
    assert set(found["nano"]) == {"b1", "b8"}
    assert found["memory"]["nano"]["minutes"] == 0.05
    for value in found["nano"]["b1"]["ours"].values():
        assert f"{value:.2f}" in printed


def test_missing_originals_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "encodec"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(
        sys, "path", [folder for folder in sys.path if not (Path(folder) / "encodec").exists()]
    )
    assert bench_codecs.main(["--only", "encodec", "--originals", str(tmp_path)]) == 2
    assert f"{tmp_path} does not offer encodec" in capsys.readouterr().err
