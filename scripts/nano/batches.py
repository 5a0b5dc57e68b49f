"""Rows of tokens that the model learns from: crops of the corpus, and typed turns made on the spot."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nano.splices import Splicer
from voicert.models.vocabulary import END, PAD, START, Vocabulary

LONG = 200  # frames: a longer answer must be seen whole, with its request
REQUEST = 104  # frames before an answer in which most requests are whole
# Shares of rows whose answers all begin so many frames late, by number. It must go on wanting to begin until
# it does: who waits for it to be sure (`ModelConfig.start_steps`) lets moments pass.
LATE = 0.3, 0.4, 0.2, 0.1
# Share of rows at whose end an answer is due for so many frames, and does not begin. The first moment in
# which it could have begun must not be the last one.
OVERDUE, DUE_FRAMES = 0.08, (4, 50)
HUSH = 30  # frames before something is heard, in which the user may speak again already


@dataclass
class Batch:
    """Token inputs and targets; own streams of the inputs are one step behind the targets."""

    user: Tensor  # [B, K, F - 1 + T] begins F - 1 frames before the first step
    own_in: Tensor  # [B, K, T]
    text_in: Tensor  # [B, T]
    user_text_in: Tensor  # [B, T]
    codes: Tensor  # [B, K, T]
    text: Tensor  # [B, T] where an answer begins late, start tokens in all steps in which it could have
    user_text: Tensor  # [B, T]
    given: Tensor  # [B, T] 1 where the user's text was typed: nothing tells it beforehand
    phones: Tensor  # [B, T] what the user's voice says, see `nano.phones`
    unasked: Tensor  # [B, T] 1 where nothing could tell the text

    def to(self, device: torch.device) -> Batch:
        return Batch(*(getattr(self, f.name).to(device) for f in fields(self)))


Row = dict[str, NDArray[np.integer]]


def stacked(rows: list[Row]) -> Batch:
    """Rows of equal length as one batch."""
    return Batch(**{k: torch.from_numpy(np.stack([r[k] for r in rows])).long() for k in rows[0]})


def answers_in(text: NDArray[np.integer]) -> tuple[NDArray[np.integer], NDArray[np.integer]]:
    """The frames at which the answers of a row of text begin, and how many each has before its end token."""
    starts, ends = np.flatnonzero(text == START), np.flatnonzero(text == END)
    stops = np.append(ends, len(text))[np.searchsorted(ends, starts)]
    return starts, stops - starts


class Shards:
    """All conversations of one kind of file, in memory."""

    def __init__(self, folder: Path, user_frames: int, pattern: str = "shard????.npz") -> None:
        self.folder = folder
        self.before = user_frames - 1  # frames of the user's codes that a crop needs before its first step
        self.files: dict[str, dict[str, NDArray[np.integer]]] = {}
        # Conversations with long answers: file, row, frames at which those answers begin.
        self.long: list[tuple[str, int, NDArray[np.integer]]] = []
        self.idle: list[tuple[str, int]] = []  # file and row of conversations in which nothing is answered
        with np.load(folder / "answers.npz") as data:
            self.silence = data["silence"]
        for path in sorted(folder.glob(pattern)):
            self._read(path)

    def _read(self, path: Path) -> None:
        with np.load(path) as data:
            self.files[path.name] = shard = {k: data[k] for k in data.files}
        for n, text in enumerate(shard["text"]):
            starts, lengths = answers_in(text)
            if np.any(lengths > LONG):
                self.long.append((path.name, n, starts[lengths > LONG]))
            elif not len(starts):
                self.idle.append((path.name, n))

    def rows(
        self, rng: np.random.Generator, size: int, frames: int,
        focus: float = 0.0, long: float = 0.0, idle: float = 0.0,
    ) -> list[Row]:  # fmt: skip
        """Crops of ``frames``: a share ``focus`` of them ends some time after the start of an answer.

        A share ``long`` is of conversations with long answers, which are rare, and of these answers; a share
        ``idle`` of those in which nothing is answered.
        """
        names = list(self.files)
        rows: list[Row] = []
        for _ in range(size):
            name = names[rng.integers(len(names))]
            n = int(rng.integers(len(self.files[name]["text"])))
            if self.idle and rng.random() < idle:
                name, n = self.idle[rng.integers(len(self.idle))]
            answers = np.flatnonzero(self.files[name]["text"][n] == START)
            if self.long and rng.random() < long:
                name, n, answers = self.long[rng.integers(len(self.long))]
            shard = self.files[name]
            whole = shard["text"].shape[1]
            last = max(0, whole - frames)
            due = self._overdue(rng, name, n, answers, frames) if rng.random() < OVERDUE else None
            if due is not None:
                rows.append(due)
                continue
            start = 0 if rng.random() < 0.15 else int(rng.integers(0, last + 1))
            if rng.random() < focus and len(answers):
                ahead = rng.integers(REQUEST, max(REQUEST + 1, (2 * REQUEST + 3 * frames) // 5))
                start = int(np.clip(rng.choice(answers) - ahead, 0, last))
            rows.append(self.row(name, n, start, min(frames, whole), lateness(rng)))
        return rows

    def _overdue(
        self, rng: np.random.Generator, name: str, n: int, answers: NDArray[np.integer], frames: int
    ) -> Row | None:
        """A row that ends while an answer is due; None if there is no room for it."""
        shard = self.files[name]
        if not len(answers):
            return None
        due = int(rng.choice(answers))
        words = np.flatnonzero(shard["user_text"][n][due:] != PAD)
        until = min(due + int(rng.integers(*DUE_FRAMES)), shard["text"].shape[1])
        if len(words):
            until = min(until, due + int(words[0]) - HUSH)
        start = until - frames
        if until - due < DUE_FRAMES[0] or start < 0:
            return None
        row = self.row(name, n, start, frames)
        row["text"][due - start :] = START
        row["text_in"][due + 1 - start :] = PAD  # inputs lag by one step
        row["codes"] = row["codes"].copy()  # the conversation itself is not to change
        row["codes"][:, due - start :] = self.silence[:, None]
        row["own_in"][:, due + 1 - start :] = self.silence[:, None]
        return row

    def row(self, name: str, n: int, start: int, frames: int, late: int = 0) -> Row:
        """A crop of conversation ``n`` of a file, in which the assistant is ``late`` frames behind."""
        shard = self.files[name]
        codes, text = shard["codes"][n], shard["text"][n]
        if late:
            still = np.repeat(self.silence[:, None].astype(codes.dtype), late, axis=1)
            codes = np.concatenate([still, codes[:, :-late]], 1)
            text = np.concatenate([np.full(late, PAD, text.dtype), text[:-late]])
        streams = [shard[k][n] for k in ("user_text", "given", "phones")]
        return crop(
            shard["user"][n], codes, text, *streams, start, frames, self.before, self.silence, late=late
        )

    @property
    def conversations(self) -> list[tuple[str, int]]:
        return [(name, n) for name, shard in self.files.items() for n in range(len(shard["text"]))]


def crop(user: NDArray[np.integer], codes: NDArray[np.integer], text: NDArray[np.integer],
         user_text: NDArray[np.integer], given: NDArray[np.integer], phones: NDArray[np.integer],
         start: int, frames: int, before: int, silence: NDArray[np.integer],
         unasked: NDArray[np.integer] | None = None, late: int = 0) -> Row:  # fmt: skip
    """Frames ``start`` to ``start + frames`` of a conversation: silence where nothing was before it.

    In the ``late`` frames before an answer it is to want to begin, as far as it does not speak yet.
    """
    cut, past = slice(start, start + frames), max(0, start - 1)
    row: Row = {
        "codes": codes[:, cut], "text": wanted(text, late)[cut], "user_text": user_text[cut],
        "given": given[cut], "phones": phones[cut],
        "unasked": np.zeros_like(text[cut]) if unasked is None else unasked[cut],
    }  # fmt: skip
    quiet = np.repeat(silence[:, None].astype(user.dtype), max(0, before - start), axis=1)
    row["user"] = np.concatenate([quiet, user[:, max(0, start - before) : start + frames]], axis=1)
    missing = 1 - (start - past)  # 1 at the very beginning
    lagging = slice(past, start + frames - 1)
    row["own_in"] = np.concatenate([silence[:, None][:, :missing].astype(codes.dtype), codes[:, lagging]], 1)
    for name, stream in (("text_in", text), ("user_text_in", user_text)):
        row[name] = np.concatenate([np.full(missing, PAD, stream.dtype), stream[lagging]])
    return row


def lateness(rng: np.random.Generator) -> int:
    """Frames by which the answers of a row are late."""
    return int(rng.choice(len(LATE), p=LATE))


def wanted(text: NDArray[np.integer], late: int) -> NDArray[np.integer]:
    """Text [T] with start tokens in the ``late`` frames before each one too, unless an answer goes on."""
    made = text.copy()
    for start in np.flatnonzero(text == START):
        first = max(0, start - late)
        spoken = np.flatnonzero(text[first:start] != PAD)
        made[first + (spoken[-1] + 1 if len(spoken) else 0) : start] = START
    return made


class Hearing:
    """Rows in which there is much to hear and nothing to say: readings, and words spliced from everything.

    Args:
        conversations, readings: of the corpus; there may be no readings.
    """

    def __init__(self, conversations: Shards, readings: Shards, vocabulary: Vocabulary) -> None:
        self.silence, self.before, self.readings = conversations.silence, conversations.before, readings
        begins = np.array([vocabulary.piece(i).startswith(" ") for i in range(len(vocabulary))])
        self._splicer = Splicer([*conversations.files.values(), *readings.files.values()], begins)

    def rows(self, rng: np.random.Generator, size: int, frames: int) -> list[Row]:
        """Half of each. What would be said to it is left open: it asks for nothing, but so may a request that
        is misheard seem, and that is to be answered.
        """
        read = size // 2 if self.readings.files else 0
        rows = [
            *self.readings.rows(rng, read, frames),
            *(self._spliced(rng, frames) for _ in range(size - read)),
        ]
        return [row | {"unasked": np.ones_like(row["text"])} for row in rows]

    def _spliced(self, rng: np.random.Generator, frames: int) -> Row:
        made = self._splicer.row(rng, self.before + frames)
        nothing = np.zeros_like(made.phones)
        still = np.repeat(self.silence[:, None], self.before + frames, axis=1)
        streams = [still, np.full_like(made.phones, PAD), made.user_text, nothing, made.phones]
        row = crop(made.user, *streams, self.before, frames, self.before, self.silence)
        return {k: v.astype(np.int64) for k, v in row.items()}
