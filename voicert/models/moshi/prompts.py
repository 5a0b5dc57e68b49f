"""What a conversation with a PersonaPlex begins with: a voice, and who speaks.

    own text    pads    pads   <system> You are … <system>   pads
    own sound   voice   still  still                         still
    the user    a tone all the while

A voice may come as what the model was given while it heard it, see :mod:`voicert.models.moshi.voices`; then
its frames are not known, but for the last codes of the streams that lag.
Source: the code of PersonaPlex, https://github.com/NVIDIA/personaplex, moshi/models/lm.py.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from voicert_codecs.base import Codec, CodecError
from voicert_codecs.sound.source import SoundSource

from voicert.errors import ModelError
from voicert.models.base import Ints, Sampling
from voicert.models.moshi import lm as language
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.loudness import loudness_db
from voicert.models.moshi.voices import Voice

VOICE_DB = -24.0  # LUFS: how loud a voice is made, as in PersonaPlex's training
BREAK_S = 0.5  # of silence after the voice and after the text
LONGEST_S = 60.0  # of a prompt
TONE_HZ, TONE_LEVEL = 440.0, 0.5
# The codes of silence and of that tone by the published Mimi, as PersonaPlex was trained with them.
PUBLISHED_SILENCE = (948, 243, 1178, 546, 1736, 1030, 1978, 2008)
PUBLISHED_TONE = (430, 1268, 381, 1611, 1095, 1495, 56, 472)
PUBLISHED_CODES = 2048


@dataclass(frozen=True)
class Steady:
    """The codes of sounds that do not change, each [K]."""

    silence: Ints
    tone: Ints

    @staticmethod
    def of(codec: Codec[Any]) -> Steady:
        """Of a codec: what it gives for a second of each at its end."""
        rate = codec.sample_rate
        tone = TONE_LEVEL * np.sin(2 * np.pi * TONE_HZ * np.arange(rate) / rate)
        return Steady(_last_codes(codec, np.zeros(rate)), _last_codes(codec, tone))

    @staticmethod
    def of_personaplex(codec: Codec[Any]) -> Steady:
        """The same, as PersonaPlex has it for the published Mimi."""
        if codec.codebook_size != PUBLISHED_CODES or codec.num_codebooks != len(PUBLISHED_SILENCE):
            return Steady.of(codec)
        return Steady(np.array(PUBLISHED_SILENCE), np.array(PUBLISHED_TONE))


@dataclass(frozen=True)
class Prompt:
    """Frames with known outcome."""

    text: Ints  # [F]
    own: Ints  # [F, K] the assistant's codes, frame by frame
    user: Ints  # [F, K]
    before: Voice | None = None  # what comes before them

    @staticmethod
    def of(config: MoshiConfig, steady: Steady, voice: Ints | Voice, words: list[int], pause: int) -> Prompt:
        """
        Args:
            voice: [F, K] its codes, which may be none; or what the model is given of it.
            words: text tokens; may be empty.
            pause: frames of silence after each of the two.
        """
        text: list[int] = []
        own: list[Ints] = []
        before = voice if isinstance(voice, Voice) else None
        codes = np.zeros((0, len(steady.silence)), np.int64) if isinstance(voice, Voice) else voice
        if before or len(codes):
            text += [config.pad] * (len(codes) + pause)
            own += [codes, np.tile(steady.silence, (pause, 1))]
        if words:
            text += [*words, *([config.pad] * pause)]
            own.append(np.tile(steady.silence, (len(words) + pause, 1)))
        return Prompt(np.array(text), np.concatenate(own), np.tile(steady.tone, (len(text), 1)), before)

    def written(self, delays: tuple[int, ...]) -> Ints:
        """[F, 1 + K] as it is written step by step, each stream with its delay.

        Before a stream has begun stands its first frame, which nothing reads, or what is known from before.
        """
        steps, lag = np.arange(len(self.text))[:, None], np.array(delays[1 : 1 + self.own.shape[1]])
        codes = np.take_along_axis(self.own, np.maximum(steps - lag, 0), axis=0)
        if self.before:
            ahead = self.before.ahead[1 : 1 + len(lag)]  # what is written in a step is given in the next
            codes = np.where(steps < lag, ahead[:, np.minimum(steps[:, 0] + 1, lag.max())].T, codes)
        return np.concatenate([self.text[:, None], codes], axis=1)

    def take_in(self, lm: MoshiLm) -> language.Snapshot:
        """Lets slot 0 of a model live through it; what a conversation then begins from."""
        lm.reset(0, Sampling())
        self.go_through(lm, 0)
        saved = lm.snapshot(0)
        lm.reset(0, Sampling())
        return saved

    def go_through(self, lm: MoshiLm, slot: int) -> None:
        """Lets a slot live through it, after what it has lived through before."""
        own, user, most = self.written(lm.config.delays), self.user, max(1, lm.tokens.rewind_steps)
        if self.before:
            heard = self._take_in_voice(self.before, lm, slot, most)
            user = np.concatenate([heard, user[1:]])
        for first in range(0, len(own), most):
            part = slice(first, first + most)
            lm.feed(slot, own[part], user[part])

    def identity(self) -> bytes:
        """Says what is prompted."""
        before = self.before.identity() if self.before else b""
        return self.text.tobytes() + self.own.tobytes() + before

    @staticmethod
    def _take_in_voice(voice: Voice, lm: MoshiLm, slot: int, most: int) -> Ints:
        """In pieces of ``most`` steps; [1, K] what is heard in the step after it."""
        delays = lm.config.delays
        own = voice.own(1 + lm.spoken, lm.config.pad)
        user = voice.user(np.array(delays[1 + lm.spoken :]))
        for first in range(0, len(own), most):
            part = slice(first, min(first + most, len(own)))
            lm.feed_embeddings(slot, voice.embeddings[part], own[part], user[part])
        return user[-1:]


@dataclass(frozen=True)
class Beginning:
    """What every conversation begins with: a voice, and who speaks, which a client may say instead."""

    usual: language.Snapshot | None = None  # after both; None: nothing
    voice: language.Snapshot | None = None  # after the voice alone; None: there is none
    spell: Callable[[str], Prompt] | None = None  # a text alone; None: the model takes none
    identity: bytes = b""  # says what was prompted

    def set(self, lm: MoshiLm, slot: int, sampling: Sampling) -> None:
        _put(self.usual, lm, slot, sampling)

    def tell(self, lm: MoshiLm, slot: int, instructions: str, sampling: Sampling) -> None:
        """The same with other words; empty ones are the usual."""
        if self.spell is None or not instructions.strip():
            self.set(lm, slot, sampling)
            return
        _put(self.voice, lm, slot, sampling)
        self.spell(instructions).go_through(lm, slot)


def _put(state: language.Snapshot | None, lm: MoshiLm, slot: int, sampling: Sampling) -> None:
    if state is None:
        lm.reset(slot, sampling)
    else:
        lm.restore(slot, replace(state, sampling=sampling))


def system_text(text: str) -> str:
    """With the marks that PersonaPlex was trained to see around it."""
    text = text.strip()
    marked = text.startswith("<system>") and text.endswith("<system>")
    return text if marked or not text else f"<system> {text} <system>"


def voice_codes(codec: Codec[Any], file: Path) -> Ints:
    """[F, K] of a WAV file, made as loud as the voices of the training.

    Raises:
        ModelError: it cannot be read, is silent or too long.
    """
    try:
        with file.open("rb") as stream:
            pieces = list(SoundSource(stream, codec.sample_rate).pieces())
    except (OSError, CodecError) as error:
        raise ModelError(f"cannot read the voice_prompt {file}: {error}") from error
    pcm = np.concatenate([np.zeros(0, np.float32), *pieces])
    if not 0 < len(pcm) <= LONGEST_S * codec.sample_rate:
        raise ModelError(f"the voice_prompt {file} must last from 0 to {LONGEST_S:g} s")
    level = loudness_db(pcm, codec.sample_rate)
    if level is None:
        raise ModelError(f"the voice_prompt {file} is silent")
    pcm = pcm * np.float32(10 ** ((VOICE_DB - level) / 20))
    pcm = np.pad(pcm, (0, -len(pcm) % codec.frame_size))
    return codec.encode(pcm[None], codec.init_state(1))[0].T


def _last_codes(codec: Codec[Any], pcm: NDArray[np.float64]) -> Ints:
    whole = len(pcm) // codec.frame_size * codec.frame_size
    return codec.encode(pcm[None, :whole].astype(np.float32), codec.init_state(1))[0, :, -1]
