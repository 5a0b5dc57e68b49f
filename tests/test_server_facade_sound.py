"""Sound at the edge: exact in PCM, telephone formats without clicks, and what commit and clear are about."""

from __future__ import annotations

import base64
import hashlib

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from tests.support.facades import FRAME, ask, configure, kinds, new_facade, refusal
from voicert.server.realtime import Extras, Facade, g711
from voicert.server.realtime.actions import ClearInput, Commit, Configure, Push
from voicert.server.realtime.audio_formats import AudioFormat, SoundIn, SoundOut
from voicert.server.realtime.resampling import Downsampler, Upsampler
from voicert.session import events as said

ALL_SAMPLES = np.arange(-32_768, 32_768).astype(np.int16)
ALL_BYTES = np.arange(256, dtype=np.uint8)
CUTS = ([], [1], [51, 52, 53], [160, 320, 480], [7, 8, 9, 400], list(range(1, 700)))


def tone(hz: float, rate: int, seconds: float = 1.0) -> NDArray[np.float32]:
    return (0.5 * np.sin(2 * np.pi * hz * np.arange(int(rate * seconds)) / rate)).astype(np.float32)


def append(facade: Facade, sound: bytes) -> NDArray[np.float32]:
    """What the session is given of a chunk."""
    outcome = ask(facade, "input_audio_buffer.append", audio=base64.b64encode(sound).decode())
    assert outcome.events == []
    pushed = [action.pcm for action in outcome.actions if isinstance(action, Push)]
    return np.concatenate([*pushed, np.zeros(0, np.float32)])


def test_g711_is_that_of_the_standard_for_every_sample_and_byte() -> None:
    """Digests of the tables that CPython's audioop gave before its end; it follows ITU-T G.191."""
    tables = (
        g711.pcm_to_mulaw(ALL_SAMPLES),
        g711.pcm_to_alaw(ALL_SAMPLES),
        g711.mulaw_to_pcm(ALL_BYTES),
        g711.alaw_to_pcm(ALL_BYTES),
    )
    assert [hashlib.sha256(table.tobytes()).hexdigest()[:16] for table in tables] == [
        "81d633c9e6972a18",
        "38488f6fd710f468",
        "3dab54339e520bb2",
        "e04788d110e58ff8",
    ]


def test_g711_gives_back_what_it_gave() -> None:
    mulaw, alaw = g711.mulaw_to_pcm(ALL_BYTES), g711.alaw_to_pcm(ALL_BYTES)
    assert (g711.alaw_to_pcm(g711.pcm_to_alaw(alaw)) == alaw).all()
    assert (g711.mulaw_to_pcm(g711.pcm_to_mulaw(mulaw)) == mulaw).all()


@pytest.mark.parametrize("cuts", CUTS)
@pytest.mark.parametrize("direction", [Upsampler, Downsampler])
def test_chunks_are_resampled_as_the_whole(direction: type[Upsampler | Downsampler], cuts: list[int]) -> None:
    signal = np.random.default_rng(1).normal(size=1000).astype(np.float32)
    whole, parts = direction(), direction()
    expected = np.concatenate([whole.push(signal), whole.flush()])
    got = np.concatenate([*map(parts.push, np.split(signal, cuts)), parts.flush()])
    assert len(expected) == (3000 if direction is Upsampler else 334)
    np.testing.assert_allclose(got, expected, atol=1e-6)
    again = np.concatenate([parts.push(signal), parts.flush()])
    np.testing.assert_allclose(again, expected, atol=1e-6)


@pytest.mark.parametrize("hz", [50, 1000, 3400])
def test_the_telephone_band_passes_in_place(hz: int) -> None:
    up, down = Upsampler(), Downsampler()
    high = np.concatenate([up.push(tone(hz, 8000)), up.flush()])
    low = np.concatenate([down.push(tone(hz, 24_000)), down.flush()])
    np.testing.assert_allclose(high[600:-600], tone(hz, 24_000)[600:-600], atol=1e-3)
    np.testing.assert_allclose(low[200:-200], tone(hz, 8000)[200:-200], atol=1e-3)


@pytest.mark.parametrize("hz", [4700, 7000, 11_000])
def test_what_a_telephone_cannot_carry_does_not_fold_back(hz: int) -> None:
    down = Downsampler()
    low = np.concatenate([down.push(tone(hz, 24_000)), down.flush()])
    assert np.abs(low[50:-50]).max() < 1e-4


@pytest.mark.parametrize("count", [0, 1, 2, 3, 50, 51, 52, 53, 479, 480, 481])
def test_no_sample_is_lost(count: int) -> None:
    down, up = Downsampler(), Upsampler()
    assert len(down.push(FRAME[:count])) + len(down.flush()) == (min(count, len(FRAME)) + 2) // 3
    assert len(up.push(FRAME[:count])) + len(up.flush()) == 3 * min(count, len(FRAME))


@pytest.mark.parametrize(
    ("direction", "old_hz", "new_hz"), [(Upsampler, 8_000, 24_000), (Downsampler, 24_000, 8_000)]
)
def test_it_is_as_good_as_the_best_resampler(
    direction: type[Upsampler | Downsampler], old_hz: int, new_hz: int
) -> None:
    """Noise in the telephone's band, beside soxr at its best."""
    spectrum = np.fft.rfft(np.random.default_rng(0).normal(0, 0.1, old_hz))  # one bin per Hz
    spectrum[3_400:] = 0
    noise = np.fft.irfft(spectrum, old_hz).astype(np.float32)
    count = new_hz * 9 // 10
    ours = direction().push(noise)[new_hz // 10 : count]  # the signal begins and ends in nothing
    best = soxr.resample(noise, old_hz, new_hz, quality="VHQ")[new_hz // 10 : count]
    assert 10 * np.log10(np.mean(best**2) / np.mean((ours - best) ** 2)) > 80


def test_pcm_is_read_exactly() -> None:
    samples = np.array([0, 1, -1, 32_767, -32_768], "<i2")
    pcm = append(new_facade(), samples.tobytes())
    assert pcm.dtype == np.float32
    assert (pcm * 32_768).astype(np.int16).tolist() == samples.tolist()


def test_pcm_is_written_exactly() -> None:
    samples = np.arange(-240, 240, dtype="<i2") * 136
    facade = new_facade()
    pcm = samples.astype(np.float32) / np.float32(32_768)
    delta = facade.translate([said.ResponseStarted(1, 1), said.ResponseAudio(1, 1, pcm, 480)])[-1]
    assert base64.b64decode(delta["delta"]) == samples.tobytes()
    assert "voicert" not in delta


def test_with_an_extra_each_delta_carries_the_input_clock() -> None:
    facade = new_facade(Extras(timing=True))
    told = facade.translate([said.ResponseStarted(1, 1), said.ResponseAudio(1, 1, FRAME, 960)])
    assert told[-1]["voicert"] == {"input_samples": 960}
    assert not [event for event in told[:-1] if "voicert" in event]


@pytest.mark.parametrize("name", ["audio/pcmu", "audio/pcma"])
def test_a_telephone_is_heard_and_hears(name: str) -> None:
    """A tone survives both directions; the last samples come at the end of the response."""
    facade = new_facade()
    formats = {"input": {"format": {"type": name}}, "output": {"format": {"type": name}}}
    shown = configure(facade, audio=formats)["audio"]
    assert shown["input"]["format"] == shown["output"]["format"] == {"type": name}
    voice = tone(440, 24_000)
    out = SoundOut(AudioFormat(name))
    coded = out.write(voice) + out.flush()
    heard = np.concatenate([append(facade, coded[at : at + 160]) for at in range(0, len(coded), 160)])
    assert 0 < len(voice) - len(heard) <= 51
    np.testing.assert_allclose(heard[600:-600], voice[600 : len(heard) - 600], atol=0.02)
    events: list[said.Event] = [said.ResponseStarted(1, 1)]
    events += [said.ResponseAudio(1, 1, frame, 0) for frame in voice.reshape(-1, 480)]
    events.append(said.ResponseDone(1, 1, "completed", None, "", 24_000, None))
    deltas = [e for e in facade.translate(events) if e["type"] == "response.output_audio.delta"]
    assert b"".join(base64.b64decode(delta["delta"]) for delta in deltas) == coded
    assert all(delta["delta"] for delta in deltas)


def test_an_interrupted_answer_has_no_tail() -> None:
    facade = new_facade()
    configure(facade, audio={"output": {"format": {"type": "audio/pcmu"}}})
    facade.translate([said.ResponseStarted(1, 1), said.ResponseAudio(1, 1, FRAME, 0)])
    told = facade.translate([said.ResponseDone(1, 1, "cancelled", "turn_detected", "", 480, 480)])
    assert "response.output_audio.delta" not in kinds(told)


def test_a_commit_brings_the_last_samples_before_it() -> None:
    facade = new_facade()
    configure(facade, audio={"input": {"format": {"type": "audio/pcmu"}, "turn_detection": None}})
    before = append(facade, bytes(range(256)) * 4)
    *pushes, commit = ask(facade, "input_audio_buffer.commit").actions
    assert commit == Commit()
    rest = [action.pcm for action in pushes if isinstance(action, Push)]
    assert len(before) + sum(map(len, rest)) == 3 * 1024


def test_a_change_of_format_loses_nothing() -> None:
    facade = new_facade()
    configure(facade, audio={"input": {"format": {"type": "audio/pcma"}}})
    before = append(facade, b"\x55" * 800)
    push, configured = ask(
        facade, "session.update", session={"audio": {"input": {"format": {"type": "audio/pcm"}}}}
    ).actions
    assert isinstance(push, Push)
    assert isinstance(configured, Configure)
    assert len(before) + len(push.pcm) == 2400
    assert len(append(facade, b"\0\0" * 10)) == 10


def test_a_commit_needs_a_tenth_of_a_second_since_the_last() -> None:
    facade = new_facade()
    configure(facade, audio={"input": {"turn_detection": None}})
    append(facade, bytes(4798))
    error = refusal(facade, {"type": "input_audio_buffer.commit"})
    assert error["code"] == "input_audio_buffer_commit_empty"
    append(facade, bytes(2))
    outcome = ask(facade, "input_audio_buffer.commit")
    assert (outcome.actions, outcome.events) == ([Commit()], [])
    assert refusal(facade, {"type": "input_audio_buffer.commit"})["code"] == error["code"]


@pytest.mark.parametrize(("by_hand", "actions"), [(True, [ClearInput()]), (False, [])])
def test_clear_forgets_what_was_not_committed(by_hand: bool, actions: list[object]) -> None:
    facade = new_facade()
    if by_hand:
        configure(facade, audio={"input": {"turn_detection": None}})
    append(facade, bytes(9600))
    outcome = ask(facade, "input_audio_buffer.clear")
    assert outcome.actions == actions
    assert kinds(outcome.events) == ["input_audio_buffer.cleared"]
    assert refusal(facade, {"type": "input_audio_buffer.commit"})["code"] == "input_audio_buffer_commit_empty"


def test_half_a_sample_is_refused_and_costs_nothing() -> None:
    sound = SoundIn(AudioFormat("audio/pcmu"))
    assert len(sound.read(b"\xff" * 17)) == 0
    assert len(sound.read(b"\xff")) == 3
    facade = new_facade()
    odd = {"type": "input_audio_buffer.append", "audio": base64.b64encode(bytes(3)).decode()}
    assert refusal(facade, odd)["code"] == "invalid_audio"
