"""A Pipecat bot that talks with voicert's model over this machine's microphone and speaker.

pip install "pipecat-ai[openai,local]"
export OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=unused
python pipecat_bot.py
"""

import asyncio
import os

from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import LLMContextAggregatorPair
from pipecat.services.openai.realtime.llm import OpenAIRealtimeLLMService
from pipecat.transports.base_transport import BaseTransport, TransportParams
from pipecat.workers.runner import WorkerRunner


def make_worker(transport: BaseTransport, context: LLMContext) -> PipelineWorker:
    """Microphone → model → speaker; ``context`` becomes the transcript."""
    address = os.environ["OPENAI_BASE_URL"].replace("http", "ws", 1) + "/realtime"
    model = OpenAIRealtimeLLMService(api_key=os.environ["OPENAI_API_KEY"], base_url=address)
    user, assistant = LLMContextAggregatorPair(context)
    return PipelineWorker(Pipeline([transport.input(), user, model, transport.output(), assistant]))


async def main() -> None:
    """Talks until interrupted."""
    from pipecat.transports.local.audio import LocalAudioTransport, LocalAudioTransportParams

    params: TransportParams = LocalAudioTransportParams(audio_in_enabled=True, audio_out_enabled=True)
    runner = WorkerRunner()
    await runner.add_workers(make_worker(LocalAudioTransport(params), LLMContext([])))
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main())
