"""Our Mimi equals the ``moshi`` package's: codes exactly, latents and samples to rounding."""

from __future__ import annotations

import dataclasses
import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from make_tiny_mimi import TINY, write_mimi
from safetensors.torch import load_file, save_file
from torch import Tensor
from voicert_codecs.base import Codes, Pcm
from voicert_codecs.blocks.torch_codec import TorchCodec
from voicert_codecs.mimi.checkpoint import Weights
from voicert_codecs.mimi.load import open_codec

from tests.support.mimi_original import NEAR_TIE, near_ties, original, voices, write_fitted
from tests.support.oracles import oracle

FRAMES = 42  # 1, 2, 3, 7 and all of them divide it; the window of the small model is 5 frames
ROUNDING = 1e-5


@dataclasses.dataclass(frozen=True)
class Case:
    """A file of weights, and what the original makes of the same two voices in one call."""

    file: Path
    pcm: Pcm
    latent: Tensor  # [B, T, D]
    codes: Codes
    samples: Pcm


@pytest.fixture(scope="module", params=["fitted", "random"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    folder = tmp_path_factory.mktemp(request.param)
    return answered(write_fitted(folder) if request.param == "fitted" else write_mimi(folder))


@torch.no_grad()
def answered(file: Path, codebooks: int = 8) -> Case:
    theirs, pcm = original(file, codebooks), voices(2, FRAMES)
    x = torch.from_numpy(pcm)[:, None]
    codes = theirs.encode(x)
    latent = theirs._encode_to_unquantized_latent(x).transpose(1, 2)
    return Case(file, pcm, latent, codes.numpy(), theirs.decode(codes)[:, 0].numpy())


def pieces(x: Any, axis: int, length: int) -> Iterator[Any]:
    return iter(np.split(x, range(length, x.shape[axis], length), axis=axis))


def encoded(codec: TorchCodec, pcm: Pcm, frames: int) -> Codes:
    """``frames`` at a time, in a state of their own."""
    state = codec.init_state(len(pcm))
    return np.concatenate(
        [codec.encode(part, state) for part in pieces(pcm, 1, frames * codec.frame_size)], 2
    )


def decoded(codec: TorchCodec, codes: Codes, frames: int) -> Pcm:
    state = codec.init_state(len(codes))
    return np.concatenate([codec.decode(part, state) for part in pieces(codes, 2, frames)], 1)


def check_codes(case: Case, got: Codes) -> None:
    """Equal but for near-ties, which are few and shown in the summary of the tests."""
    gaps = near_ties(case.file, case.latent, case.codes, got)
    frames, widest = got.shape[0] * got.shape[2], max(gaps, default=0.0)
    if gaps:
        warnings.warn(f"{len(gaps)} near-ties in {frames} frames, widest gap {widest:.1e}", stacklevel=2)
    assert widest < NEAR_TIE
    assert len(gaps) <= max(1, frames // 100)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, FRAMES])
def test_every_chunking_equals_the_original(case: Case, frames: int) -> None:
    codec = open_codec(case.file)
    assert codec.sample_rate / codec.frame_size == 12.5
    assert len(np.unique(case.codes)) > 50  # of 64: the codes say something
    check_codes(case, encoded(codec, case.pcm, frames))
    got = decoded(codec, case.codes, frames)
    np.testing.assert_allclose(got, case.samples, atol=ROUNDING, rtol=0)
    assert np.abs(case.samples).max() > 0.1  # there is something to compare


@torch.inference_mode()
@pytest.mark.parametrize("frames", [1, 2, 3, 7, FRAMES])
def test_latents(case: Case, frames: int) -> None:
    codec = open_codec(case.file)
    encoder: Any = codec.encoder
    state, latents = encoder.fresh(2), list[Tensor]()
    for part in torch.from_numpy(case.pcm).split(frames * codec.frame_size, dim=1):
        latent, state = encoder.latent(part, state)
        latents.append(latent)
    torch.testing.assert_close(torch.cat(latents, 1), case.latent, atol=ROUNDING, rtol=0)


@pytest.mark.parametrize("frames", [1, 2, 7])
def test_the_package_s_own_stream_forgets_by_frame(case: Case, frames: int) -> None:
    """Its ring is as long as the window, so it forgets all that a frame overwrites before the frame looks."""
    theirs = original(case.file)
    with torch.no_grad(), theirs.streaming(2):
        codes = [
            theirs.encode(torch.from_numpy(part)[:, None]) for part in pieces(case.pcm, 1, TINY.frame_size)
        ]
        samples = [theirs.decode(part)[:, 0].numpy() for part in codes]
    streamed = dataclasses.replace(case, codes=torch.cat(codes, 2).numpy())
    codec = open_codec(case.file, forget_by_frame=True)
    check_codes(streamed, encoded(codec, case.pcm, frames))
    got = decoded(codec, streamed.codes, frames)
    np.testing.assert_allclose(got, np.concatenate(samples, 1), atol=ROUNDING, rtol=0)
    assert not np.array_equal(streamed.codes, case.codes)  # the window is short enough to make a difference


@pytest.mark.parametrize("codebooks", [2, 5, 8])
def test_fewer_codebooks(tmp_path: Path, codebooks: int) -> None:
    case = answered(write_mimi(tmp_path), codebooks)
    codec = open_codec(case.file, codebooks)
    assert codec.num_codebooks == codebooks
    check_codes(case, encoded(codec, case.pcm, 1))
    np.testing.assert_allclose(decoded(codec, case.codes, 1), case.samples, atol=ROUNDING, rtol=0)


def test_32_codebooks_and_the_published_structure(tmp_path: Path) -> None:
    """Ratios, kernels, layers and window as published, with fewer channels and vectors."""
    seanet = dataclasses.replace(TINY.seanet, ratios=(8, 6, 5, 4))
    transformer = dataclasses.replace(TINY.transformer, layers=8, heads=2, context=250)
    config = dataclasses.replace(
        TINY, seanet=seanet, transformer=transformer, sample_rate=24_000, codebooks=32, codebook_size=128
    )
    file = write_mimi(tmp_path, config)
    theirs, codec, pcm = original(file, 32), open_codec(file, 32), voices(1, 12, config)
    assert (codec.sample_rate, codec.frame_size, codec.num_codebooks) == (24_000, 1920, 32)
    x = torch.from_numpy(pcm)[:, None]
    with torch.no_grad():
        codes = theirs.encode(x)
        latent = theirs._encode_to_unquantized_latent(x).transpose(1, 2)
        samples = theirs.decode(codes)[:, 0].numpy()
    got = encoded(codec, pcm, 1)
    gaps = near_ties(file, latent, codes.numpy(), got, config)
    assert len(gaps) <= 1
    assert max(gaps, default=0.0) < NEAR_TIE
    np.testing.assert_allclose(decoded(codec, codes.numpy(), 1), samples, atol=ROUNDING, rtol=0)


def test_key_names_of_older_files(case: Case, tmp_path: Path) -> None:
    """The published file itself is one: it names the projections in the singular."""
    older = {
        name.replace("in_projs.0.weight", "in_proj_weight").replace("out_projs.0.", "out_proj."): tensor
        for name, tensor in load_file(case.file).items()
    }
    assert any(name.endswith("in_proj_weight") for name in older)
    for name in ("mimi_config.json", "config.json"):
        (tmp_path / name).write_text((case.file.parent / name).read_text())
    save_file(older, tmp_path / case.file.name)
    check_codes(case, encoded(open_codec(tmp_path), case.pcm, 7))
    assert open_codec(tmp_path).identity == open_codec(case.file).identity


@torch.no_grad()
def test_hugging_face_s_layout(tmp_path: Path) -> None:
    transformers = oracle("transformers")
    torch.manual_seed(3)
    theirs = transformers.MimiModel(transformers.MimiConfig(**hugging_face_sizes())).eval()
    for name, tensor in theirs.state_dict().items():
        if name.endswith("embed_sum"):
            tensor.normal_()
        elif name.endswith("cluster_usage"):
            tensor.uniform_(0.5, 2.0)
        elif name.endswith("layer_scale.scale"):
            tensor.uniform_(0.2, 0.4)
        elif "transformer" in name and tensor.dim() > 1:
            tensor.mul_(8.0)  # they begin at 0.02
    theirs.save_pretrained(tmp_path)
    for part in theirs.modules():
        if hasattr(part, "_embed"):
            part._embed = None  # the vectors of its start, kept from before they were filled
    codec, pcm = open_codec(tmp_path, 8), voices(2, 20)
    assert (
        Weights.of(theirs.state_dict()).tensors.keys()
        == Weights.of(load_file(tmp_path / "model.safetensors")).tensors.keys()
    )
    wanted = theirs.encode(torch.from_numpy(pcm)[:, None], num_quantizers=8).audio_codes
    assert np.array_equal(encoded(codec, pcm, 1), wanted.numpy())
    samples = theirs.decode(wanted).audio_values[:, 0].numpy()
    peak = np.abs(samples).max()  # its random weights make loud sounds
    np.testing.assert_allclose(decoded(codec, wanted.numpy(), 1), samples, atol=ROUNDING * peak, rtol=0)
    assert len(np.unique(wanted)) > 20


def hugging_face_sizes() -> dict[str, Any]:
    s, t = TINY.seanet, TINY.transformer
    return {
        "sampling_rate": TINY.sample_rate, "num_filters": s.width, "hidden_size": s.dimension,
        "upsampling_ratios": list(s.ratios), "codebook_size": TINY.codebook_size, "codebook_dim": 16,
        "vector_quantization_hidden_dimension": TINY.codebook_width, "num_quantizers": TINY.codebooks,
        "upsample_groups": s.dimension, "num_hidden_layers": t.layers, "num_attention_heads": t.heads,
        "num_key_value_heads": t.heads, "head_dim": t.head_width, "intermediate_size": t.hidden,
        "sliding_window": t.context,
    }  # fmt: skip


def test_the_tiny_file_is_what_the_package_would_save(tmp_path: Path) -> None:
    file = write_mimi(tmp_path)
    ours, theirs = load_file(file), original(file).state_dict()
    assert {name: tuple(value.shape) for name, value in ours.items()} == {
        name: tuple(value.shape) for name, value in theirs.items()
    }
    assert json.loads((tmp_path / "config.json").read_text())["mimi_name"] == file.name
