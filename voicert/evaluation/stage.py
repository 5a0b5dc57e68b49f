"""Runs trials side by side through codec, model and codec, frame by frame, as the engine would."""

from __future__ import annotations

import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voicert.evaluation.material import Material, Pcm, Trial
from voicert.models.base import Bundle, Control

PATIENCE_S = 2.5  # a model that has not begun by then after the request did not answer
LONGEST_S = 40.0  # an answer that goes on for longer is not waited for
AUDIBLE = 10 ** (-50 / 20)
FLOOR = 10 ** (-70 / 20)  # the room, where nothing else is heard


@dataclass
class Answer:
    """One answer as it was given. Times in samples of the trial's input."""

    started: int  # the frame that it began with had ended
    text: str = ""
    audible: int | None = None  # first audible sample: it is heard after the frame that it answers to
    ended: int | None = None
    sound: list[Pcm] = field(default_factory=list[Pcm])

    @property
    def pcm(self) -> Pcm:
        return np.concatenate(self.sound) if self.sound else np.zeros(0, np.float32)


@dataclass
class Course:
    """How one trial went."""

    trial: Trial
    answers: list[Answer] = field(default_factory=list[Answer])
    heard: str = ""  # what the model wrote down of the user
    second_at: int | None = None  # sample at which the second sound began

    def answer_after(self, sample: int) -> Answer | None:
        """The first answer that began at or after ``sample``."""
        return next((a for a in self.answers if a.started >= sample), None)


class _Player:
    """One slot: what the trial says next, and what it is answered."""

    def __init__(self, trial: Trial, material: Material, bundle: Bundle, rng: np.random.Generator) -> None:
        self.course = Course(trial)
        self._model = bundle.model
        self._frame = bundle.codec.frame_size
        self._sound = material.sound(trial.audio)
        self._second = material.sound(trial.second.audio) if trial.second else np.zeros(0, np.float32)
        self._rate = bundle.codec.sample_rate
        self._tokens = bundle.model.tokens(trial.text) if trial.typed else []
        self._typed = 0  # tokens given
        self._clock = 0  # samples given
        self._rng = rng
        self._open: Answer | None = None
        self.done = False

    def next(self) -> tuple[Pcm, int]:
        """The next frame of the user, and the token of typed text that goes with it (-1: none)."""
        pcm = self._rng.standard_normal(self._frame).astype(np.float32) * np.float32(FLOOR)
        self._mix(pcm, self._sound, 0)
        if self.course.second_at is not None:
            self._mix(pcm, self._second, self.course.second_at)
        self._clock += self._frame
        token = -1
        if self._clock > self._rate // 2 and self._typed < len(self._tokens):  # half a second to settle
            token = self._tokens[self._typed]
            self._typed += 1
        return pcm, token

    def take(self, text: int, user_text: int, given: bool, pcm: Pcm) -> None:
        """What the model made of it."""
        model, course = self._model, self.course
        if user_text != model.pad_id and not given:
            course.heard += model.piece(user_text)
        if text == model.start_id:
            self._open = Answer(self._clock)
            course.answers.append(self._open)
        answer = self._open
        if answer is not None:
            answer.sound.append(pcm)
            answer.text += model.piece(text)
            loud = np.flatnonzero(np.abs(pcm) > AUDIBLE)
            if answer.audible is None and len(loud):
                answer.audible = self._clock + int(loud[0])
            if text == model.end_id:
                answer.ended, self._open = self._clock, None
        self._plan()

    def _mix(self, pcm: Pcm, sound: Pcm, at: int) -> None:
        first = self._clock - at
        if -len(pcm) < first < len(sound):
            part = sound[max(0, first) : first + len(pcm)]
            pcm[max(0, -first) : max(0, -first) + len(part)] += part

    def _plan(self) -> None:
        """Places the second sound, and decides whether the trial is over."""
        course, trial = self.course, self.course.trial
        if trial.second and course.second_at is None:
            begun = next((a for a in course.answers if a.audible is not None), None)
            if begun and begun.audible is not None:
                course.second_at = max(
                    self._clock, begun.audible + trial.second.after_ms * self._rate // 1000
                )
        said = len(self._sound) if self._typed == len(self._tokens) else self._clock
        if course.second_at is not None:
            said = max(said, course.second_at + len(self._second))
        if self._clock < said:
            return
        begun = course.answers[-1].started if course.answers else 0
        waited = self._clock - max(said, begun) > PATIENCE_S * self._rate
        if self._open is None:
            answered = bool(course.answers) and course.answers[-1].started > said - self._rate // 2
            self.done = answered or waited
        else:
            self.done = self._clock - self._open.started > LONGEST_S * self._rate


def run_trials(
    bundle: Bundle, material: Material, trials: Sequence[Trial], slots: int, seed: int = 0
) -> Iterator[Course]:
    """Every trial in a slot of its own, ``slots`` at a time, as they come to their ends."""
    waiting = list(reversed(trials))
    model, codec = bundle.model, bundle.codec
    state = codec.init_state(slots)
    players: dict[int, _Player] = {}
    while waiting or players:
        for slot in range(slots):
            if slot not in players and waiting:
                trial = waiting.pop()
                room = np.random.default_rng([seed, zlib.crc32(f"{trial.row} {trial.text}".encode())])
                players[slot] = _Player(trial, material, bundle, room)
                model.reset(slot, bundle.sampling)
                codec.reset(state, slot)
        rows = np.array(sorted(players))
        frames = [players[int(slot)].next() for slot in rows]
        given = np.array([token for _, token in frames])
        pcm = np.stack([frame for frame, _ in frames])
        none = np.zeros(len(rows), np.bool_)
        codes = codec.encode(pcm, state, rows)[:, :, 0]
        out = model.step(rows, codes, Control(none, none, given))
        voice = codec.decode(out.codes[:, :, None], state, rows).copy()
        for i, slot in enumerate(rows.tolist()):
            players[slot].take(int(out.text[i]), int(out.user_text[i]), given[i] >= 0, voice[i])
            if players[slot].done:
                yield players.pop(slot).course


def frame_times_ms(bundle: Bundle, frames: int, warm_frames: int) -> NDArray[np.float64]:
    """[frames] milliseconds that encode, model and decode take for one session whose context is full."""
    model, codec = bundle.model, bundle.codec
    state, slot = codec.init_state(1), np.zeros(1, np.int64)
    model.reset(0, bundle.sampling)
    pcm = np.random.default_rng(0).standard_normal((1, codec.frame_size)).astype(np.float32) * np.float32(
        FLOOR
    )
    times: list[float] = []
    for frame in range(warm_frames + frames):
        begun = time.perf_counter()
        codes = codec.encode(pcm, state, slot)[:, :, 0]
        out = model.step(slot, codes, Control.free(1))
        codec.decode(out.codes[:, :, None], state, slot)
        if frame >= warm_frames:
            times.append((time.perf_counter() - begun) * 1e3)
    return np.array(times)
