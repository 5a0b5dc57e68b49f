"""``voicert chat --in question.wav --out answer.wav``: a call without sound devices."""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from voicert_clients.access import NO_KEY, Access
from voicert_clients.connection import Connection, first_target_ms
from voicert_clients.errors import ClientError, SoundFileError
from voicert_clients.loudness import ItemHearing, speech_bounds
from voicert_clients.pcm import SAMPLE_RATE, SAMPLES_PER_MS, Pcm
from voicert_clients.playback import Block, Playback
from voicert_clients.player import Player
from voicert_clients.simulated import Moment, SimulatedCall, SimulatedMicrophone
from voicert_clients.terminal.screen import Screen, entry_line
from voicert_clients.terminal.transcript import Transcript
from voicert_clients.wav import read_wav, write_wav
from voicert_clients.wire import AudioDelta, ResponseDone, ServerError

TAIL_S = 0.2  # what is still recorded after the answer


class NoAnswer(ClientError):  # noqa: N818 (an outcome, not a fault)
    """The server did not answer in time; what was played until then is written all the same."""


@dataclass(frozen=True)
class FileCall:
    """What to say to whom, and where to put what is heard."""

    url: str
    question: Path
    answer: Path
    stereo: bool = False  # left the question, right the answer, on one timeline
    timeout_s: float = 15.0  # without any sound of an answer, after the end of the question's speech
    access: Access = NO_KEY


class Listener:
    """Follows a call until the question is answered. Pure."""

    def __init__(self, question: Pcm, speech_end: int, timeout: int) -> None:
        self.blocks: list[Pcm] = []
        self.hearing: ItemHearing | None = None  # of the newest answer
        self.gap_samples: int | None = None  # end of speech → first audible sample after it
        self._length = len(question)
        self._speech_end = speech_end
        self._timeout = timeout
        self._patient_until = speech_end + timeout
        self._finished_at: int | None = None  # when an answer ended that came after the speech

    def add(self, moment: Moment, player: Player) -> None:
        """Takes note of one moment."""
        self._listen(moment.played)
        match moment.event:
            case AudioDelta() as delta:
                if self.hearing is None or self.hearing.item_id != delta.item_id:
                    self.hearing = ItemHearing(delta.item_id)
                self._patient_until = max(self._patient_until, moment.position + self._timeout)
            case ResponseDone(status="completed") if moment.position >= self._speech_end:
                self._finished_at = moment.position
            case _:
                pass
        if self._finished_at is not None and not player.silent:
            self._finished_at = moment.position

    def answered(self, position: int) -> bool:
        """The file is over, the answer was heard to its end, and the tail is recorded."""
        over = self._finished_at is not None and position >= self._finished_at + TAIL_S * SAMPLE_RATE
        return over and position >= self._length

    def tired(self, position: int) -> bool:
        """No answer came in time, or it broke off."""
        return position >= max(self._patient_until, self._length)

    def _listen(self, block: Block) -> None:
        self.blocks.append(block.pcm)
        if self.hearing is None:
            return
        self.hearing.add(block)
        first = self.hearing.first_audible
        if self.gap_samples is None and first is not None and first >= self._speech_end:
            self.gap_samples = first - self._speech_end


async def run_file_call(call: FileCall, screen: Screen) -> None:
    """Holds the call in real time, shows the words, and writes the answer file.

    Raises:
        SoundFileError: the question cannot be read or holds nothing to hear, or the answer cannot be written.
        Disconnected: the server cannot be reached or went away.
        NoAnswer: it did not answer in time.
    """
    question = read_wav(call.question)
    bounds = speech_bounds(question)
    if bounds is None:
        raise SoundFileError(f"There is nothing to hear in {call.question}.")
    if not call.answer.parent.is_dir():  # found out before the call, not after it
        raise SoundFileError(f"Cannot write {call.answer}: there is no folder {call.answer.parent}.")
    listener = Listener(question, bounds[1], round(call.timeout_s * SAMPLE_RATE))
    transcript = Transcript()
    connection = await Connection.open(call.url, call.access)
    try:
        answered = await _listen(connection, call.url, question, listener, transcript, screen)
    finally:
        await connection.close()
        for entry in transcript.take_finished(everything=True):
            screen.say(entry_line(entry))
        heard = np.concatenate([*listener.blocks, question[:0]])
        write_wav(call.answer, [question, heard] if call.stereo else [heard])
    if not answered:
        what = "No answer came" if listener.hearing is None else "The answer broke off: nothing more came"
        raise NoAnswer(f"{what} within {call.timeout_s:g} s; {call.answer} has what was heard.")
    if listener.gap_samples is not None:
        screen.say(f"answered after {listener.gap_samples / SAMPLES_PER_MS:.0f} ms")


async def _listen(
    connection: Connection,
    url: str,
    question: Pcm,
    listener: Listener,
    transcript: Transcript,
    screen: Screen,
) -> bool:
    """Whether the question was answered in time."""
    microphone = SimulatedMicrophone()
    microphone.say(question, at=0)
    player = Player(Playback(first_target_ms(url)))
    async with aclosing(SimulatedCall(connection, microphone, player).moments()) as moments:
        async for moment in moments:
            listener.add(moment, player)
            if moment.event is not None:
                transcript.handle(moment.event)
                for entry in transcript.take_finished():
                    screen.say(entry_line(entry))
            if isinstance(moment.event, ServerError):
                screen.say(f"the server reported an error: {moment.event.message}")
            if listener.answered(moment.position):
                return True
            if listener.tired(moment.position):
                return False
    raise AssertionError("a call has no end of its own")
