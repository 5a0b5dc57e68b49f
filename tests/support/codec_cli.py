"""What the tests of ``voicert codec`` share: its files read back, its processes, its sentences."""

from __future__ import annotations

import os
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_codecs.cli import main
from voicert_codecs.nano.runtime import NanoCodec
from voicert_codecs.vcz import Header, VczReader

ROOT = Path(__file__).parents[2]
RATE, FRAME = 24_000, 480
COMMAND = [sys.executable, "-m", "voicert_codecs"]
WAIT_S = 120  # for a process that hangs
Audio = NDArray[np.float32]


def codes_of(path: Path) -> tuple[Header, NDArray[np.int64], int | None]:
    """Header, codes [K, T] and samples of a file."""
    reader = VczReader()
    blocks = reader.feed(path.read_bytes())
    reader.close()
    assert reader.header is not None
    return reader.header, np.concatenate([b.codes for b in blocks], axis=1), blocks[-1].samples


def samples_of(path: Path) -> Audio:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (RATE, 2, 1)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2") / np.float32(2**15)


def straight(codec: NanoCodec, pcm: Audio) -> tuple[NDArray[np.int64], Audio]:
    """Codes [K, T] and samples by the codec itself, all at once."""
    frames = -(-(len(pcm) + codec.delay_samples) // FRAME)
    state = codec.init_state(1)
    codes = codec.encode(np.pad(pcm, (0, frames * FRAME - len(pcm)))[None], state)
    made = codec.decode(codes, state)[0]
    return codes[0], made[codec.delay_samples :][: len(pcm)]


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The sentence of a command that fails."""
    assert main([str(a) for a in arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(f"voicert codec {arguments[0]}: ")
    assert err.endswith(".\n")
    return err


def environment() -> dict[str, str]:
    folders = [ROOT, ROOT / "codecs", ROOT / "clients"]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, folders))}


def piped(*arguments: str | Path, given: bytes = b"") -> bytes:
    """What a process of its own writes to its standard output."""
    command = [*COMMAND, *map(str, arguments)]
    done = subprocess.run(
        command, input=given, capture_output=True, timeout=WAIT_S, env=environment(), check=False
    )
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout
