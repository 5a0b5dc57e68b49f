"""ITU-T G.711: the two laws by which telephones put a sample into 8 bits.

Both cut the range of magnitudes into 8 segments, each twice as wide as the one before, and each segment
into 16 steps. A byte is a sign, 3 bits of segment and 4 of step; µ-law sends all bits inverted, A-law every
other one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Samples = NDArray[np.int16]  # full scale is -32768..32767

# µ-law is defined on 14 bits: the two lowest of 16 are dropped.
_BIAS = 33  # added to every magnitude, so that the segments begin at powers of two
_LOUDEST = 8158  # the largest magnitude that fits the last segment


def mulaw_to_pcm(coded: Bytes) -> Samples:
    """µ-law bytes [n] → samples [n]."""
    bits = ~coded
    segment, step = (bits >> 4 & 7).astype(np.int32), (bits & 15).astype(np.int32)
    magnitude = (((2 * step + 33) << segment) - _BIAS) << 2
    return np.where(bits & 0x80, -magnitude, magnitude).astype(np.int16)


def pcm_to_mulaw(samples: Samples) -> Bytes:
    """Samples [n] → µ-law bytes [n]."""
    wide = samples.astype(np.int32) >> 2
    biased = np.minimum(np.abs(wide), _LOUDEST) + _BIAS
    segment = _highest_bit(biased) - 5
    step = biased >> (segment + 1) & 15
    sign = np.where(wide < 0, 0x80, 0)
    return (~(sign | segment << 4 | step)).astype(np.uint8)


def alaw_to_pcm(coded: Bytes) -> Samples:
    """A-law bytes [n] → samples [n]."""
    bits = coded ^ 0x55
    segment, step = (bits >> 4 & 7).astype(np.int32), (bits & 15).astype(np.int32)
    # The first two segments have steps of one width; from the second on there is a leading one.
    leading = np.where(segment == 0, 1, 33)
    magnitude = (2 * step + leading) << (np.maximum(segment, 1) + 2)
    return np.where(bits & 0x80, magnitude, -magnitude).astype(np.int16)


def pcm_to_alaw(samples: Samples) -> Bytes:
    """Samples [n] → A-law bytes [n]."""
    wide = samples.astype(np.int32)
    magnitude = np.where(wide < 0, ~wide, wide)  # the law's zero lies between 0 and -1
    segment = np.maximum(_highest_bit(np.maximum(magnitude, 1)) - 7, 0)
    step = magnitude >> (np.maximum(segment, 1) + 3) & 15
    sign = np.where(wide < 0, 0, 0x80)
    return ((sign | segment << 4 | step) ^ 0x55).astype(np.uint8)


def _highest_bit(positive: NDArray[np.int32]) -> NDArray[np.int32]:
    """Number of the highest bit that is set, of whole numbers from 1 up to 2**24."""
    return np.frexp(positive.astype(np.float32))[1].astype(np.int32) - 1
