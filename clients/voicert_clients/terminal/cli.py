"""``voicert chat``: its options."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from voicert_clients.access import add_access_arguments, chosen_access
from voicert_clients.connection import DEFAULT_URL
from voicert_clients.errors import ClientError
from voicert_clients.terminal.devices import describe_devices, find_devices, load_library
from voicert_clients.terminal.files import FileCall, NoAnswer, run_file_call
from voicert_clients.terminal.live import LiveCall, run_live_call
from voicert_clients.terminal.screen import Screen

NOT_ANSWERED = 1  # exit code when the question of --in was not answered
USAGE_ERROR = 2  # exit code of every deliberate error

EXPLANATION = """\
keys while talking: m mutes the microphone, x stops the answer, t writes a message instead of speaking it
(enter sends it, escape drops it), q or Ctrl-C quits.

Echo of the speaker is cancelled where the package livekit is installed (`pip install voicert[aec]`);
without it, use headphones, or the assistant may hear and interrupt itself.

with --in and --out: the question is played in real time, as if spoken into a microphone. The answer's
file has what a speaker would have played, on the same timeline, so that the gap can be seen; it ends
with the answer.

exit codes: 0, or 1 when no answer came, or 2 on an error.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Puts the options into a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EXPLANATION
    parser.add_argument("--url", default=DEFAULT_URL, help=f"the server (default {DEFAULT_URL})")
    add_access_arguments(parser)
    devices = parser.add_argument_group("with devices")
    devices.add_argument("--input-device", metavar="DEVICE", help="microphone: index or part of its name")
    devices.add_argument("--output-device", metavar="DEVICE", help="speaker: index or part of its name")
    devices.add_argument("--list-devices", action="store_true", help="show the devices and end")
    devices.add_argument("--no-aec", action="store_true", help="do not cancel the speaker's echo")
    files = parser.add_argument_group("without devices")
    files.add_argument("--in", dest="question", type=Path, metavar="FILE", help="WAV file to say")
    files.add_argument("--out", dest="answer", type=Path, metavar="FILE", help="WAV file for the answer")
    files.add_argument(
        "--stereo", action="store_true", help="write both sides: left the question, right the answer"
    )
    files.add_argument(
        "--timeout-s",
        type=_seconds,
        default=15.0,
        metavar="S",
        help="longest wait for sound (default 15)",
    )


def run(options: argparse.Namespace) -> int:
    """Talks; the result is the exit code."""
    try:
        return _run(options)
    except NoAnswer as error:
        print(f"voicert chat: {error}", file=sys.stderr)
        return NOT_ANSWERED
    except ClientError as error:
        print(f"voicert chat: {error}", file=sys.stderr)
        return USAGE_ERROR


def _run(options: argparse.Namespace) -> int:
    access = chosen_access(options)
    if options.list_devices:
        print(describe_devices(find_devices(load_library())))
    elif options.question or options.answer:
        if not (options.question and options.answer):
            raise ClientError("--in and --out go together: the question's file and the answer's.")
        call = FileCall(
            options.url, options.question, options.answer, options.stereo, options.timeout_s, access
        )
        asyncio.run(run_file_call(call, Screen(sys.stdout)))
    else:
        echo = not options.no_aec
        live = LiveCall(options.url, options.input_device, options.output_device, access, echo)
        asyncio.run(run_live_call(live, load_library(), Screen(sys.stdout)))
    return 0


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError("must be above 0 and below 3600")
    return value
