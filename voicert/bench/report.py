"""What the bench found: collected, as JSON, and as a table."""

from __future__ import annotations

import os
import platform
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from voicert.bench.daemon import Memory
from voicert.bench.ledger import STAGES, Ledger
from voicert.bench.stats import Summary, summarise
from voicert.bench.verdicts import Acknowledgement, Interruption, Recall, Turn

SERVER_STAGES = ("queue", "encode", "model", "decode")  # known of every frame, not only of those heard


@dataclass(frozen=True)
class Trials:
    """Everything that was tried in one run."""

    turns: tuple[Turn, ...]
    interruptions: tuple[Interruption, ...]
    backchannels: tuple[Acknowledgement, ...] = ()
    recalls: tuple[Recall, ...] = ()
    uncut: int = 0  # answers that were to be cut for a recall, and were over before or went on


@dataclass(frozen=True)
class Report:
    """Everything that was measured in one run."""

    server: str  # its address
    own_server: bool  # the bench started it
    model: str
    trials: Trials
    response_gap_ms: Summary
    round_trip_ms: Summary
    stop_time_ms: Summary
    decision_to_silence_ms: Summary
    stages_ms: dict[str, Summary]  # of STAGES
    frames: int  # steps of the model that the server told of
    late_frames: int
    errors: tuple[str, ...]  # that the server sent
    memory: Memory  # of the server, when the bench started it
    bench_cpu: float  # share of one core that the bench itself took


def make_report(
    server: str,
    own_server: bool,
    ledger: Ledger,
    trials: Trials,
    memory: Memory,
    bench_cpu: float,
) -> Report:
    """Puts together what one call has shown."""
    trips = ledger.trips()
    stages = {name: [trip.stages_ms[name] for trip in trips if trip.stages_ms] for name in STAGES}
    for name in SERVER_STAGES:
        stages[name] = [float(getattr(frame, f"{name}_ms")) for frame in ledger.frames]
    return Report(
        server=server,
        own_server=own_server,
        model=ledger.model,
        trials=trials,
        response_gap_ms=_summary(turn.gap_ms for turn in trials.turns),
        round_trip_ms=_summary(trip.round_trip_ms for trip in trips),
        stop_time_ms=_summary(one.stop_ms for one in trials.interruptions),
        decision_to_silence_ms=_summary(one.decision_to_silence_ms for one in trials.interruptions),
        stages_ms={name: summarise(values) for name, values in stages.items()},
        frames=len(ledger.frames),
        late_frames=sum(frame.late for frame in ledger.frames),
        errors=tuple(f"{error.code}: {error.message}" for error in ledger.errors),
        memory=memory,
        bench_cpu=bench_cpu,
    )


def as_json(report: Report) -> dict[str, Any]:
    """The report for ``--json``; times in ms, null where nothing was measured."""
    trials = report.trials
    outcomes = [one.outcome for one in trials.interruptions]
    asides = [one.outcome for one in trials.backchannels]
    replies = [turn.reply for turn in trials.turns]
    return {
        "turns": len(trials.turns),
        "response_gap_ms": _percentiles(report.response_gap_ms),
        "round_trip_ms": _percentiles(report.round_trip_ms),
        "stop_time_ms": _percentiles(report.stop_time_ms),
        "decision_to_silence_ms": _percentiles(report.decision_to_silence_ms),
        "stages_ms": {name: _percentiles(summary) for name, summary in report.stages_ms.items()},
        "deadline_miss_rate": report.late_frames / report.frames if report.frames else None,
        "frames": report.frames,
        "turns_answered": replies.count("answered"),
        "turns_answered_early": replies.count("early"),
        "turns_without_answer": replies.count("none"),
        "interruptions": len(outcomes),
        "interruptions_stopped": outcomes.count("stopped"),
        "interruptions_not_stopped": outcomes.count("went on"),
        "interruptions_not_possible": outcomes.count("ended before") + outcomes.count("no answer"),
        "backchannels": len(asides),
        "backchannels_resumed": asides.count("resumed"),
        "backchannels_not_noticed": asides.count("not noticed"),
        "backchannels_lost_or_repeated": asides.count("lost or repeated"),
        "backchannels_stopped": asides.count("stopped"),
        "backchannels_not_possible": asides.count("ended before") + asides.count("no answer"),
        "recalls": len(trials.recalls),
        "recalls_exact": sum(one.exact for one in trials.recalls),
        "recalls_not_possible": trials.uncut,
        "server_errors": list(report.errors),
        "server": {"url": report.server, "started_by_bench": report.own_server, "model": report.model},
        "server_memory_mb": asdict(report.memory),
        "machine": machine(),
        "bench_cpu": report.bench_cpu,
        "each_turn": [asdict(turn) for turn in trials.turns],
        "each_interruption": [asdict(one) for one in trials.interruptions],
        "each_backchannel": [asdict(one) for one in trials.backchannels],
        "each_recall": [asdict(one) for one in trials.recalls],
    }


def as_table(report: Report) -> str:
    """The report for people."""
    about = machine()
    lines = [
        f"{report.model or 'unknown model'} at {report.server}",
        f"{about['cpu']}, {about['cores']} cores, {about['system']}, Python {about['python']}",
        "",
        f"{'ms':<28}{'p50':>9}{'p95':>9}{'p99':>9}{'n':>8}",
        _row("response gap", report.response_gap_ms),
        _row("round trip", report.round_trip_ms),
        _row("stop time", report.stop_time_ms),
        _row("decision to silence", report.decision_to_silence_ms),
        "stages of the round trip",
        *(_row(f"  {name}", summary) for name, summary in report.stages_ms.items()),
        "",
        *_counts(report),
    ]
    return "\n".join(lines)


def machine() -> dict[str, Any]:
    """What the bench ran on."""
    return {
        "cpu": _cpu(),
        "cores": os.cpu_count(),
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _counts(report: Report) -> list[str]:
    replies = [turn.reply for turn in report.trials.turns]
    outcomes = [one.outcome for one in report.trials.interruptions]
    lines = [
        f"turns: {len(replies)}, {replies.count('answered')} answered, {replies.count('early')} answered "
        f"before the user had ended, {replies.count('none')} without an answer"
    ]
    if outcomes:
        lines.append(
            f"interruptions: {len(outcomes)}, {outcomes.count('stopped')} stopped the answer, "
            f"{outcomes.count('went on')} did not, {outcomes.count('ended before')} came after its end, "
            f"{outcomes.count('no answer')} had no answer to interrupt"
        )
    lines += _asides(report.trials)
    if report.frames:
        share = 100 * report.late_frames / report.frames
        lines.append(f"deadline misses: {report.late_frames} of {report.frames} frames ({share:.2f} %)")
    memory = report.memory
    if memory.now_mb is not None and memory.peak_mb is not None:
        lines.append(f"memory of the server: {memory.now_mb:.0f} MB, at most {memory.peak_mb:.0f} MB")
    lines.append(f"the bench itself took {100 * report.bench_cpu:.1f} % of one core")
    lines.extend(f"the server reported an error: {error}" for error in sorted(set(report.errors)))
    return lines


def _asides(trials: Trials) -> list[str]:
    """What came of backchannels and recalls; nothing where none were tried."""
    lines: list[str] = []
    asides = [one.outcome for one in trials.backchannels]
    if asides:
        resumed = asides.count("resumed")
        lines.append(
            f"backchannels: {len(asides)}, {resumed + asides.count('not noticed')} left the answer whole "
            f"({resumed} after a pause), {asides.count('stopped')} stopped it, "
            f"{asides.count('lost or repeated')} cost or repeated some of it, "
            f"{asides.count('ended before') + asides.count('no answer')} had no answer to disturb"
        )
    if trials.recalls:
        exact, lags = sum(one.exact for one in trials.recalls), [one.lag_ms for one in trials.recalls]
        lines.append(
            f"heard history: {len(trials.recalls)} answers cut, with the speaker {min(lags)} to {max(lags)} "
            f"ms late; {exact} remembered up to the last word heard ({trials.uncut} more could not be cut)"
        )
    return lines


def _summary(values: Iterable[float | None]) -> Summary:
    return summarise([value for value in values if value is not None])


def _row(name: str, summary: Summary) -> str:
    values = (summary.p50, summary.p95, summary.p99)
    shown = "".join(f"{'–' if value is None else format(value, '.1f'):>9}" for value in values)
    return f"{name:<28}{shown}{summary.count:>8}"


def _percentiles(summary: Summary) -> dict[str, float | None]:
    return {"p50": summary.p50, "p95": summary.p95, "p99": summary.p99}


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
