"""Asks a question from a WAV file and writes the answer to another, with the openai package.

pip install "openai[realtime]"
export OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=unused
python openai_python.py question.wav answer.wav    # 16-bit mono at 24 kHz
"""

import asyncio
import base64
import sys
import wave

from openai import AsyncOpenAI


async def ask(question: str, answer: str) -> None:
    """One question, asked whole, and its answer."""
    with wave.open(question) as wav:
        if wav.getparams()[:3] != (1, 2, 24_000):
            sys.exit(f"{question} is not 16-bit mono at 24 kHz")
        spoken = wav.readframes(wav.getnframes())
    async with AsyncOpenAI() as client, client.realtime.connect(model="gpt-realtime") as connection:
        by_hand = {"type": "realtime", "audio": {"input": {"turn_detection": None}}}
        await connection.session.update(session=by_hand)
        await connection.input_audio_buffer.append(audio=base64.b64encode(spoken).decode())
        await connection.input_audio_buffer.commit()
        await connection.response.create()
        with wave.open(answer, "wb") as wav:
            wav.setparams((1, 2, 24_000, 0, "NONE", ""))
            async for event in connection:
                if event.type == "response.output_audio.delta":
                    wav.writeframes(base64.b64decode(event.delta))
                elif event.type == "response.output_audio_transcript.done":
                    print(event.transcript)
                elif event.type == "error":
                    sys.exit(event.error.message)
                elif event.type == "response.done":
                    break


if __name__ == "__main__":
    asyncio.run(ask(*sys.argv[1:]))
