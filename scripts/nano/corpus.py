"""Conversations as tokens on disk, in shards that training picks up as they appear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from voicert_codecs.nano.modules import NanoCodecModules

from nano.answers import Answer, make_answer
from nano.augment import dither
from nano.bank import Bank
from nano.precision import mixed
from nano.sound import FRAME
from nano.timeline import Conversation
from voicert.models.vocabulary import Vocabulary

LEAD = 20  # frames of silence before an answer when it is encoded
TAIL = 20  # and after it
AT_ONCE = 4  # rows that are encoded together


@torch.inference_mode()
def encode_all(modules: NanoCodecModules, pcm: NDArray[np.float32]) -> NDArray[np.int64]:
    """pcm [B, T * FRAME] from fresh states → codes [B, K, T]."""
    device = modules.quantizer.codebooks.device
    tail, state, _, _ = (t.to(device) for t in modules.fresh(len(pcm)))
    latent, _, _ = modules.encoder(torch.from_numpy(pcm).to(device), tail, state)
    return modules.quantizer.encode(latent).cpu().numpy()


def silence_codes(modules: NanoCodecModules) -> NDArray[np.int64]:
    """[K] codes of a frame of digital silence once the encoder has settled."""
    return encode_all(modules, np.zeros((1, 100 * FRAME), np.float32))[0, :, -1]


def make_answers(
    modules: NanoCodecModules, bank: Bank, vocabulary: Vocabulary, delays: tuple[int, ...]
) -> dict[str, Answer]:
    """Tokens of every answer of the bank; its sound begins exactly at a frame's start."""
    silence = silence_codes(modules)
    made: dict[str, Answer] = {}
    items = sorted(bank.answers.values(), key=lambda a: a.length)  # of like length, so that little is padded
    for first in range(0, len(items), AT_ONCE):
        some = items[first : first + AT_ONCE]
        frames = LEAD + TAIL + max(-(-a.length // FRAME) for a in some)
        rows = np.zeros((len(some), frames * FRAME), np.float32)
        for row, a in zip(rows, some, strict=True):
            row[LEAD * FRAME : LEAD * FRAME + a.length] = bank.audio(a)
        for codes, a in zip(encode_all(modules, rows), some, strict=True):
            spoken = -(-a.length // FRAME)
            made[a.text] = make_answer(
                codes, LEAD, bank.audio(a), spoken, a.text, a.words, vocabulary, delays, silence
            )
    return made


def rooms(modules: NanoCodecModules, rng: np.random.Generator, rows: int, frames: int) -> NDArray[np.int64]:
    """[rows, K, frames] codes of rooms in which nobody speaks; the first row is digital silence."""
    pcm = np.stack([dither(rng, frames * FRAME) for _ in range(rows)])
    pcm[0] = 0.0
    return encode_all(modules, pcm)


def save_answers(path: Path, answers: dict[str, Answer], **more: NDArray[np.int64]) -> None:
    """All answers end to end in one .npz, and ``more`` arrays beside them."""
    joined = {
        "texts": np.array(list(answers)),
        "lengths": np.array([len(a.text) for a in answers.values()]),
        "text": np.concatenate([a.text for a in answers.values()]).astype(np.int16),
        "codes": np.concatenate([a.codes for a in answers.values()], axis=1).astype(np.int16),
    }
    temporary = path.with_suffix(".tmp.npz")
    np.savez(temporary, **joined, **more)
    temporary.replace(path)


def load_answers(path: Path) -> dict[str, tuple[NDArray[np.int16], NDArray[np.int16]]]:
    """What :func:`save_answers` wrote: (text [n], codes [K, n]) of every answer."""
    with np.load(path) as data:
        cuts = np.cumsum(data["lengths"])[:-1]
        texts, codes = np.split(data["text"], cuts), np.split(data["codes"], cuts, axis=1)
        return {str(said): (t, c) for said, t, c in zip(data["texts"], texts, codes, strict=True)}


def write_shard(path: Path, modules: NanoCodecModules, made: list[Conversation]) -> None:
    """One .npz: user and codes [N, K, T], text, user_text, given and phones [N, T], all small integers.

    Where the user's sound is encoded in bfloat16, in a third of the time, a twentieth of the first codebook's
    codes come out otherwise, as with a little noise.
    """
    with mixed(modules.quantizer.codebooks.device):
        user = [
            encode_all(modules, np.stack([c.user for c in made[i : i + AT_ONCE]]))
            for i in range(0, len(made), AT_ONCE)
        ]
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        user=np.concatenate(user).astype(np.int16),
        codes=np.stack([c.codes for c in made]).astype(np.int16),
        text=np.stack([c.text for c in made]).astype(np.int16),
        user_text=np.stack([c.user_text for c in made]).astype(np.int16),
        given=np.stack([c.given for c in made]),
        phones=np.stack([c.phones for c in made]),
    )
    temporary.replace(path)
