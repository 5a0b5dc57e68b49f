"""Streaming blocks equal torch's own operations on the whole signal, however it is cut."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812
from voicert_codecs.base import CodecError
from voicert_codecs.blocks.conv import CausalConv, CausalTransposedConv, DepthwiseUpsample
from voicert_codecs.blocks.linear import pack
from voicert_codecs.blocks.lstm import StreamingLstm
from voicert_codecs.blocks.rvq import ResidualQuantizer
from voicert_codecs.blocks.seanet import SeanetConfig, SeanetDecoder, SeanetEncoder
from voicert_codecs.blocks.state import clone, leaves

Cuts = list[int]
frames_of_pieces = st.lists(st.integers(1, 4), min_size=1, max_size=5)


def in_pieces(block: Any, x: Tensor, cuts: Cuts, state: Any, unit: int = 1) -> Tensor:
    """``x`` [B, T, C] in pieces of ``cuts`` units of time each."""
    outputs = list[Tensor]()
    for piece in x.split([cut * unit for cut in cuts], dim=1):
        y, state = block(piece, state)
        outputs.append(y)
    return torch.cat(outputs, 1)


def close(a: Tensor, b: Tensor) -> None:
    torch.testing.assert_close(a, b, atol=2e-6, rtol=1e-5)


def random(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(
    cuts=frames_of_pieces,
    size=st.sampled_from([(1, 1, 1), (3, 1, 1), (7, 1, 1), (3, 1, 2), (4, 2, 1), (6, 3, 1), (9, 3, 1)]),
    bias=st.booleans(),
    packed=st.booleans(),
)
@torch.no_grad()
def test_convolution(cuts: Cuts, size: tuple[int, int, int], bias: bool, packed: bool) -> None:
    kernel, stride, dilation = size
    weight, offset = random(5, 3, kernel), random(5, seed=1) if bias else None
    conv = CausalConv(3, 5, kernel, stride, dilation, bias)
    conv.load(weight, offset)
    if packed:
        pack(conv)
    x = random(2, sum(cuts) * stride, 3, seed=2)
    padded = F.pad(x.transpose(1, 2), ((kernel - stride) * dilation, 0))
    wanted = F.conv1d(padded, weight, offset, stride, dilation=dilation).transpose(1, 2)
    close(in_pieces(conv, x, cuts, conv.fresh(2), stride), wanted)


@pytest.mark.parametrize("start", ["zeros", "reflect", "replicate"])
@torch.no_grad()
def test_how_a_signal_without_a_state_begins(start: Any) -> None:
    weight = random(5, 3, 7)
    conv = CausalConv(3, 5, 7, bias=False, start=start)
    conv.load(weight)
    x = random(2, 9, 3, seed=2)
    mode = {"zeros": "constant"}.get(start, start)
    wanted = F.conv1d(F.pad(x.transpose(1, 2), (6, 0), mode), weight).transpose(1, 2)
    whole, _ = conv(x, None)
    close(whole, wanted)
    first, past = conv(x[:, :7], None)
    rest, _ = conv(x[:, 7:], past)
    close(torch.cat([first, rest], 1), wanted)


def test_a_signal_too_short_to_be_reflected() -> None:
    with pytest.raises(CodecError, match="needs more than 6 steps at once, got 6"):
        CausalConv(3, 5, 7, start="reflect")(random(1, 6, 3), None)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(
    cuts=frames_of_pieces, size=st.sampled_from([(4, 2), (6, 3), (2, 2), (9, 3), (16, 8)]), bias=st.booleans()
)
@torch.no_grad()
def test_transposed_convolution(cuts: Cuts, size: tuple[int, int], bias: bool) -> None:
    kernel, stride = size
    weight, offset = random(3, 5, kernel), random(5, seed=1) if bias else None
    conv = CausalTransposedConv(3, 5, kernel, stride, bias)
    conv.load(weight, offset)
    x = random(2, sum(cuts), 3, seed=2)
    wanted = F.conv_transpose1d(x.transpose(1, 2), weight, offset, stride)[..., : x.shape[1] * stride]
    close(in_pieces(conv, x, cuts, conv.fresh(2)), wanted.transpose(1, 2))
    close(in_pieces(conv, x, cuts, None if len(cuts) == 1 else conv.fresh(2)), wanted.transpose(1, 2))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(cuts=frames_of_pieces, size=st.sampled_from([(4, 2), (2, 2), (9, 3)]))
@torch.no_grad()
def test_upsampling_per_channel(cuts: Cuts, size: tuple[int, int]) -> None:
    kernel, stride = size
    weight = random(4, 1, kernel)
    up = DepthwiseUpsample(4, kernel, stride)
    up.load(weight)
    x = random(2, sum(cuts), 4, seed=2)
    wanted = F.conv_transpose1d(x.transpose(1, 2), weight, None, stride, groups=4)
    close(in_pieces(up, x, cuts, up.fresh(2)), wanted[..., : x.shape[1] * stride].transpose(1, 2))


@settings(max_examples=20, deadline=None, derandomize=True)
@given(cuts=frames_of_pieces, layers=st.integers(1, 3))
@torch.no_grad()
def test_lstm(cuts: Cuts, layers: int) -> None:
    torch.manual_seed(1)
    theirs = nn.LSTM(6, 6, layers, batch_first=True)
    lstm = StreamingLstm(6, layers)
    lstm.load(theirs.state_dict())
    x = random(2, sum(cuts), 6)
    close(in_pieces(lstm, x, cuts, lstm.fresh(2)), x + theirs(x)[0])


def test_quantiser_takes_the_nearest_vector_of_each_remainder() -> None:
    books = random(4, 16, 6, seed=3)
    quantizer = ResidualQuantizer(4, 16, 6)
    quantizer.load(books)
    latent = random(2, 5, 6)
    codes = quantizer.encode(latent)
    remainder = latent.double()
    for k, book in enumerate(books.double()):
        nearest = (remainder[:, :, None] - book).square().sum(-1).argmin(-1)
        assert torch.equal(codes[:, k], nearest)
        remainder = remainder - book[nearest]
    close(quantizer.decode(codes), (latent.double() - remainder).float())
    assert torch.equal(quantizer.encode(latent, 2), codes[:, :2])
    close(quantizer.decode(codes[:, :2]), sum(F.embedding(codes[:, k], books[k]) for k in (0, 1)))


def test_of_equal_vectors_the_first_is_taken() -> None:
    quantizer = ResidualQuantizer(1, 6, 3)
    quantizer.load(random(1, 3, 3).repeat(1, 2, 1))
    assert int(quantizer.encode(random(1, 20, 3)).max()) < 3


CONFIGS = {
    "as in EnCodec": SeanetConfig(width=2, dimension=6, ratios=(3, 2), start="zeros"),
    "as in Mimi": SeanetConfig(
        2, 6, (2, 4), last_kernel=3, lstm_layers=0, shortcut_conv=False, start="zeros"
    ),
}


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@torch.no_grad()
def test_encoder_and_decoder_in_pieces_equal_the_whole(config: SeanetConfig) -> None:
    torch.manual_seed(2)
    encoder, decoder = SeanetEncoder(config), SeanetDecoder(config)
    x = random(2, 9 * config.frame_size, 1)
    latent, _ = encoder(x, None)
    pcm, _ = decoder(latent, None)
    assert latent.shape == (2, 9, 6)
    assert pcm.shape == x.shape
    for cuts in ([1] * 9, [2, 3, 4], [9]):
        close(in_pieces(encoder, x, cuts, encoder.fresh(2), config.frame_size), latent)
        close(in_pieces(decoder, latent, cuts, decoder.fresh(2)), pcm)


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS.keys())
@torch.no_grad()
def test_a_call_leaves_what_it_is_given(config: SeanetConfig) -> None:
    encoder, decoder = SeanetEncoder(config), SeanetDecoder(config)
    for net, x in ((encoder, random(1, 3 * config.frame_size, 1)), (decoder, random(1, 3, 6))):
        _, state = net(x, net.fresh(1))
        before, given_x = clone(state), x.clone()
        net(x, state)
        assert torch.equal(x, given_x)
        assert all(map(torch.equal, leaves(state), leaves(before)))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: CausalConv(1, 1, 5, 2), "stride 2 does not divide kernel 5"),
        (lambda: CausalConv(1, 1, 4, 2, 2), "or there is a dilation"),
        (lambda: CausalTransposedConv(1, 1, 5, 2), "kernel 5 is not a multiple of stride 2"),
        (lambda: DepthwiseUpsample(1, 5, 2), "kernel 5 is not a multiple of stride 2"),
    ],
)
def test_strides_that_do_not_fit(make: Callable[[], object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("load", "message"),
    [
        (lambda: CausalConv(3, 5, 7).load(random(5, 3, 6), random(5)), r"weight has shape \(5, 18\)"),
        (lambda: CausalConv(3, 5, 7).load(random(5, 3, 7)), "a bias is missing"),
        (
            lambda: CausalConv(3, 5, 7, bias=False).load(random(5, 3, 7), random(5)),
            "bias where none belongs",
        ),
        (lambda: CausalTransposedConv(3, 5, 4, 2).load(random(5, 3, 4), random(5)), "does not fit"),
        (lambda: DepthwiseUpsample(3, 4, 2).load(random(3, 2, 4)), "does not fit"),
        (lambda: StreamingLstm(4, 1).load({}), "the LSTM lacks weight_ih_l0"),
        (lambda: ResidualQuantizer(2, 4, 3).load(random(2, 4, 5)), "codebooks has shape"),
        (lambda: SeanetConfig(ratios=(8, 0)), "the sizes of the encoder do not fit"),
    ],
)
def test_weights_that_do_not_fit(load: Callable[[], object], message: str) -> None:
    with pytest.raises(CodecError, match=message):
        load()


def test_a_product_of_no_frames_is_no_frames() -> None:
    assert CausalConv(3, 5, 3)(torch.zeros(2, 0, 3), torch.zeros(2, 2, 3))[0].shape == (2, 0, 5)
    assert np.prod(DepthwiseUpsample(3, 4, 2)(torch.zeros(2, 0, 3), None)[0].shape) == 0
