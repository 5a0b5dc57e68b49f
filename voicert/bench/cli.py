"""``voicert bench``: its options, and the run from the first word to the report."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import sys
import time
from itertools import cycle, islice
from pathlib import Path

from voicert_clients.access import add_access_arguments, chosen_access
from voicert_clients.connection import Connection, first_target_ms
from voicert_clients.errors import ClientError
from voicert_clients.playback import Playback
from voicert_clients.player import Player
from voicert_clients.simulated import SimulatedCall, SimulatedMicrophone

from voicert.bench.corpus import BUNDLED, Corpus, load_corpus
from voicert.bench.daemon import Daemon, Memory, running_daemon, serve_command
from voicert.bench.definitions import DEFINITIONS
from voicert.bench.examiner import Examiner
from voicert.bench.report import Report, Trials, as_json, as_table, make_report
from voicert.bench.verdicts import Acknowledgement, Interruption, Recall, Turn

WORD_LEAD_MS = 40.0  # of the bundled model
CUT_AFTER_MS = (200, 6_000)  # of an answer, in which the recalls cut it
NOT_ANSWERED = 1  # exit code when no turn was answered
USAGE_ERROR = 2  # exit code of every deliberate error


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Puts the bench's options and definitions into a parser."""
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = DEFINITIONS
    parser.add_argument("--url", help="a running server, such as ws://127.0.0.1:8400 (default: start one)")
    parser.add_argument("--model", metavar="NAME", help="model of the server that the bench starts")
    parser.add_argument("--turns", type=_count, default=20, metavar="N", help="requests (default 20)")
    parser.add_argument(
        "--interruptions", type=_count, default=10, metavar="N", help="answers to talk over (default 10)"
    )
    parser.add_argument(
        "--backchannels",
        type=_count,
        default=8,
        metavar="N",
        help="answers to cough into (default 8)",
    )
    parser.add_argument(
        "--recalls",
        type=_count,
        default=8,
        metavar="N",
        help="answers to cut anywhere (default 8)",
    )
    parser.add_argument(
        "--lag-ms",
        type=_range,
        default=(40, 400),
        metavar="A-B",
        help="how late the speaker is in these (default 40-400)",
    )
    parser.add_argument(
        "--word-lead-ms",
        type=float,
        default=WORD_LEAD_MS,
        metavar="MS",
        help=f"the model writes a word so long before its sound (default {WORD_LEAD_MS:g})",
    )
    parser.add_argument(
        "--wav", type=Path, default=BUNDLED, metavar="DIR", help="what to say (default: bundled)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the report there")
    parser.add_argument(
        "--timeout-s",
        type=_seconds,
        default=10.0,
        metavar="S",
        help="longest wait for an answer (default 10)",
    )
    parser.add_argument(
        "--pause-s", type=_seconds, default=0.7, metavar="S", help="silence between turns (default 0.7)"
    )
    add_access_arguments(parser)


def run(options: argparse.Namespace) -> int:
    """Measures and prints; the result is the exit code."""
    try:
        if options.url and options.model:
            raise ClientError(
                "--model is for the server that the bench starts: leave it out, or leave out --url."
            )
        if options.json:
            _check_writable(options.json)
        report = asyncio.run(_measure(options, load_corpus(options.wav)))
        print(as_table(report))
        if options.json:
            options.json.write_text(json.dumps(as_json(report), indent=2) + "\n")
    except ClientError as error:
        print(f"voicert bench: {error}", file=sys.stderr)
        return USAGE_ERROR
    turns = report.trials.turns
    if turns and all(turn.reply == "none" for turn in turns):
        print("voicert bench: No turn was answered.", file=sys.stderr)
        return NOT_ANSWERED
    return 0


async def _measure(options: argparse.Namespace, corpus: Corpus) -> Report:
    if options.url:
        return await _converse(options, corpus, options.url, None)
    _tell("starting a server")
    async with running_daemon(serve_command(options.model)) as daemon:
        return await _converse(options, corpus, daemon.url, daemon)


async def _converse(options: argparse.Namespace, corpus: Corpus, url: str, daemon: Daemon | None) -> Report:
    connection = await Connection.open(url, chosen_access(options))
    began_s, began_cpu_s = time.monotonic(), time.process_time()
    player = Player(Playback(first_target_ms(url)))
    examiner = Examiner(
        SimulatedCall(connection, SimulatedMicrophone(), player),
        options.timeout_s * 1000,
        options.pause_s * 1000,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(connection.close)
        stack.push_async_callback(examiner.close)
        turns = tuple(await _ask_all(examiner, corpus, options.turns))
        interruptions = tuple(await _interrupt_all(examiner, corpus, options.interruptions))
        asides = tuple(await _acknowledge_all(examiner, corpus, options.backchannels))
        recalls, uncut = await _recall_all(examiner, corpus, options)
        trials = Trials(turns, interruptions, asides, tuple(recalls), uncut)
        memory = daemon.memory() if daemon else Memory(None, None)
    bench_cpu = (time.process_time() - began_cpu_s) / (time.monotonic() - began_s)
    return make_report(url, daemon is not None, examiner.ledger, trials, memory, bench_cpu)


async def _ask_all(examiner: Examiner, corpus: Corpus, count: int) -> list[Turn]:
    turns: list[Turn] = []
    for request in islice(cycle(corpus.requests), count):
        turn = await examiner.ask(request)
        turns.append(turn)
        gap = turn.reply if turn.gap_ms is None else f"{turn.gap_ms:.0f} ms"
        _tell(f"turn {len(turns)}/{count}  {turn.name}: {gap}")
    return turns


async def _interrupt_all(examiner: Examiner, corpus: Corpus, count: int) -> list[Interruption]:
    interruptions: list[Interruption] = []
    pairs = zip(cycle(corpus.long), cycle(corpus.interruptions), strict=False)
    for request, barge_in in islice(pairs, count):
        one = await examiner.interrupt(request, barge_in)
        interruptions.append(one)
        stop = one.outcome if one.stop_ms is None else f"{one.stop_ms:.0f} ms"
        _tell(f"interruption {len(interruptions)}/{count}  {one.name}: {stop}")
    return interruptions


async def _acknowledge_all(examiner: Examiner, corpus: Corpus, count: int) -> list[Acknowledgement]:
    found: list[Acknowledgement] = []
    pairs = list(islice(zip(cycle(corpus.long), cycle(corpus.backchannels), strict=False), count))
    undisturbed = {request.name: await examiner.listen(request) for request in corpus.long[: len(pairs)]}
    for request, aside in pairs:
        found.append(await examiner.acknowledge(request, aside, undisturbed[request.name]))
        _tell(f"backchannel {len(found)}/{count}  {found[-1].name}: {found[-1].outcome}")
    return found


async def _recall_all(
    examiner: Examiner, corpus: Corpus, options: argparse.Namespace
) -> tuple[list[Recall], int]:
    """As many as were asked for, and how many tries led to none: an answer was over before, or went on."""
    found: list[Recall] = []
    uncut = 0
    dice = random.Random(options.recalls)  # the same places in each run
    pairs = zip(cycle(corpus.long), cycle(corpus.interruptions), strict=False)
    while len(found) < options.recalls and uncut <= options.recalls:
        request, barge_in = next(pairs)
        lag_ms, into_ms = dice.randint(*options.lag_ms), dice.randint(*CUT_AFTER_MS)
        one = await examiner.recall(request, barge_in, lag_ms, into_ms, options.word_lead_ms)
        found.extend([] if one is None else [one])
        uncut += one is None
        said = "not cut" if one is None else f"heard {one.heard!r}, remembered {one.remembered!r}"
        _tell(f"recall {len(found)}/{options.recalls}  {request.name}, {lag_ms} ms late: {said}")
    return found, uncut


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _check_writable(path: Path) -> None:
    """Finds out before the run, not after it."""
    try:
        path.touch()
    except OSError as error:
        raise ClientError(f"Cannot write {path} ({error.strerror}).") from error


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError("must be 0 or more")
    return value


def _range(text: str) -> tuple[int, int]:
    least, _, most = text.partition("-")
    value = (int(least), int(most or least))
    if not 0 <= value[0] <= value[1] <= 2_000:
        raise argparse.ArgumentTypeError("must be two numbers in rising order, at most 2000")
    return value


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < 3600:
        raise argparse.ArgumentTypeError("must be above 0 and below 3600")
    return value
