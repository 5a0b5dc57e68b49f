"""What a duplex model writes by its rules, by whole uncached passes: the plain counterpart of the runtime."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import END, PAD, START
from voicert.models.words import WordTransformer

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Written:
    """A whole conversation, greedily."""

    text: Ints  # [T]
    user_text: Ints  # [T]
    rows: Ints  # [K, T] codes as written in each step
    inside: Bools  # [T] from each start token to its end token


@torch.inference_mode()
def write(
    model: DuplexTransformer,
    silence: Ints,
    user: Ints,
    hush: Bools,
    start_steps: int = 1,
    pad_bias: float = 0.0,
    words: WordTransformer | None = None,
    start_bias: float = 0.0,
    abstain: tuple[int, float] | None = None,
) -> Written:
    """user [T, K], hush [T] → what is written, every step from a pass over all steps up to it."""
    steps, before = len(user), model.config.user_frames - 1
    heard = torch.from_numpy(np.concatenate([np.tile(silence, (before, 1)), user]).T[None])
    text, user_text, rows = [PAD], [PAD], [silence]  # the first entry is what precedes the first step
    inside: list[bool] = []
    answering, wanted = False, 0
    for t in range(steps):
        own = torch.from_numpy(np.stack(rows, 1)[None])
        past = torch.tensor([text]), torch.tensor([user_text])
        hidden = model(heard[:, :, : before + t + 1], own, *past)[0, -1]
        logits = model.text_head(hidden)
        if answering and words:
            some = logits[END:].logsumexp(0)  # that anything is written
            opinion = words.config.weight * next_word(words, text, user_text)[END:]
            both = (logits[END:] + opinion).softmax(0)
            end = max(float(both[0]), float((logits[END] - some).exp()))
            logits[END:] = (
                some + torch.cat([torch.tensor([end]), (1 - end) * both[1:] / both[1:].sum()]).log()
            )
        logits[[PAD, END]] += pad_bias
        if answering:  # it may go on or end, but not start again
            logits[START] = -torch.inf
            word = int(logits.argmax())
            if abstain and word > END and next(t for t in reversed(text) if t != PAD) == START:
                logits[abstain[0]] += abstain[1]
                word = int(logits[END + 1 :].argmax()) + END + 1
        else:
            word = START if logits[START] > logits[PAD] + start_bias else PAD
        spoken = int(model.user_text_head(hidden).argmax())
        if not answering and {*user_text[-model.config.longest_thought :], spoken} == {PAD}:
            word = PAD
        wanted = wanted + 1 if word == START else 0  # steps in a row
        if word == START and wanted < start_steps:
            word = PAD
        if answering and word == PAD and set(text[-model.config.longest_quiet :]) == {PAD}:
            word = END
        if hush[t]:
            word = END if answering else PAD
        within = answering or word == START
        codes = model.code_logits(hidden).argmax(-1).numpy()
        rows.append(codes if within and not hush[t] else silence)
        text.append(word)
        user_text.append(spoken)
        inside.append(within)
        answering = within and word != END
    return Written(np.array(text[1:]), np.array(user_text[1:]), np.stack(rows[1:], 1), np.array(inside))


def next_word(words: WordTransformer, text: list[int], user_text: list[int]) -> torch.Tensor:
    """Log probabilities [V] after all that was written, steps of nothing left out."""
    some = [pair for pair in zip(text, user_text, strict=True) if pair != (PAD, PAD)]
    both = torch.tensor([(PAD, PAD), *some]).T[:, None]
    return words.head(words(both[0], both[1]))[0, -1].log_softmax(0)


def frames_of(rows: Ints, hush: Bools, delays: tuple[int, ...], silence: Ints) -> Ints:
    """Rows as written [K, T] → [T, K] the frame that each step completes.

    Row k of frame f is written in step f + delays[k]. What comes before the first frame is silence, so is
    a frame that was hushed before it was complete.
    """
    last = max(delays)
    out = np.tile(silence, (rows.shape[1], 1))
    for t in range(last, rows.shape[1]):
        if not hush[t - last : t + 1].any():
            out[t] = [rows[k, t - last + d] for k, d in enumerate(delays)]
    return out
