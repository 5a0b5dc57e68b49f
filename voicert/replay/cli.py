"""``voicert replay``: runs a recording through its model again, and goes on from any moment of it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from voicert_clients.errors import SoundFileError
from voicert_clients.wav import read_wav, write_wav

from voicert.errors import TapeError
from voicert.models import Options, load
from voicert.models.base import Bundle
from voicert.replay.fork import go_on
from voicert.replay.player import Player
from voicert.replay.tape import Tape, read_tape

SAME, DIFFERENT = 0, 1  # exit codes


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("file", type=Path, metavar="FILE", help="made by voicert serve --record DIR")
    parser.add_argument(
        "--model", help="name of a bundled model or the folder of one (default: the one it was made with)"
    )
    parser.add_argument("--text", action="store_true", help="print what was said")
    parser.add_argument(
        "--from",
        dest="since",
        type=float,
        metavar="SECONDS",
        help="go on from there with another sound",
    )
    parser.add_argument("--input", type=Path, metavar="WAV", help="what the user says from there")
    parser.add_argument(
        "--output",
        type=Path,
        metavar="WAV",
        help="the new part: user left, assistant right",
    )


def run(options: argparse.Namespace) -> int:
    """0 when the tokens are those of the recording, 1 when not.

    Raises:
        TapeError: the recording or a WAV file cannot be used, or the model is another one.
        ModelError: the model cannot be found or read.
    """
    since: float | None = options.since
    if since is None and (options.input or options.output):
        raise TapeError("--input and --output belong to --from")
    tape = read_tape(options.file)
    bundle = _opened(options.model, tape)
    player = Player(tape, bundle)
    length_s = tape.steps / tape.header.frame_rate
    if since is not None and not 0 <= since <= length_s:
        raise TapeError(f"--from must lie between 0 and {length_s:.2f} seconds, the recording's length")
    difference = player.play(float("inf") if since is None else since)
    if difference:
        print(f"not the same: {difference}")
        return DIFFERENT
    if since is None:
        _report(tape, player, options.file)
    else:
        _fork(player, bundle, options.input, options.output)
    if options.text or since is not None:
        for line in player.lines():
            print(f"{line.seconds:8.2f}  {line.speaker + ':':<10} {line.text}")
    return SAME


def _opened(model: str | None, tape: Tape) -> Bundle:
    """The model, opened as it was for the recording."""
    try:
        how = Options.of(tape.header.options)
    except ValueError as error:
        raise TapeError(f"the recording's options are not understood: {error}") from error
    return load(model or tape.header.model, max_slots=1, options=how)


def _report(tape: Tape, player: Player, path: Path) -> None:
    header = tape.header
    print(
        f"the same tokens: {tape.steps} steps, {tape.steps / header.frame_rate:.1f} s with {header.model} "
        f"{header.identity}, {8e-3 * path.stat().st_size * header.frame_rate / max(1, tape.steps):.1f} kbit/s"
    )
    if tape.cut_bytes:
        print(f"The end of {path} is cut off; what is whole was replayed.", file=sys.stderr)


def _fork(player: Player, bundle: Bundle, given: Path | None, wanted: Path | None) -> None:
    try:
        sounds = go_on(player, bundle, read_wav(given) if given else np.zeros(0, np.float32))
        if wanted:
            write_wav(wanted, [np.concatenate(sounds.heard), np.concatenate(sounds.said)])
    except SoundFileError as error:
        raise TapeError(str(error)) from error
