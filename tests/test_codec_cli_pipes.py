"""``voicert codec`` as a process: frame by frame through pipes, and without PyTorch."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from voicert_codecs.cli import main
from voicert_codecs.nano.runtime import NanoCodec
from voicert_codecs.vcz import Header, VczReader, VczWriter

from tests.support import wav
from tests.support.codec_cli import COMMAND, FRAME, WAIT_S, codes_of, environment, piped, samples_of, straight
from tests.support.scripted import speech


@pytest.fixture(scope="module")
def codec(tiny_codec: Path) -> NanoCodec:
    return NanoCodec(tiny_codec)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """0.61 s: 30 and a half frames."""
    return wav.save(tmp_path / "in.wav", speech(610))


def test_frames_come_out_of_a_pipe_as_they_go_in(codec: NanoCodec, tiny_codec: Path) -> None:
    """Nothing waits for the next frame: each read here blocks until the process has written."""
    pcm = (np.clip(speech(100), -1, 1) * 32_767).astype("<i2")
    codes, _ = straight(codec, pcm.astype(np.float32) / 2**15)
    header = Header.of(codec)
    command = [*COMMAND, "encode", "--raw", "--codec", str(tiny_codec), "-", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment(), bufsize=0) as process:
        assert process.stdin
        assert process.stdout
        reader = VczReader()
        reader.feed(exactly(process.stdout, len(header.to_bytes())))
        assert reader.header == header
        for n, frame in enumerate(pcm.reshape(-1, FRAME)):
            process.stdin.write(frame.tobytes())
            (block,) = reader.feed(exactly(process.stdout, header.block_bytes(1) + 7))
            assert np.array_equal(block.codes, codes[:, n : n + 1])
        process.stdin.close()
        (last,) = reader.feed(process.stdout.read())
        reader.close()
        assert last.samples == len(pcm)
        assert np.array_equal(last.codes, codes[:, 5:])
    assert process.returncode == 0


def test_sound_comes_out_of_a_pipe_as_codes_go_in(codec: NanoCodec, tiny_codec: Path) -> None:
    pcm = speech(100)
    codes, made = straight(codec, pcm)
    writer = VczWriter(Header.of(codec))
    command = [*COMMAND, "decode", "--raw", "--codec", str(tiny_codec), "-", "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, env=environment(), bufsize=0) as process:
        assert process.stdin
        assert process.stdout
        process.stdin.write(writer.beginning())
        heard = b""
        for n in range(5):
            process.stdin.write(writer.block(codes[:, n : n + 1]))
            heard += exactly(process.stdout, 2 * (FRAME - codec.delay_samples if n == 0 else FRAME))
        process.stdin.write(writer.last(codes[:, 5:], len(pcm)))
        process.stdin.close()
        heard += process.stdout.read()
    assert process.returncode == 0
    got = np.frombuffer(heard, "<i2") / 2**15
    np.testing.assert_allclose(got, np.clip(made, -1, 1), atol=1 / 2**15)


def exactly(stream: io.RawIOBase | io.IOBase, count: int) -> bytes:
    """So many bytes; waits for them."""
    data = b""
    while len(data) < count:
        more = stream.read(count - len(data))
        assert more, f"the process wrote only {len(data)} of {count} bytes"
        data += more
    return data


def test_a_pipe_of_both_gives_what_files_give(tiny_codec: Path, sound: Path, tmp_path: Path) -> None:
    """WAV in, WAV out; a header in a pipe says that the samples go on to the end."""
    coded, out = tmp_path / "x.vcz", tmp_path / "x.wav"
    for arguments in (["encode", sound, coded], ["decode", coded, out]):
        assert main([*map(str, arguments), "--codec", str(tiny_codec)]) == 0
    vcz = piped("encode", "-", "-", "--codec", tiny_codec, given=sound.read_bytes())
    (tmp_path / "piped.vcz").write_bytes(vcz)
    (header, *rest), (_, *wanted) = codes_of(tmp_path / "piped.vcz"), codes_of(coded)
    assert header.samples is None
    assert np.array_equal(rest[0], wanted[0])
    assert rest[1] == wanted[1]
    made = piped("decode", "-", "-", "--codec", tiny_codec, given=vcz)
    assert made[44:] == out.read_bytes()[44:]
    assert made[4:8] == made[40:44] == b"\xff\xff\xff\xff"
    again = piped("encode", "-", "-", "--codec", tiny_codec, given=made)  # such a header is understood
    (tmp_path / "again.vcz").write_bytes(again)
    assert codes_of(tmp_path / "again.vcz")[2] == 14_640


def test_the_plain_install_is_enough(sound: Path, tmp_path: Path) -> None:
    """The bundled codec, by the command that people type, where there is no torch."""
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'huggingface_hub', 'safetensors']))\n"
        "from voicert.cli import main; sys.exit(main(sys.argv[1:]))"
    )

    def voicert_codec(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", script, "codec", *map(str, arguments)]
        return subprocess.run(
            command, capture_output=True, text=True, timeout=WAIT_S, env=environment(), check=False
        )

    coded, out = tmp_path / "x.vcz", tmp_path / "x.wav"
    for arguments in (["encode", sound, coded], ["decode", coded, out]):
        done = voicert_codec(*arguments)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    codes, made = straight(NanoCodec(), np.rint(speech(610) * 2**15).astype(np.float32) / 2**15)
    assert np.array_equal(codes_of(coded)[1], codes)
    np.testing.assert_allclose(samples_of(out), np.clip(made, -1, 1), atol=1 / 2**15)
    missing = voicert_codec("encode", sound, coded, "--codec", "encodec")
    assert missing.returncode == 2
    assert 'install "voicert[torch]"' in missing.stderr


def test_whoever_stops_reading_ends_it_quietly(tiny_codec: Path, tmp_path: Path) -> None:
    path = wav.save(tmp_path / "long.wav", np.tile(speech(1_000), 30))
    command = [*COMMAND, "encode", "--codec", str(tiny_codec), str(path), "-"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, env=environment()) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0
