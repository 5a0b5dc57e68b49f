"""``voicert codec`` when something is wrong: one sentence for every mistake, and no harm done."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from voicert_codecs.cli import main
from voicert_codecs.files import Output
from voicert_codecs.nano.runtime import NanoCodec
from voicert_codecs.vcz import Header, VczWriter

from tests.support import wav
from tests.support.codec_cli import codes_of, refused
from tests.support.scripted import speech


@pytest.fixture(scope="module")
def codec(tiny_codec: Path) -> NanoCodec:
    return NanoCodec(tiny_codec)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """0.61 s: 30 and a half frames."""
    return wav.save(tmp_path / "in.wav", speech(610))


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
