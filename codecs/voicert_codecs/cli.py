"""``voicert codec``: sound files to codes and back."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

from voicert_codecs.base import CodecError

DONE = 0
USAGE_ERROR = 2  # exit code of every deliberate error

EXPLANATION = """\
IN and OUT are files, or - for standard input and output, which are worked on as they come: every
frame is written as soon as its last sample is there. A WAV file may have any sample rate, number of
channels (they are mixed) and integer or float samples; what comes out is 16-bit mono.

  voicert codec encode speech.wav speech.vcz
  voicert codec decode speech.vcz again.wav
  arecord -t raw -f S16_LE -r 24000 | voicert codec encode --raw - - | ssh there voicert codec decode - x.wav
"""
CODEC_HELP = (
    "nano (bundled), encodec or mimi (both need the extra voicert[torch]), the folder or file of one, "
    "or a repository of the Hugging Face hub"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Puts the subcommands into a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXPLANATION
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True, title="actions")

    encode = _command(commands, "encode", "Sound to codes.")
    encode.add_argument("input", metavar="IN", help="WAV file")
    encode.add_argument("output", metavar="OUT", help=".vcz file")
    encode.add_argument("--codec", default="nano", help=f"{CODEC_HELP} (default nano)")
    _add_size(encode)
    _add_raw(encode, "the input is raw 16-bit little-endian mono samples")
    encode.add_argument("--rate", type=_positive, metavar="HZ", help="of raw samples (default: the codec's)")
    _add_device(encode)

    decode = _command(commands, "decode", "Codes to sound.")
    decode.add_argument("input", metavar="IN", help=".vcz file")
    decode.add_argument("output", metavar="OUT", help="WAV file")
    decode.add_argument("--codec", help=f"{CODEC_HELP} (default: the one that the file names)")
    _add_raw(decode, "write raw 16-bit little-endian mono samples")
    _add_device(decode)

    info = _command(commands, "info", "Check a .vcz file and tell what is in it.")
    info.add_argument("input", metavar="IN", help=".vcz file")
    info.add_argument("--json", action="store_true", help="as JSON")

    export = _command(commands, "export", "Write a codec as ONNX graphs, which run without PyTorch.")
    export.add_argument("codec", metavar="CODEC", help=CODEC_HELP)
    export.add_argument("folder", metavar="FOLDER", help="where to; can then be given as --codec FOLDER")
    _add_size(export)


def run(options: argparse.Namespace) -> int:
    """Does what was asked; the result is the exit code. Deliberate errors are one sentence on stderr."""
    from voicert_codecs import commands  # brings ONNX Runtime, which --help does not need

    actions: dict[str, Callable[[argparse.Namespace], None]] = {
        "encode": commands.encode,
        "decode": commands.decode,
        "info": commands.info,
        "export": commands.export,
    }
    try:
        actions[options.action](options)
    except CodecError as error:
        sentence = " ".join(str(error).split()).rstrip(".")
        print(f"voicert codec {options.action}: {sentence}.", file=sys.stderr)
        return USAGE_ERROR
    except BrokenPipeError:  # whoever read the output has enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing more to flush at the end
    return DONE


def main(arguments: Sequence[str] | None = None) -> int:
    """``python -m voicert_codecs``, where the codecs are used alone."""
    parser = argparse.ArgumentParser(prog="python -m voicert_codecs", description="Sound to codes and back.")
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def _command(commands: Any, name: str, text: str) -> argparse.ArgumentParser:
    return commands.add_parser(name, help=text, description=text)


def _add_size(parser: argparse.ArgumentParser) -> None:
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--codebooks", type=_positive, metavar="N", help="how many, where there is a choice")
    size.add_argument("--bandwidth", type=_rate, metavar="KBPS", help="the same as kilobits per second")


def _add_raw(parser: argparse.ArgumentParser, text: str) -> None:
    parser.add_argument("--raw", action="store_true", help=text)


def _add_device(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--device", default="cpu", help="for PyTorch: cpu, cuda, mps (default cpu)")


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _rate(text: str) -> float:
    value = float(text)
    if not 0 < value < 1_000:
        raise argparse.ArgumentTypeError("must be above 0 and below 1000")
    return value
