"""What the bench measures, in a world where every delay is known."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from voicert_clients.loudness import speech_bounds
from voicert_clients.playback import FADE, Playback
from voicert_clients.player import Player
from voicert_clients.simulated import QUANTUM_SAMPLES, SimulatedCall, SimulatedMicrophone
from voicert_clients.wire import (
    AudioDelta,
    AudioDone,
    Event,
    Frames,
    FrameTiming,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
)

from tests.support.scripted import silence, speech
from voicert.bench.corpus import Utterance
from voicert.bench.daemon import Memory
from voicert.bench.examiner import Examiner
from voicert.bench.ledger import STAGES
from voicert.bench.report import Trials, as_json, as_table, make_report
from voicert.bench.stats import Summary, summarise
from voicert.bench.verdicts import Interruption

FRAME = 480
TONE = (0.3 * np.sin(2 * np.pi * 400 * np.arange(FRAME) / 24_000)).astype(np.float32)
SERVER_MS = {"queue": 1.0, "encode": 2.0, "model": 3.0, "decode": 0.5}


@dataclass
class World:
    """A clock, and a server that answers after known delays; the other end of a call."""

    away_ms: float = 8.1  # from a chunk's sending to the arrival of what depends on it
    patience: int = 5  # quiet chunks before it answers
    answer_frames: int = 50
    silent_frames: int = 2  # at the beginning of an answer
    answers: bool = True
    eager: bool = False  # answers while the user still speaks
    stops: bool = True  # when the user talks over an answer
    stop_after: int = 8  # loud chunks into an answer
    timings: bool = True
    now_s: float = 100.0
    arriving: list[tuple[float, Event]] = field(default_factory=list[tuple[float, Event]])
    sent: list[str] = field(default_factory=list[str])
    chunks: int = 0
    loud: int = 0
    quiet: int = 0
    at: int = -1  # frame of the answer
    number: int = 0

    def clock(self) -> float:
        return self.now_s

    async def receive(self, timeout_s: float) -> Event | None:
        until_s = self.now_s + max(timeout_s, 1e-9)  # a clock that stood still would stop the call
        if self.arriving and self.arriving[0][0] <= until_s:
            self.now_s, event = self.arriving.pop(0)
            return event
        self.now_s = until_s
        return None

    async def send(self, message: str) -> None:
        self.sent.append(json.loads(message)["type"])
        if self.sent[-1] == "response.cancel":
            self._end("cancelled")

    async def send_audio(self, pcm: NDArray[np.float32]) -> None:
        if self.chunks == 0:
            self._arrive(SessionReady("known", interrupts=True, voicert=True))
        self.chunks += 1
        if np.abs(pcm).max() > 0.05:
            self.loud, self.quiet = self.loud + 1, 0
        else:
            self.quiet += 1
        if self.at >= 0:
            self._go_on()
        elif self.answers and self.loud >= 5 and (self.eager or self.quiet >= self.patience):
            self._begin()
        if self.timings:
            self._arrive(
                Frames((FrameTiming(self.chunks * FRAME, 1.0, 2.0, 3.0, 0.5, late=self.chunks % 4 == 0),))
            )

    def _begin(self) -> None:
        self.number += 1
        self.at = self.loud = 0
        self._arrive(ResponseStarted(f"r{self.number}"))
        self._go_on()

    def _go_on(self) -> None:
        pcm = TONE if self.at >= self.silent_frames else np.zeros_like(TONE)
        samples = self.chunks * FRAME if self.timings else None
        self._arrive(AudioDelta(f"r{self.number}", f"i{self.number}", pcm, samples))
        self.at += 1
        if self.stops and self.loud >= self.stop_after:
            self._arrive(SpeechStarted("u1", 0.0))
            self._end("cancelled")
        elif self.at == self.answer_frames:
            self._arrive(AudioDone(f"i{self.number}"))
            self._end("completed")

    def _end(self, status: str) -> None:
        self._arrive(ResponseDone(f"r{self.number}", status, ""))
        self.at = -1

    def _arrive(self, event: Event) -> None:
        self.arriving.append((self.now_s + self.away_ms / 1000, event))


def said(name: str, before_ms: int, ms: int, after_ms: int) -> Utterance:
    pcm = np.concatenate([silence(before_ms), speech(ms), silence(after_ms)])
    bounds = speech_bounds(pcm)
    assert bounds is not None
    return Utterance(name, pcm, *bounds)


REQUEST = said("ask", 30, 400, 50)
BARGE_IN = said("interrupt", 40, 600, 0)


def examine(world: World, playback: Playback | None = None) -> Examiner:
    player = Player(playback or Playback(target_ms=30))
    call = SimulatedCall(world, SimulatedMicrophone(), player, world.clock)
    return Examiner(call, timeout_ms=2_000, pause_ms=100)


def heard_ms(elapsed_ms: float, waits_ms: float) -> float:
    """When sound that arrives leaves the speaker: after the quantum that plays, and the buffer's wait."""
    quantum_ms = QUANTUM_SAMPLES / 24
    return (elapsed_ms // quantum_ms + 1) * quantum_ms + waits_ms


async def test_response_gap_is_from_the_last_word_to_the_first_sound() -> None:
    world = World()
    examiner = examine(world)
    turn = await examiner.ask(REQUEST)
    end_ms = (337 + REQUEST.end) / 24  # the first utterance begins 337 samples late
    # The first quiet chunk is the one after that in which the speech ends; the answer begins with the fifth.
    begun_ms = (end_ms // 20 + 1 + world.patience) * 20 + world.away_ms
    tone_ms = heard_ms(begun_ms, waits_ms=10) + 20 * world.silent_frames
    first_ms = np.flatnonzero(np.abs(TONE) > 10 ** (-50 / 20))[0] / 24
    assert turn.reply == "answered"
    assert turn.gap_ms == pytest.approx(tone_ms + first_ms - end_ms)


async def test_stages_are_known_and_sum_to_the_round_trip() -> None:
    examiner = examine(World(away_ms=8.1))
    await examiner.ask(REQUEST)
    trips = examiner.ledger.trips()
    assert len(trips) == 50
    for trip in trips:
        assert sum(trip.stages_ms[name] for name in STAGES) == pytest.approx(trip.round_trip_ms)
        known = {name: trip.stages_ms[name] for name in STAGES if name != "playback"}
        assert known == pytest.approx({"capture": 20.0, "transport": 8.1 - 6.5, **SERVER_MS})
        waited_ms = trip.stages_ms["playback"]
        assert 10 <= waited_ms <= 10 + QUANTUM_SAMPLES / 24  # steady once begun


async def test_stop_time_is_from_the_onset_to_the_end_of_the_fade() -> None:
    world = World(answer_frames=500)
    examiner = examine(world)
    result = await examiner.interrupt(REQUEST, BARGE_IN)
    assert result.outcome == "stopped"
    assert result.stop_ms is not None
    # Eight loud chunks of 20 ms from the one with the onset, the way back, the quantum that plays, the fade.
    latest_ms = 8 * 20 + world.away_ms + QUANTUM_SAMPLES / 24 + FADE / 24
    assert latest_ms - 20 - QUANTUM_SAMPLES / 24 <= result.stop_ms <= latest_ms
    first, second = examiner.ledger.answers
    assert first.status == "cancelled"
    assert second.response_id == "r2"


async def test_an_answer_that_goes_on_is_reported_as_such() -> None:
    examiner = examine(World(answer_frames=100, stops=False))
    assert await examiner.interrupt(REQUEST, BARGE_IN) == _interruption("went on")


async def test_an_answer_that_is_over_too_soon_is_reported_as_such() -> None:
    examiner = examine(World(answer_frames=10))
    assert await examiner.interrupt(REQUEST, BARGE_IN) == _interruption("ended before")


async def test_no_answer_is_reported_as_such() -> None:
    world = World(answers=False)
    examiner = examine(world)
    turn = await examiner.ask(REQUEST)
    assert (turn.reply, turn.gap_ms) == ("none", None)
    assert await examiner.interrupt(REQUEST, BARGE_IN) == _interruption("no answer")


async def test_an_answer_before_the_end_of_speech_has_no_gap() -> None:
    examiner = examine(World(eager=True, stops=False))
    turn = await examiner.ask(REQUEST)
    assert (turn.reply, turn.gap_ms) == ("early", None)


async def test_an_inaudible_answer_is_none() -> None:
    examiner = examine(World(silent_frames=50))
    assert (await examiner.ask(REQUEST)).reply == "none"


async def test_an_endless_answer_is_cancelled() -> None:
    world = World(answer_frames=1_000_000)
    turn = await examine(world).ask(REQUEST)
    assert turn.reply == "answered"
    assert world.sent.count("response.cancel") == 1
    assert world.at == -1


async def test_turns_begin_elsewhere_in_a_frame_each_time() -> None:
    world = World()
    examiner = examine(world)
    gaps = [(await examiner.ask(REQUEST)).gap_ms for _ in range(5)]
    assert len(set(gaps)) == 5


async def test_a_server_without_extras_still_has_gap_and_stop_time() -> None:
    examiner = examine(World(timings=False, answer_frames=100))
    turn = await examiner.ask(REQUEST)
    stop = await examiner.interrupt(REQUEST, BARGE_IN)
    report = make_report(
        "ws://other", False, examiner.ledger, Trials((turn,), (stop,)), Memory(None, None), 0.0
    )
    result = as_json(report)
    assert result["response_gap_ms"]["p50"] is not None
    assert result["stop_time_ms"]["p50"] is not None
    assert result["round_trip_ms"] == {"p50": None, "p95": None, "p99": None}
    assert result["deadline_miss_rate"] is None
    assert "–" in as_table(report)


async def test_input_that_was_never_sent_is_not_measured() -> None:
    examiner = examine(World())
    await examiner.ask(REQUEST)
    before = len(examiner.ledger.trips())
    moment = await anext(examiner._moments)  # pyright: ignore[reportPrivateUsage]
    ahead = AudioDelta("r9", "i9", TONE, 10**9)
    examiner.ledger.add(type(moment)(moment.elapsed_s, ahead, moment.played))
    assert len(examiner.ledger.trips()) == before


async def test_the_report_counts() -> None:
    examiner = examine(World(answer_frames=100))
    turns = [await examiner.ask(REQUEST) for _ in range(2)]
    stops = [await examiner.interrupt(REQUEST, BARGE_IN)]
    report = make_report(
        "ws://x", True, examiner.ledger, Trials(tuple(turns), tuple(stops)), Memory(100.0, 120.0), 0.031
    )
    result = as_json(report)
    assert set(result["stages_ms"]) == set(STAGES)
    assert result["stages_ms"]["encode"] == {"p50": 2.0, "p95": 2.0, "p99": 2.0}
    assert result["deadline_miss_rate"] == pytest.approx(0.25, abs=0.01)
    assert (result["turns"], result["turns_answered"], result["turns_without_answer"]) == (2, 2, 0)
    assert (result["interruptions"], result["interruptions_stopped"]) == (1, 1)
    assert result["server_memory_mb"] == {"now_mb": 100.0, "peak_mb": 120.0}
    assert result["frames"] == len(examiner.ledger.frames)
    assert json.loads(json.dumps(result)) == result
    table = as_table(report)
    assert "2 answered" in table
    assert "100 MB, at most 120 MB" in table
    assert "3.1 % of one core" in table


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], (None, None, None)),
        ([7.0], (7.0, 7.0, 7.0)),
        ([float(n) for n in range(101)], (50.0, 95.0, 99.0)),
        ([4.0, 1.0, 3.0, 2.0], (2.5, 3.85, 3.97)),
    ],
)
def test_percentiles(values: list[float], expected: tuple[Any, Any, Any]) -> None:
    summary = summarise(values)
    assert summary == Summary(
        *(pytest.approx(value) if value is not None else None for value in expected), len(values)
    )


def _interruption(outcome: str) -> Any:
    return Interruption("ask", outcome, None)  # type: ignore[arg-type]
