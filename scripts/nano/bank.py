"""A bank of spoken requests and answers on disk, with the phone of every 20 ms where the engine tells it.

``audio.i16`` holds the samples of everything one after the other, each beginning at a multiple of a frame;
``phones.u8`` one class per frame; ``index.jsonl`` one line per utterance, then one per answer.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nano import lessons
from nano.lessons import Exchange
from nano.sound import FRAME, SAMPLE_RATE, Audio
from nano.voices import ASSISTANT, MURMURS, Spoken, Voice, random_voice, speak_many

BLOCK = 48  # utterances of one voice in a row: festival starts once for them
FOLLOWS, AGAINS, SMALL = 0.12, 0.02, 0.03  # shares of follow-ups, of "say that again" and of small sounds
# What a listener says without wanting the turn; none of them begins a request.
SMALL_SOUNDS = ("yeah", "right", "really", "wow", "nice", "aha", "cool", "ah", "interesting", "yep")
HELD_OUT_KINDS = ("known", "new", "foreign")  # voices, each with held-out wordings


@dataclass(frozen=True)
class Utterance:
    """One request as somebody said it; ``after`` as in `Exchange`, "small" for what asks for nothing."""

    text: str
    answer: str
    family: str
    topic: str
    after: str
    engine: str
    voice: str
    kind: str  # of voice: "known", "new" or "foreign"
    held_out: bool  # the wording is never trained on
    start: int  # in samples of the audio file
    length: int
    words: list[float]  # end of every word as a fraction of the whole

    @property
    def trained(self) -> bool:
        return self.kind == "known" and not self.held_out


@dataclass(frozen=True)
class Answer:
    """One answer in the assistant's voice."""

    text: str
    start: int
    length: int
    words: list[float]


class Bank:
    """Read access; audio and phones are memory maps."""

    def __init__(self, folder: Path) -> None:
        self.utterances: list[Utterance] = []
        self.answers: dict[str, Answer] = {}
        with (folder / "index.jsonl").open() as lines:
            for line in lines:
                row = json.loads(line)
                if "voice" in row:
                    self.utterances.append(Utterance(**row))
                else:
                    self.answers[row["text"]] = Answer(**row)
        self._audio: NDArray[np.int16] = np.memmap(folder / "audio.i16", np.int16, "r")
        self._phones: NDArray[np.uint8] = np.memmap(folder / "phones.u8", np.uint8, "r")

    def audio(self, item: Utterance | Answer) -> Audio:
        return self._audio[item.start : item.start + item.length].astype(np.float32) / 32768

    def phones(self, item: Utterance | Answer) -> NDArray[np.uint8]:
        """[ceil(length / FRAME)] see `nano.phones`."""
        first = item.start // FRAME
        return np.asarray(self._phones[first : first - (-item.length // FRAME)])


@dataclass(frozen=True)
class _Said:
    exchange: Exchange
    voice: Voice
    kind: str
    pcm16: NDArray[np.int16]
    phones: NDArray[np.uint8]
    words: list[float]


def _draw(rng: np.random.Generator, held_out: bool, engine: str) -> Exchange:
    share = rng.random()
    if share < AGAINS:
        return lessons.again(rng, held_out)
    if not held_out and share < AGAINS + FOLLOWS:
        return lessons.follow(rng)
    if not held_out and share < AGAINS + FOLLOWS + SMALL:
        murmur = engine == "espeak" and rng.random() < 0.6
        sound = rng.choice(tuple(MURMURS) if murmur else SMALL_SOUNDS)
        return Exchange(str(sound), "", "small", "", after="small")
    return lessons.draw(rng, held_out)


def _block(seed: int, kind: str, what: str) -> list[_Said]:
    """`BLOCK` utterances of one voice, whose tempo and pitch drift a little; ``what`` as in `_blocks`."""
    rng = np.random.default_rng(seed)
    base = random_voice(rng, kind)
    said: list[_Said] = []
    for _ in range(0, BLOCK, 6):
        tempo, pitch = rng.uniform(0.92, 1.08, 2)
        voice = Voice(
            base.engine,
            base.name,
            base.rate * tempo,
            base.pitch * (pitch if base.engine != "festival" else 1.0),
        )
        some = [
            lessons.reading(rng) if what == "readings" else _draw(rng, what == "held out", base.engine)
            for _ in range(6)
        ]
        for exchange, spoken in zip(some, speak_many(voice, [e.request for e in some]), strict=True):
            said.append(_Said(exchange, voice, kind, _pcm16(spoken), spoken.phones, _words(spoken)))
    return said


def _answer(text: str) -> tuple[str, NDArray[np.int16], NDArray[np.uint8], list[float]]:
    spoken = speak_many(ASSISTANT, [text])[0]
    return text, _pcm16(spoken), spoken.phones, _words(spoken)


def _pcm16(spoken: Spoken) -> NDArray[np.int16]:
    return (spoken.pcm * 32767).astype(np.int16)


def _words(spoken: Spoken) -> list[float]:
    return [round(w, 4) for w in spoken.words]


class BankWriter:
    """Appends to the three files."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._audio = (folder / "audio.i16").open("wb")
        self._phones = (folder / "phones.u8").open("wb")
        self._index = (folder / "index.jsonl").open("w")
        self.position = 0

    def add(self, pcm16: NDArray[np.int16], phones: NDArray[np.uint8]) -> int:
        """Where it begins; it is padded to whole frames."""
        start = self.position
        padded = np.pad(pcm16, (0, -len(pcm16) % FRAME))
        self._audio.write(padded.tobytes())
        self._phones.write(phones.tobytes())
        self.position += len(padded)
        return start

    def list(self, row: Utterance | Answer) -> None:
        self._index.write(json.dumps(asdict(row)) + "\n")

    def close(self) -> None:
        for file in (self._audio, self._phones, self._index):
            file.close()


def _blocks(pool: ProcessPoolExecutor, kinds: list[tuple[str, str]], seed: int) -> Iterator[list[_Said]]:
    """``kinds``: of every block the kind of voice, and "trained", "held out" or "readings"."""
    seeds = [seed * 1_000_003 + i for i in range(len(kinds))]
    yield from pool.map(_block, seeds, [k for k, _ in kinds], [w for _, w in kinds], chunksize=4)


def build(folder: Path, blocks: int, held_out_blocks: int, seed: int, workers: int) -> None:
    """Speaks ``blocks * BLOCK`` utterances to train on, then held-out wordings in voices of all kinds.

    The folder appears when it is complete.
    """
    kinds = [("known", "trained")] * blocks
    kinds += [(kind, "held out") for kind in HELD_OUT_KINDS for _ in range(held_out_blocks)]
    _speak(folder, kinds, lessons.answers(), seed, workers)


def build_readings(folder: Path, blocks: int, seed: int, workers: int) -> None:
    """A bank of ``blocks * BLOCK`` readings (`lessons.reading`) and no answers."""
    _speak(folder, [("known", "readings")] * blocks, [], seed + 1, workers)


def _speak(folder: Path, kinds: list[tuple[str, str]], told: list[str], seed: int, workers: int) -> None:
    unfinished = folder.with_name(f"{folder.name}.new")
    writer = BankWriter(unfinished)
    answers = dict.fromkeys(told)
    with ProcessPoolExecutor(workers) as pool:
        for number, said in enumerate(_blocks(pool, kinds, seed)):
            for s in said:
                e, start = s.exchange, writer.add(s.pcm16, s.phones)
                said_as = (e.request, e.answer, e.family, e.topic, e.after, s.voice.engine, s.voice.name)
                writer.list(Utterance(*said_as, s.kind, e.held_out, start, len(s.pcm16), s.words))
                if e.answer:
                    answers.setdefault(e.answer)
            if number % 50 == 0:
                print(f"bank: block {number}, {writer.position / SAMPLE_RATE / 3600:.2f} h", flush=True)
        for text, pcm16, phones, words in pool.map(_answer, answers, chunksize=8):
            writer.list(Answer(text, writer.add(pcm16, phones), len(pcm16), words))
    writer.close()
    if folder.exists():
        shutil.rmtree(folder)
    unfinished.rename(folder)
    print(f"bank: {len(answers)} answers, {writer.position / SAMPLE_RATE / 3600:.2f} h in all", flush=True)
