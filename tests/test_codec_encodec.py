"""Our EnCodec equals the ``encodec`` package: codes exactly, latents and samples to rounding."""

from __future__ import annotations

import warnings
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from voicert_codecs.base import Codes, Pcm
from voicert_codecs.blocks.torch_codec import PIECE, TorchCodec
from voicert_codecs.encodec.checkpoint import Weights, build, config_of
from voicert_codecs.encodec.load import make_codec
from voicert_codecs.encodec.networks import both

from tests.support.encodec_original import (
    BANDWIDTHS,
    NEAR_TIE,
    Reference,
    model,
    near_ties,
    ours,
    reference,
    sound,
)

FRAMES = 42  # 1, 2, 3, 7 and all of them divide it
ROUNDING = 1e-5

original = cache(model)


def voices(codec: TorchCodec, count: int = 2, frames: int = FRAMES) -> Pcm:
    return np.stack([sound(frames * codec.frame_size, seed) for seed in range(count)])


def encoded(codec: TorchCodec, pcm: Pcm, frames: int) -> Codes:
    """``frames`` at a time, in a state of their own."""
    state = codec.init_state(len(pcm))
    size = frames * codec.frame_size
    return np.concatenate(
        [codec.encode(pcm[:, i : i + size], state) for i in range(0, pcm.shape[1], size)], 2
    )


def decoded(codec: TorchCodec, codes: Codes, frames: int) -> Pcm:
    state = codec.init_state(len(codes))
    parts = [codec.decode(codes[:, :, i : i + frames], state) for i in range(0, codes.shape[2], frames)]
    return np.concatenate(parts, 1)


def check_codes(theirs: Any, wanted: Reference, got: Codes) -> None:
    """Equal but for near-ties, which are few and shown in the summary of the tests."""
    gaps = near_ties(theirs, wanted.latent, wanted.codes, got)
    frames, widest = got.shape[0] * got.shape[2], max(gaps, default=0.0)
    if gaps:
        warnings.warn(f"{len(gaps)} near-ties in {frames} frames, widest gap {widest:.1e}", stacklevel=2)
    assert widest < NEAR_TIE
    assert len(gaps) <= max(1, frames // 100)


@pytest.mark.parametrize("frames", [1, 2, 3, 7, FRAMES])
@pytest.mark.parametrize("fitted", [True, False], ids=["fitted", "random"])
@pytest.mark.parametrize("rate", [75, 50])
def test_every_chunking_equals_the_original(rate: int, fitted: bool, frames: int) -> None:
    theirs = original(rate, fitted=fitted)
    codec = ours(theirs)
    assert 24_000 / codec.frame_size == rate
    pcm = voices(codec)
    wanted = reference(theirs, pcm, codec.num_codebooks)
    check_codes(theirs, wanted, encoded(codec, pcm, frames))
    np.testing.assert_allclose(decoded(codec, wanted.codes, frames), wanted.pcm, atol=ROUNDING, rtol=0)
    assert np.abs(wanted.pcm).max() > 0.1  # there is something to compare


@pytest.mark.parametrize(("rate", "kbps"), [*((75, kbps) for kbps in BANDWIDTHS), (50, 1.5), (50, 12.0)])
def test_bandwidths(rate: int, kbps: float) -> None:
    theirs = original(rate, books=32, size=1024, width=2, dimension=16, fitted=False)
    weights = Weights.of(theirs.state_dict())
    count = config_of(weights).codebooks_for(kbps)
    assert count == theirs.quantizer.get_num_quantizers_for_bandwidth(rate, kbps)
    codec = ours(theirs, count)
    pcm = voices(codec, frames=14)
    wanted = reference(theirs, pcm, count)
    codes = encoded(codec, pcm, 1)
    assert codes.shape == (2, count, 14)
    check_codes(theirs, wanted, codes)
    np.testing.assert_allclose(decoded(codec, wanted.codes, 1), wanted.pcm, atol=ROUNDING, rtol=0)


def test_the_released_size() -> None:
    theirs = original(width=32, dimension=128, books=32, size=1024, fitted=False)
    codec = ours(theirs)
    assert (codec.frame_size, codec.num_codebooks, codec.codebook_size) == (320, 32, 1024)
    pcm = voices(codec, 1, frames=40)
    wanted = reference(theirs, pcm, 32)
    check_codes(theirs, wanted, encoded(codec, pcm, 1))
    np.testing.assert_allclose(decoded(codec, wanted.codes, 1), wanted.pcm, atol=ROUNDING, rtol=0)


@torch.inference_mode()
@pytest.mark.parametrize("frames", [1, 2, 3, 7, FRAMES])
def test_latents(frames: int) -> None:
    theirs = original()
    codec = ours(theirs)
    pcm = voices(codec)
    encoder: Any = codec.encoder
    state, latents = encoder.fresh(2), list[torch.Tensor]()
    for piece in torch.from_numpy(pcm).split(frames * codec.frame_size, dim=1):
        latent, state = encoder.seanet(piece[..., None], state)
        latents.append(latent)
    wanted = reference(theirs, pcm, codec.num_codebooks).latent
    torch.testing.assert_close(torch.cat(latents, 1), wanted, atol=ROUNDING, rtol=0)


@torch.inference_mode()
def test_a_signal_that_begins_by_reflection_equals_the_package_s_own_calls() -> None:
    theirs = original()
    weights = Weights.of(theirs.state_dict())
    encoder, decoder = both(*build(weights, config_of(weights)), 8)
    pcm = torch.from_numpy(voices(ours(theirs)))
    theirs.bandwidth = None
    (wanted, _), *_ = theirs.encode(pcm[:, None])  # all codebooks
    codes, _ = encoder(pcm, None)
    assert torch.equal(codes, wanted)
    samples, _ = decoder(codes, None)
    torch.testing.assert_close(samples, theirs.decode([(wanted, None)])[:, 0], atol=ROUNDING, rtol=0)


@torch.inference_mode()
def test_going_on_after_a_start_by_reflection() -> None:
    theirs = original()
    codec = ours(theirs, packed=False)
    pcm = torch.from_numpy(voices(codec))
    whole, _ = codec.encoder(pcm, None)
    first, state = codec.encoder(pcm[:, : 7 * 320], None)
    rest, _ = codec.encoder(pcm[:, 7 * 320 :], state)
    assert torch.equal(torch.cat([first, rest], 2), whole)


def test_a_start_in_silence_adds_no_delay() -> None:
    """The first frame's codes depend on the first frame's samples, and on no later ones."""
    codec = ours(original())
    pcm = voices(codec, frames=3)
    whole = encoded(codec, pcm, 3)
    assert np.array_equal(encoded(codec, pcm[:, : codec.frame_size], 1), whole[:, :, :1])
    silent = pcm.copy()
    silent[:, : codec.frame_size] = 0
    assert not np.array_equal(encoded(codec, silent, 3)[:, :, 0], whole[:, :, 0])


@torch.inference_mode()
def test_a_model_with_zero_padding_is_exact_from_its_first_frame() -> None:
    theirs = model()
    for part in (theirs.encoder, theirs.decoder):
        for layer in part.modules():
            if hasattr(layer, "pad_mode"):
                layer.pad_mode = "constant"
    weights = Weights.of(theirs.state_dict())
    codec = make_codec(weights, config_of(weights, "zeros"), 8)
    pcm = voices(codec)
    latent = theirs.encoder(torch.from_numpy(pcm)[:, None])
    codes = theirs.quantizer.encode(latent, 75).transpose(0, 1)
    assert np.array_equal(encoded(codec, pcm, 1), codes.numpy())
    samples = theirs.decoder(theirs.quantizer.decode(codes.transpose(0, 1)))[:, 0].numpy()
    np.testing.assert_allclose(decoded(codec, codes.numpy(), 1), samples, atol=ROUNDING, rtol=0)


def test_packed_products_give_the_same() -> None:
    theirs = original()
    packed, plain = ours(theirs), ours(theirs, packed=False)
    pcm = voices(packed)
    codes = encoded(plain, pcm, 1)
    assert np.array_equal(encoded(packed, pcm, 1), codes)
    np.testing.assert_allclose(decoded(packed, codes, 1), decoded(plain, codes, 1), atol=1e-6, rtol=0)


def test_calls_longer_than_a_piece() -> None:
    codec = ours(original())
    frames = 2 * (PIECE // codec.frame_size) + 5
    pcm = voices(codec, 1, frames)
    codes = encoded(codec, pcm, frames)
    assert np.array_equal(codes, encoded(codec, pcm, 1))
    np.testing.assert_allclose(decoded(codec, codes, frames), decoded(codec, codes, 1), atol=ROUNDING, rtol=0)


def test_half_precision_runs_and_is_near() -> None:
    theirs = original()
    weights = Weights.of(theirs.state_dict())
    half = make_codec(weights, config_of(weights), 8, dtype=torch.bfloat16)
    pcm = voices(half)
    wanted = reference(theirs, pcm, 8)
    made = decoded(half, wanted.codes, 1)
    assert made.dtype == np.float32
    assert 0 < np.abs(made - wanted.pcm).max() < 0.05 * np.abs(wanted.pcm).max()
    encoder: Any = half.encoder
    with torch.inference_mode():
        latent, _ = encoder.seanet(torch.from_numpy(pcm).bfloat16()[..., None], encoder.fresh(2))
    assert float((latent - wanted.latent).abs().max()) < 0.05 * float(wanted.latent.abs().max())
    assert encoded(half, pcm, 1).shape == wanted.codes.shape
