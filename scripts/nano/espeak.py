"""The espeak-ng library in process, with the times of words and phones. One thread only."""

from __future__ import annotations

import ctypes
import ctypes.util
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from nano.sound import SAMPLE_RATE, Audio

WORD, PHONE = 1, 7  # kinds of events
SYNCHRONOUS, PHONE_EVENTS = 2, 1  # arguments of espeak_Initialize
RATE, PITCH = 1, 3  # parameters
UTF8, PHONEMES_IN_BRACKETS = 1, 0x100  # flags of espeak_Synth; [[h@l'oU]] is said as it is written
WORDS_PER_MINUTE = 165


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):
    """``espeak_EVENT`` of speak_lib.h."""

    _fields_ = (("type", ctypes.c_int), ("unique_identifier", ctypes.c_uint), ("text_position", ctypes.c_int),
                ("length", ctypes.c_int), ("audio_position", ctypes.c_int), ("sample", ctypes.c_int),
                ("user_data", ctypes.c_void_p), ("id", _Id))  # fmt: skip


@dataclass(frozen=True)
class Said:
    pcm: Audio  # 24 kHz
    words: dict[int, int]  # position of a word in the text → its first sample; some words are read as one
    phones: list[tuple[int, str]]  # first sample and espeak-ng's name of every phone


class _Library:
    def __init__(self) -> None:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise RuntimeError("espeak-ng is missing: apt-get install espeak-ng")
        self._lib = ctypes.CDLL(path)
        self._rate = self._lib.espeak_Initialize(SYNCHRONOUS, 0, None, PHONE_EVENTS)
        self._chunks: list[Audio] = []
        self._words: dict[int, int] = {}
        self._phones: list[tuple[int, str]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event)
        )
        self._callback = kind(self._receive)  # kept alive for as long as the library may call it
        self._lib.espeak_SetSynthCallback(self._callback)

    def _receive(
        self, wav: ctypes._Pointer[ctypes.c_short], count: int, events: ctypes._Pointer[_Event]
    ) -> int:
        if wav and count:
            self._chunks.append(np.ctypeslib.as_array(wav, shape=(count,)).astype(np.float32) / 32768)
        for event in _until_last(events):
            at = event.sample * SAMPLE_RATE // self._rate
            if event.type == WORD and event.length:  # now and then an empty one marks the end
                self._words[event.text_position - 1] = at
            elif event.type == PHONE:
                self._phones.append((at, bytes(event.id.string).decode("utf-8", "replace")))
        return 0

    def speak(self, voice: str, text: str, rate: float, pitch: float) -> Said:
        if self._lib.espeak_SetVoiceByName(voice.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {voice!r}")
        self._lib.espeak_SetParameter(RATE, int(WORDS_PER_MINUTE * rate), 0)
        self._lib.espeak_SetParameter(PITCH, int(np.clip(50 + 60 * np.log2(pitch), 5, 95)), 0)
        self._chunks, self._words, self._phones = [], {}, []
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, 1, 0, UTF8 | PHONEMES_IN_BRACKETS, None, None)
        self._lib.espeak_Synchronize()
        pcm = soxr.resample(np.concatenate(self._chunks), self._rate, SAMPLE_RATE)
        return Said(pcm, self._words, self._phones)


def _until_last(first: ctypes._Pointer[_Event]) -> Iterator[_Event]:
    """The events of one call, up to the one of type 0."""
    index = 0
    while first[index].type != 0:
        yield first[index]
        index += 1


_library: list[_Library] = []  # made at first use: loading it has side effects


def speak(voice: str, text: str, rate: float = 1.0, pitch: float = 1.0) -> Said:
    """``text`` as ``voice`` (an espeak-ng name such as "en-us+f3") says it.

    Raises:
        RuntimeError: the library is missing or has no such voice.
    """
    if not _library:
        _library.append(_Library())
    return _library[0].speak(voice, text, rate, pitch)
