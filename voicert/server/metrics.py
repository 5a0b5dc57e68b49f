"""The state of the server as Prometheus text."""

from __future__ import annotations

from collections.abc import Iterator

from voicert.engine import EngineStats, StageStats
from voicert.server.service import Counts


def exposition(stats: EngineStats, counts: Counts) -> str:
    """Text format 0.0.4 of everything that is counted."""
    lines: list[str] = []
    for name, kind, text, value in _plain(stats, counts):
        lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {value}"]
    name = "voicert_frame_stage_seconds"
    lines += [f"# HELP {name} Time of one frame in each stage.", f"# TYPE {name} summary"]
    stages = {
        "queue": stats.queue_ms,
        "encode": stats.encode_ms,
        "model": stats.model_ms,
        "decode": stats.decode_ms,
    }
    for stage, times in stages.items():
        lines += _summary(name, stage, times, stats.frames)
    return "\n".join(lines) + "\n"


def _plain(stats: EngineStats, counts: Counts) -> Iterator[tuple[str, str, str, int]]:
    yield "voicert_sessions", "gauge", "Conversations now.", stats.sessions
    yield "voicert_sessions_limit", "gauge", "Conversations that fit.", stats.max_sessions
    yield "voicert_sessions_opened_total", "counter", "Conversations begun.", stats.opened
    yield "voicert_sessions_refused_total", "counter", "Callers refused at capacity.", stats.refused
    yield "voicert_sessions_failed_total", "counter", "Conversations ended by an error.", stats.failed
    yield "voicert_steps_total", "counter", "Batches run by the model.", stats.steps
    yield "voicert_frames_total", "counter", "Frames run by the model.", stats.frames
    yield "voicert_frames_late_total", "counter", "Frames that missed their deadline.", stats.late_frames
    yield "voicert_connections_total", "counter", "WebSocket connections accepted.", counts.connections
    yield "voicert_error_events_total", "counter", "Error events sent to clients.", counts.errors
    yield "voicert_slow_clients_total", "counter", "Closed because they did not read.", counts.slow_clients
    yield "voicert_foreign_origins_total", "counter", "Refused by origin.", counts.foreign_origins
    yield "voicert_denied_total", "counter", "Refused at the door.", counts.denied
    yield "voicert_limited_total", "counter", "Ended by a limit of time or rate.", counts.limited


def _summary(name: str, stage: str, times: StageStats, frames: int) -> Iterator[str]:
    for quantile, value_ms in (("0.5", times.p50), ("0.95", times.p95), ("0.99", times.p99)):
        yield f'{name}{{stage="{stage}",quantile="{quantile}"}} {value_ms / 1000:.6f}'
    yield f'{name}_sum{{stage="{stage}"}} {times.total_ms / 1000:.6f}'
    yield f'{name}_count{{stage="{stage}"}} {frames}'
