"""A small deterministic model behind a lossless codec, so that all around a model can be tested exactly.

The model listens for energy. After `listen_frames` loud frames and then `quiet_frames` quiet ones it answers:
the step with the start token, one tone of 200 ms per word, and the step with the end token. Its user text
says "hello" and then " there" for every further 200 ms of loud input. `speech(ms)` makes a sound that both
this model and the voice detector take for a voice.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from tests.support.pcmcodec import FRAME, SAMPLE_RATE, ZERO, PcmCodec
from voicert.errors import ModelError
from voicert.models.base import Brief, Bundle, Control, Ints, Sampling, StepOutput, ToolRequest

PAD, START, END, FIRST_WORD = 0, 1, 2, 3
WORDS = (
    "one", " two", " three", " four", " five", " six", " seven", " eight", " nine", " ten",
    " eleven", " twelve", " thirteen", " fourteen", " fifteen", " sixteen", " seventeen", " eighteen",
    " nineteen", " twenty",
)  # fmt: skip


def silence(ms: int) -> NDArray[np.float32]:
    """``ms`` of digital silence, [samples]."""
    return np.zeros(ms * SAMPLE_RATE // 1000, np.float32)


def speech(ms: int, pitch_hz: float = 120.0, level: float = 0.3) -> NDArray[np.float32]:
    """``ms`` of buzzing vowels, [samples]: harmonics of a wavering pitch under three formants that wander."""
    t = np.arange(ms * SAMPLE_RATE // 1000) / SAMPLE_RATE
    phase = 2 * np.pi * (pitch_hz * t + 0.8 * np.sin(2 * np.pi * 3 * t))
    wave = np.zeros_like(t)
    wander = 1 + 0.3 * np.sin(2 * np.pi * 4 * t)
    for harmonic in range(1, int(3800 / pitch_hz)):
        hz = harmonic * pitch_hz
        gain = sum(np.exp(-(((hz - centre * wander) / 180.0) ** 2)) for centre in (600.0, 1100.0, 2500.0))
        wave += (gain + 0.02) * np.sin(harmonic * phase + harmonic)
    peak = float(np.abs(wave).max()) if wave.size else 1.0
    return (level * wave / max(peak, 1e-9)).astype(np.float32)


@dataclass(frozen=True)
class Script:
    """What the model listens for and what it answers."""

    words: tuple[str, ...] = WORDS
    word_frames: int = 10  # 200 ms per word
    tone_hz: float = 440.0  # of the first word; each next one is 20 Hz higher
    level: float = 0.3  # peak of the tones
    listen_frames: int = 5  # loud frames that make a request
    quiet_frames: int = 5  # quiet frames after it before the answer begins
    eager_frames: int = (
        0  # when above 0: the answer begins after so many loud frames, while the user still talks
    )
    by_loudness: bool = (
        False  # the first word depends on the exact samples heard, so sessions can be told apart
    )
    tool: str = ""  # the first answer is a call of this function, or of the client's first one
    threshold: float = 0.02  # RMS above which a frame is loud
    keep_frames: int = 500  # steps that rewind can undo


@dataclass(frozen=True)
class Ear:
    """Everything one slot remembers."""

    sampling: Sampling = field(default_factory=Sampling)
    steps: int = 0
    loud: int = 0  # loud frames of the request so far
    quiet: int = 0  # quiet frames since the last loud one
    heard: int = 0  # sum of the request's codes, for `by_loudness`
    at: int = -1  # next frame of the answer, -1 outside of one
    first: int = 0  # the word the answer begins with
    given: int = -1  # user text that was given from outside in the last step
    codes: bytes = b""  # user codes of the last step
    said: str = ""  # all that the assistant wrote, each answer as <one two>
    understood: str = ""  # all that was written of the user
    called: bool = False  # the function of the script was called


class ScriptedModel:
    """Answers energy with numbers. See the module's first lines."""

    name = "scripted"
    frame_rate = SAMPLE_RATE / FRAME
    num_codebooks = FRAME
    pad_id, start_id, end_id = PAD, START, END

    def __init__(self, max_slots: int, script: Script) -> None:
        self.max_slots = max_slots
        self.script = script
        self.pieces = ("", "", "", *script.words, "hello", " there")
        self.ears = [Ear() for _ in range(max_slots)]
        self.rewind_frames = script.keep_frames
        self.answer_lead_frames = 0
        self.briefs = [Brief() for _ in range(max_slots)]  # what was asked of each slot
        self.undone: list[list[Ear]] = [[] for _ in range(max_slots)]  # the last step first
        self.past: list[deque[Ear]] = [deque(maxlen=script.keep_frames) for _ in range(max_slots)]
        self.tones = [_tone(script, i) for i in range(len(script.words))]  # each [word_frames, K]

    def piece(self, token: int) -> str:
        return self.pieces[token]

    def tokens(self, text: str) -> list[int]:
        """A word it knows is one token, any other the first "hello"."""
        known = {piece.strip(): token for token, piece in enumerate(self.pieces) if piece}
        return [known.get(word, len(self.pieces) - 2) for word in text.split()]

    def reset(self, slot: int, sampling: Sampling) -> None:
        self.ears[slot], self.briefs[slot] = Ear(sampling), Brief()
        self.past[slot].clear()
        self.undone[slot].clear()

    def step(self, slots: Ints, user_codes: Ints, control: Control) -> StepOutput:
        text, user_text = np.full(len(slots), PAD), np.full(len(slots), PAD)
        codes = np.full((len(slots), FRAME), ZERO)
        wants = np.zeros(len(slots), np.bool_)
        calls: dict[int, ToolRequest] = {}
        for row, brief in control.briefs.items():
            self.briefs[int(slots[row])] = brief
        for row, slot in enumerate(slots.tolist()):
            ear = self.ears[slot]
            self.past[slot].append(ear)
            self.undone[slot].clear()
            given = int(control.user_text[row])
            ear, user_text[row] = self._listen(ear, user_codes[row])
            if given >= 0:
                user_text[row] = given
                if given != PAD:  # a typed word is as good as a spoken one
                    ear = replace(ear, loud=self.script.listen_frames, quiet=0)
            wants[row] = self._wants(ear)
            if control.hush[row]:
                ear, text[row], codes[row] = self._hush(ear)
            else:
                calling = bool(self.script.tool) and not ear.called
                ear, text[row], codes[row] = self._answer(ear, bool(control.start[row]))
                if calling and text[row] == START:
                    defined = [tool["name"] for tool in self.briefs[slot].tools]
                    calls[row] = ToolRequest((defined or [self.script.tool])[0], '{"loud":true}')
                    ear = replace(ear, called=True, at=len(self.script.words) * self.script.word_frames)
            self.ears[slot] = replace(
                ear,
                steps=ear.steps + 1,
                given=given,
                codes=user_codes[row].astype(np.int32).tobytes(),
                said=ear.said + {PAD: "", START: "<", END: ">"}.get(int(text[row]), self.pieces[text[row]]),
                understood=ear.understood + self.pieces[user_text[row]],
            )
        return StepOutput(text, user_text, codes, wants, calls)

    def written(self, slot: int) -> list[str]:
        """The answers that a slot remembers, the last one perhaps unfinished."""
        return [said.rstrip(">").strip() for said in self.ears[slot].said.split("<")[1:]]

    def understood(self, slot: int) -> str:
        """What a slot remembers of the user's text."""
        return self.ears[slot].understood

    def rewind(self, slot: int, frames: int) -> None:
        if not 0 <= frames <= len(self.past[slot]):
            raise ModelError(f"only {len(self.past[slot])} steps are kept, {frames} were to be forgotten")
        for _ in range(frames):
            self.undone[slot].append(self.ears[slot])
            self.ears[slot] = self.past[slot].pop()

    def retake(self, slot: int, frames: int) -> StepOutput:
        undone = list(self.undone[slot])
        if not 1 <= frames <= len(undone):
            raise ModelError(f"cannot retake {frames} steps: {len(undone)} of this slot are undone")
        made: list[StepOutput] = []
        for _ in range(frames):
            ear = undone.pop()
            control = Control(np.array([True]), np.array([False]), np.array([ear.given]))
            made.append(self.step(np.array([slot]), np.frombuffer(ear.codes, np.int32)[None], control))
        self.undone[slot] = undone
        return StepOutput(
            np.concatenate([out.text for out in made]),
            np.concatenate([out.user_text for out in made]),
            np.concatenate([out.codes for out in made]),
            np.concatenate([out.wants for out in made]),
        )

    def snapshot(self, slot: int) -> tuple[Ear, tuple[Ear, ...], tuple[Ear, ...]]:
        return self.ears[slot], tuple(self.past[slot]), tuple(self.undone[slot])

    def restore(self, slot: int, saved: tuple[Ear, tuple[Ear, ...], tuple[Ear, ...]]) -> None:
        self.ears[slot] = saved[0]
        self.past[slot] = deque(saved[1], maxlen=self.script.keep_frames)
        self.undone[slot] = list(saved[2])

    def _listen(self, ear: Ear, codes: NDArray[np.int64]) -> tuple[Ear, int]:
        pcm = (codes - ZERO) / 32_768.0
        if float(np.sqrt(np.mean(pcm * pcm))) > self.script.threshold:
            ear = replace(ear, loud=ear.loud + 1, quiet=0, heard=ear.heard + int(codes.sum()))
            if ear.loud == self.script.listen_frames:
                return ear, len(self.pieces) - 2  # "hello"
            if ear.loud > self.script.listen_frames and (ear.loud - self.script.listen_frames) % 10 == 0:
                return ear, len(self.pieces) - 1  # " there"
            return ear, PAD
        ear = replace(ear, quiet=ear.quiet + 1)
        if ear.quiet > self.script.quiet_frames:  # too short for a request, or spoken into an answer
            ear = replace(ear, loud=0, heard=0)
        return ear, PAD

    def _hush(self, ear: Ear) -> tuple[Ear, int, NDArray[np.int64]]:
        return replace(ear, at=-1), END if ear.at >= 0 else PAD, np.full(FRAME, ZERO)

    def _wants(self, ear: Ear) -> bool:
        script = self.script
        asked = ear.loud >= script.listen_frames and ear.quiet >= script.quiet_frames
        eager = bool(script.eager_frames) and ear.loud >= script.eager_frames
        return ear.at < 0 and (asked or eager)

    def _answer(self, ear: Ear, forced: bool) -> tuple[Ear, int, NDArray[np.int64]]:
        script, still = self.script, np.full(FRAME, ZERO)
        if ear.at < 0:
            if not forced and not self._wants(ear):
                return ear, PAD, still
            first = ear.heard % len(script.words) if script.by_loudness else 0
            return replace(ear, at=0, first=first, loud=0, heard=0), START, still
        word, frame = divmod(ear.at, script.word_frames)
        if word >= len(script.words):
            return replace(ear, at=-1), END, still
        word = (word + ear.first) % len(script.words)
        ear = replace(ear, at=ear.at + 1)
        return ear, FIRST_WORD + word if frame == 0 else PAD, self.tones[word][frame]


def _tone(script: Script, word: int) -> NDArray[np.int64]:
    samples = script.word_frames * FRAME
    t = np.arange(samples) / SAMPLE_RATE
    fade = np.minimum(1.0, np.minimum(np.arange(samples), np.arange(samples)[::-1]) / 120.0)  # 5 ms
    wave = script.level * fade * np.sin(2 * np.pi * (script.tone_hz + 20.0 * word) * t)
    return (np.rint(wave * 32_767.0).astype(np.int64) + ZERO).reshape(script.word_frames, FRAME)


ABLE = frozenset({"typed_text", "user_transcripts"})
EXAMPLES = ("Hello there.", "Anything loud.")  # shown by the page


def scripted_bundle(max_slots: int, script: Script | None = None) -> Bundle:
    """The scripted model with its codec, as ``voicert.models.load`` would give it."""
    model = ScriptedModel(max_slots, script or Script())
    return Bundle(
        model,
        PcmCodec(),
        Sampling(),
        EXAMPLES,
        ABLE | {"tools", "instructions"} if model.script.tool else ABLE,
    )
