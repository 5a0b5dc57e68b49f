"""Conversations as tokens on disk, in shards that training picks up as they appear."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from voicert_codecs.nano.modules import NanoCodecModules

from nano.bank import Bank
from nano.domain import TOPICS
from nano.timeline import FRAME, Answer, Composer, make_answer
from voicert.models.vocabulary import Vocabulary

LEAD_SECONDS = 0.4  # of silence before an answer when it is encoded


@torch.inference_mode()
def encode_all(modules: NanoCodecModules, pcm: NDArray[np.float32]) -> NDArray[np.int64]:
    """pcm [B, T * FRAME] from fresh states → codes [B, K, T]."""
    tail, state, _, _ = modules.fresh(len(pcm))
    latent, _, _ = modules.encoder(torch.from_numpy(pcm), tail, state)
    return modules.quantizer.encode(latent).numpy()


def silence_codes(modules: NanoCodecModules) -> NDArray[np.int64]:
    """[K] codes of a frame of digital silence once the encoder has settled."""
    return encode_all(modules, np.zeros((1, 100 * FRAME), np.float32))[0, :, -1]


def make_answers(
    modules: NanoCodecModules, bank: Bank, vocabulary: Vocabulary, delays: tuple[int, ...]
) -> list[Answer]:
    """Tokens of the answer of every topic; its sound begins exactly at a frame's start."""
    silence = silence_codes(modules)
    answers: list[Answer] = []
    lead = int(LEAD_SECONDS * 24_000) // FRAME
    for topic in range(len(TOPICS)):
        pcm = bank.answer(topic)
        spoken = -(-len(pcm) // FRAME)
        row = np.zeros((1, (lead + spoken + 20) * FRAME), np.float32)
        row[0, lead * FRAME : lead * FRAME + len(pcm)] = pcm
        codes = encode_all(modules, row)[0]
        answers.append(make_answer(codes, lead, spoken, topic, bank, vocabulary, delays, silence))
    return answers


def write_shard(path: Path, modules: NanoCodecModules, composer: Composer, rng: np.random.Generator,
                conversations: int, frames: int) -> None:  # fmt: skip
    """One .npz: user [N, K, T], codes [N, K, T], text and user_text [N, T], all int16."""
    made = [composer.compose(rng, frames) for _ in range(conversations)]
    user = [
        encode_all(modules, np.stack([c.user for c in made[i : i + 16]])) for i in range(0, conversations, 16)
    ]
    temporary = path.with_suffix(".tmp.npz")
    np.savez(
        temporary,
        user=np.concatenate(user).astype(np.int16),
        codes=np.stack([c.codes for c in made]).astype(np.int16),
        text=np.stack([c.text for c in made]).astype(np.int16),
        user_text=np.stack([c.user_text for c in made]).astype(np.int16),
    )
    temporary.replace(path)
