"""The whole way with the bundled weights: `voicert serve --record`, and `voicert replay` of what it made."""

from __future__ import annotations

import asyncio
import dataclasses
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.wav import read_wav

import voicert.bench
from tests.support.talker import talking
from voicert.cli import main
from voicert.replay import Step, read_tape
from voicert.replay.entries import Packer
from voicert.replay.tape import block, opening

ROOT = Path(__file__).resolve().parent.parent
SPEECH = Path(voicert.bench.__file__).parent / "speech"
INTERRUPT_S = 1.0  # into the count


def spoken(name: str) -> NDArray[np.float32]:
    """A request between two pieces of a quiet room's noise."""
    rng = np.random.default_rng(0)
    pcm = np.concatenate([np.zeros(6_000), read_wav(SPEECH / f"{name}.wav") * 0.5, np.zeros(2_400)])
    return (pcm + rng.standard_normal(len(pcm)) * 5e-4).astype(np.float32)


async def converse(url: str) -> list[str]:
    """Asks for a count, interrupts it with a question → transcripts of the answers."""
    async with talking(url) as talker:
        await talker.say(spoken("long_count"))
        await talker.until("response.output_audio_transcript.delta", lambda e: "three" in e["delta"])
        await talker.say(spoken("interrupt_italy"))
        answers = [await talker.until("response.done") for _ in range(2)]
    return [a["response"]["output"][0]["content"][0]["transcript"] for a in answers]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str]]:
    """The recording, and what the client was told that was said."""
    folder = tmp_path_factory.mktemp("recordings") / "new"
    path = os.pathsep.join(str(ROOT / part) for part in ("", "codecs", "clients"))
    command = [sys.executable, "-m", "voicert", "serve", "--port", "0", "--record", str(folder)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | {"PYTHONPATH": path}
    ) as server:
        assert server.stdout is not None
        first = server.stdout.readline()
        address = re.search(r"http://(\S+)", first)
        try:
            assert address, first
            answers = asyncio.run(converse(f"ws://{address[1].rstrip('/')}/v1/realtime"))
        finally:
            server.send_signal(signal.SIGTERM)
            server.wait(60)
    [tape] = folder.iterdir()
    return tape, answers


def test_the_same_tokens_come_out_again(
    recorded: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    path, answers = recorded
    assert main(["replay", str(path), "--text"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("the same tokens: ")
    assert not err
    rate = float(re.search(r"([\d.]+) kbit/s", out)[1])  # pyright: ignore[reportOptionalSubscript]
    assert rate < 10
    lines = re.findall(r"^ +[\d.]+ {2}(user|assistant): +(.*)$", out, re.MULTILINE)
    assert ("user", "count to twenty") in lines
    assert lines[-1] == ("assistant", answers[-1])
    assert answers[-1] == "The capital of Italy is Rome."


def test_what_was_cut_is_cut_in_the_model_s_memory_too(recorded: tuple[Path, list[str]]) -> None:
    steps = [entry for entry in read_tape(recorded[0]).entries if isinstance(entry, Step)]
    assert any(step.retake for step in steps)
    assert not any(step.rewind + step.retake > 500 for step in steps)


def test_from_any_moment_it_goes_on_with_another_question(
    recorded: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path, output = recorded[0], tmp_path / "out.wav"
    question = SPEECH / "ask_five_times_five.wav"
    assert (
        main(["replay", str(path), "--from", "0.2", "--input", str(question), "--output", str(output)]) == 0
    )
    text = capsys.readouterr().out
    assert "Five times five is twenty five." in text
    assert "Rome" not in text
    assert np.abs(read_wav(output)).max() > 0.1


def test_a_difference_is_told_and_the_exit_code_says_so(
    recorded: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tape = read_tape(recorded[0])
    header, changed = tape.header, tmp_path / "changed.tape"
    packer = Packer(header.codebooks, header.codebook_size, header.pad)
    steps = [entry for entry in tape.entries if isinstance(entry, Step)][:60]
    steps[42] = dataclasses.replace(steps[42], user_text=steps[42].user_text + 1)
    changed.write_bytes(opening(header) + block(b"".join(map(packer.step, steps))))
    assert main(["replay", str(changed)]) == 1
    assert "step 42 at 0.84 s: the user's text is" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "9999"], "--from must lie between 0 and"),
        (["--from", "-1"], "--from must lie between 0 and"),
        (["--output", "x.wav"], "--input and --output belong to --from"),
        (["--from", "0.1", "--input", "missing.wav"], "missing.wav"),
        (["--model", "missing"], "no model 'missing'"),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    recorded: tuple[Path, list[str]], arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["replay", str(recorded[0]), *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_a_recording_that_was_cut_off_is_replayed_as_far_as_it_goes(
    recorded: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data, cut = recorded[0].read_bytes(), tmp_path / "cut.tape"
    cut.write_bytes(data[: len(data) * 2 // 3])
    assert main(["replay", str(cut)]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("the same tokens: ")
    assert "is cut off" in err
