"""Runs a recording through the model again: the same tokens must come out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from voicert.errors import TapeError
from voicert.models.base import Brief, Bundle, Control, Ints, Sampling, StepOutput
from voicert.replay.entries import BRIEF, Step
from voicert.replay.tape import Header, Tape

ROW = np.array([0])


@dataclass(frozen=True)
class Difference:
    """The first token that is not the recorded one."""

    step: int  # of the recording, from 0
    seconds: float  # of the session's input before it
    what: str
    recorded: str
    replayed: str

    def __str__(self) -> str:
        return (
            f"step {self.step} at {self.seconds:.2f} s: {self.what} is {self.replayed}, "
            f"the recording has {self.recorded}"
        )


@dataclass(frozen=True)
class Line:
    """Something that was said."""

    seconds: float  # when its first word was written
    speaker: str  # "user" or "assistant"
    text: str


class Player:
    """A recording on slot 0 of a model; `play` steps through it.

    Raises:
        TapeError: the recording was made with other weights, or sampling that is not understood.
    """

    def __init__(self, tape: Tape, bundle: Bundle) -> None:
        check_model(tape.header, bundle)
        self._bundle = bundle
        self._rate = bundle.model.frame_rate
        self._rest = _steps(tape)
        self._next = 0  # step of the recording
        self.heard: list[Ints] = []  # [K] of every step that is not undone, as is all below
        self.said: list[Ints] = []
        self.text: list[int] = []
        self.user_text: list[int] = []
        try:
            self.sampling = Sampling(**tape.header.sampling)
        except TypeError as error:
            raise TapeError(f"the recording's sampling is not understood: {error}") from error
        bundle.model.reset(0, self.sampling)

    @property
    def seconds(self) -> float:
        """How far it is, on the session's input clock."""
        return len(self.heard) / self._rate

    def play(self, until_s: float = float("inf")) -> Difference | None:
        """Steps to ``until_s`` or the end; stops after the first difference and gives it."""
        while self._next < len(self._rest) and self.seconds < until_s:
            step, brief = self._rest[self._next]
            difference = self._go_back(step) or self._step(step, brief)
            if difference:
                return difference
            self._next += 1
        return None

    def add(self, heard: Ints, out: StepOutput) -> None:
        """A step that is not in the recording, taken by someone else on the same slot."""
        self.heard.append(heard)
        self._keep(out, 0)

    def lines(self) -> list[Line]:
        """What was said so far, in the order of its beginnings."""
        streams = (("user", self.user_text), ("assistant", self.text))
        lines = [line for speaker, tokens in streams for line in self._spoken(speaker, tokens)]
        return sorted(lines, key=lambda line: line.seconds)

    def _spoken(self, who: str, tokens: list[int]) -> list[Line]:
        """Lines of one stream: the user's end with a second of nothing, the assistant's with an end token."""
        model, lines, quiet = self._bundle.model, list[Line](), 0
        begun, text = 0, ""
        for t, token in enumerate([*tokens, model.end_id]):
            piece = "" if token in (model.pad_id, model.start_id, model.end_id) else model.piece(token)
            quiet = 0 if piece else quiet + 1
            begun = t if piece and not text else begun
            text += piece
            over = token == model.end_id or (who == "user" and quiet > self._rate)
            if over and text:
                lines.append(Line(begun / self._rate, who, text.strip()))
                text = ""
        return lines

    def _go_back(self, step: Step) -> Difference | None:
        model, back = self._bundle.model, step.rewind + step.retake
        if not back:
            return None
        if back > len(self.heard):
            raise TapeError(f"step {self._next} goes back {back} steps of {len(self.heard)} there were")
        model.rewind(0, back)
        for stream in (self.heard, self.said, self.text, self.user_text):
            kept = len(stream) - (back if stream is not self.heard else step.rewind)
            del stream[kept:]
        made = 0
        while made < step.retake:
            out = model.retake(0, min(25, step.retake - made))
            for row in range(len(out.text)):
                recorded = step.retaken[made + row]
                if difference := self._compare("the user's text", recorded, int(out.user_text[row])):
                    return difference
                self._keep(out, row)
            made += len(out.text)
        return None

    def _step(self, step: Step, brief: Brief | None) -> Difference | None:
        briefs = {} if brief is None else {0: brief}
        control = Control(np.array([step.hush]), np.array([step.start]), np.array([step.given]), briefs)
        out = self._bundle.model.step(ROW, step.heard[None], control)
        different = (
            self._compare("the text", step.text, int(out.text[0]))
            or self._compare("the user's text", step.user_text, int(out.user_text[0]))
            or self._compare("the wish to begin an answer", int(step.wants), int(out.wants[0]), piece=False)
        )
        if different:
            return different
        for k, (recorded, made) in enumerate(zip(step.codes.tolist(), out.codes[0].tolist(), strict=True)):
            if recorded != made:
                return self._compare(f"code {k} of the voice", recorded, made, piece=False)
        self.add(step.heard, out)
        return None

    def _keep(self, out: StepOutput, row: int) -> None:
        self.said.append(out.codes[row].copy())
        self.text.append(int(out.text[row]))
        self.user_text.append(int(out.user_text[row]))

    def _compare(self, what: str, recorded: int, made: int, piece: bool = True) -> Difference | None:
        if recorded == made:
            return None
        texts = [f"{n} {self._bundle.model.piece(n)!r}" if piece else str(n) for n in (recorded, made)]
        return Difference(self._next, self.seconds, what, texts[0], texts[1])


def _steps(tape: Tape) -> list[tuple[Step, Brief | None]]:
    """Each step with what the model was told before it.

    Raises:
        TapeError: it was told what is not understood.
    """
    steps: list[tuple[Step, Brief | None]] = []
    brief: Brief | None = None
    for entry in tape.entries:
        if isinstance(entry, Step):
            steps.append((entry, brief))
            brief = None
        elif entry.kind == BRIEF:
            try:
                brief = Brief(**entry.values)
            except TypeError as error:
                raise TapeError(f"what the recorded model was told is not understood: {error}") from error
    return steps


def check_model(header: Header, bundle: Bundle) -> None:
    """Refuses a recording of other weights.

    Raises:
        TapeError: it was made with another model or another codec.
    """
    if header.identity != bundle.identity:
        raise TapeError(
            f"the recording was made with the model {header.model} of identity {header.identity}; "
            f"{bundle.model.name} has {bundle.identity}. Give the one it was made with by --model"
        )
