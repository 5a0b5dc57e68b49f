"""Someone is heard over the assistant: pause at once, then decide what it was. Pure.

speaking ──voice of pause_ms──▶ paused ──model fell silent, voice of interrupt_min_ms, or words──▶ cut
   ▲                              │
   └──── voice over, and short ───┴── voice over, and it was a word ──▶ cut

A voice that is over soon may still have been a word, such as "stop". It was one if its colour changed as in
words and either the model has understood more than a murmur, or there was a hiss in it: the s and t of words,
which hums and coughs lack. What was understood as a murmur ("yeah") is none.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

from voicert.session.events import ResumeReason
from voicert.session.settings import Interrupt, TurnSettings
from voicert.session.speech import to_samples

SPOKEN_DB = 4.6  # words change colour by more; 95 of 100 coughs, knocks and rustles by less than 4
SHORTEST_WORD = to_samples(160)  # of voice; colours of a shorter one are few
HISS_BEFORE = to_samples(200)  # so long before its voice a word may begin with a hiss
LONGEST_PAUSE = to_samples(2000)  # a sound that comes and goes is no reason to be silent for longer


@dataclass(frozen=True, slots=True)
class Heard:
    """What one frame told, while the assistant's voice is on its way to the listener."""

    clock: int  # samples of input so far
    run: int  # voiced samples of the voice in progress, 0 when there is none
    run_start: int  # samples: where it began
    voiced: int  # voiced samples since the session began
    voice_end: int  # samples: end of the last voice
    lively_db: float  # how much the colour of this voice changes
    hiss_at: int | None  # samples: end of the last frame with a hiss in it
    words: tuple[str, ...]  # what the model has understood of it so far, in lower case
    broke_off: int | None  # samples: when the model ended its answer in the middle of a word


@dataclass(frozen=True, slots=True)
class Pause:
    """Nothing more is sent for the moment."""

    start: int  # samples: where the voice began


@dataclass(frozen=True, slots=True)
class Resume:
    """It was nothing."""

    start: int  # samples: where the voice began
    paused: int  # samples of input since the pause
    reason: ResumeReason


@dataclass(frozen=True, slots=True)
class Cut:
    """It is an interruption."""

    start: int  # samples: where the voice began


Verdict: TypeAlias = Pause | Resume | Cut


class Interruption:
    """Listens while the assistant speaks. `advance` with every frame, `reset` when it is silent."""

    def __init__(self) -> None:
        self.paused = False
        self._paused_at = 0  # samples
        self._start = 0  # samples: where the voice began
        self._voiced = 0  # voiced samples before that, since the session began
        self._judged = False  # the voice in progress was found to be nothing

    def reset(self) -> None:
        """The assistant is silent."""
        self.paused = self._judged = False

    def advance(self, heard: Heard, settings: TurnSettings, mode: Interrupt) -> Verdict | None:
        """What follows from this frame; None when all stays as it is."""
        if self.paused:
            return self._decide(heard, settings, mode)
        if mode == "off":
            return None
        if self._judged:
            self._judged = heard.clock - heard.voice_end < to_samples(settings.resume_ms)
            cut = self._judged and self._fell_silent(heard) and mode in ("model", "both")
            return Cut(self._start) if cut else None
        if heard.run < to_samples(settings.pause_ms):
            return None
        self.paused = True
        self._paused_at, self._start = heard.clock, heard.run_start
        self._voiced = heard.voiced - heard.run
        return self._decide(heard, settings, mode) or Pause(self._start)

    def _decide(self, heard: Heard, settings: TurnSettings, mode: Interrupt) -> Verdict | None:
        if mode == "off":
            return self._resume(heard, "off")
        by_voice, by_model = mode in ("vad", "both"), mode in ("model", "both")
        spoken, murmured = heard.lively_db >= SPOKEN_DB, murmurs(heard.words, settings.murmurs)
        least_ms = settings.interrupt_min_ms if spoken and not murmured else settings.interrupt_sound_ms
        long = heard.voiced - self._voiced >= to_samples(least_ms)
        if any(word in settings.interrupt_words for word in heard.words):
            return self._cut()
        if (by_model and self._fell_silent(heard)) or (by_voice and long):
            return self._cut()
        if heard.clock - heard.voice_end >= to_samples(settings.resume_ms):
            word = spoken and heard.voiced - self._voiced >= SHORTEST_WORD and not murmured
            meant = by_voice and word and (bool(heard.words) or self._hissed(heard))
            return self._cut() if meant else self._resume(heard, "too_short")
        if long:
            return self._resume(heard, "model_goes_on")
        if heard.clock - self._paused_at >= LONGEST_PAUSE:
            return self._resume(heard, "timeout")
        return None

    def _hissed(self, heard: Heard) -> bool:
        return heard.hiss_at is not None and heard.hiss_at > self._start - HISS_BEFORE

    def _cut(self) -> Cut:
        self.paused = False
        return Cut(self._start)

    def _fell_silent(self, heard: Heard) -> bool:
        """The model broke off its answer after the voice had begun."""
        return heard.broke_off is not None and heard.broke_off > self._start

    def _resume(self, heard: Heard, reason: ResumeReason) -> Resume:
        self.paused, self._judged = False, True
        return Resume(self._start, heard.clock - self._paused_at, reason)


def murmurs(words: Sequence[str], known: Sequence[str]) -> bool:
    """Whether all that was understood are murmurs; the last word may be unfinished, no word is none."""
    *whole, last = words or ("?",)
    return all(word in known for word in whole) and any(murmur.startswith(last) for murmur in known)
