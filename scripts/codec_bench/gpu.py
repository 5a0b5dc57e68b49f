"""Codecs on a CUDA device: the same codes as on the CPU, and how many frames per second."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from voicert_codecs.base import Codec

from codec_bench.measure import sound

BATCHES = (1, 16, 64)
PARITY_FRAMES = 50
WARM_UP = 10
COUNTED = 200

Opener = Callable[[str, bool], Codec[Any]]  # device, CUDA graphs


def on_gpu(opener: Opener, name: str) -> dict[str, Any]:
    """Parity with the CPU, and frames per second of encode + decode with CUDA graphs, the copies included."""
    cpu, gpu = opener("cpu", False), opener("cuda", True)
    pcm = sound(4, PARITY_FRAMES * cpu.frame_size, cpu.sample_rate)
    wanted, found = _stream(cpu, pcm), _stream(gpu, pcm)
    result: dict[str, Any] = {
        "codec": name,
        "device": torch.cuda.get_device_name(),
        "codes": int(wanted[0].size),
        "codes_that_differ_from_cpu": int((wanted[0] != found[0]).sum()),
        "largest_difference_of_samples": float(np.abs(_decode(gpu, wanted[0]) - wanted[1]).max()),
    }
    for batch in BATCHES:
        result[f"frames_per_second_b{batch}"] = round(frames_per_second(gpu, batch))
    return result


def frames_per_second(codec: Codec[Any], batch: int) -> float:
    """Frames of all rows together."""
    state = codec.init_state(batch)
    frame = sound(batch, codec.frame_size, codec.sample_rate)
    began = 0.0
    for n in range(WARM_UP + COUNTED):
        if n == WARM_UP:
            began = time.perf_counter()
        codec.decode(codec.encode(frame, state), state)  # NumPy results: the device has finished
    return batch * COUNTED / (time.perf_counter() - began)


def _stream(codec: Codec[Any], pcm: Any) -> tuple[Any, Any]:
    """Codes and samples, frame by frame."""
    state, size = codec.init_state(len(pcm)), codec.frame_size
    codes = [codec.encode(pcm[:, at : at + size], state) for at in range(0, pcm.shape[1], size)]
    whole = np.concatenate(codes, axis=2)
    return whole, _decode(codec, whole)


def _decode(codec: Codec[Any], codes: Any) -> Any:
    state = codec.init_state(len(codes))
    frames = np.split(codes, codes.shape[2], axis=2)
    return np.concatenate([codec.decode(frame, state) for frame in frames], axis=1)
