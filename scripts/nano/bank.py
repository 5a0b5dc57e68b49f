"""A bank of spoken requests and answers on disk: one file of int16 samples and an index beside it."""

from __future__ import annotations

import json
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nano.domain import OUT_OF_DOMAIN, TOPICS
from nano.voices import ASSISTANT, SAMPLE_RATE, Audio, Voice, random_voice, speak, speak_many, word_ends

BLOCK = 48  # utterances of one voice in a row: festival starts once for them


@dataclass(frozen=True)
class Utterance:
    text: str
    topic: int  # index into TOPICS
    engine: str
    voice: str
    rate: float
    pitch: float
    start: int  # in samples of the audio file
    length: int
    held_out: bool  # the voice or the wording is never trained on


class Bank:
    """Read access; audio is a memory map."""

    def __init__(self, folder: Path) -> None:
        index = json.loads((folder / "index.json").read_text())
        self.utterances = [Utterance(**u) for u in index["utterances"]]
        self.answers = [tuple(a) for a in index["answers"]]  # (start, length) per topic
        self.word_ends: dict[str, list[float]] = index["word_ends"]
        self._audio: NDArray[np.int16] = np.memmap(folder / "audio.i16", np.int16, "r")

    def audio(self, start: int, length: int) -> Audio:
        return self._audio[start : start + length].astype(np.float32) / 32768

    def utterance(self, u: Utterance) -> Audio:
        return self.audio(u.start, u.length)

    def answer(self, topic: int) -> Audio:
        return self.audio(*self.answers[topic])


def _block(
    seed: int, held_out_voice: bool, held_out_wording: bool
) -> list[tuple[str, int, Voice, NDArray[np.int16]]]:
    rng = np.random.default_rng(seed)
    voice = random_voice(rng, held_out_voice)
    weights = np.array([2.5 if t is OUT_OF_DOMAIN else 1.0 for t in TOPICS])
    chosen: list[tuple[str, int]] = []
    for _ in range(BLOCK):
        topic = int(rng.choice(len(TOPICS), p=weights / weights.sum()))
        texts = TOPICS[topic].held_out_requests() if held_out_wording else TOPICS[topic].requests()
        chosen.append((str(rng.choice(texts)), topic))
    result: list[tuple[str, int, Voice, NDArray[np.int16]]] = []
    for begin in range(0, BLOCK, 6):  # the voice keeps its name but changes its tempo and pitch a little
        some = chosen[begin : begin + 6]
        v = Voice(
            voice.engine,
            voice.name,
            voice.rate * rng.uniform(0.92, 1.08),
            voice.pitch * rng.uniform(0.92, 1.08),
        )
        if voice.engine == "festival":
            v = Voice(voice.engine, voice.name, v.rate, 1.0)
        for (text, topic), pcm in zip(some, speak_many(v, [t for t, _ in some]), strict=True):
            result.append((text, topic, v, (pcm * 32767).astype(np.int16)))
    return result


def _word_ends(texts: list[str]) -> dict[str, list[float]]:
    return {t: word_ends(t) for t in texts}


def build(folder: Path, blocks: int, held_out_blocks: int, seed: int, workers: int) -> None:
    """Speaks ``blocks * BLOCK`` training utterances and, held out, new voices and new wordings."""
    folder.mkdir(parents=True, exist_ok=True)
    utterances: list[Utterance] = []
    position = 0
    kinds = [(False, False)] * blocks + [(True, False), (False, True), (True, True)] * held_out_blocks
    with (folder / "audio.i16").open("wb") as audio, ProcessPoolExecutor(workers) as pool:
        answers: list[tuple[int, int]] = []
        for topic in TOPICS:
            pcm = (speak(ASSISTANT, topic.answer) * 32767).astype(np.int16)
            audio.write(pcm.tobytes())
            answers.append((position, len(pcm)))
            position += len(pcm)
        seeds = [seed * 100_000 + i for i in range(len(kinds))]
        done = pool.map(_block, seeds, [v for v, _ in kinds], [w for _, w in kinds])
        for number, ((new_voice, new_wording), spoken) in enumerate(zip(kinds, done, strict=True)):
            for text, topic, v, pcm in spoken:
                audio.write(pcm.tobytes())
                held_out = new_voice or new_wording
                utterances.append(
                    Utterance(text, topic, v.engine, v.name, v.rate, v.pitch, position, len(pcm), held_out)
                )
                position += len(pcm)
            if number % 20 == 0:
                print(
                    f"bank: {number}/{len(kinds)} blocks, {position / SAMPLE_RATE / 3600:.2f} h", flush=True
                )
        texts = sorted({u.text for u in utterances} | {t.answer for t in TOPICS})
        chunks = [texts[i::16] for i in range(16)]
        ends: dict[str, list[float]] = {}
        for part in pool.map(_word_ends, chunks):
            ends |= part
    index = {"utterances": [asdict(u) for u in utterances], "answers": answers, "word_ends": ends}
    (folder / "index.json").write_text(json.dumps(index))
    print(f"bank: {len(utterances)} utterances, {position / SAMPLE_RATE / 3600:.2f} h", flush=True)
