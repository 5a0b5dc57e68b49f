"""What the server answers to plain HTTP."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest

from tests.support.server import RunningServer
from tests.support.talker import WAIT_S, talking
from voicert.server.metrics import exposition
from voicert.server.page import MEDIA_TYPES, read_file


def get(server: RunningServer, path: str, **options: object) -> httpx.Response:
    return httpx.get(server.url + path, timeout=WAIT_S, **options)  # type: ignore[arg-type]


def test_the_page_is_served_with_strict_headers(scripted_server: RunningServer) -> None:
    page = get(scripted_server, "/")
    assert page.status_code == 200
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in page.headers["content-security-policy"]
    assert page.headers["x-content-type-options"] == "nosniff"
    assert page.headers["permissions-policy"].startswith("microphone=(self)")
    assert "<html" in page.text
    assert get(scripted_server, "/static/index.html").content == page.content
    assert get(scripted_server, "/index.html").content == page.content
    again = get(scripted_server, "/", headers={"If-None-Match": page.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "path",
    [
        "/static/nothing.js",
        "/static/__init__.py",
        "/static/../../wire.py",
        "/static/%2e%2e/%2e%2e/%2e%2e/pyproject.toml",
        "/static//etc/passwd.json",
        "/static/.hidden.json",
        "/static/a%00.js",
        "/no/such/path",
        "/static/",
    ],
)
def test_what_is_not_of_the_page_is_not_there(scripted_server: RunningServer, path: str) -> None:
    assert get(scripted_server, path).status_code == 404


@pytest.mark.parametrize(
    "name", ["../page/index.html", "/index.html", "a/../index.html", "..\\index.html", "", "."]
)
def test_a_path_never_leaves_the_package(name: str) -> None:
    assert read_file(name) is None


def test_scripts_have_the_type_that_modules_need() -> None:
    assert MEDIA_TYPES[".js"].startswith("text/javascript")


async def test_health_tells_the_sessions(scripted_server: RunningServer) -> None:
    expected = {"status": "ok", "model": "scripted", "sessions": 0, "max_sessions": 4}
    assert get(scripted_server, "/health").json() == expected
    async with talking(scripted_server.realtime_url) as talker:
        await talker.receive()
        assert get(scripted_server, "/health").json() == {**expected, "sessions": 1}
    scripted_server.engine.stop()
    failed = get(scripted_server, "/health")
    assert (failed.status_code, failed.json()["status"]) == (503, "failed")


def test_metrics_are_prometheus_text(scripted_server: RunningServer) -> None:
    response = get(scripted_server, "/metrics")
    assert response.headers["content-type"].startswith("text/plain; version=0.0.4")
    samples = [line for line in response.text.splitlines() if not line.startswith("#")]
    values = {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in samples}
    assert values["voicert_sessions_limit"] == 4
    assert values["voicert_frames_total"] == 0
    assert 'voicert_frame_stage_seconds{stage="model",quantile="0.95"}' in values
    stats = replace(scripted_server.engine.stats(), frames=3, late_frames=2)
    text = exposition(stats, scripted_server.service.counts)
    assert "\nvoicert_frames_late_total 2\n" in text
    assert 'voicert_frame_stage_seconds_count{stage="queue"} 3\n' in text
    assert text.endswith("\n")


def test_models_are_listed(scripted_server: RunningServer) -> None:
    listed = get(scripted_server, "/v1/models").json()
    assert listed["object"] == "list"
    assert [model["id"] for model in listed["data"]] == ["scripted"]
    assert listed["data"][0]["voicert"] == {"examples": ["Hello there.", "Anything loud."]}
    assert get(scripted_server, "/v1/models/scripted").json() == listed["data"][0]
    absent = get(scripted_server, "/v1/models/gpt/x")
    assert (absent.status_code, absent.json()["error"]["code"]) == (404, "model_not_found")


@pytest.mark.parametrize(
    ("method", "path", "code"),
    [
        ("POST", "/v1/realtime/calls?model=nano", "webrtc_not_supported"),
        ("POST", "/v1/chat/completions", "unknown_url"),
        ("GET", "/v1/files", "unknown_url"),
    ],
)
def test_what_is_not_offered_is_told(
    scripted_server: RunningServer, method: str, path: str, code: str
) -> None:
    response = httpx.request(method, scripted_server.url + path, timeout=WAIT_S)
    assert (response.status_code, response.json()["error"]["code"]) == (404, code)


@pytest.mark.parametrize("path", ["/v1/realtime", "/realtime"])
def test_plain_http_to_the_websocket_is_told_to_upgrade(scripted_server: RunningServer, path: str) -> None:
    response = get(scripted_server, path)
    assert response.status_code == 426
    assert "ws://" in response.json()["error"]["message"]
