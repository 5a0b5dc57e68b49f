"""Speech from free engines, with the times of its words and phones.

espeak-ng runs in process (by ctypes) and tells both. Flite and festival run as programs, Pico (PyPI: ttspico)
and RHVoice in process; their times are those of espeak-ng saying the same, warped (`nano.alignment`).
"""

from __future__ import annotations

import re
import subprocess
import tempfile
import wave
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from nano import espeak, rhvoice
from nano.alignment import aligned
from nano.phones import frames_of
from nano.sound import SAMPLE_RATE, Audio, trimmed

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
PICO = ("en-US", "en-GB")
RHVOICE = ("Bdl", "Clb", "Slt")
FESTIVAL = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")  # the engine that training never hears
REFERENCES = {"awb": "en-gb-scotland", "en-GB": "en"}  # espeak-ng's accent nearest to a voice; else "en-us"
PITCH_HZ = {"kal16": 105, "awb": 120, "rms": 105, "slt": 175}


@dataclass(frozen=True)
class Voice:
    """One way of speaking; ``rate`` and ``pitch`` are factors around the engine's default."""

    engine: str  # "espeak", "flite", "pico", "rhvoice" or "festival"
    name: str
    rate: float = 1.0
    pitch: float = 1.0


@dataclass(frozen=True)
class Spoken:
    """One utterance, trimmed to its audible part, peak at 0.5."""

    pcm: Audio
    phones: NDArray[np.uint8]  # [ceil(samples / 480)] class of each frame of 20 ms, see `nano.phones`
    words: tuple[float, ...]  # end of every word as a fraction of the whole


ASSISTANT = Voice("flite", "slt")

# Sounds that no engine can read: only espeak-ng says them, from its own phonemes.
MURMURS = {
    "mm hm": "[[m:h'm:]]",
    "uh huh": "[['Vh'V]]",
    "mm": "[[m'm:]]",
    "hm": "[[h'm:]]",
    "mhm": "[[m-h'm]]",
}


def random_voice(rng: np.random.Generator, kind: str = "known") -> Voice:
    """A user's voice: "known" to training, a "new" voice of a known engine, or of a "foreign" engine."""
    rate = float(np.exp(rng.uniform(np.log(0.8), np.log(1.3))))
    pitch = float(np.exp(rng.uniform(np.log(0.75), np.log(1.35))))
    if kind == "foreign":
        return Voice("festival", str(rng.choice(FESTIVAL)), float(np.clip(rate, 0.85, 1.2)), 1.0)
    share = 0.0 if kind == "new" else rng.random()
    if share < 0.6:
        variants = (
            HELD_OUT_VARIANTS if kind == "new" else tuple(v for v in VARIANTS if v not in HELD_OUT_VARIANTS)
        )
        return Voice("espeak", f"{rng.choice(ACCENTS)}+{rng.choice(variants)}", rate, pitch)
    if share < 0.82:
        return Voice("flite", str(rng.choice(FLITE)), rate, pitch)
    if share > 0.91 and rhvoice.installed():
        return Voice("rhvoice", str(rng.choice(RHVOICE)), rate, float(np.clip(pitch, 0.8, 1.3)))
    return Voice("pico", str(rng.choice(PICO)), rate, float(np.clip(pitch, 0.8, 1.3)))


def speak(voice: Voice, text: str) -> Audio:
    """``text`` in ``voice``, trimmed to the audible part, peak at 0.5.

    Raises:
        RuntimeError: the engine is missing or has no such voice.
    """
    return speak_many(voice, [text])[0].pcm


def speak_many(voice: Voice, texts: list[str]) -> list[Spoken]:
    """As :func:`speak` for many texts, with times; festival starts only once for all of them."""
    if voice.engine == "espeak":
        return [_speak_espeak(voice, t) for t in texts]
    if voice.engine == "flite":
        return [_speak_flite(voice, t) for t in texts]
    if voice.engine == "pico":
        return [_timed(voice, t, _speak_pico(voice, t)) for t in texts]
    if voice.engine == "rhvoice":
        return [_timed(voice, t, rhvoice.speak(voice.name, t, voice.rate, voice.pitch)) for t in texts]
    return [_timed(voice, t, pcm) for t, pcm in zip(texts, _speak_festival(voice, texts), strict=True)]


def _speak_espeak(voice: Voice, text: str) -> Spoken:
    said = espeak.speak(voice.name, MURMURS.get(text, text), voice.rate, voice.pitch)
    pcm, first = trimmed(said.pcm)
    phones = frames_of([(start - first, phone) for start, phone in said.phones], len(pcm))
    starts = {position: max(0, sample - first) for position, sample in said.words.items()}
    return Spoken(pcm, phones, word_ends(text, starts, len(pcm)))


def _speak_flite(voice: Voice, text: str) -> Spoken:
    options = ["--setf", f"duration_stretch={1 / voice.rate:.3f}"]
    if voice.pitch != 1.0:
        options += ["--setf", f"int_f0_target_mean={PITCH_HZ[voice.name] * voice.pitch:.1f}"]
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out.wav"
        command = ["flite", "-voice", voice.name, *options, "-psdur", "-t", text, "-o", str(out)]
        printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        pcm, first = trimmed(read_wav(out))
    starts: list[tuple[int, str]] = []
    begin = 0.0
    for mark in printed.split():
        phone, _, end = mark.partition(":")
        starts.append((round(begin * SAMPLE_RATE) - first, phone))
        begin = float(end)
    return replace(_timed(voice, text, pcm), pcm=pcm, phones=frames_of(starts, len(pcm)))


def _speak_pico(voice: Voice, text: str) -> Audio:
    """Pico's speed and pitch are set by tags in the text."""
    import ttspico  # only for those who train

    engine = ttspico.TtsEngine(voice.name)
    tagged = (
        f'<speed level="{100 * voice.rate:.0f}"><pitch level="{100 * voice.pitch:.0f}">{text}</pitch></speed>'
    )
    pcm16 = np.frombuffer(bytes(engine.speak(tagged)), np.int16)
    return soxr.resample(pcm16.astype(np.float32) / 32768, 16_000, SAMPLE_RATE)


def _speak_festival(voice: Voice, texts: list[str]) -> list[Audio]:
    with tempfile.TemporaryDirectory() as folder:
        lines = [f"(voice_{voice.name})", f"(Parameter.set 'Duration_Stretch {1 / voice.rate:.3f})"]
        paths = [Path(folder) / f"{i}.wav" for i in range(len(texts))]
        for path, text in zip(paths, texts, strict=True):
            lines.append(f'(utt.save.wave (utt.synth (Utterance Text "{text}")) "{path}")')
        script = Path(folder) / "say.scm"
        script.write_text("\n".join(lines))
        subprocess.run(["festival", "-b", str(script)], check=True, stdout=subprocess.DEVNULL)
        return [read_wav(path) for path in paths]


def _timed(voice: Voice, text: str, pcm: Audio) -> Spoken:
    """With the times of espeak-ng's voice of the nearest accent."""
    pcm, _ = trimmed(pcm)
    known = _speak_espeak(Voice("espeak", REFERENCES.get(voice.name, "en-us")), text)
    words, phones = aligned(pcm, known.pcm, known.words, known.phones)
    return Spoken(pcm, phones, words)


def read_wav(path: Path) -> Audio:
    with wave.open(str(path)) as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), np.int16).astype(np.float32) / 32768
        return soxr.resample(pcm, file.getframerate(), SAMPLE_RATE)


def word_ends(text: str, starts: dict[int, int], samples: int) -> tuple[float, ...]:
    """Where each word ends as a fraction of the whole, from the first sample of the words at some positions.

    Words that are said as one with the word before them ("on the") share its time by their letters.
    """
    told = dict(sorted(starts.items())) | {len(text): samples}
    told.setdefault(0, 0)
    positions = sorted(told)
    ends = [match.end() for match in re.finditer(r"\S+", text)]
    at = np.interp([*(e + 1 for e in ends[:-1]), len(text)], positions, [told[p] for p in positions])
    return tuple(np.minimum(np.maximum.accumulate(at) / samples, 1.0).tolist())
