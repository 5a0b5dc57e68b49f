"""pipecat with its OpenAIRealtimeLLMService, and a transport of a simulated microphone and speaker."""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from loguru import logger
from microphone import SAMPLE_RATE, Microphone, Order, drive, example
from pipecat.frames.frames import (
    InputAudioRawFrame,
    LLMMessagesAppendFrame,
    OutputAudioRawFrame,
    StartFrame,
    UserStoppedSpeakingFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.realtime import events
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner


class Ear(BaseInputTransport):
    """The microphone, for the pipeline."""

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self.microphone = Microphone(self._take)
        self.running: asyncio.Task[None] | None = None

    async def _take(self, pcm: bytes) -> None:
        await self.push_audio_frame(InputAudioRawFrame(audio=pcm, sample_rate=SAMPLE_RATE, num_channels=1))

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)


class Speaker(BaseOutputTransport):
    """Plays in real time; pipecat drops by itself what has not been given to it."""

    def __init__(self, params: TransportParams) -> None:
        super().__init__(params)
        self.played = 0  # samples
        self.said: list[str] = []

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        samples = len(frame.audio) // 2
        await asyncio.sleep(samples / frame.sample_rate)
        if any(frame.audio):
            self.played += samples
        return True


class Devices(BaseTransport):
    """The simulated microphone and speaker."""

    def __init__(self, ear: Ear, speaker: Speaker) -> None:
        super().__init__()
        self._ear, self._speaker = ear, speaker

    def input(self) -> Ear:
        return self._ear

    def output(self) -> Speaker:
        return self._speaker


def make_worker(order: Order, devices: Devices, context: LLMContext) -> PipelineWorker:
    """By hand, or as the example has it."""
    if order.scenario == "example":
        return example("pipecat_bot").make_worker(devices, context)
    detection: Any = False if order.scenario == "manual" else events.TurnDetection()
    source = events.AudioInput(transcription=events.InputAudioTranscription(), turn_detection=detection)
    properties = events.SessionProperties(audio=events.AudioConfiguration(input=source))
    model = OpenAIRealtimeLLMService(
        api_key=order.key,
        base_url=order.websocket_url + "/realtime",
        settings=OpenAIRealtimeLLMService.Settings(session_properties=properties),
    )
    user, assistant = LLMContextAggregatorPair(context)
    return PipelineWorker(Pipeline([devices.input(), user, model, devices.output(), assistant]))


class Call:
    """One pipeline, its devices, and what came through it."""

    def __init__(self, order: Order) -> None:
        params = TransportParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            audio_in_sample_rate=SAMPLE_RATE,
            audio_out_sample_rate=SAMPLE_RATE,
        )
        self.ear, self.speaker = Ear(params), Speaker(params)
        self.context = LLMContext([])
        self.worker = make_worker(order, Devices(self.ear, self.speaker), self.context)
        self.errors: list[str] = []
        self.done: asyncio.Queue[Any] = asyncio.Queue()
        self.received: list[str] = []
        self._watch()

    def _watch(self) -> None:
        """Notes what comes over the wire, by pipecat's own way of reading it."""
        parse = events.parse_server_event

        def noted(message: str) -> Any:
            event = parse(message)
            self.received.append(event.type)
            if event.type == "error":
                self.errors.append(event.error.message)
            if event.type == "response.done":
                self.done.put_nowait(event.response)
            return event

        events.parse_server_event = noted

    async def answer(self) -> dict[str, Any]:
        """The response that comes, once it has been played or cut."""
        done = await self.done.get()
        while done.status == "completed" and self.speaker.played < SAMPLE_RATE * 1.6 * 0.95:
            await asyncio.sleep(0.02)
        await asyncio.sleep(0.1)
        return {
            "status": done.status,
            "said": done.output[0].content[0].transcript,
            "sound_ms": self.speaker.played * 1000 // SAMPLE_RATE,
        }


async def turn(call: Call, question: bytes) -> dict[str, Any]:
    call.ear.microphone.speak(question)
    return await call.answer()


async def barge_in(call: Call, question: bytes) -> dict[str, Any]:
    call.ear.microphone.speak(question)
    while call.speaker.played < SAMPLE_RATE // 2:
        await asyncio.sleep(0.02)
    call.ear.microphone.speak(question)
    return await call.answer()


async def manual(call: Call, question: bytes) -> dict[str, Any]:
    call.ear.microphone.speak(question)
    await asyncio.sleep(len(question) / 2 / SAMPLE_RATE)
    early = call.speaker.played > 0
    await call.worker.queue_frame(UserStoppedSpeakingFrame())  # what a detector of the app's own would send
    return {"early": early, **await call.answer()}


async def typed(call: Call, question: bytes) -> dict[str, Any]:
    message = {"role": "user", "content": "What is two plus two?"}
    await call.worker.queue_frame(LLMMessagesAppendFrame([message], run_llm=True))
    return await call.answer()


SCENARIOS = {"turn": turn, "barge_in": barge_in, "manual": manual, "typed": typed, "example": turn}


async def scenario(order: Order) -> dict[str, Any]:
    logger.remove()
    logger.add(sys.stderr, level="ERROR")
    call = Call(order)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(call.worker)
    running = asyncio.create_task(runner.run())
    while not call.received:
        await asyncio.sleep(0.02)
    microphone = asyncio.create_task(call.ear.microphone.run())
    try:
        report = await SCENARIOS[order.scenario](call, order.question)
    finally:
        microphone.cancel()
        await call.worker.cancel()
        await running
    told = list(call.context.messages)
    return {**report, "errors": call.errors, "context": told, "types": call.received}


if __name__ == "__main__":
    drive(scenario)
