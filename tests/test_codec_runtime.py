"""The nano codec by ONNX Runtime: the same as the PyTorch modules, and every row a world of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from voicert_codecs.base import CodecError, Codes, Pcm
from voicert_codecs.nano.runtime import NanoCodec, NanoCodecState

from tests.support.scripted import speech
from tests.support.tiny import CODEC, codec_modules, export_codec

FRAME = CODEC.frame_size
FRAMES = 12


def voices(count: int, frames: int = FRAMES) -> Pcm:
    """[count, frames * FRAME], each of another pitch."""
    milliseconds = 1000 * frames * FRAME // CODEC.sample_rate
    return np.stack([speech(milliseconds, pitch_hz=90.0 + 17.0 * i) for i in range(count)])


def parts(state: NanoCodecState, row: int) -> list[NDArray[np.float32]]:
    return [part[row].copy() for part in state.parts()]


def same(a: list[NDArray[np.float32]], b: list[NDArray[np.float32]]) -> bool:
    return all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.fixture(scope="module")
def codec(tiny_codec: Path) -> NanoCodec:
    return NanoCodec(tiny_codec)


@pytest.fixture(scope="module", params=["exact", "8 bits"])
def either(
    request: pytest.FixtureRequest, tiny_codec: Path, tmp_path_factory: pytest.TempPathFactory
) -> NanoCodec:
    """With weights as they are, or in 8 bits, as the shipped ones."""
    exact = request.param == "exact"
    return NanoCodec(tiny_codec if exact else export_codec(tmp_path_factory.mktemp("codec8"), bits=8))


def alone(codec: NanoCodec, pcm: Pcm) -> tuple[Codes, Pcm]:
    """One voice [samples], frame by frame through a state of one row → codes [K, T], samples."""
    state = codec.init_state(1)
    codes = [codec.encode(f[None], state) for f in pcm.reshape(-1, FRAME)]
    made = [codec.decode(c, state) for c in codes]
    return np.concatenate(codes, 2)[0], np.concatenate(made, 1)[0]


def test_it_is_what_the_modules_are(codec: NanoCodec) -> None:
    assert codec.config == CODEC
    assert (codec.sample_rate, codec.frame_size, codec.num_codebooks, codec.codebook_size) == (
        24_000,
        480,
        4,
        16,
    )
    assert codec.delay_samples == CODEC.hop


def test_onnx_equals_torch(codec: NanoCodec) -> None:
    modules, pcm, state = codec_modules(), voices(3), codec.init_state(3)
    tail, encoder, overlap, decoder = modules.fresh(3)
    with torch.inference_mode():
        latent, tail, encoder = modules.encoder(torch.from_numpy(pcm), tail, encoder)
        codes = modules.quantizer.encode(latent)
        made, overlap, decoder = modules.decoder(modules.quantizer.decode(codes), overlap, decoder)
    assert np.array_equal(codec.encode(pcm, state), codes.numpy())
    np.testing.assert_allclose(codec.decode(codes.numpy(), state), made.numpy(), atol=1e-5)
    for ours, theirs in zip(state.parts(), (tail, encoder, overlap, decoder), strict=True):
        np.testing.assert_allclose(ours, theirs.numpy(), atol=1e-4)


def test_weights_in_8_bits_are_nearly_as_good(
    codec: NanoCodec, tmp_path_factory: pytest.TempPathFactory
) -> None:
    small, pcm = NanoCodec(export_codec(tmp_path_factory.mktemp("codec8"), bits=8)), voices(3)
    codes, other = (c.encode(pcm, c.init_state(3)) for c in (codec, small))
    assert (codes[:, 0] == other[:, 0]).mean() > 0.9
    made, again = (c.decode(codes, c.init_state(3)) for c in (codec, small))
    assert np.abs(made - again).max() > 0
    assert np.mean((made - again) ** 2) < 0.01 * np.mean(made**2)


def test_streaming_equals_offline_at_every_split(either: NanoCodec) -> None:
    pcm, state = voices(2), either.init_state(2)
    codes = either.encode(pcm, state)
    made = either.decode(codes, state)
    for lengths in ([1] * FRAMES, *([i, FRAMES - i] for i in range(1, FRAMES))):
        cuts = np.cumsum(lengths)[:-1]
        state = either.init_state(2)
        streamed = [either.encode(p, state) for p in np.split(pcm, cuts * FRAME, 1)]
        assert np.array_equal(np.concatenate(streamed, 2), codes)
        samples = [either.decode(c, state) for c in streamed]
        np.testing.assert_allclose(np.concatenate(samples, 1), made, atol=1e-6)


def test_one_voice_in_chunks_of_any_length(either: NanoCodec) -> None:
    """One row, several frames at once: other products of matrices than one frame of two rows."""
    pcm = voices(1)
    codes, made = alone(either, pcm[0])
    for length in (2, 3, 4, FRAMES):
        state = either.init_state(1)
        chunks = [either.encode(p, state) for p in np.split(pcm, FRAMES // length, 1)]
        assert np.array_equal(np.concatenate(chunks, 2)[0], codes)
        samples = [either.decode(c, state) for c in chunks]
        np.testing.assert_allclose(np.concatenate(samples, 1)[0], made, atol=1e-6)


def test_what_the_decoder_remembers(either: NanoCodec) -> None:
    """Whatever it had decoded before: after so many frames it is the same, after one less it is not."""
    memory = either.decoder_memory_frames
    assert memory == CODEC.decoder_memory_frames
    codes = np.random.default_rng(1).integers(0, CODEC.codebook_size, (1, CODEC.num_codebooks, memory + 9))

    def state_after(first: int) -> list[NDArray[np.float32]]:
        state = either.init_state(1)
        either.decode(codes[:, :, first:], state)
        return [state.overlap, state.decoder]

    whole, enough, too_few = state_after(0), state_after(9), state_after(10)
    for one, two in zip(whole, enough, strict=True):
        np.testing.assert_allclose(one, two, atol=1e-6)
    assert not all(np.allclose(one, two, atol=1e-6) for one, two in zip(whole, too_few, strict=True))


def test_batched_equals_alone(either: NanoCodec) -> None:
    """Seven voices in nine slots; at each step some of them are ready, and the others do not move."""
    rng = np.random.default_rng(0)
    pcm, state = voices(7), either.init_state(9)
    slots = rng.permutation(9)[:7]  # voice i has slot slots[i]
    done = np.zeros(7, np.int64)
    codes = np.zeros((7, CODEC.num_codebooks, FRAMES), np.int64)
    made = np.zeros_like(pcm)
    while (done < FRAMES).any():
        unfinished = np.flatnonzero(done < FRAMES)
        ready = rng.permutation(unfinished)[: rng.integers(1, len(unfinished) + 1)]
        others = [slot for slot in range(9) if slot not in slots[ready]]
        before = [parts(state, slot) for slot in others]
        at = [slice(int(d) * FRAME, int(d + 1) * FRAME) for d in done[ready]]
        some = either.encode(
            np.stack([pcm[i, a] for i, a in zip(ready, at, strict=True)]), state, slots[ready]
        )
        samples = either.decode(some, state, slots[ready])
        for n, i in enumerate(ready):
            codes[i, :, done[i]], made[i, at[n]] = some[n, :, 0], samples[n]
        done[ready] += 1
        assert all(same(old, parts(state, slot)) for slot, old in zip(others, before, strict=True))
    for i in range(7):
        own_codes, own_samples = alone(either, pcm[i])
        assert np.array_equal(codes[i], own_codes)
        np.testing.assert_allclose(made[i], own_samples, atol=1e-6)


def test_a_row_can_be_made_fresh(codec: NanoCodec) -> None:
    pcm, state = voices(2), codec.init_state(2)
    codec.decode(codec.encode(pcm, state), state)
    neighbour = parts(state, 0)
    codec.reset(state, 1)
    assert same(parts(state, 1), parts(codec.init_state(1), 0))
    assert same(parts(state, 0), neighbour)


def test_a_snapshot_goes_on_where_it_was_taken(codec: NanoCodec) -> None:
    first, second = voices(2)
    state = codec.init_state(3)
    row = np.array([1])
    codec.decode(codec.encode(first[None], state, row), state, row)
    saved = codec.snapshot(state, 1)
    codes = codec.encode(second[None], state, row)
    samples = codec.decode(codes, state, row)
    other = codec.init_state(2)  # what the row did since then does not reach the snapshot
    codec.restore(other, 0, saved)
    row = np.array([0])
    assert np.array_equal(codec.encode(second[None], other, row), codes)
    assert np.array_equal(codec.decode(codes, other, row), samples)
    assert same(parts(other, 1), parts(codec.init_state(1), 0))
    assert not same(parts(other, 0), [part[0] for part in saved.parts()])


@pytest.mark.parametrize("shape", [(480,), (1, 0), (1, 481), (0, 480), (1, 2, 480)])
def test_samples_of_a_wrong_shape_are_refused(codec: NanoCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(CodecError, match="480"):
        codec.encode(np.zeros(shape, np.float32), codec.init_state(1))


@pytest.mark.parametrize("shape", [(4, 1), (1, 3, 1), (1, 4, 0), (0, 4, 1)])
def test_codes_of_a_wrong_shape_are_refused(codec: NanoCodec, shape: tuple[int, ...]) -> None:
    with pytest.raises(CodecError, match="codes have shape"):
        codec.decode(np.zeros(shape, np.int64), codec.init_state(1))


@pytest.mark.parametrize("code", [-1, 16])
def test_codes_out_of_range_are_refused(codec: NanoCodec, code: int) -> None:
    with pytest.raises(CodecError, match=r"0\.\.15"):
        codec.decode(np.full((1, 4, 1), code), codec.init_state(1))


def test_rows_that_do_not_fit_are_refused_and_change_nothing(codec: NanoCodec) -> None:
    state = codec.init_state(2)
    before = parts(state, 0) + parts(state, 1)
    one = np.zeros((1, FRAME), np.float32)
    with pytest.raises(CodecError, match="1 rows of data for 2 rows of state"):
        codec.encode(one, state)
    for row in (-1, 2):
        with pytest.raises(CodecError, match=r"0\.\.1"):
            codec.encode(one, state, np.array([row]))
        with pytest.raises(CodecError, match=r"0\.\.1"):
            codec.decode(np.zeros((1, 4, 1), np.int64), state, np.array([row]))
    assert same(before, parts(state, 0) + parts(state, 1))


@pytest.mark.parametrize("name", ["config.json", "encoder.onnx", "decoder.onnx"])
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_missing_or_damaged_file_is_named(tiny_codec: Path, tmp_path: Path, name: str, damage: str) -> None:
    folder = tmp_path / "weights"
    shutil.copytree(tiny_codec, folder)
    (folder / name).unlink()
    if damage == "damaged":
        (folder / name).write_bytes(b"\x08\x07 no such thing")
    with pytest.raises(CodecError) as caught:
        NanoCodec(folder)
    assert str(folder / name) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[]", "7", '{"no_such_size": 1}', '{"hop": 0}', '{"hop": "240"}', '{"frame_size": 100}']
)
def test_a_configuration_that_is_not_understood_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(CodecError, match=r"config\.json"):
        NanoCodec(tmp_path)
