"""Speech from free engines: espeak-ng (in process, by ctypes), flite and festival (as programs)."""

from __future__ import annotations

import ctypes
import ctypes.util
import subprocess
import tempfile
import wave
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

SAMPLE_RATE = 24_000  # Hz, of everything that leaves this module
Audio = NDArray[np.float32]

ACCENTS = ("en-us", "en", "en-gb-scotland", "en-gb-x-gbclan", "en-gb-x-rp", "en-gb-x-gbcwmd", "en-029")
VARIANTS = (
    "m1", "m2", "m3", "m4", "m5", "m6", "m7", "m8", "f1", "f2", "f3", "f4", "f5", "Alex", "Andrea", "Andy",
    "Annie", "adam", "anika", "antonio", "belinda", "benjamin", "caleb", "david", "ed", "edward", "Gene",
    "grandma", "grandpa", "john", "klatt", "klatt2", "klatt3", "Lee", "linda", "marcelo", "Marco", "max",
    "Michael", "miguel", "Mike", "norbert", "paul", "pedro", "rob", "robert", "sandro", "shelby", "steph",
    "steph2", "travis", "victor", "zac",
)  # fmt: skip
HELD_OUT_VARIANTS = ("m3", "f4", "Annie", "david", "klatt3", "steph")
FLITE = ("kal16", "awb", "rms", "slt")
FESTIVAL = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")


@dataclass(frozen=True)
class Voice:
    """One way of speaking; ``rate`` and ``pitch`` are factors around the engine's default."""

    engine: str  # "espeak", "flite" or "festival"
    name: str
    rate: float = 1.0
    pitch: float = 1.0


ASSISTANT = Voice("flite", "slt")


def random_voice(rng: np.random.Generator, held_out: bool = False) -> Voice:
    """A user's voice. ``held_out`` picks from espeak-ng variants that training never uses."""
    kind = 0.0 if held_out else rng.random()
    rate = float(np.exp(rng.uniform(np.log(0.8), np.log(1.3))))
    pitch = float(np.exp(rng.uniform(np.log(0.75), np.log(1.35))))
    if kind < 0.72:
        variants = HELD_OUT_VARIANTS if held_out else tuple(v for v in VARIANTS if v not in HELD_OUT_VARIANTS)
        return Voice("espeak", f"{rng.choice(ACCENTS)}+{rng.choice(variants)}", rate, pitch)
    if kind < 0.92:
        return Voice("flite", str(rng.choice(FLITE)), rate, pitch)
    return Voice("festival", str(rng.choice(FESTIVAL)), rate, 1.0)


class _Espeak:
    """The espeak-ng library, used from one thread."""

    def __init__(self) -> None:
        path = ctypes.util.find_library("espeak-ng")
        if path is None:
            raise RuntimeError("espeak-ng is missing: apt-get install espeak-ng")
        self._lib = ctypes.CDLL(path)
        self._rate = self._lib.espeak_Initialize(2, 0, None, 0)  # 2: synchronous, samples to the callback
        self._chunks: list[Audio] = []
        kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p)
        self._callback = kind(self._receive)  # kept alive for as long as the library may call it
        self._lib.espeak_SetSynthCallback(self._callback)

    def _receive(self, wav: ctypes._Pointer[ctypes.c_short], count: int, _events: int) -> int:
        if wav and count:
            self._chunks.append(np.ctypeslib.as_array(wav, shape=(count,)).astype(np.float32) / 32768)
        return 0

    def speak(self, voice: Voice, text: str) -> Audio:
        if self._lib.espeak_SetVoiceByName(voice.name.encode()) != 0:
            raise RuntimeError(f"espeak-ng has no voice {voice.name!r}")
        self._lib.espeak_SetParameter(1, int(165 * voice.rate), 0)
        self._lib.espeak_SetParameter(3, int(np.clip(50 + 60 * np.log2(voice.pitch), 5, 95)), 0)
        self._chunks.clear()
        data = text.encode() + b"\0"
        self._lib.espeak_Synth(data, len(data), 0, 1, 0, 1, None, None)
        self._lib.espeak_Synchronize()
        return soxr.resample(np.concatenate(self._chunks), self._rate, SAMPLE_RATE)


_espeak: list[_Espeak] = []  # made at first use: loading it has side effects


def _read_wav(path: Path) -> Audio:
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        return soxr.resample(pcm, file.getframerate(), SAMPLE_RATE)


def _speak_flite(voice: Voice, text: str) -> Audio:
    f0 = {"kal16": 105, "awb": 120, "rms": 105, "slt": 175}[voice.name]
    options = ["--setf", f"duration_stretch={1 / voice.rate:.3f}"]
    if voice.pitch != 1.0:
        options += ["--setf", f"int_f0_target_mean={f0 * voice.pitch:.1f}"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        subprocess.run(["flite", "-voice", voice.name, *options, "-t", text, "-o", str(out)], check=True)
        return _read_wav(out)


def _speak_festival(voice: Voice, texts: list[str]) -> list[Audio]:
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice.name})", f"(Parameter.set 'Duration_Stretch {1 / voice.rate:.3f})"]
        paths = [Path(folder) / f"{i}.wav" for i in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}")')
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines))
        subprocess.run(["festival", "-b", str(script)], check=True, stdout=subprocess.DEVNULL)
        return [_read_wav(path) for path in paths]


def speak(voice: Voice, text: str) -> Audio:
    """``text`` in ``voice``, trimmed to the audible part, peak at 0.5.

    Raises:
        RuntimeError: the engine is missing or has no such voice.
    """
    return speak_many(voice, [text])[0]


def speak_many(voice: Voice, texts: list[str]) -> list[Audio]:
    """As :func:`speak` for many texts; festival starts only once for all of them."""
    if voice.engine == "espeak":
        if not _espeak:
            _espeak.append(_Espeak())
        spoken = [_espeak[0].speak(voice, t) for t in texts]
    elif voice.engine == "flite":
        spoken = [_speak_flite(voice, t) for t in texts]
    else:
        spoken = _speak_festival(voice, texts)
    return [trim(s) for s in spoken]


def trim(pcm: Audio, floor_db: float = -40.0) -> Audio:
    """Cuts what is quieter than ``floor_db`` below the peak at both ends; scales the peak to 0.5."""
    peak = float(np.max(np.abs(pcm), initial=1e-6))
    loud = np.flatnonzero(np.abs(pcm) > peak * 10 ** (floor_db / 20))
    return (pcm[loud[0] : loud[-1] + 1] * (0.5 / peak)).astype(np.float32)


def word_ends(text: str) -> list[float]:
    """Where each word ends as a fraction of the whole, from how long espeak-ng takes to say what came so far.

    Engines differ in tempo but little in proportion, so one measure serves all of them.
    """
    words = text.split()
    voice = Voice("espeak", "en-us")
    lengths = [len(speak(voice, " ".join(words[: i + 1]))) for i in range(len(words))]
    return [min(1.0, n / lengths[-1]) for n in lengths]
