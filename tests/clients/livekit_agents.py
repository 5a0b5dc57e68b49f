"""livekit-plugins-openai inside LiveKit's AgentSession, with simulated devices instead of a room."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from typing import Any

from livekit import rtc
from livekit.agents import Agent, AgentSession
from livekit.agents.voice.io import AudioInput, AudioOutput, AudioOutputCapabilities
from livekit.plugins import openai
from microphone import CHUNK_MS, SAMPLE_RATE, Microphone, Order, drive

PLAYED = SAMPLE_RATE * CHUNK_MS // 1000  # samples that the speaker plays at a time


class Ear(AudioInput):
    """What the microphone takes up, for the agent."""

    def __init__(self) -> None:
        super().__init__(label="microphone")
        self._frames: asyncio.Queue[rtc.AudioFrame] = asyncio.Queue()
        self.microphone = Microphone(self._take)

    async def _take(self, pcm: bytes) -> None:
        self._frames.put_nowait(rtc.AudioFrame(pcm, SAMPLE_RATE, 1, len(pcm) // 2))

    def __aiter__(self) -> AsyncIterator[rtc.AudioFrame]:
        return self

    async def __anext__(self) -> rtc.AudioFrame:
        return await self._frames.get()


class Speaker(AudioOutput):
    """Plays in real time, tells what was played, and falls silent at once when told to."""

    def __init__(self) -> None:
        super().__init__(
            label="speaker", capabilities=AudioOutputCapabilities(pause=False), sample_rate=SAMPLE_RATE
        )
        self.waiting = 0  # samples
        self.played = 0  # of this answer
        self.played_in_all = 0
        self._complete = False  # nothing more of this answer comes
        self._player = asyncio.create_task(self._play())

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self.waiting += frame.samples_per_channel

    def flush(self) -> None:
        super().flush()
        self._complete = True

    def clear_buffer(self) -> None:
        if self.waiting or self.played:
            self._finish(interrupted=True)

    def _finish(self, interrupted: bool) -> None:
        position, self.played, self.waiting, self._complete = self.played, 0, 0, False
        self.on_playback_finished(playback_position=position / SAMPLE_RATE, interrupted=interrupted)

    async def _play(self) -> None:
        while True:
            await asyncio.sleep(CHUNK_MS / 1000)
            part = min(self.waiting, PLAYED)
            self.waiting -= part
            self.played += part
            self.played_in_all += part
            if self._complete and not self.waiting and self.played:
                self._finish(interrupted=False)


def make_session(order: Order) -> AgentSession[None]:
    """What an app makes, with the address and the key of the order."""
    manual = order.scenario == "manual"
    detection = {"turn_detection": None} if manual else {}
    model = openai.realtime.RealtimeModel(base_url=order.base_url, api_key=order.key, **detection)
    return AgentSession(llm=model, vad=None, turn_detection="manual" if manual else "realtime_llm")


class Call:
    """One agent, its devices, and what it told."""

    def __init__(self, order: Order) -> None:
        self.session = make_session(order)
        self.ear, self.speaker = Ear(), Speaker()
        self.items: asyncio.Queue[Any] = asyncio.Queue()
        self.errors: list[str] = []
        self.heard: list[str] = []
        self.session.on("conversation_item_added", lambda event: self.items.put_nowait(event.item))
        self.session.on("error", lambda event: self.errors.append(str(event.error)))
        self.session.on("user_input_transcribed", self._transcribed)

    def _transcribed(self, event: Any) -> None:
        if event.is_final:
            self.heard.append(event.transcript)

    async def answer(self) -> dict[str, Any]:
        """The next thing that the assistant said, once it has been played or cut."""
        while getattr(item := await self.items.get(), "role", None) != "assistant":
            pass
        return {
            "status": "cancelled" if item.interrupted else "completed",
            "said": item.text_content,
            "heard": self.heard[0] if self.heard else None,
            "sound_ms": self.speaker.played_in_all * 1000 // SAMPLE_RATE,
        }


async def turn(call: Call, question: bytes) -> dict[str, Any]:
    call.ear.microphone.speak(question)
    return await call.answer()


async def barge_in(call: Call, question: bytes) -> dict[str, Any]:
    call.ear.microphone.speak(question)
    while call.speaker.played < SAMPLE_RATE // 2:
        await asyncio.sleep(CHUNK_MS / 1000)
    call.ear.microphone.speak(question)
    return await call.answer()  # LiveKit truncates what was not played by itself


async def manual(call: Call, question: bytes) -> dict[str, Any]:
    call.ear.microphone.speak(question)
    await asyncio.sleep(len(question) / 2 / SAMPLE_RATE)
    early = call.speaker.played_in_all > 0
    call.session.commit_user_turn()
    return {"early": early, **await call.answer()}


async def typed(call: Call, question: bytes) -> dict[str, Any]:
    call.session.generate_reply(user_input="What is two plus two?")
    return await call.answer()


SCENARIOS = {"turn": turn, "barge_in": barge_in, "manual": manual, "typed": typed}


async def scenario(order: Order) -> dict[str, Any]:
    logging.disable(logging.ERROR)
    call = Call(order)
    call.session.input.audio = call.ear
    call.session.output.audio = call.speaker
    await call.session.start(Agent(instructions="Answer briefly."), record=False)
    microphone = asyncio.create_task(call.ear.microphone.run())
    try:
        report = await SCENARIOS[order.scenario](call, order.question)
    finally:
        microphone.cancel()
    await call.session.aclose()
    return {**report, "errors": call.errors}


if __name__ == "__main__":
    drive(scenario)
