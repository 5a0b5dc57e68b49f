"""What the nano codec is trained with: transforms, losses and the quantiser's moving averages."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch
from nano.codec_training import (
    WINDOWS,
    MelLoss,
    PhoneHead,
    QuantizerTrainer,
    RealFFT,
    mel_filters,
    windows_of,
)
from nano.phones import PHONES, UNKNOWN, frames_of, index_of
from torch import Tensor

from tests.support.tiny import CODEC, codec_modules


@pytest.fixture(autouse=True)
def _one_thread() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.mark.parametrize("size", [8, 12])
def test_the_real_fourier_transform_has_the_right_gradient(size: int) -> None:
    x = torch.randn(3, size, dtype=torch.float64, requires_grad=True)
    torch.testing.assert_close(RealFFT.apply(x), torch.fft.rfft(x))
    assert torch.autograd.gradcheck(lambda y: torch.view_as_real(RealFFT.apply(y)), (x,))


@pytest.mark.parametrize("samples", [256, 300, 1000])
def test_windows_are_a_quarter_apart(samples: int) -> None:
    x = torch.randn(2, samples)
    wanted = x[:, : samples // 16 * 16].unfold(1, 64, 16)
    assert torch.equal(windows_of(x, 64), wanted)


def test_mel_filters_are_triangles_of_area_one_over_the_whole_range() -> None:
    filters = mel_filters(80, 1025, 24_000)
    torch.testing.assert_close(filters.sum(0), torch.ones(80))
    assert (filters >= 0).all()
    centres = filters.argmax(0)
    assert (centres.diff() > 0).all()
    assert centres[-1] > 900


def test_the_spectral_loss_is_zero_for_the_same_sound_and_grows_with_the_difference() -> None:
    loss, t = MelLoss(24_000), torch.arange(4800) / 24_000
    tone = 0.3 * torch.sin(2 * math.pi * 440 * t)[None]
    other = 0.3 * torch.sin(2 * math.pi * 880 * t)[None]
    assert loss(tone, tone) == 0
    # The power of a tone ten times as loud is two decades higher in its band, less in bands of silence.
    quiet, quieter = loss(tone * 0.5, tone), loss(tone * 0.1, tone)
    assert 0 < quiet < quieter < 2
    assert loss(other, tone) > quiet


def test_the_spectral_loss_is_that_of_plain_transforms() -> None:
    made, wanted = torch.randn(2, 2, 4800) * 0.1
    total = 0.0
    for size, bands in WINDOWS:
        window = torch.hann_window(size)

        def log_mel(x: Tensor, size: int = size, bands: int = bands, window: Tensor = window) -> Tensor:
            hop = size // 4
            spectrum = torch.fft.rfft(x[:, : x.shape[1] // hop * hop].unfold(1, size, hop) * window)
            power = spectrum.abs() ** 2 / window.square().sum()
            return torch.log10(power @ mel_filters(bands, size // 2 + 1, 24_000) + 1e-6)

        total += float((log_mel(made) - log_mel(wanted)).abs().mean())
    assert float(MelLoss(24_000)(made, wanted)) == pytest.approx(total / len(WINDOWS), rel=1e-4)


def test_fitted_codebooks_explain_more_the_more_of_them_are_used() -> None:
    modules = codec_modules()
    trainer = QuantizerTrainer(modules.quantizer)
    latent = torch.randn(2000, CODEC.latent) @ torch.randn(CODEC.latent, CODEC.latent)
    trainer.fit(latent)
    codes = modules.quantizer.encode(latent[None])
    left = [1.0]
    for depth in range(1, CODEC.num_codebooks + 1):
        rest = latent - modules.quantizer.decode(codes[:, :depth])[0]
        left.append(float(rest.square().mean() / latent.square().mean()))
    assert all(b < a * 0.95 for a, b in pairwise(left))


def test_quantising_in_training_is_what_encoding_and_decoding_is() -> None:
    """Forward it is the quantised latent, backward the identity; codebooks move towards what they coded."""
    modules = codec_modules()
    trainer = QuantizerTrainer(modules.quantizer, decay=0.5)
    latent = torch.randn(2, 30, CODEC.latent, requires_grad=True)
    before = modules.quantizer.codebooks.clone()
    codes = modules.quantizer.encode(latent.detach())[:, :1]
    wanted = modules.quantizer.decode(codes)
    quantised, first, commitment = trainer(latent, 1)
    assert not torch.equal(modules.quantizer.codebooks[0], before[0])
    assert torch.equal(modules.quantizer.codebooks[1:], before[1:])
    made = modules.quantizer.codebooks[0][codes[:, 0]]
    torch.testing.assert_close(quantised.detach(), made, atol=1e-5, rtol=0)
    assert (latent - made).square().mean() < (latent - wanted).square().mean()
    torch.testing.assert_close(first, quantised)
    torch.testing.assert_close(commitment, 1.5 * (latent - made).square().mean())
    weight = torch.randn_like(latent)
    (quantised * weight).sum().backward()
    torch.testing.assert_close(latent.grad, weight)


def test_the_phone_is_read_one_frame_later_and_unknown_ones_count_nothing() -> None:
    head = PhoneHead(3)
    with torch.no_grad():  # reads the class from the first entry: 1 → PHONES[1], 2 → PHONES[2]
        head.out.weight.zero_()
        head.out.bias.fill_(-50.0)
        head.out.bias[1], head.out.bias[2], head.out.weight[2, 0] = 0.0, -15.0, 10.0
    phones = torch.tensor([[1, 2, UNKNOWN, 1, 1]])
    first = torch.zeros(1, 5, 3)
    first[0, :, 0] = torch.tensor([9.0, 1.0, 2.0, 2.0, 1.0])  # the phone of the frame before
    loss, right = head(first, phones)
    assert right == 1.0
    assert loss < 0.01
    loss, right = head(first, torch.full((1, 5), UNKNOWN))
    assert (loss, right) == (0.0, 0.0)


def test_phones_of_all_engines_come_to_one_set() -> None:
    assert [PHONES[index_of(p)] for p in ("ax", "pau", "k")] == ["ah", "sil", "k"]  # flite
    assert [PHONES[index_of(p)] for p in ("t#", "I2", "a#", "oU", "aI@", "i:", "_:", "tS")] == [
        "t", "ih", "ah", "ow", "ay", "iy", "sil", "ch"
    ]  # fmt: skip
    assert index_of("€") == UNKNOWN
    frames = frames_of([(-100, "_"), (300, "k"), (720, "a"), (1500, "t")], 2000)
    assert [PHONES[f] for f in frames] == ["sil", "ae", "ae", "t", "t"]
