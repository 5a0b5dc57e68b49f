"""In which numbers training computes."""

from __future__ import annotations

import torch

# A CPU without any of these makes a product of bfloat16 in several steps: on an Intel Xeon with
# AVX-512 and VNNI it takes several times as long as one of float32.
FAST = "avx512_bf16", "amx_bf16", "arm_bf16"


def mixed(device: torch.device) -> torch.autocast:
    """Products in bfloat16 where ``device`` is faster with it, else a context that changes nothing."""
    enabled = device.type != "cpu" or any(torch.cpu.get_capabilities().get(name, False) for name in FAST)
    return torch.autocast(device.type, torch.bfloat16, enabled=enabled)
