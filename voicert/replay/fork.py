"""Going on from a moment of a recording with another sound: what would the assistant have said to that?"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from voicert.models.base import Bundle, Control, Ints
from voicert.replay.player import ROW, Player

Pcm = NDArray[np.float32]
ANSWER_DUE_S = 10.0  # after the last input, how long an answer is waited for
LONGEST_ANSWER_S = 60.0
LEAD_IN_S = 5.0  # of the recorded sound, by which the encoder finds its state


@dataclass
class Sounds:
    """Frame by frame, from the fork on."""

    heard: list[Pcm] = field(default_factory=list[Pcm])
    said: list[Pcm] = field(default_factory=list[Pcm])


def go_on(player: Player, bundle: Bundle, pcm: Pcm) -> Sounds:
    """From where ``player`` is, hears ``pcm`` [n] at the codec's rate, then silence until the answer is over.

    The recording has the user's codes and not the sound itself. So the encoder begins with what these codes
    sound like; model and decoder begin exactly as they were.
    """
    codec, model = bundle.codec, bundle.model
    ears, voices = codec.init_state(1), codec.init_state(1)
    for codes in _chunks(player.said):
        codec.decode(codes, voices)
    past = codec.init_state(1)
    for codes in _chunks(player.heard[-round(LEAD_IN_S * model.frame_rate) :]):
        codec.encode(codec.decode(codes, past), ears)
    frame, free = codec.frame_size, Control.free(1)
    given = list(np.pad(pcm, (0, -len(pcm) % frame)).reshape(-1, frame))
    sounds, quiet = Sounds(), 0  # frames since the last that was given
    marks = [token for token in player.text if token in (model.start_id, model.end_id)]
    answering, answered = marks[-1:] == [model.start_id], False
    while (
        given
        or (answering and quiet < LONGEST_ANSWER_S * model.frame_rate)
        or (not answered and quiet < ANSWER_DUE_S * model.frame_rate)
    ):
        quiet = 0 if given else quiet + 1
        sounds.heard.append(given.pop(0) if given else np.zeros(frame, np.float32))
        codes = codec.encode(sounds.heard[-1][None], ears)
        out = model.step(ROW, codes[:, :, 0], free)
        sounds.said.append(codec.decode(out.codes[:, :, None], voices)[0].copy())
        player.add(codes[0, :, 0], out)
        text = int(out.text[0])
        answering = (answering or text == model.start_id) and text != model.end_id
        answered = quiet > 0 and (answered or text == model.end_id)
    return sounds


def _chunks(codes: list[Ints], size: int = 50) -> list[Ints]:
    """[1, K, at most ``size``] each."""
    return [np.stack(codes[i : i + size], 1)[None] for i in range(0, len(codes), size)]
