"""A LiveKit agent that talks with voicert's model.

pip install livekit-agents livekit-plugins-openai
export OPENAI_BASE_URL=http://127.0.0.1:8400/v1 OPENAI_API_KEY=unused
python livekit_agent.py console    # with this machine's microphone; `dev` joins rooms of a LiveKit server
"""

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli
from livekit.plugins import openai

server = AgentServer()


def make_session() -> AgentSession[None]:
    """The model hears, speaks and takes turns: no other model is needed."""
    return AgentSession(llm=openai.realtime.RealtimeModel(), turn_detection="realtime_llm", vad=None)


@server.rtc_session()
async def talk(context: JobContext) -> None:
    """Somebody has come into a room."""
    await make_session().start(Agent(instructions="Answer briefly."), room=context.room)


if __name__ == "__main__":
    cli.run_app(server)
