"""The `openai` package, as its documentation has it."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from microphone import SAMPLE_RATE, Microphone, Order, drive
from openai import AsyncOpenAI, AuthenticationError
from openai.resources.realtime.realtime import AsyncRealtimeConnection
from websockets.exceptions import InvalidStatus


class Conversation:
    """One connection, and all that came over it."""

    def __init__(self, connection: AsyncRealtimeConnection) -> None:
        self.connection = connection
        self.types: list[str] = []
        self.sound = bytearray()
        self.microphone = Microphone(self.append)

    async def append(self, pcm: bytes) -> None:
        await self.connection.input_audio_buffer.append(audio=base64.b64encode(pcm).decode())

    async def until(self, kind: str) -> Any:
        """The next event of a type."""
        while True:
            event = await self.connection.recv()
            self.types.append(event.type)
            if event.type == "response.output_audio.delta":
                self.sound += base64.b64decode(event.delta)
            if event.type == kind:
                return event
            if event.type == "error":
                raise RuntimeError(event.error.message)

    async def configure(self, turn_detection: Any) -> None:
        source = {"turn_detection": turn_detection, "transcription": {"model": "whisper-1"}}
        await self.connection.session.update(session={"type": "realtime", "audio": {"input": source}})
        updated = await self.until("session.updated")
        got = updated.session.audio.input.turn_detection
        assert (got is None) == (turn_detection is None), got

    async def answer(self) -> dict[str, Any]:
        """The response that comes, as a report."""
        done = (await self.until("response.done")).response
        content = done.output[0].content[0]
        reason = done.status_details.reason if done.status_details else None
        return {
            "status": done.status,
            "reason": reason,
            "said": content.transcript,
            "item": done.output[0].id,
            "audio_tokens": done.usage.output_token_details.audio_tokens,
            "sound_ms": len(self.sound) * 1000 // 2 // SAMPLE_RATE,
        }


async def turn(conversation: Conversation, question: bytes) -> dict[str, Any]:
    conversation.microphone.speak(question)
    heard = await conversation.until("conversation.item.input_audio_transcription.completed")
    return {"heard": heard.transcript, **await conversation.answer()}


async def barge_in(conversation: Conversation, question: bytes) -> dict[str, Any]:
    conversation.microphone.speak(question)
    while len(conversation.sound) < SAMPLE_RATE:  # half a second has come
        await conversation.until("response.output_audio.delta")
    conversation.microphone.speak(question)
    report = await conversation.answer()
    played_ms = report["sound_ms"] // 2
    await conversation.connection.conversation.item.truncate(
        item_id=report["item"], content_index=0, audio_end_ms=played_ms
    )
    truncated = await conversation.until("conversation.item.truncated")
    await conversation.connection.conversation.item.retrieve(item_id=report["item"])
    retrieved = (await conversation.until("conversation.item.retrieved")).item
    kept = {"kept": retrieved.content[0].transcript, "status_kept": retrieved.status}
    return {**report, **kept, "played_ms": played_ms, "audio_end_ms": truncated.audio_end_ms}


async def manual(conversation: Conversation, question: bytes) -> dict[str, Any]:
    await conversation.configure(None)
    conversation.microphone.speak(question)
    await asyncio.sleep(len(question) / 2 / SAMPLE_RATE)
    early = "response.created" in conversation.types
    await conversation.connection.input_audio_buffer.commit()
    await conversation.connection.response.create(response={"metadata": {"asked": "by hand"}})
    created = (await conversation.until("response.created")).response
    return {"early": early, "metadata": created.metadata, **await conversation.answer()}


async def typed(conversation: Conversation, question: bytes) -> dict[str, Any]:
    content = [{"type": "input_text", "text": "What is two plus two?"}]
    await conversation.connection.conversation.item.create(
        item={"type": "message", "role": "user", "content": content}
    )
    added = await conversation.until("conversation.item.added")
    await conversation.connection.response.create()
    return {"typed": added.item.content[0].text, **await conversation.answer()}


async def access(order: Order) -> dict[str, Any]:
    """What a key opens, a secret made with it, and what a wrong one is told; each through the package."""
    report: dict[str, Any] = {}
    async with AsyncOpenAI(api_key=order.key, base_url=order.base_url) as client:
        report["models"] = [model.id async for model in client.models.list()]
        report["model"] = (await client.models.retrieve(report["models"][0])).id
        bound: Any = {"type": "realtime", "instructions": "Be brief."}
        secret = await client.realtime.client_secrets.create(
            session=bound, expires_after={"anchor": "created_at", "seconds": 60}
        )
        report["secret"] = [secret.value[:3], secret.session.type]
    async with (
        AsyncOpenAI(api_key=secret.value, base_url=order.base_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        report["instructions"] = (
            await Conversation(connection).until("session.created")
        ).session.instructions
    async with AsyncOpenAI(api_key=order.key + "-wrong", base_url=order.base_url) as client:
        try:
            await client.models.list()
        except AuthenticationError as error:
            report["refused"] = [error.status_code, error.code]
        try:
            async with client.realtime.connect(model="gpt-realtime"):
                pass
        except InvalidStatus as error:
            report["closed_door"] = error.response.status_code
    return report


async def scenario(order: Order) -> dict[str, Any]:
    if order.scenario == "access":
        return await access(order)
    async with (
        AsyncOpenAI(api_key=order.key, base_url=order.base_url) as client,
        client.realtime.connect(model="gpt-realtime") as connection,
    ):
        conversation = Conversation(connection)
        await conversation.until("session.created")
        await conversation.configure({"type": "server_vad"})
        microphone = asyncio.create_task(conversation.microphone.run())
        try:
            report = await globals()[order.scenario](conversation, order.question)
        finally:
            microphone.cancel()
        return {**report, "types": conversation.types}


if __name__ == "__main__":
    drive(scenario)
