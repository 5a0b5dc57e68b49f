"""``voicert codec``: sound files to codes and back, streams frame by frame, and one sentence per mistake."""

from __future__ import annotations

import io
import json
import os
import struct
import subprocess
import sys
import wave
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from voicert_codecs.base import CodecError
from voicert_codecs.cli import main
from voicert_codecs.files import Output
from voicert_codecs.nano.runtime import NanoCodec
from voicert_codecs.progress import Progress, clock
from voicert_codecs.sound import SampleFormat, SoundSource
from voicert_codecs.stream import StreamDecoder, StreamEncoder
from voicert_codecs.vcz import Header, VczReader, VczWriter

import voicert.cli
from tests.support import wav
from tests.support.scripted import speech

ROOT = Path(__file__).parents[1]
RATE, FRAME = 24_000, 480
COMMAND = [sys.executable, "-m", "voicert_codecs"]
WAIT_S = 120  # for a process that hangs
Audio = NDArray[np.float32]


@pytest.fixture(scope="module")
def codec(tiny_codec: Path) -> NanoCodec:
    return NanoCodec(tiny_codec)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """0.61 s: 30 and a half frames."""
    return wav.save(tmp_path / "in.wav", speech(610))


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


def test_a_file_goes_through_as_through_the_codec_and_keeps_its_length(
    codec: NanoCodec, tiny_codec: Path, sound: Path, tmp_path: Path
) -> None:
    coded, out = tmp_path / "x.vcz", tmp_path / "x.wav"
    assert main(["encode", str(sound), str(coded), "--codec", str(tiny_codec)]) == 0
    pcm = np.rint(speech(610) * 2**15) / np.float32(2**15)
    codes, made = straight(codec, pcm.astype(np.float32))
    header, found, samples = codes_of(coded)
    assert np.array_equal(found, codes)
    assert samples == header.samples == len(pcm) == 14_640
    assert (header.codec, header.identity) == ("nano", codec.identity)
    assert main(["decode", str(coded), str(out), "--codec", str(tiny_codec)]) == 0
    np.testing.assert_allclose(samples_of(out), np.clip(made, -1, 1), atol=1 / 2**15)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["in.wav", "x.vcz", "x.wav"]


@pytest.mark.parametrize("milliseconds", [0, 1, 10, 20, 30, 40, 1_015])
def test_any_length_comes_back(tiny_codec: Path, tmp_path: Path, milliseconds: int) -> None:
    """Also where the delay makes one more frame necessary than the sound has, and where there is no sound."""
    coded, out = tmp_path / "x.vcz", tmp_path / "x.wav"
    source = wav.save(tmp_path / "in.wav", speech(milliseconds) if milliseconds else np.zeros(0, np.float32))
    assert main(["encode", str(source), str(coded), "--codec", str(tiny_codec)]) == 0
    assert main(["decode", str(coded), str(out), "--codec", str(tiny_codec)]) == 0
    assert len(samples_of(out)) == RATE * milliseconds // 1_000


@pytest.mark.parametrize("kind", wav.FORMATS)
@pytest.mark.parametrize(("rate_hz", "channels"), [(24_000, 2), (16_000, 1), (44_100, 2), (48_000, 6)])
def test_any_wav_goes_in(tiny_codec: Path, tmp_path: Path, kind: str, rate_hz: int, channels: int) -> None:
    """What the codec is given is what soxr makes of the whole at once."""
    t = np.arange(rate_hz // 2) / rate_hz
    tone = (0.4 * np.sin(2 * np.pi * 330 * t)).astype(np.float32)
    path = wav.save(
        tmp_path / "in.wav", tone, rate_hz=rate_hz, kind=kind, channels=channels, extensible=channels > 2
    )
    with path.open("rb") as stream:
        source = SoundSource(stream, RATE)
        assert source.length_s == 0.5
        pcm = np.concatenate(list(source.pieces()))
    wanted = tone if rate_hz == RATE else soxr.resample(tone, rate_hz, RATE)
    assert len(pcm) == RATE // 2
    np.testing.assert_allclose(pcm, wanted, atol=1e-2 if kind == "u8" else 1e-4)
    assert main(["encode", str(path), str(tmp_path / "x.vcz"), "--codec", str(tiny_codec)]) == 0
    assert codes_of(tmp_path / "x.vcz")[2] == RATE // 2


@given(st.data())
def test_any_bytes_are_a_sound_or_a_codec_error(data: st.DataObject) -> None:
    """Bytes of a WAV file are replaced, taken out and put in anywhere, or it is cut."""
    size = struct.pack("<HHIIHH", 1, 2, RATE, 4 * RATE, 4, 16)
    whole = bytearray(b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0" + size + b"data\x10\0\0\0" + bytes(range(16)))
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(whole)))
        whole[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    try:
        source = SoundSource(io.BytesIO(whole), RATE)
        pcm = np.concatenate([np.zeros(0, np.float32), *source.pieces()])
    except CodecError:
        return
    assert np.isfinite(pcm).all()


def test_a_wav_of_more_than_4_gib_is_understood() -> None:
    """RF64: its lengths stand in a chunk of their own."""
    form = struct.pack("<HHIIHH", 1, 1, RATE, 2 * RATE, 2, 16)
    ds64 = struct.pack("<QQQI", 0, 6, 3, 0)
    chunks = b"ds64" + struct.pack("<I", len(ds64)) + ds64 + b"fmt " + struct.pack("<I", 16) + form
    data = b"RF64\xff\xff\xff\xffWAVE" + chunks + b"data\xff\xff\xff\xff" + b"\0\x40" * 3 + b"LIST\0\0\0\0"
    source = SoundSource(io.BytesIO(data), RATE)
    assert np.concatenate(list(source.pieces())).tolist() == [0.5] * 3
    assert source.length_s == 3 / RATE


def test_channels_are_averaged(tmp_path: Path) -> None:
    left, right = np.array([1000, -2000]), np.array([3000, 2000])
    data = np.stack([left, right], axis=1).astype("<i2").tobytes()
    mono = SampleFormat(RATE, channels=2).mono(data)
    np.testing.assert_allclose(mono, np.array([2000, 0]) / 2**15)


def test_frames_come_out_of_a_pipe_as_they_go_in(codec: NanoCodec, tiny_codec: Path) -> None:
    """Nothing waits for the next frame: each read here blocks until the process has written."""
    pcm = (np.clip(speech(100), -1, 1) * 32_767).astype("<i2")
    codes, _ = straight(codec, pcm.astype(np.float32) / 2**15)
    header = Header.of(codec)
    command = [
        sys.executable,
        "-m",
        "voicert_codecs",
        "encode",
        "--raw",
        "--codec",
        str(tiny_codec),
        "-",
        "-",
    ]
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
    command = [
        sys.executable,
        "-m",
        "voicert_codecs",
        "decode",
        "--raw",
        "--codec",
        str(tiny_codec),
        "-",
        "-",
    ]
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


def test_info_tells_what_is_in_a_file(
    codec: NanoCodec, tiny_codec: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coded = tmp_path / "x.vcz"
    assert main(["encode", str(sound), str(coded), "--codec", str(tiny_codec)]) == 0
    assert voicert.cli.main(["codec", "info", str(coded)]) == 0
    text = capsys.readouterr().out
    assert f"nano {codec.identity}" in text
    assert "31 of 20 ms, 4 codebooks of 16" in text
    assert voicert.cli.main(["codec", "info", "--json", str(coded)]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["samples"] == 14_640
    assert facts["seconds"] == 0.61
    assert facts["codes_kbps"] == 0.8
    assert facts["file_bytes"] == coded.stat().st_size


def test_damaged_cut_and_foreign_files_are_named_and_nothing_is_written(
    tiny_codec: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coded, out = tmp_path / "x.vcz", tmp_path / "x.wav"
    assert main(["encode", str(sound), str(coded), "--codec", str(tiny_codec)]) == 0
    whole = coded.read_bytes()
    before = sorted(tmp_path.iterdir())
    cases = {
        b"RIFF" + whole: "does not begin as a .vcz file",
        whole[:30]: "is cut off within its header",
        whole[:-1]: "is cut off after 30 frames",
        whole[:100] + b"~" + whole[101:]: "is damaged after frame 0",
        whole + b"~": "1 bytes follow after its end",
        whole[:8] + b"\x63" + whole[9:]: "version 99 of the format",
        b"": "does not begin as a .vcz file",
    }
    for data, told in cases.items():
        coded.write_bytes(data)
        for arguments in (["decode", coded, out, "--codec", tiny_codec], ["info", coded]):
            sentence = refused(capsys, *arguments)
            assert told in sentence
            assert str(coded) in sentence
    assert sorted(tmp_path.iterdir()) == before


def test_codes_of_another_codec_are_refused(
    tiny_codec: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coded, out = tmp_path / "x.vcz", tmp_path / "x.wav"
    assert main(["encode", str(sound), str(coded), "--codec", str(tiny_codec)]) == 0
    sentence = refused(capsys, "decode", coded, out)
    assert "nano has 8 codebooks; no other number can be chosen" in sentence
    header, codes, samples = codes_of(coded)
    for change in ({"identity": "0" * 16}, {"codec": "other"}):
        writer = VczWriter(Header(**{**vars(header), "samples": None, **change}))
        coded.write_bytes(writer.beginning() + writer.last(codes, samples or 0))
        sentence = refused(capsys, "decode", coded, out, "--codec", tiny_codec)
        assert "cannot decode; give the right one by --codec" in sentence
    assert "a codec named other; say where it is by --codec" in refused(capsys, "decode", coded, out)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["encode", "nowhere.wav", "x.vcz"], "cannot read nowhere.wav (No such file or directory)"),
        (["encode", ".", "x.vcz"], "cannot read . (Is a directory)"),
        (["encode", "in.wav", "no/such/x.vcz"], "cannot write no/such/x.vcz (No such file or directory)"),
        (["encode", "in.wav", "in.wav"], "input and output are the same file"),
        (["encode", "in.wav", "x.vcz", "--rate", "8000"], "--rate is only for --raw"),
        (["encode", "in.wav", "x.vcz", "--codebooks", "3"], "nano has 8 codebooks"),
        (["encode", "in.wav", "x.vcz", "--bandwidth", "1.8"], "nano has 8 codebooks"),
        (["encode", "in.wav", "x.vcz", "--bandwidth", "0.1"], "nano needs at least 0.45 kbit/s"),
        (
            ["encode", "in.wav", "x.vcz", "--codec", "nowhere"],
            "there is no codec nowhere: give nano, encodec",
        ),
        (["encode", "in.wav", "x.vcz", "--codec", "in.wav"], "in.wav is no checkpoint of a codec"),
        (["encode", "in.wav", "x.vcz", "--codec", "."], ". holds no codec"),
        (["encode", "text.wav", "x.vcz"], "cannot use text.wav: it does not begin as a WAV file"),
        (["encode", "cut.wav", "x.vcz"], "cannot use cut.wav: it is cut off: 10 bytes"),
        (["encode", "nan.wav", "x.vcz"], "cannot use nan.wav: it has samples that are not numbers"),
        (["encode", "law.wav", "x.vcz"], "cannot use law.wav: its samples have the WAV format 7"),
    ],
)
def test_every_mistake_is_one_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    whole = wav.save(tmp_path / "in.wav", speech(610)).read_bytes()
    (tmp_path / "text.wav").write_text("no sound at all")
    (tmp_path / "cut.wav").write_bytes(whole[:-10])
    wav.save(tmp_path / "nan.wav", np.array([0, np.nan], np.float32), kind="f32")
    at = whole.index(b"fmt ") + 8
    (tmp_path / "law.wav").write_bytes(whole[:at] + b"\x07\0" + whole[at + 2 :])
    before = sorted(tmp_path.iterdir())
    assert told in refused(capsys, *arguments)
    assert sorted(tmp_path.iterdir()) == before  # no half-written file either


def test_an_old_result_stays_until_the_new_one_is_whole(
    tiny_codec: Path, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    coded = tmp_path / "x.vcz"
    assert main(["encode", str(sound), str(coded), "--codec", str(tiny_codec)]) == 0
    kept = coded.read_bytes()
    sound.write_bytes(sound.read_bytes()[:-10])
    refused(capsys, "encode", sound, coded, "--codec", tiny_codec)
    assert coded.read_bytes() == kept
    link = tmp_path / "link.vcz"
    link.symlink_to(coded)
    with Output(str(link)) as output:
        output.write(b"anew")
    assert (link.is_symlink(), coded.read_bytes()) == (True, b"anew")


def test_a_device_is_written_to_and_not_replaced(
    tiny_codec: Path, sound: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encode", str(sound), os.devnull, "--codec", str(tiny_codec)]) == 0
    assert not Path(os.devnull).is_file()
    sentence = refused(capsys, "encode", sound, "/dev/full", "--codec", tiny_codec)
    assert "cannot write /dev/full (No space left on device)" in sentence


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


@pytest.mark.parametrize("piece", [1, 7, 479, 480, 481, 5_000])
def test_pieces_of_any_size_give_the_same(codec: NanoCodec, piece: int) -> None:
    pcm = speech(205)
    codes, made = straight(codec, pcm)
    encoder, decoder = StreamEncoder(codec), StreamDecoder(codec)
    found = [encoder.push(pcm[at : at + piece]) for at in range(0, len(pcm), piece)]
    end = encoder.finish()
    assert np.array_equal(np.concatenate([*found, end], axis=1), codes)
    samples = [decoder.push(c) for c in found]
    samples.append(decoder.last(end, encoder.samples))
    np.testing.assert_allclose(np.concatenate(samples), made, atol=1e-6)


def test_a_sound_that_ends_before_what_was_already_given_is_refused(codec: NanoCodec) -> None:
    codes, _ = straight(codec, speech(100))
    decoder = StreamDecoder(codec)
    decoder.push(codes)
    with pytest.raises(CodecError, match="it tells 100"):
        decoder.last(codes[:, :0], 100)


class Screen(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_shows_on_a_terminal_only_and_takes_itself_away() -> None:
    times = iter([0.0, 0.5, 1.0, 1.1, 1.5])
    screen, file = Screen(), io.StringIO()
    with Progress(screen, "encode", 3_723.0, lambda: next(times)) as progress:
        for done in (10.0, 62.0, 70.0, 90.0):
            progress.show(done)
    assert screen.getvalue() == (
        "\r\x1b[Kencode 1:02 of 1:02:03 (2 %), 62 × real time"
        "\r\x1b[Kencode 1:30 of 1:02:03 (2 %), 60 × real time"
        "\r\x1b[K"
    )
    times = iter([0.0, 5.0])
    with Progress(file, "decode", None, lambda: next(times)) as progress:
        progress.show(4.0)
    assert file.getvalue() == ""


def test_times_are_told_as_people_write_them() -> None:
    assert [clock(s) for s in (0, 9.99, 60, 3_600, 36_061)] == ["0:00", "0:09", "1:00", "1:00:00", "10:01:01"]
