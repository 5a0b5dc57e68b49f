"""scripts/bench_moshi.py: its parts run, with smaller models, and it prints and writes what it measured."""

from __future__ import annotations

import json
from pathlib import Path

import bench_moshi
import numpy as np
import pytest
import torch
from codec_bench import moshi as contenders
from make_tiny_moshi import MIMI, SMALL

from tests.support.oracles import oracle
from voicert.models.temporal import PIECE


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (bench_moshi, contenders):
        monkeypatch.setattr(module, "SMALL", SMALL)
    monkeypatch.setattr(bench_moshi, "MimiConfig", lambda: MIMI)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)


def test_a_run_compares_step_and_frame_of_the_same_weights(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    oracle("moshi")
    file = tmp_path / "numbers.json"
    assert bench_moshi.main(["--steps", "3", "--rows", "1", "2", "--json", str(file)]) == 0
    printed, found = capsys.readouterr().out, json.loads(file.read_text())
    assert "gpu: no CUDA device here, so this part was left out" in printed
    assert found["gpu"] is None
    states = [f"step, B = {rows}, {cache}" for rows in (1, 2) for cache in ("nearly empty", "full")]
    for title in [*states, "frame, B = 1", "frame, B = 2"]:
        ours, theirs = found[title]["ours"], found[title]["moshi package"]
        assert ours["p50_ms"] <= ours["p95_ms"]
        assert found[title]["times_as_fast"] == pytest.approx(theirs["p50_ms"] / ours["p50_ms"], rel=0.05)
        assert title in printed


def test_both_are_given_the_same_and_write_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Greedily, for they draw with random numbers of their own."""
    oracle("moshi")
    monkeypatch.setattr(contenders, "SAMPLING", contenders.Sampling())
    options = bench_moshi.arguments().parse_args([])
    file, network = bench_moshi.Bench(options, tmp_path)._model()  # pyright: ignore[reportPrivateUsage]
    ours, theirs = contenders.Ours(network, 2, 0), contenders.Theirs(options.originals, file, 2)
    for user in np.random.default_rng(0).integers(0, SMALL["card"], (20, 2, 8)):
        assert np.array_equal(ours.step(user), theirs.step(user))


def test_a_long_call_is_measured_by_the_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_moshi, "STEPS_PER_MINUTE", 100)
    file = tmp_path / "numbers.json"
    assert bench_moshi.main(["--minutes", "3", "--json", str(file)]) == 0
    minutes = json.loads(file.read_text())["long"]
    full = SMALL["context"] + contenders.REWIND + PIECE - 1
    assert [minute["room"] for minute in minutes] == [128, full, full]
    assert set(minutes[0]) == {"p50_ms", "p99_ms", "room", "resident_mb"}
