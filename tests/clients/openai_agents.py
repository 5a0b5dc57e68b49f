"""openai-agents, the Agents SDK for Python: a RealtimeSession over its WebSocket model."""

from __future__ import annotations

import asyncio
from typing import Any

from agents import Tool, function_tool
from agents.realtime import RealtimeAgent, RealtimeRunner, RealtimeSession
from agents.realtime.model_inputs import RealtimeModelRawClientMessage, RealtimeModelSendRawMessage
from microphone import SAMPLE_RATE, Microphone, Order, drive

Event = dict[str, Any]


class Call:
    """One session, and all that came over it."""

    def __init__(self, session: RealtimeSession) -> None:
        self.session = session
        self.microphone = Microphone(self.session.send_audio)
        self.events: asyncio.Queue[Event] = asyncio.Queue()
        self.seen: list[Event] = []
        self.sound = 0  # bytes
        self.interrupted = 0
        self.errors: list[str] = []

    async def listen(self) -> None:
        """Takes note of everything that the session tells, until cancelled."""
        async for event in self.session:
            match event.type:
                case "raw_model_event" if event.data.type == "raw_server_event":
                    self.events.put_nowait(event.data.data)
                case "raw_model_event" if event.data.type in ("error", "exception"):
                    self.errors.append(repr(event.data))
                case "audio":
                    self.sound += len(event.audio.data)
                case "audio_interrupted":
                    self.interrupted += 1
                case "error":
                    self.errors.append(repr(event.error))
                case _:
                    pass

    async def until(self, kind: str) -> Event:
        while True:
            event = await self.events.get()
            self.seen.append(event)
            if event["type"] == kind:
                return event

    async def raw(self, kind: str, **fields: Any) -> None:
        message = RealtimeModelRawClientMessage(type=kind, other_data=fields)
        await self.session.model.send_event(RealtimeModelSendRawMessage(message=message))

    async def answer(self) -> dict[str, Any]:
        done = (await self.until("response.done"))["response"]
        return {
            "status": done["status"],
            "reason": (done["status_details"] or {}).get("reason"),
            "said": done["output"][0]["content"][0]["transcript"],
            "sound_ms": self.sound * 1000 // 2 // SAMPLE_RATE,
        }


async def turn(call: Call, question: bytes) -> dict[str, Any]:
    call.microphone.speak(question)
    heard = await call.until("conversation.item.input_audio_transcription.completed")
    return {"heard": heard["transcript"], **await call.answer()}


async def barge_in(call: Call, question: bytes) -> dict[str, Any]:
    call.microphone.speak(question)
    while call.sound < SAMPLE_RATE:  # half a second has come
        await call.until("response.output_audio.delta")
    call.microphone.speak(question)
    report = await call.answer()
    # The SDK truncates by itself what it thinks was played, and asks for what is left.
    if not any(event["type"] == "conversation.item.truncated" for event in call.seen):
        await call.until("conversation.item.truncated")
    retrieved = (await call.until("conversation.item.retrieved"))["item"]
    kept = {"kept": retrieved["content"][0]["transcript"], "status_kept": retrieved["status"]}
    return {**report, **kept, "interrupted": call.interrupted}


async def manual(call: Call, question: bytes) -> dict[str, Any]:
    call.microphone.speak(question)
    await asyncio.sleep(len(question) / 2 / SAMPLE_RATE)
    early = call.sound > 0
    await call.raw("input_audio_buffer.commit")
    await call.raw("response.create", response={"metadata": {"asked": "by hand"}})
    created = (await call.until("response.created"))["response"]
    return {"early": early, "metadata": created["metadata"], **await call.answer()}


async def typed(call: Call, question: bytes) -> dict[str, Any]:
    await call.session.send_message("What is two plus two?")
    added = (await call.until("conversation.item.added"))["item"]
    return {"typed": added["content"][0]["text"], **await call.answer()}


async def tool(call: Call, question: bytes) -> dict[str, Any]:
    call.microphone.speak(question)
    output = (await call.until("response.done"))["response"]["output"]
    called = [item["name"] for item in output if item["type"] == "function_call"]
    return {"called": called, "rung": RUNG, **await call.answer()}


RUNG: list[bool] = []


@function_tool
def ring(loud: bool) -> str:
    """Rings the bell."""
    RUNG.append(loud)
    return "It rang."


async def scenario(order: Order) -> dict[str, Any]:
    source: dict[str, Any] = {"transcription": {"model": "whisper-1"}}
    detection = {"type": "server_vad", "interrupt_response": True}
    source["turn_detection"] = None if order.scenario == "manual" else detection
    tools: list[Tool] = [ring] if order.scenario == "tool" else []
    runner = RealtimeRunner(
        RealtimeAgent(name="Guide", instructions="Answer briefly.", tools=tools),
        config={"model_settings": {"model_name": "gpt-realtime", "audio": {"input": source}}},
    )
    session = await runner.run(model_config={"url": order.websocket_url + "/realtime", "api_key": order.key})
    async with session:
        call = Call(session)
        tasks = [asyncio.create_task(call.listen()), asyncio.create_task(call.microphone.run())]
        try:
            report = await globals()[order.scenario](call, order.question)
            await asyncio.sleep(0.05)  # the session takes note of the last events
            history = [item.model_dump(exclude={"item_id", "previous_item_id"}) for item in session._history]
        finally:
            for task in tasks:
                task.cancel()
    return {**report, "errors": call.errors, "history": history, "types": [e["type"] for e in call.seen]}


if __name__ == "__main__":
    drive(scenario)
