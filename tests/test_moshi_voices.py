"""PersonaPlex's published voices: files of embeddings give the state that the voice's own codes give."""

from __future__ import annotations

import tarfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from tests.support import wav
from tests.support.moshi_original import SMALL, open_lm, write_moshi
from tests.support.moshi_served import open_tiny, tiny_folder
from tests.test_moshi_opening import Hub, refusal
from voicert.models import Options, Sampling
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.network import MoshiNetwork
from voicert.models.moshi.prompts import Prompt, Steady, voice_codes
from voicert.models.moshi.runners import Eager, Graphed
from voicert.models.moshi.voices import read_voice

Ints = NDArray[np.int64]
STEADY = Steady(np.full(8, 5), np.full(8, 6))
PAUSE = 6
DELAYS = {
    "published": SMALL["delays"],
    "none": [0] * 17,
    "several": [0, 0, 2, 1, 2, 2, 1, 2, 2, 1, 0, 2, 1, 2, 2, 1, 2],
}


@torch.inference_mode()
def publish(network: MoshiNetwork, voice: Ints, tone: Ints, file: Path, **other: Any) -> Path:
    """A file of ``voice`` [F, 8], made step by step as PersonaPlex's code makes it.

    That gives no place to the first frame, so one that does not matter comes before.
    """
    config = network.config
    delays, first = config.delays, torch.tensor([config.text_card] + [config.card] * config.streams)
    size = config.max_delay + 3
    cache = torch.full((1 + config.streams, size), -2)
    embeddings: list[torch.Tensor] = []
    for step, frame in enumerate(np.concatenate([voice[:1] * 0, voice])):
        for stream, token in enumerate([config.pad, *frame.tolist(), *tone.tolist()]):
            cache[stream, (step + delays[stream]) % size] = token
            if step <= delays[stream]:
                cache[stream, step % size] = first[stream]
        if step == 0:
            cache[:, 0] = first
        else:
            embeddings.append(network.embed(cache[None, :, [(step - 1) % size]]))
    torch.save({"embeddings": torch.stack(embeddings), "cache": cache[None], **other}, file)
    return file


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.getbasetemp(), "personaplex")


@pytest.fixture(scope="module")
def network(folder: Path) -> MoshiNetwork:
    return open_lm(folder, spoken=8).network


def after(lm: MoshiLm, prompt: Prompt) -> tuple[torch.Tensor, list[list[int]]]:
    """Keys and values at the end of a prompt, and what is written next."""
    state = prompt.take_in(lm)
    lm.restore(0, state)
    user = np.random.default_rng(1).integers(0, SMALL["card"], (12, 1, 8))
    return state.keys_values, [lm.step(np.array([0]), codes)[0].tolist() for codes in user]


@pytest.mark.parametrize("make", [Eager, Graphed])
@pytest.mark.parametrize("delays", DELAYS)
@pytest.mark.parametrize("words", [[], [40, 41, 42]])
def test_the_state_is_that_of_the_same_voice_as_codes(
    tmp_path: Path, delays: str, words: list[int], make: Any
) -> None:
    """Longer than what is fed at once, and longer than the context of 40 steps."""
    place = write_moshi(tmp_path / "moshi", {**SMALL, "delays": DELAYS[delays]})
    lm = MoshiLm(open_lm(place).network, 1, 20, make=make)
    codes = np.random.default_rng(0).integers(0, SMALL["card"], (47, 8))
    voice = read_voice("", publish(lm.network, codes, STEADY.tone, tmp_path / "a.pt"), lm.config)
    state, written = after(lm, Prompt.of(lm.config, STEADY, codes, words, PAUSE))
    same, written_too = after(lm, Prompt.of(lm.config, STEADY, voice, words, PAUSE))
    assert written == written_too
    torch.testing.assert_close(same, state, rtol=0, atol=1e-4)
    other, _ = after(lm, Prompt.of(lm.config, STEADY, np.roll(codes, 1), words, PAUSE))
    assert not torch.allclose(other, state, atol=0.1)


def test_voices_are_told_apart_and_come_in_the_numbers_of_a_gpu(
    folder: Path, network: MoshiNetwork, tmp_path: Path
) -> None:
    tone = np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000).astype(np.float32)
    sound = wav.save(tmp_path / "voice.wav", tone)
    bundle = open_tiny(folder)
    codes, steady = voice_codes(bundle.codec, sound), Steady.of_personaplex(bundle.codec)
    whole = publish(network, codes, steady.tone, tmp_path / "whole.pt")
    read = torch.load(whole)
    torch.save({**read, "embeddings": read["embeddings"].bfloat16()}, tmp_path / "half.pt")
    other = publish(network, codes[1:], steady.tone, tmp_path / "other.pt")
    names = (sound, whole, tmp_path / "half.pt", other)
    opened = [open_tiny(folder, options=Options(voice_prompt=file)) for file in names]
    assert len({bundle.identity, *(each.identity for each in opened)}) == 5
    states: list[Any] = []
    for each in opened:
        each.model.reset(0, Sampling())
        states.append(each.model.snapshot(0).lm)
    assert [state.tokens[0] for state in states] == [len(codes) + PAUSE] * 3 + [len(codes) - 1 + PAUSE]
    for state, atol in ((states[1], 1e-4), (states[2], 0.2)):
        torch.testing.assert_close(state.keys_values, states[0].keys_values, rtol=0, atol=atol)
    assert not torch.equal(states[1].keys_values, states[2].keys_values)


def test_a_name_is_one_of_the_published_voices(
    folder: Path, network: MoshiNetwork, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = publish(network, np.full((9, 8), 3), STEADY.tone, tmp_path / "voice.pt")
    hub = Hub(tmp_path / "hub", monkeypatch)
    place = hub.root / "nvidia/tiny"
    place.mkdir(parents=True)
    for part in folder.iterdir():
        (place / part.name).symlink_to(part)
    name = Path("NATF0.pt")
    assert "No such file" in refusal(place, voice_prompt=name)
    assert "voices.tgz is not there" in refusal("nvidia/tiny", voice_prompt=name)
    with tarfile.open(place / "voices.tgz", "w:gz") as archive:
        archive.add(file, "voices/._NATF1.wav")
        archive.add(file, "NATF1.pt")
        archive.add(file, "voices/NATF0.pt")
    chosen = Options(voice_prompt=name)
    identity = open_tiny(folder, options=Options(voice_prompt=file)).identity
    assert open_tiny(place, options=chosen).identity == identity
    assert refusal(place, voice_prompt=Path("NATF1.pt")).endswith("has no voice NATF1.pt; it has NATF0.pt")
    hub.asked.clear()
    assert open_tiny(Path("nvidia/tiny"), options=chosen).identity == identity
    assert "nvidia/tiny/voices.tgz" in hub.asked
    (place / "voices").mkdir()
    file.rename(place / "voices/NATF0.pt")
    (place / "voices.tgz").unlink()
    assert open_tiny(place, options=chosen).identity == identity


def test_what_is_no_voice_of_this_model_is_refused(
    folder: Path, network: MoshiNetwork, tmp_path: Path
) -> None:
    file = tmp_path / "voice.pt"
    codes = np.full((9, 8), 3)

    def refused(**fields: Any) -> str:
        return refusal(folder, voice_prompt=publish(network, codes, STEADY.tone, file, **fields))

    assert "cannot read the voice_prompt" in refusal(folder, voice_prompt=tmp_path / "nowhere.pt")
    for content in (b"", b"RIFF", b"\x80\x02]."):
        file.write_bytes(content)
        assert "voice.pt" in refusal(folder, voice_prompt=file)
    assert "no file of tensors" in refused(cache=tmp_path)  # an object, which could be of any class
    torch.save(torch.zeros(3), file)
    assert "no tensors named embeddings and cache" in refusal(folder, voice_prompt=file)
    shape = "its embeddings are of the shape"
    assert f"{shape} [9, 1, 1, 4096], not [1 to 750, 1, 1, 48]" in refused(
        embeddings=torch.ones(9, 1, 1, 4096)
    )
    for wrong in ((), (0, 1, 1, 48), (751, 1, 1, 48), (9, 48)):
        assert shape in refused(embeddings=torch.ones(wrong))
    assert "not finite" in refused(embeddings=torch.full((9, 1, 1, 48), torch.nan))
    assert "not finite numbers" in refused(embeddings=torch.ones(9, 1, 1, 48, dtype=torch.int64))
    assert "its cache is torch.int64 of the shape [1, 17, 5]" in refused(cache=torch.zeros(1, 17, 5).long())
    assert "its cache is torch.float32" in refused(cache=torch.zeros(1, 17, 4))
    assert "tokens that the model does not have" in refused(cache=torch.full((1, 17, 4), 33))
    assert "tokens that the model does not have" in refused(cache=torch.full((1, 17, 4), -1))
