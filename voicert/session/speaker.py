"""The assistant's side of a conversation: its items, from the model's step to the listener's ear. Pure.

begin ─▶ say (every step) ─▶ end        into the outlet, which paces it
               │
              cut ─▶ what was heard stays, all else is forgotten by everyone
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace

import numpy as np

from voicert.engine import Stepped
from voicert.session.echo import EchoGuard
from voicert.session.events import (
    Reason,
    ResponseAudio,
    ResponseDone,
    ResponseStarted,
    ResponseText,
    Status,
    ToolCall,
    Truncated,
    TurnTiming,
)
from voicert.session.outlet import Outgoing, Outlet
from voicert.session.playback import Playback
from voicert.session.said import Said
from voicert.session.speech import to_ms
from voicert.session.vad import SAMPLE_RATE

AUDIBLE = 10 ** (-50 / 20)  # peak of a frame that can be heard
LOUD = 10 ** (-35 / 20)  # peak of a frame in the middle of a word
BROKEN_OFF_S = 0.12  # an answer that was loud so shortly before its end was not at its end
REMEMBERED = 8  # items that can still be truncated

Told = Outgoing | Truncated


@dataclass(frozen=True, slots=True)
class Cut:
    """What became of a cut."""

    step: int | None  # the model was silent from this step on; None if it need not go back
    events: list[Told]


class Speaker:
    """All that the assistant says."""

    def __init__(self, frame_samples: int) -> None:
        self.frame_samples = frame_samples
        self.playback = Playback()
        self.outlet = Outlet(self.playback)
        self.guard = EchoGuard()
        self.making: Said | None = None  # the model is in the middle of it
        self.broke_off: int | None = None  # samples of input: when an answer ended in the middle of a word
        self._items: deque[Said] = deque(maxlen=REMEMBERED)
        self._loud_at = 0  # the last frame of the item being made that was loud
        self._broken_off = -(-round(BROKEN_OFF_S * SAMPLE_RATE) // frame_samples)  # frames

    @property
    def last(self) -> Said | None:
        """The last thing said, in progress or not."""
        return self._items[-1] if self._items else None

    def sounding(self, now: float) -> Said | None:
        """The item that the listener hears, or will hear next; None when all is said and heard."""
        return next(iter(self._unheard(now)), None)

    def running(self, now: float) -> Said | None:
        """The item of the response in progress: its `ResponseDone` is still to come."""
        return next((said for said in self._unheard(now) if not said.done), None)

    def begin(self, said: Said) -> None:
        """A new item, made from the next step on."""
        self.making = said
        self.broke_off = None
        self._loud_at = -self._broken_off
        self._items.append(said)
        self.outlet.put(ResponseStarted(said.response, said.item))

    def say(self, piece: str, step: Stepped, clock: int) -> None:
        """One step of the item: its text, if any, and its frame of sound."""
        said = self.making
        if said is None:
            return
        new = said.made >= said.told  # else the listener has had this frame already
        text = said.write(piece) if piece else ""
        if text and new:
            self.outlet.put(ResponseText(said.response, said.item, text))
        peak = float(np.abs(step.pcm).max())
        if not said.audible and peak > AUDIBLE:
            said.audible = True
            self.outlet.put(_turn_timing(said, step, clock))
        if peak > LOUD:
            self._loud_at = said.made
        if new:
            self.outlet.put(ResponseAudio(said.response, said.item, step.pcm, clock))
        said.made += 1
        said.told = max(said.told, said.made)

    def call(self, item: int, call_id: str, name: str, arguments: str) -> None:
        """The model calls a function in the middle of the item."""
        if self.making:
            self.outlet.put(ToolCall(self.making.response, item, call_id, name, arguments))

    def end(self, clock: int, status: Status = "completed", reason: Reason | None = None) -> None:
        """The item is made; its last event goes out after its sound."""
        said = self.making
        if said is not None:
            self.broke_off = clock if said.made - self._loud_at <= self._broken_off else None
            samples = said.made * said.frame_samples
            done = ResponseDone(said.response, said.item, status, reason, said.transcript, samples, None)
            self.outlet.put(done)
            self.making = None

    def release(self, ahead: int, now: float) -> list[Told]:
        """What may leave now, with at most ``ahead`` samples waiting at the listener's speaker."""
        events: list[Told] = []
        while (event := self.outlet.next(ahead, now)) is not None:
            events.append(self._sent(event, now))
        return events

    def heard(self, item: int, samples: int, still: bool, oldest_step: int, now: float) -> Cut:
        """The client has played so much of an item, and goes on or stands ``still`` there.

        Gives something only when an item that was cut already had been heard less far than was thought.
        """
        said = self._find(item)
        if said is None or said.start is None:
            return Cut(None, [])
        if said.cut_at is None:
            self.playback.report(said.start + min(max(samples, 0), said.sent), still, now)
        elif still and samples < said.cut_at:
            return self.truncate(item, samples, oldest_step, now)
        return Cut(None, [])

    def cut(self, status: Status, reason: Reason, oldest_step: int, now: float) -> Cut:
        """All that was not heard is forgotten."""
        step: int | None = None
        events: list[Told] = []
        unheard = self._unheard(now)
        self.outlet.drop()
        for said in unheard:
            heard = self.heard_of(said, now)
            kept = said.cut(heard, oldest_step - said.first_step)
            step = said.first_step + kept if step is None else step  # of the first one, which is the earliest
            if said.done:
                events.append(Truncated(said.item, heard, said.transcript))
                continue
            if not said.announced:
                said.announced, said.start = True, self.playback.sent
                events.append(ResponseStarted(said.response, said.item))
            said.done = True
            done = (said.response, said.item, status, reason, said.transcript, said.sent, heard)
            events.append(ResponseDone(*done))
        self.making = None
        self.playback.flush(now)
        self.guard.flush()
        return Cut(step, events)

    def truncate(self, item: int, samples: int, oldest_step: int, now: float) -> Cut:
        """Cuts an item at ``samples``, clamped to what is left of it; ends with exactly one `Truncated`.

        The model goes back only for the last thing said; of an older item only the transcript is cut.
        """
        said = self._find(item)
        if said is None or not said.announced:
            return Cut(None, [Truncated(item, max(samples, 0), None)])
        before = said.sent if said.cut_at is None else said.cut_at
        samples = min(max(samples, 0), before)
        if said is self.last and not said.done:
            self.playback.report((said.start or 0) + samples, True, now)
            cut = self.cut("cancelled", "client_cancelled", oldest_step, now)
            return Cut(cut.step, [*cut.events, Truncated(item, said.cut_at or 0, said.transcript)])
        step: int | None = None
        if samples < before and said is self.last:
            step = said.first_step + said.cut(samples, oldest_step - said.first_step)
            self.playback.flush(now)
            self.guard.flush()
        elif samples < before:
            said.cut(samples)
        return Cut(step, [Truncated(item, samples, said.transcript)])

    def redo(self, said: Said, step: int) -> None:
        """The model will make the item again from ``step`` on; frames that were sent are not sent again."""
        dropped = self.outlet.drop()
        while self._items[-1] is not said:
            self._items.pop()
        if not said.announced:
            self.outlet.put(ResponseStarted(said.response, said.item))
        said.redo(max(0, step - said.first_step))
        said.told = said.sent // said.frame_samples
        said.audible &= not any(isinstance(event, TurnTiming) for event in dropped)
        self.making, self.broke_off = said, None
        self._loud_at = said.made

    def _sent(self, event: Outgoing, now: float) -> Outgoing:
        """Notes what leaves."""
        said = self._find_response(event.response)
        if said is None:
            return event
        match event:
            case ResponseStarted():
                said.announced, said.start = True, self.playback.sent
            case ResponseAudio(_, _, pcm):
                said.sent += len(pcm)
                self.guard.play(pcm)
            case ResponseDone():
                said.done = True
                heard = self.heard_of(said, now) if self.playback.reports else None
                return replace(event, audio_samples=said.sent, heard_samples=heard)
            case _:
                pass
        return event

    def _unheard(self, now: float) -> list[Said]:
        """Items of which some is still to be heard, the earliest first."""
        heard = self.playback.heard(now)
        unheard: list[Said] = []
        for said in reversed(self._items):
            end = (said.start or 0) + said.sent
            if said.cut_at is not None or (said.done and end <= heard):
                break
            unheard.insert(0, said)
        return unheard

    def heard_of(self, said: Said, now: float) -> int:
        """Samples of this item that were heard."""
        return 0 if said.start is None else min(max(self.playback.heard(now) - said.start, 0), said.sent)

    def _find(self, item: int) -> Said | None:
        return next((said for said in reversed(self._items) if said.item == item), None)

    def _find_response(self, response: int) -> Said | None:
        return next((said for said in reversed(self._items) if said.response == response), None)


def _turn_timing(said: Said, step: Stepped, clock: int) -> TurnTiming:
    t = step.timing
    times = (t.queue_ms, t.encode_ms, t.model_ms, t.decode_ms)
    return TurnTiming(said.response, said.item, said.input_end_ms, said.first_audio_ms, to_ms(clock), *times)
