"""EnCodec weights in every form people have them in, and what is said about those that do not fit."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor
from voicert_codecs.base import CodecError, Pcm
from voicert_codecs.encodec.load import open_codec

from tests.support.encodec_original import BANDWIDTHS, RATIOS, model, ours, sound
from tests.support.oracles import oracle

SILENCE = 7  # frames that a stream begins after
ROUNDING = 1e-5


@cache
def hugging_face(rate: int = 75) -> Any:
    """A small ``transformers.EncodecModel`` with random weights and codebooks that fit its latents."""
    transformers = oracle("transformers")
    torch.manual_seed(3)
    config = transformers.EncodecConfig(
        num_filters=4,
        hidden_size=16,
        codebook_dim=16,
        codebook_size=1024,
        upsampling_ratios=list(RATIOS[rate]),
        target_bandwidths=list(BANDWIDTHS[:3]),
    )
    made = transformers.EncodecModel(config).eval()
    with torch.no_grad():
        for name, parameter in made.named_parameters():
            if name.endswith("original0"):
                parameter.mul_(1.7)
        residual = made.encoder(torch.from_numpy(sound(24_000, 7))[None, None])[0].T
        for layer in made.quantizer.layers:
            layer.codebook.embed.copy_(torch.randn_like(layer.codebook.embed) * residual.std() / 2)
            residual = residual - layer.codebook.embed[layer.codebook.quantize(residual)]
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    hugging_face().save_pretrained(tmp_path)
    assert (tmp_path / "model.safetensors").is_file()
    return tmp_path


def pcm_of(frames: int, frame_size: int = 320) -> Pcm:
    return np.stack([sound(frames * frame_size, seed) for seed in (0, 1)])


@torch.no_grad()
@pytest.mark.parametrize(("rate", "kbps"), [(75, 1.5), (75, 6.0), (50, 1.5)])
def test_equal_to_transformers(rate: int, kbps: float, tmp_path: Path) -> None:
    theirs = hugging_face(rate)
    theirs.save_pretrained(tmp_path)
    codec = open_codec(tmp_path, bandwidth_kbps=kbps)
    pcm = pcm_of(21, codec.frame_size)
    padded = np.pad(pcm, ((0, 0), (SILENCE * codec.frame_size, 0)))
    wanted = theirs.encode(torch.from_numpy(padded)[:, None], bandwidth=kbps)
    samples = theirs.decode(wanted.audio_codes, wanted.audio_scales).audio_values[:, 0]
    state = codec.init_state(2)
    codes = np.concatenate([codec.encode(f, state) for f in np.split(pcm, 21, axis=1)], 2)
    assert np.array_equal(codes, wanted.audio_codes[0][:, :, SILENCE:].numpy())
    made = np.concatenate([codec.decode(c, state) for c in np.split(codes, 21, axis=2)], 1)
    np.testing.assert_allclose(made, samples[:, SILENCE * codec.frame_size :].numpy(), atol=ROUNDING, rtol=0)


def in_hugging_face_names(state: dict[str, Tensor], weight_norm: tuple[str, str]) -> dict[str, Tensor]:
    """The package's names → those of Hugging Face, whose weight normalisation has had two spellings."""
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        for theirs, other in (
            (".model.", ".layers."),
            (".conv.conv.", ".conv."),
            (".convtr.convtr.", ".conv."),
            (".vq.layers.", ".layers."),
            ("._codebook.", ".codebook."),
            ("weight_g", weight_norm[0]),
            ("weight_v", weight_norm[1]),
        ):
            name = name.replace(theirs, other)
        renamed[name] = tensor.contiguous().clone()
    return renamed


NORMS = {
    "old": ("weight_g", "weight_v"),
    "new": ("parametrizations.weight.original0", "parametrizations.weight.original1"),
}


@pytest.mark.parametrize("norm", NORMS)
def test_both_layouts_are_the_same_codec(norm: str, tmp_path: Path) -> None:
    theirs = model(width=2, dimension=16, books=4, size=32)
    torch.save(theirs.state_dict(), tmp_path / "encodec_24khz.th")
    save_file(in_hugging_face_names(theirs.state_dict(), NORMS[norm]), tmp_path / "model.safetensors")
    pcm = pcm_of(9)
    results = []
    for path in (tmp_path / "encodec_24khz.th", tmp_path / "model.safetensors", tmp_path):
        codec = open_codec(path)
        assert (codec.name, codec.num_codebooks, codec.codebook_size) == ("encodec", 4, 32)
        assert codec.identity == ours(theirs).identity
        results.append(codec.encode(pcm, codec.init_state(2)))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_other_codebooks_are_another_identity() -> None:
    assert ours(model(books=2, size=8)).identity != ours(model(books=2, size=8, seed=1)).identity
    assert ours(model(books=2, size=8), 1).identity == ours(model(books=2, size=8), 2).identity


def test_plain_weights_without_normalisation(tmp_path: Path, folder: Path) -> None:
    theirs = hugging_face()
    folded = theirs.state_dict()
    for name, module in theirs.named_modules():
        if hasattr(module, "parametrizations"):
            del folded[f"{name}.parametrizations.weight.original0"]
            del folded[f"{name}.parametrizations.weight.original1"]
            folded[f"{name}.weight"] = module.weight.detach()
    save_file({n: t.contiguous() for n, t in folded.items()}, tmp_path / "plain.safetensors")
    plain, normal = open_codec(tmp_path / "plain.safetensors"), open_codec(folder)
    pcm = pcm_of(9)
    assert np.array_equal(plain.encode(pcm, plain.init_state(2)), normal.encode(pcm, normal.init_state(2)))


def test_a_pickled_file_of_hugging_face(tmp_path: Path) -> None:
    torch.save(hugging_face().state_dict(), tmp_path / "pytorch_model.bin")
    assert open_codec(tmp_path, bandwidth_kbps=1.5).num_codebooks == 2


def test_padding_of_the_configuration(folder: Path) -> None:
    """A model that was trained with zero padding begins in zeros: silence is then nothing special."""
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"pad_mode": "constant"}))
    zeros, reflected = open_codec(folder), open_codec(folder, start="reflect")
    assert not zeros.init_state(1).decoder.first.any()
    assert reflected.init_state(1).decoder.first.any()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"codebooks": 9}, "have 1 to 8 codebooks, 9 were asked for"),
        ({"codebooks": 0}, "have 1 to 8 codebooks, 0 were asked for"),
        ({"bandwidth_kbps": 24.0}, "24 kbps do not fit: these weights offer 0.75 to 6 kbps in steps of 0.75"),
        ({"bandwidth_kbps": 0.1}, "0.1 kbps do not fit"),
        ({"codebooks": 2, "bandwidth_kbps": 1.5}, "either the number of codebooks or the bandwidth"),
        ({"device": "nonsense"}, "the device nonsense cannot be used"),
    ],
)
def test_what_is_asked_for_must_fit(folder: Path, arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        open_codec(folder, **arguments)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(CodecError, match="is not there"):
        open_codec(tmp_path / "nothing.th")
    with pytest.raises(CodecError, match=r"holds none of model.safetensors and pytorch_model.bin"):
        open_codec(tmp_path)


@pytest.mark.parametrize("name", ["weights.th", "weights.safetensors", "weights.bin"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"PK\x03\x04 broken archive", bytes(200)])
def test_damaged_files(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CodecError, match=f"cannot read the weights .*{name}"):
        open_codec(tmp_path / name)


class Harm:
    """Unpickles to the call of a function."""

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("harm"),)


def test_code_in_a_pickle_is_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"encoder.model.0.conv.conv.bias": Harm()}, tmp_path / "weights.th")
    with pytest.raises(CodecError, match="cannot read the weights"):
        open_codec(tmp_path / "weights.th")
    assert not (tmp_path / "harm").exists()


def change(state: dict[str, Tensor], what: str) -> dict[str, Tensor]:
    match what:
        case "foreign":
            return {"layer.weight": torch.zeros(3)}
        case "a layer less":
            return {name: t for name, t in state.items() if not name.startswith("decoder.model.15.")}
        case "a tensor less":
            return {name: t for name, t in state.items() if name != "encoder.model.13.lstm.weight_hh_l1"}
        case "another shape":
            return state | {"encoder.model.1.block.3.conv.conv.bias": torch.zeros(5)}
        case "48 kHz":
            return state | {"encoder.model.0.conv.norm.weight": torch.zeros(4)}
        case "stereo":
            name = "encoder.model.0.conv.conv.weight_v"
            return state | {name: state[name].repeat(1, 2, 1)}
        case "uneven codebooks":
            return state | {"quantizer.vq.layers.1._codebook.embed": torch.zeros(5, 16)}
        case _:
            raise ValueError(what)


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("foreign", "not the weights of an EnCodec model"),
        ("a layer less", "the decoder of the EnCodec weights has 10 layers, not 11"),
        ("a tensor less", "encoder.13 of the EnCodec weights: the LSTM lacks weight_hh_l1"),
        ("another shape", r"encoder.1 of the EnCodec weights: bias has shape \(5,\), wanted \(2,\)"),
        ("48 kHz", "only the one for 24 kHz can stream"),
        ("stereo", "only EnCodec models of one channel"),
        ("uneven codebooks", "differ in shape"),
    ],
)
def test_weights_that_are_not_of_such_a_model(what: str, message: str, tmp_path: Path) -> None:
    state = model(width=2, dimension=16, books=2, size=32, fitted=False).state_dict()
    torch.save(change(state, what), tmp_path / "weights.th")
    with pytest.raises(CodecError, match=message):
        open_codec(tmp_path / "weights.th")


def test_offline_from_the_cache_of_the_hub(folder: Path, tmp_path: Path) -> None:
    """A process without a network finds what an earlier one has downloaded."""
    cached = tmp_path / "cache" / "models--facebook--encodec_24khz"
    revision = "0" * 40
    (cached / "refs").mkdir(parents=True)
    (cached / "refs" / "main").write_text(revision)
    shutil.copytree(folder, cached / "snapshots" / revision, ignore=shutil.ignore_patterns("cache"))
    script = "from voicert_codecs.load import load; print(load('encodec', codebooks=2).identity)"
    environment = os.environ | {
        "HF_HUB_CACHE": str(tmp_path / "cache"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": os.pathsep.join(sys.path),
    }
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == [open_codec(folder).identity]
