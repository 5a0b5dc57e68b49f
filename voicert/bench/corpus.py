"""What the bench says: WAV files of a folder, by default the ones of this package.

A file whose name begins with ``long`` asks for an answer long enough to be interrupted; one that begins with
``interrupt`` is said over an answer; one that begins with ``backchannel`` is heard during an answer and must
not stop it; every other one is a request. Where a folder has no file of the first or second kind, its
requests serve for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from voicert_clients.errors import SoundFileError
from voicert_clients.loudness import speech_bounds
from voicert_clients.pcm import Pcm
from voicert_clients.wav import read_wav

BUNDLED = Path(__file__).parent / "speech"


@dataclass(frozen=True)
class Utterance:
    """One recording and where the speech in it begins and ends."""

    name: str
    pcm: Pcm
    onset: int  # first sample of speech
    end: int  # one after its last


@dataclass(frozen=True)
class Corpus:
    """Never empty; each kind but the backchannels has at least one utterance."""

    requests: tuple[Utterance, ...]
    long: tuple[Utterance, ...]
    interruptions: tuple[Utterance, ...]
    backchannels: tuple[Utterance, ...] = ()


def load_corpus(folder: Path = BUNDLED) -> Corpus:
    """All ``*.wav`` of a folder, in the order of their names.

    Raises:
        SoundFileError: there are none, or one cannot be read or holds no speech.
    """
    paths = sorted(folder.glob("*.wav"))
    if not paths:
        raise SoundFileError(f"There are no WAV files in {folder}: name a folder that has some with --wav.")
    utterances = [_utterance(path) for path in paths]
    long = tuple(one for one in utterances if one.name.startswith("long"))
    interruptions = tuple(one for one in utterances if one.name.startswith("interrupt"))
    backchannels = tuple(one for one in utterances if one.name.startswith("backchannel"))
    named = {one.name for one in (*long, *interruptions, *backchannels)}
    plain = tuple(one for one in utterances if one.name not in named)
    requests = plain or long or interruptions or backchannels
    return Corpus(requests, long or requests, interruptions or requests, backchannels)


def _utterance(path: Path) -> Utterance:
    pcm = read_wav(path)
    bounds = speech_bounds(pcm)
    if bounds is None:
        raise SoundFileError(f"There is nothing to hear in {path}.")
    return Utterance(path.stem, pcm, *bounds)
