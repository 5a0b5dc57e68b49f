"""The duplex model run by ONNX Runtime: one step over the ready slots, keys and values updated in place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from voicert.errors import ModelError
from voicert.models.base import Bools, Control, Ints, Sampling, StepOutput
from voicert.models.config import ModelConfig
from voicert.models.sampling import draw, uniforms
from voicert.models.vocabulary import END, PAD, START, Vocabulary

Floats = NDArray[np.float32]
REWIND_FRAMES = 500  # how far back a slot can go: 10 s


@dataclass
class SlotStates:
    """Everything a slot is, beside its keys and values; the tokens of the last steps stand in a ring.

    Step ``p`` of slot ``s`` is written at ``[s, p % ring]``.
    """

    position: Ints  # [S] steps so far
    reach: Ints  # [S] the largest position there was: what lies too far before it is overwritten
    undone: Ints  # [S] steps after the position that were rewound and can be retaken
    text: Ints  # [S, ring]
    user_text: Ints  # [S, ring]
    user: Ints  # [S, ring, K] the user's codes
    codes: Ints  # [S, ring, K] rows as written: row k is of the frame delays[k] steps ago
    answering: Bools  # [S, ring] the step belongs to an answer that goes on after it
    hushed: Bools  # [S, ring]
    given: Ints  # [S, ring] user text that was given from outside, -1 for none

    def parts(self) -> tuple[NDArray[Any], ...]:
        tokens = (self.text, self.user_text, self.user, self.codes)
        return self.position, self.reach, self.undone, *tokens, self.answering, self.hushed, self.given


@dataclass(frozen=True)
class Snapshot:
    """A copy of one slot."""

    keys_values: list[Floats]
    parts: tuple[NDArray[Any], ...]  # as in SlotStates
    sampling: Sampling


class OnnxSpeechModel:
    """See :class:`voicert.models.base.SpeechModel`.

    Args:
        session: of the graph that ``voicert.models.export`` writes.
        silence: [K] the codes of a silent frame.
        max_slots: sessions that it can hold at once; their caches are allocated here.
    """

    def __init__(self, name: str, session: ort.InferenceSession, config: ModelConfig, vocabulary: Vocabulary,
                 silence: Ints, max_slots: int) -> None:  # fmt: skip
        self.name = name
        self.config = config
        self.frame_rate = config.frame_rate
        self.num_codebooks = config.codebooks
        self.max_slots = max_slots
        self.pad_id, self.start_id, self.end_id = PAD, START, END
        self.rewind_frames = REWIND_FRAMES
        self.answer_lead_frames = config.answer_lead_frames
        self.vocabulary = vocabulary
        self._silence = silence
        self._capacity = config.window + REWIND_FRAMES
        reach = max(config.max_delay, config.user_frames, config.longest_quiet)
        self._ring = REWIND_FRAMES + reach + 1
        self._quiet = np.arange(1, config.longest_quiet + 1)  # steps ago
        self._back = np.arange(1 - config.user_frames, 1)  # the frames that a step hears, seen from its own
        self._sampling = [Sampling()] * max_slots
        self._states = SlotStates(
            *(np.zeros(max_slots, np.int64) for _ in range(3)),
            np.full((max_slots, self._ring), PAD),
            np.full((max_slots, self._ring), PAD),
            np.broadcast_to(silence, (max_slots, self._ring, config.codebooks)).copy(),
            np.broadcast_to(silence, (max_slots, self._ring, config.codebooks)).copy(),
            np.zeros((max_slots, self._ring), np.bool_),
            np.zeros((max_slots, self._ring), np.bool_),
            np.full((max_slots, self._ring), -1),
        )
        self._runner = StepRunner(session, config, max_slots, self._capacity)

    def piece(self, token: int) -> str:
        return self.vocabulary.piece(token)

    def reset(self, slot: int, sampling: Sampling) -> None:
        s = self._states
        s.position[slot] = s.reach[slot] = s.undone[slot] = 0
        s.text[slot] = s.user_text[slot] = PAD
        s.user[slot] = s.codes[slot] = self._silence
        s.answering[slot] = s.hushed[slot] = False
        s.given[slot] = -1
        self._sampling[slot] = sampling

    def step(self, slots: Ints, user_codes: Ints, control: Control) -> StepOutput:
        s = self._states
        position = s.position[slots]
        now = position % self._ring
        before = (position - 1) % self._ring  # before step 0 stands the silence of reset
        s.user[slots, now] = user_codes
        heard = s.user[slots[:, None], (position[:, None] + self._back) % self._ring]  # [B, F, K]
        logits = self._runner.run(
            heard.transpose(0, 2, 1),
            s.codes[slots, before],
            s.text[slots, before],
            s.user_text[slots, before],
            slots,
            position,
        )
        answering = s.answering[slots, before]
        text, user_text, codes = self._sample(slots, position, logits, answering)
        user_text = np.where(control.user_text < 0, user_text, control.user_text)
        wants = text == START
        quiet = (s.text[slots[:, None], (position[:, None] - self._quiet) % self._ring] == PAD).all(1)
        text = np.where(answering & quiet & (text == PAD), END, text)  # it lost its thread
        text = np.where(control.start & ~answering, START, text)
        text = np.where(control.hush, np.where(answering, END, PAD), text)
        inside = answering | (text == START)
        codes[~inside | control.hush] = self._silence
        s.text[slots, now], s.user_text[slots, now], s.codes[slots, now] = text, user_text, codes
        s.answering[slots, now], s.hushed[slots, now] = inside & (text != END), control.hush
        s.given[slots, now] = control.user_text
        s.position[slots] = position + 1
        s.undone[slots] = 0
        s.reach[slots] = np.maximum(s.reach[slots], position + 1)
        return StepOutput(text, user_text, self._complete_frame(slots, position), wants)

    def rewind(self, slot: int, frames: int) -> None:
        s = self._states
        kept = int(s.position[slot] - max(0, s.reach[slot] - REWIND_FRAMES))
        if not 0 <= frames <= kept:
            raise ModelError(f"cannot go back {frames} frames: this slot can go back 0 to {kept}")
        s.position[slot] -= frames
        s.undone[slot] += frames

    def retake(self, slot: int, frames: int) -> StepOutput:
        s, row = self._states, np.array([slot])
        left = int(s.undone[slot]) - frames
        if frames < 1 or left < 0:
            raise ModelError(f"cannot retake {frames} steps: {s.undone[slot]} of this slot are undone")
        made: list[StepOutput] = []
        for _ in range(frames):
            now = s.position[row] % self._ring
            control = Control(np.array([True]), np.array([False]), s.given[row, now])
            made.append(self.step(row, s.user[row, now], control))
        s.undone[slot] = left
        names = ("text", "user_text", "codes", "wants")
        return StepOutput(*(np.concatenate([getattr(out, name) for out in made]) for name in names))

    def snapshot(self, slot: int) -> Snapshot:
        parts = tuple(part[slot].copy() for part in self._states.parts())
        return Snapshot(self._runner.read(slot), parts, self._sampling[slot])

    def restore(self, slot: int, saved: Snapshot) -> None:
        self._runner.write(slot, saved.keys_values)
        for part, old in zip(self._states.parts(), saved.parts, strict=True):
            part[slot] = old
        self._sampling[slot] = saved.sampling

    def _sample(
        self, slots: Ints, position: Ints, logits: Logits, answering: Bools
    ) -> tuple[Ints, Ints, Ints]:
        """An answer starts only outside of one and ends only inside; all else follows the logits."""
        count = len(slots)
        text, user_text = np.empty(count, np.int64), logits.user_text.argmax(-1)
        codes = np.empty((count, self.num_codebooks), np.int64)
        for i in range(count):
            sampling = self._sampling[int(slots[i])]
            row = logits.text[i]
            if answering[i]:
                row[START] = -np.inf
            else:
                row = row[: START + 1]  # PAD or START
            random = uniforms(sampling.seed, int(position[i]), self.num_codebooks + 1)
            text[i] = draw(row[None], sampling.text_temperature, sampling.text_top_k, random[:1])[0]
            codes[i] = draw(logits.codes[i], sampling.temperature, sampling.top_k, random[1:])
        return text, user_text, codes

    def _complete_frame(self, slots: Ints, position: Ints) -> Ints:
        """[B, K]: the frame whose last row was written in this step.

        It is silence before the first one, and where a hush came before all of its rows were written.
        """
        delay = self.config.max_delay
        frame = position - delay
        steps = frame[:, None] + np.array(self.config.delays)  # [B, K]
        codes = self._states.codes[slots[:, None], steps % self._ring, np.arange(self.num_codebooks)]
        span = frame[:, None] + np.arange(delay + 1)  # [B, delay + 1] the steps that wrote its rows
        hushed = self._states.hushed[slots[:, None], span % self._ring].any(1)
        return np.where((hushed | (frame < 0))[:, None], self._silence, codes)


@dataclass
class Logits:
    text: Floats  # [B, V]
    user_text: Floats  # [B, V]
    codes: Floats  # [B, K, N]


class StepRunner:
    """The graph, its in-place caches, and the angles and masks it is given."""

    def __init__(self, session: ort.InferenceSession, config: ModelConfig, slots: int, capacity: int) -> None:
        self._session = session
        self._config = config
        self._capacity = capacity
        shape = (slots, config.kv_heads, capacity, config.head_dim)
        self._arrays = [np.zeros(shape, np.float32) for _ in range(2 * config.layers)]
        self._caches = [ort.OrtValue.ortvalue_from_numpy(a) for a in self._arrays]
        self._arrays = [c.numpy() for c in self._caches]  # views of what the graph works on
        half = np.arange(0, config.head_dim, 2) / config.head_dim
        self._frequency = config.rope_base ** (-half)
        self._ring_index = np.arange(capacity)

    def run(self, user: Ints, own: Ints, text: Ints, user_text: Ints, slots: Ints, position: Ints) -> Logits:
        """One position of every slot in ``slots`` [B]: user [B, K, F], own [B, K], text [B]."""
        count = len(slots)
        angle = position[:, None] * self._frequency  # float64: exact for long calls
        age = (position[:, None] - self._ring_index) % self._capacity
        seen = (age < self._config.window) & (age <= position[:, None])
        inputs = {
            "user": user, "own": own, "text": text, "user_text": user_text, "slots": slots,
            "index": position % self._capacity,
            "cos": np.cos(angle).astype(np.float32), "sin": np.sin(angle).astype(np.float32),
            "mask": np.where(seen, np.float32(0), np.float32(-1e30)),
        }  # fmt: skip
        # A product of one row takes another kernel, whose last bits differ; the same row twice is harmless.
        if count == 1:
            inputs = {k: np.repeat(v, 2, axis=0) for k, v in inputs.items()}
        # The binding keeps only addresses, so the arrays must be contiguous and live until the run is over.
        inputs = {k: np.ascontiguousarray(v) for k, v in inputs.items()}
        binding = self._session.io_binding()
        for name, value in inputs.items():
            binding.bind_cpu_input(name, value)
        for i, cache in enumerate(self._caches):
            binding.bind_ortvalue_input(f"cache{i}", cache)
            binding.bind_ortvalue_output(f"new_cache{i}", cache)
        for name in ("text_logits", "user_text_logits", "code_logits"):
            binding.bind_output(name)
        self._session.run_with_iobinding(binding)
        outputs = binding.get_outputs()[-3:]
        return Logits(*(o.numpy()[:count] for o in outputs))

    def read(self, slot: int) -> list[Floats]:
        return [a[slot].copy() for a in self._arrays]

    def write(self, slot: int, saved: list[Floats]) -> None:
        for array, old in zip(self._arrays, saved, strict=True):
            array[slot] = old
