"""Streaming neural audio codecs with explicit state; knows nothing of voicert and is usable alone.

from voicert_codecs import load

codec = load("nano")
state = codec.init_state(1)
codes = codec.encode(pcm, state)  # pcm [1, T * 480] at 24 kHz → codes [1, 8, T]
"""

from voicert_codecs.base import Codec, CodecError, Codes, Pcm, Rows
from voicert_codecs.load import load

__all__ = ["Codec", "CodecError", "Codes", "Pcm", "Rows", "load"]
