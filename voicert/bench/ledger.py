"""What happened in a call, answer by answer and frame by frame, and what it says about latency.

Pure: it is fed the moments of a call. Positions are samples of the clock that microphone and speaker share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voicert_clients.loudness import ItemHearing
from voicert_clients.pcm import SAMPLE_RATE, SAMPLES_PER_MS
from voicert_clients.playback import Block
from voicert_clients.simulated import CHUNK_SAMPLES, Moment
from voicert_clients.wire import (
    AudioDelta,
    Frames,
    FrameTiming,
    ResponseDone,
    ResponsePaused,
    ResponseResumed,
    ServerError,
    SessionReady,
    SpeechStarted,
    TextDelta,
    TextDone,
)

STAGES = ("capture", "transport", "queue", "encode", "model", "decode", "playback")


@dataclass
class Delta:
    """A piece of an answer's audio on its way from the server to the ear."""

    input_samples: int  # input consumed when it was generated
    item_position: int  # of its first sample, within the answer
    arrived_s: float
    heard_at: int | None = None  # position at which its first sample left the speaker


@dataclass(frozen=True)
class Piece:
    """A piece of an answer's text."""

    text: str
    position: int  # samples of the answer that had come before it


@dataclass
class Hold:
    """The server made the speaker fall silent: it held the answer, or ended it."""

    at: int  # position when the client learnt of it
    decided: int  # position of the last input that the decision depends on; as ``at`` where it is not told
    resumed_at: int | None = None


@dataclass
class Answer:
    """One response of the server, as it was heard."""

    response_id: str
    hearing: ItemHearing
    pieces: list[Piece]
    pushed: int = 0  # samples that came
    deltas: list[Delta] = field(default_factory=list[Delta])
    holds: list[Hold] = field(default_factory=list[Hold])
    transcript: str = ""  # as the server gives it at the end
    status: str = ""  # "" while it is in progress
    waiting: int = 0  # index of the first delta that was not heard yet
    heard: int = 0  # samples of it that were played or passed over
    passed: int = 0  # samples of it that were passed over
    repeated: int = 0  # samples of it that were played again
    unbroken: bool = True  # each of its frames came once and in order, as far as the server tells
    made_at: int | None = None  # input consumed when the newest of its audio was made
    resumed: bool = False  # since that audio

    @property
    def done(self) -> bool:
        """The server will send no more of it."""
        return bool(self.status)

    def silence(self, at: int) -> None:
        """The client learnt at this position that it is over; if it was held, it learnt it then."""
        if not self.holds or self.holds[-1].resumed_at is not None:
            self.holds.append(Hold(at, at))

    def follow(self, input_samples: int, samples: int) -> None:
        """Audio came that was made when so much input was consumed: a frame of input for a frame of output.

        After a pause it may have been made again, later, as if the sound that caused the pause had not been.
        """
        if self.made_at is not None:
            step = input_samples - self.made_at
            self.unbroken &= step == samples or (self.resumed and step > samples)
        self.made_at, self.resumed = input_samples, False

    def play(self, block: Block) -> None:
        """Takes note of what left the speaker."""
        self.hearing.add(block)
        for span in block.spans:
            if span.item_id != self.hearing.item_id or span.fading:
                continue
            self.passed += max(0, span.item_position - self.heard)
            self.repeated += max(0, self.heard - span.item_position)
            self.heard = span.item_position + span.samples


@dataclass(frozen=True)
class Trip:
    """The way of one frame through all stages; their sum is the round trip."""

    round_trip_ms: float
    stages_ms: dict[str, float]  # of STAGES; empty where the server tells no frame timings


class Ledger:
    """Collects one call."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.frames: list[FrameTiming] = []
        self.errors: list[ServerError] = []
        self.model = ""
        self._pieces: dict[str, list[Piece]] = {}  # of text by response, also before its first sound
        self._sent_s: list[float] = []  # when each chunk of the microphone was handed to the network

    def add(self, moment: Moment) -> None:
        """Takes note of one moment."""
        for answer in self.answers[-2:]:  # an older one has long been played
            answer.play(moment.played)
            _mark_heard(answer, moment.played)
        match moment.event:
            case None:
                self._sent_s.append(moment.elapsed_s)
            case AudioDelta() as delta:
                self._audio(delta, moment.elapsed_s)
            case SpeechStarted() if self.answers and not self.answers[-1].done:
                self.answers[-1].silence(moment.position)  # it ends the answer, where the server interrupts
            case TextDelta() as text:
                self._text(text)
            case ResponsePaused() | ResponseResumed() | TextDone() | ResponseDone() as event:
                answer = self._answer(event.response_id)
                if answer is not None:
                    _settle(answer, event, moment.position)
            case Frames() as frames:
                self.frames.extend(frames.frames)
            case ServerError() as error:
                self.errors.append(error)
            case SessionReady() as session:
                self.model = session.model
            case _:
                pass

    def _answer(self, response_id: str) -> Answer | None:
        return next((one for one in self.answers if one.response_id == response_id), None)

    def _text(self, event: TextDelta) -> None:
        answer = self._answer(event.response_id)
        position = 0 if answer is None else answer.pushed
        self._pieces.setdefault(event.response_id, []).append(Piece(event.delta, position))

    def _audio(self, event: AudioDelta, elapsed_s: float) -> None:
        if not self.answers or self.answers[-1].response_id != event.response_id:
            pieces = self._pieces.setdefault(event.response_id, [])
            self.answers.append(Answer(event.response_id, ItemHearing(event.item_id), pieces))
        answer = self.answers[-1]
        if event.input_samples is not None:
            answer.follow(event.input_samples, len(event.pcm))
        # Input that was never sent (silence that the server put in) has no place on the microphone's clock.
        sent = len(self._sent_s) * CHUNK_SAMPLES
        if event.input_samples is not None and event.input_samples <= sent:
            answer.deltas.append(Delta(event.input_samples, answer.pushed, elapsed_s))
        answer.pushed += len(event.pcm)

    def trips(self) -> list[Trip]:
        """The way of every frame that was heard."""
        timings = {frame.input_samples: frame for frame in self.frames}
        frame_samples = self._frame_samples()
        return [
            self._trip(delta, frame_samples, timings.get(delta.input_samples))
            for answer in self.answers
            for delta in answer.deltas
            if delta.heard_at is not None
        ]

    def _frame_samples(self) -> int:
        """Input between two neighbouring pieces of an answer: one frame of the model."""
        steps = [
            after.input_samples - before.input_samples
            for answer in self.answers
            for before, after in zip(answer.deltas, answer.deltas[1:], strict=False)
        ]
        return min((step for step in steps if step > 0), default=0)

    def _trip(self, delta: Delta, frame_samples: int, timing: FrameTiming | None) -> Trip:
        taken_s = (delta.input_samples - frame_samples) / SAMPLE_RATE  # the frame's first sample
        assert delta.heard_at is not None
        heard_s = delta.heard_at / SAMPLE_RATE
        round_trip_ms = (heard_s - taken_s) * 1000
        if timing is None:
            return Trip(round_trip_ms, {})
        sent_s = self._sent_s[(delta.input_samples - 1) // CHUNK_SAMPLES]
        away_ms = (delta.arrived_s - sent_s) * 1000
        server_ms = timing.queue_ms + timing.encode_ms + timing.model_ms + timing.decode_ms
        stages_ms = {
            "capture": (sent_s - taken_s) * 1000,
            "transport": away_ms - server_ms,
            "queue": timing.queue_ms,
            "encode": timing.encode_ms,
            "model": timing.model_ms,
            "decode": timing.decode_ms,
            "playback": (heard_s - delta.arrived_s) * 1000,
        }
        return Trip(round_trip_ms, stages_ms)


def _settle(
    answer: Answer, event: ResponsePaused | ResponseResumed | TextDone | ResponseDone, position: int
) -> None:
    """What an event says of an answer that is known, at ``position``."""
    last = answer.holds[-1] if answer.holds else None
    match event:
        case ResponsePaused():
            told = position if event.input_ms is None else round(event.input_ms * SAMPLES_PER_MS)
            answer.holds.append(Hold(position, min(told, position)))
        case ResponseResumed() if last:
            last.resumed_at = position
            answer.resumed = True
        case TextDone():
            answer.transcript = event.transcript
        case ResponseDone():
            answer.status = event.status
            if event.status == "cancelled":
                answer.silence(position)
        case _:
            pass


def _mark_heard(answer: Answer, block: Block) -> None:
    for span in block.spans:
        if span.item_id != answer.hearing.item_id:
            continue
        end = span.item_position + span.samples
        while answer.waiting < len(answer.deltas):
            delta = answer.deltas[answer.waiting]
            if delta.item_position >= end:
                break
            if delta.item_position >= span.item_position:
                delta.heard_at = span.position + delta.item_position - span.item_position
            answer.waiting += 1
