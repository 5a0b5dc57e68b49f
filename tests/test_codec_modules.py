"""The nano codec in PyTorch: exact streaming, no look-ahead, a perfectly reconstructing transform."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor
from voicert_codecs.base import CodecError
from voicert_codecs.nano.config import NanoCodecConfig
from voicert_codecs.nano.modules import NanoCodecModules, mdct_basis

from tests.support.scripted import speech
from tests.support.tiny import CODEC, codec_modules

FRAME, HOP = CODEC.frame_size, CODEC.hop
FRAMES = 12


@pytest.fixture(scope="module")
def modules() -> NanoCodecModules:
    return codec_modules()


@pytest.fixture(scope="module")
def pcm() -> Tensor:
    """[2, FRAMES * FRAME]: two voices."""
    milliseconds = 1000 * FRAMES * FRAME // CODEC.sample_rate
    rows = [speech(milliseconds, pitch_hz=pitch) for pitch in (110.0, 190.0)]
    return torch.from_numpy(np.stack(rows))


@torch.inference_mode()
def encode(modules: NanoCodecModules, pieces: list[Tensor]) -> tuple[Tensor, Tensor]:
    """(latent [B, T, D], codes [B, K, T]) of the pieces one after the other."""
    tail, state, _, _ = modules.fresh(len(pieces[0]))
    latents: list[Tensor] = []
    for piece in pieces:
        latent, tail, state = modules.encoder(piece, tail, state)
        latents.append(latent)
    return torch.cat(latents, 1), torch.cat([modules.quantizer.encode(x) for x in latents], 2)


@torch.inference_mode()
def decode(modules: NanoCodecModules, pieces: list[Tensor]) -> Tensor:
    """[B, samples] of pieces of codes [B, K, t] one after the other."""
    _, _, overlap, state = modules.fresh(len(pieces[0]))
    made: list[Tensor] = []
    for piece in pieces:
        pcm, overlap, state = modules.decoder(modules.quantizer.decode(piece), overlap, state)
        made.append(pcm)
    return torch.cat(made, 1)


def splits(frames: int) -> list[list[int]]:
    """Lengths of pieces: frame by frame, and every way to cut once."""
    return [[1] * frames, *([i, frames - i] for i in range(1, frames))]


def test_the_windowed_transform_is_its_own_inverse() -> None:
    mdct, mdst = mdct_basis(HOP)
    torch.testing.assert_close(mdct.T @ mdct, torch.eye(HOP), atol=1e-5, rtol=0)
    torch.testing.assert_close(mdst.T @ mdst, torch.eye(HOP), atol=1e-5, rtol=0)


def test_the_transform_and_back_delays_by_one_hop(modules: NanoCodecModules, pcm: Tensor) -> None:
    nothing = torch.zeros(2, HOP)
    coefficients, _, _ = modules.encoder.coefficients(pcm, nothing)
    made, rest = modules.decoder.synthesise(coefficients, nothing)
    torch.testing.assert_close(made[:, HOP:], pcm[:, :-HOP], atol=1e-5, rtol=0)
    torch.testing.assert_close(made[:, :HOP], nothing, atol=1e-5, rtol=0)
    more, _, _ = modules.encoder.coefficients(torch.zeros(2, HOP), pcm[:, -HOP:])
    last, _ = modules.decoder.synthesise(more, rest)
    torch.testing.assert_close(last, pcm[:, -HOP:], atol=1e-5, rtol=0)


def test_encoding_streams_exactly_at_every_split(modules: NanoCodecModules, pcm: Tensor) -> None:
    latent, codes = encode(modules, [pcm])
    assert len(codes.unique()) > 8  # the codes say something
    for lengths in splits(FRAMES):
        streamed, streamed_codes = encode(modules, list(pcm.split([n * FRAME for n in lengths], 1)))
        torch.testing.assert_close(streamed, latent, atol=1e-5, rtol=0)
        assert torch.equal(streamed_codes, codes)


def test_decoding_streams_to_rounding_at_every_split(modules: NanoCodecModules, pcm: Tensor) -> None:
    _, codes = encode(modules, [pcm])
    whole = decode(modules, [codes])
    assert whole.abs().max() > 0.01
    for lengths in splits(FRAMES):
        torch.testing.assert_close(decode(modules, list(codes.split(lengths, 2))), whole, atol=1e-6, rtol=0)


@pytest.mark.parametrize("frame", [1, 5, FRAMES - 1])
def test_nothing_looks_ahead(modules: NanoCodecModules, pcm: Tensor, frame: int) -> None:
    """What comes in from ``frame`` on changes nothing before it, neither codes nor samples."""
    other = pcm.clone()
    other[:, frame * FRAME :] = pcm[:, frame * FRAME :].flip(0) * 0.5
    _, codes = encode(modules, [pcm])
    _, other_codes = encode(modules, [other])
    assert torch.equal(other_codes[:, :, :frame], codes[:, :, :frame])
    assert not torch.equal(other_codes, codes)
    changed = codes.clone()
    changed[:, :, frame:] = (codes[:, :, frame:] + 1) % CODEC.codebook_size
    made, whole = decode(modules, [changed]), decode(modules, [codes])
    torch.testing.assert_close(made[:, : frame * FRAME], whole[:, : frame * FRAME], atol=1e-6, rtol=0)
    assert not torch.allclose(made, whole, atol=1e-4)


def test_each_codebook_codes_what_the_ones_before_left_over(modules: NanoCodecModules) -> None:
    latent = torch.randn(1, 50, CODEC.latent, generator=torch.Generator().manual_seed(3))
    codes = modules.quantizer.encode(latent)
    residual = latent
    for k, book in enumerate(modules.quantizer.codebooks):
        distance = (residual[:, :, None] - book).square().sum(-1)  # [1, T, N]
        assert torch.equal(codes[:, k], distance.argmin(-1))
        residual = residual - book[codes[:, k]]
        torch.testing.assert_close(modules.quantizer.decode(codes[:, : k + 1]) + residual, latent)


@pytest.mark.parametrize(
    ("sizes", "named"),
    [
        ({"hop": 7}, "not a multiple of hop 7"),
        ({"kernel": 0}, "kernel"),
        ({"codebook_size": -1}, "codebook_size"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(sizes: dict[str, int], named: str) -> None:
    with pytest.raises(CodecError, match=named):
        NanoCodecConfig(**sizes)
