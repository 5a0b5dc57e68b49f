"""Holds the conversation that is measured: asks, waits for the answer, talks over answers.

Every wait is in samples of the call's clock. Nothing here reads a clock.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable

from voicert_clients.pcm import SAMPLES_PER_MS
from voicert_clients.simulated import CHUNK_SAMPLES, Moment, SimulatedCall

from voicert.bench.corpus import Utterance
from voicert.bench.ledger import Answer, Ledger
from voicert.bench.verdicts import (
    Acknowledgement,
    Interruption,
    Recall,
    Turn,
    first_heard_after,
    judge_aside,
    judge_interruption,
    judge_recall,
    judge_turn,
)

PHASE_STEP = 337  # samples; successive utterances begin elsewhere within a frame, as people do
SETTLE_MS = 1_000  # after an answer that came too early, for another one to come
LONGEST_ANSWER_MS = 60_000  # an answer that is still going on is ended then
BARGE_IN_MS = 500  # into an answer, the first one; the others come up to as much later
BARGE_IN_STEP_MS = 137


class Examiner:
    """Speaks into a call and follows what happens."""

    def __init__(self, call: SimulatedCall, timeout_ms: float, pause_ms: float) -> None:
        self.ledger = Ledger()
        self._call = call
        self._moments: AsyncGenerator[Moment] = call.moments()
        self._timeout = round(timeout_ms * SAMPLES_PER_MS)  # from the end of speech to an audible answer
        self._pause = round(pause_ms * SAMPLES_PER_MS)  # of silence between turns
        self._position = 0  # now
        self._said = 0  # utterances so far
        self._barge_ins = 0

    async def close(self) -> None:
        """Ends the call."""
        await self._moments.aclose()

    async def ask(self, request: Utterance) -> Turn:
        """Says a request and listens to the answer."""
        before = len(self.ledger.answers)
        end = self._say(request) + request.end
        await self._answer(before, end)
        await self._settle()
        return judge_turn(request.name, self.ledger.answers[before:], end)

    async def interrupt(self, request: Utterance, barge_in: Utterance) -> Interruption:
        """Says a request, talks over the answer, and listens to what follows."""
        answer = await self._begun(request, self._delay())
        if answer is None or answer.done:
            await self._settle()
            return Interruption(request.name, "no answer" if answer is None else "ended before", None)
        onset = await self._talk_over(answer, barge_in)
        return judge_interruption(request.name, answer, onset)

    async def listen(self, request: Utterance) -> str | None:
        """Says a request and listens to the end; the answer's transcript, None when none was completed."""
        before = len(self.ledger.answers)
        await self.ask(request)
        completed = [one for one in self.ledger.answers[before:] if one.status == "completed"]
        return completed[-1].transcript if completed else None

    async def acknowledge(
        self, request: Utterance, aside: Utterance, undisturbed: str | None = None
    ) -> Acknowledgement:
        """Says a request, hums or coughs during the answer, and listens to its end.

        Args:
            undisturbed: what ``listen`` gave for this request.
        """
        name = f"{request.name}, {aside.name}"
        left_out = self._call.player.playback.shortened
        answer = await self._begun(request, self._delay())
        if answer is None or answer.done:
            await self._settle()
            return Acknowledgement(name, "no answer" if answer is None else "ended before")
        onset = self._say(aside) + aside.onset
        await self._until(lambda: answer.done, self._longest)
        await self._settle()
        left_out = self._call.player.playback.shortened - left_out
        return judge_aside(name, answer, onset, left_out, undisturbed)

    async def recall(
        self, request: Utterance, barge_in: Utterance, lag_ms: int, into_ms: int, lead_ms: float
    ) -> Recall | None:
        """Talks over an answer and compares what was heard of it with what the server says was.

        Args:
            lag_ms: how far the speaker is behind the network.
            into_ms: when, after the answer was first heard.
            lead_ms: how long before its sound begins a word is written.

        Returns:
            None when there was no answer to interrupt, or it went on.
        """
        self._call.player.playback.set_target(lag_ms)
        answer = await self._begun(request, into_ms * SAMPLES_PER_MS)
        if answer is None or answer.done:
            await self._settle()
            return None
        await self._talk_over(answer, barge_in)
        return judge_recall(answer, lag_ms, lead_ms) if answer.status == "cancelled" else None

    async def _begun(self, request: Utterance, later: int) -> Answer | None:
        """Says a request and waits until the answer was heard for ``later`` samples, or ended."""
        before = len(self.ledger.answers)
        end = self._say(request) + request.end
        answer = await self._answer(before, end)
        if answer is None or answer.hearing.first_audible is None:
            return None
        await self._until(lambda: answer.done, answer.hearing.first_audible + later - self._position)
        return answer

    async def _talk_over(self, answer: Answer, barge_in: Utterance) -> int:
        """Speaks into an answer and listens to what follows; returns the onset of the speech."""
        began = self._say(barge_in)
        await self._until(lambda: answer.done, self._longest)
        await self._answer(self.ledger.answers.index(answer) + 1, began + barge_in.end)
        await self._settle()
        return began + barge_in.onset

    @property
    def _longest(self) -> int:
        return LONGEST_ANSWER_MS * SAMPLES_PER_MS

    def _say(self, utterance: Utterance) -> int:
        """Begins to speak now; returns the position of the recording's first sample."""
        self._said += 1
        later = self._said * PHASE_STEP % CHUNK_SAMPLES
        return self._call.microphone.say(utterance.pcm, self._call.microphone.position + later)

    def _delay(self) -> int:
        """Samples from the beginning of an answer to the next barge-in."""
        later_ms = self._barge_ins * BARGE_IN_STEP_MS % BARGE_IN_MS
        self._barge_ins += 1
        return (BARGE_IN_MS + later_ms) * SAMPLES_PER_MS

    async def _answer(self, before: int, end: int) -> Answer | None:
        """Waits for an answer, newer than the first ``before``, that is heard after ``end``.

        Where only an earlier one comes, returns that; None when none comes in time.
        """

        def timely() -> Answer | None:
            return first_heard_after(self.ledger.answers[before:], end)

        def premature() -> bool:
            return len(self.ledger.answers) > before and self._call.player.silent and self._position >= end

        await self._until(lambda: timely() is not None or premature(), end + self._timeout - self._position)
        if timely() is None and premature():
            await self._until(lambda: timely() is not None, SETTLE_MS * SAMPLES_PER_MS)
        newest = self.ledger.answers[-1] if len(self.ledger.answers) > before else None
        return timely() or newest

    async def _settle(self) -> None:
        """Waits until all have been silent for the length of the pause; ends an answer without end."""

        def silent() -> bool:
            return self._call.player.silent

        limit = self._position + self._longest
        while await self._until(silent, limit - self._position):
            if not await self._until(lambda: not silent(), self._pause):
                return
        await self._call.cancel()
        await self._until(silent, self._timeout)

    async def _until(self, condition: Callable[[], bool], samples: int) -> bool:
        """Follows the call until a condition holds, at most for ``samples``; whether it holds."""
        limit = self._position + samples
        while not condition() and self._position < limit:
            moment = await anext(self._moments)
            self._position = moment.position
            self.ledger.add(moment)
        return condition()
