"""Recordings of sessions as tokens: made by the server, run through the model again, gone on from."""

from voicert.replay.entries import Note, Step
from voicert.replay.fork import go_on
from voicert.replay.player import Difference, Line, Player
from voicert.replay.recorder import Recorder
from voicert.replay.tape import Header, Tape, read_tape

__all__ = ["Difference", "Header", "Line", "Note", "Player", "Recorder", "Step", "Tape", "go_on", "read_tape"]
