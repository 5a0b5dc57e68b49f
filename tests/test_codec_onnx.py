"""Exported codecs: equal to the ones in PyTorch, quietly made, run without torch, damage is named."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import wave
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from voicert_codecs.base import CodecError
from voicert_codecs.blocks.state import named_leaves
from voicert_codecs.cli import main
from voicert_codecs.onnx_codec import NEW, OLD, OnnxCodec
from voicert_codecs.onnx_export import export, written_in_place
from voicert_codecs.vcz import VczReader

from tests.support import wav
from tests.support.codecs import ROOT, TORCH, by_torch, export_by_command, exported, frame_by_frame, voices

FRAMES = 60  # the small Mimi's ring goes round twice


@pytest.fixture(scope="module", params=TORCH)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, OnnxCodec]:
    """A codec in PyTorch, not packed, and its export."""
    kind = request.param
    return by_torch(kind, packed=False), OnnxCodec(exported(kind, tmp_path_factory.getbasetemp()))


@pytest.mark.parametrize("batch", [1, 3])
def test_codes_samples_and_states_equal_torch_s(pair: tuple[Any, OnnxCodec], batch: int) -> None:
    theirs, ours = pair
    pcm = voices(theirs, batch, FRAMES)
    state, own = theirs.init_state(batch), ours.init_state(batch)
    codes = theirs.encode(pcm, state)
    assert np.array_equal(ours.encode(pcm, own), codes)
    np.testing.assert_allclose(ours.decode(codes, own), theirs.decode(codes, state), atol=1e-5)
    for direction, wanted in ((own.encoder, state.encoder), (own.decoder, state.decoder)):
        found = dict(zip(direction.direction.fresh, direction.parts, strict=True))
        for name, leaf in named_leaves(wanted):
            if leaf.numel():
                np.testing.assert_allclose(found.pop(name), leaf.numpy(), atol=1e-4, err_msg=name)
        assert not found


def test_the_exported_codec_has_the_same_numbers(pair: tuple[Any, OnnxCodec]) -> None:
    theirs, ours = pair
    for name in ("name", "identity", "sample_rate", "frame_size", "num_codebooks", "codebook_size"):
        assert getattr(ours, name) == getattr(theirs, name)
    assert ours.delay_samples == theirs.delay_samples


def test_a_transformer_s_memory_is_written_in_place_and_nothing_else_is(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    root = tmp_path_factory.getbasetemp()
    mimi = OnnxCodec(exported("mimi", root)).init_state(2)
    rings = {"cache.keys.0", "cache.values.0"}
    for direction in (mimi.encoder, mimi.decoder):
        assert direction.direction.in_place == rings
    encodec = OnnxCodec(exported("encodec", root)).init_state(2)
    assert not encodec.encoder.direction.in_place
    assert not encodec.decoder.direction.in_place


def test_what_is_read_elsewhere_is_not_written_in_place() -> None:
    """Else it would depend on the order of the nodes what is read."""

    def in_place(*more: onnx.NodeProto, output: str = NEW + "a") -> list[str]:
        scatter = helper.make_node("ScatterElements", [OLD + "a", "where", "what"], [output])
        inputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1]) for n in (OLD + "a", "what")]
        return written_in_place(helper.make_graph([scatter, *more], "g", inputs, []))

    assert in_place() == ["a"]
    assert in_place(helper.make_node("Shape", [OLD + "a"], ["s"])) == ["a"]
    assert in_place(helper.make_node("Neg", [OLD + "a"], ["n"])) == []
    assert in_place(output="between") == []


def test_the_command_says_nothing_and_what_it_made_runs_without_torch(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.getbasetemp()
    done = export_by_command(root)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    folder, theirs = exported("mimi", root), by_torch("mimi")
    names = {"codec.json", *(f"{part}.{end}" for part in ("encoder", "decoder") for end in ("onnx", "npz"))}
    assert {path.name for path in folder.iterdir()} == names
    pcm = voices(theirs, 1, 8)
    np.save(tmp_path / "pcm.npy", pcm)
    script = (
        "import sys; sys.modules.update(dict.fromkeys(['torch', 'onnx', 'safetensors']))\n"
        "import numpy; from voicert_codecs import load; codec = load(sys.argv[1])\n"
        "numpy.save(sys.argv[3], codec.encode(numpy.load(sys.argv[2]), codec.init_state(1)))\n"
    )
    arguments = [str(folder), str(tmp_path / "pcm.npy"), str(tmp_path / "codes.npy")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "codecs")}
    subprocess.run([sys.executable, "-c", script, *arguments], check=True, env=environment)
    assert np.array_equal(np.load(tmp_path / "codes.npy"), theirs.encode(pcm, theirs.init_state(1)))


def test_a_file_is_coded_by_torch_and_decoded_without(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the command line; with fewer codebooks than the export has, it is refused."""
    root = tmp_path_factory.getbasetemp()
    folder, theirs = exported("mimi", root), by_torch("mimi")
    pcm = voices(theirs, 1, 10)[0, :-5]
    sound, coded, made = tmp_path / "in.wav", tmp_path / "x.vcz", tmp_path / "out.wav"
    wav.save(sound, pcm, rate_hz=theirs.sample_rate, kind="f32")
    weights = str(root / "mimi")
    kbps = theirs.sample_rate / theirs.frame_size * 6 * 3.9 / 1_000  # a little less than four codebooks
    assert main(["encode", str(sound), str(coded), "--codec", weights, "--codebooks", "4"]) == 0
    assert main(["decode", str(coded), str(made), "--codec", str(folder)]) == 0
    codes, samples = frame_by_frame(theirs, np.pad(pcm, (0, 5))[None])
    assert np.array_equal(VczReader().feed(coded.read_bytes())[0].codes, codes[0, :, :9])
    with wave.open(str(made)) as file:
        assert (file.getframerate(), file.getnframes()) == (theirs.sample_rate, len(pcm))
        found = np.frombuffer(file.readframes(len(pcm)), "<i2") / 2**15
    np.testing.assert_allclose(found, np.clip(samples[0, : len(pcm)], -1, 1), atol=1e-4)
    assert main(["encode", str(sound), str(coded), "--codec", weights, "--bandwidth", str(kbps)]) == 0
    assert VczReader().feed(coded.read_bytes())[0].codes.shape[0] == 3
    assert main(["decode", str(coded), str(made), "--codec", str(folder)]) == 2
    assert "mimi has 4 codebooks; no other number can be chosen" in capsys.readouterr().err


def test_what_cannot_be_exported_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(CodecError, match="open the codec with packed=False"):
        export(by_torch("mimi"), tmp_path / "x")
    (tmp_path / "file").write_text("")
    with pytest.raises(CodecError, match=r"cannot write .*file"):
        export(by_torch("mimi", packed=False), tmp_path / "file")
    assert main(["export", "nano", str(tmp_path / "x")]) == 2
    assert capsys.readouterr().err == (
        "voicert codec export: nano is not run by PyTorch, so there is nothing to export.\n"
    )
    assert not (tmp_path / "x").exists()


@pytest.mark.parametrize("name", ["codec.json", "encoder.onnx", "encoder.npz", "decoder.onnx", "decoder.npz"])
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_missing_or_damaged_file_is_named(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, name: str, damage: str
) -> None:
    folder = tmp_path / "graphs"
    shutil.copytree(exported("encodec", tmp_path_factory.getbasetemp()), folder)
    (folder / name).unlink()
    if damage == "damaged":
        (folder / name).write_bytes(b"\x08\x07 no such thing")
    with pytest.raises(CodecError) as caught:
        OnnxCodec(folder)
    assert str(folder / name) in str(caught.value)


def test_a_state_of_another_export_and_a_newer_folder_are_refused(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root, folder = tmp_path_factory.getbasetemp(), tmp_path / "graphs"
    shutil.copytree(exported("encodec", root), folder)
    shutil.copy(exported("mimi", root) / "encoder.npz", folder)
    with pytest.raises(CodecError, match="does not belong to the state beside it"):
        OnnxCodec(folder)
    card = json.loads((folder / "codec.json").read_text())
    for change, told in (({"format": 2}, "newer version"), ({"frame_size": "24"}, "no whole number")):
        (folder / "codec.json").write_text(json.dumps(card | change))
        with pytest.raises(CodecError, match=told):
            OnnxCodec(folder)
