"""``voicert codec`` with files, and what it tells about them."""

from __future__ import annotations

import io
import json
import struct
from pathlib import Path

import numpy as np
import pytest
import soxr
from hypothesis import given
from hypothesis import strategies as st
from voicert_codecs.base import CodecError
from voicert_codecs.cli import main
from voicert_codecs.nano.runtime import NanoCodec
from voicert_codecs.progress import Progress, clock
from voicert_codecs.sound import SampleFormat, SoundSource
from voicert_codecs.stream import StreamDecoder, StreamEncoder

import voicert.cli
from tests.support import wav
from tests.support.codec_cli import RATE, codes_of, samples_of, straight
from tests.support.scripted import speech


@pytest.fixture(scope="module")
def codec(tiny_codec: Path) -> NanoCodec:
    return NanoCodec(tiny_codec)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """0.61 s: 30 and a half frames."""
    return wav.save(tmp_path / "in.wav", speech(610))


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
