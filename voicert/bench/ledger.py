"""What happened in a call, answer by answer and frame by frame, and what it says about latency.

Pure: it is fed the moments of a call. Positions are samples of the clock that microphone and speaker share.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from voicert_clients.loudness import ItemHearing
from voicert_clients.playback import Block
from voicert_clients.simulated import CHUNK_SAMPLES, Moment
from voicert_clients.wire import (
    SAMPLE_RATE,
    AudioDelta,
    Frames,
    FrameTiming,
    ResponseDone,
    ServerError,
    SessionReady,
)

STAGES = ("capture", "transport", "queue", "encode", "model", "decode", "playback")


@dataclass
class Delta:
    """A piece of an answer's audio on its way from the server to the ear."""

    input_samples: int  # input consumed when it was generated
    item_position: int  # of its first sample, within the answer
    arrived_s: float
    heard_at: int | None = None  # position at which its first sample left the speaker


@dataclass
class Answer:
    """One response of the server, as it was heard."""

    response_id: str
    hearing: ItemHearing
    pushed: int = 0  # samples that came
    deltas: list[Delta] = field(default_factory=list[Delta])
    status: str = ""  # "" while it is in progress
    waiting: int = 0  # index of the first delta that was not heard yet

    @property
    def done(self) -> bool:
        """The server will send no more of it."""
        return bool(self.status)


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
        self._sent_s: list[float] = []  # when each chunk of the microphone was handed to the network

    def add(self, moment: Moment) -> None:
        """Takes note of one moment."""
        for answer in self.answers[-2:]:  # an older one has long been played
            answer.hearing.add(moment.played)
            _mark_heard(answer, moment.played)
        match moment.event:
            case None:
                self._sent_s.append(moment.elapsed_s)
            case AudioDelta() as delta:
                self._audio(delta, moment.elapsed_s)
            case ResponseDone() as done:
                for answer in self.answers:
                    if answer.response_id == done.response_id:
                        answer.status = done.status
            case Frames() as frames:
                self.frames.extend(frames.frames)
            case ServerError() as error:
                self.errors.append(error)
            case SessionReady() as session:
                self.model = session.model
            case _:
                pass

    def _audio(self, event: AudioDelta, elapsed_s: float) -> None:
        if not self.answers or self.answers[-1].response_id != event.response_id:
            self.answers.append(Answer(event.response_id, ItemHearing(event.item_id)))
        answer = self.answers[-1]
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
