"""What an exported model hears of the bank's requests, as the transformer over words learns it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import hear_requests
import numpy as np
import pytest
from nano.bank import Bank, BankWriter, Utterance
from nano.mishearings import load_heard
from nano.sound import FRAME, Audio
from voicert_clients.wav import read_wav
from voicert_codecs.nano.runtime import NanoCodec

import voicert.bench
from voicert.models import load

ROOT = Path(__file__).parents[1]
SPEECH = Path(voicert.bench.__file__).parent / "speech"
SAID = {
    "ask_how_are_you": "how are you today",
    "ask_two_plus_two": "what is two plus two",
    "long_count": "count to twenty",
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bank of spoken requests; one of them only makes sense after another, one is held out."""
    folder = tmp_path_factory.mktemp("bank")
    writer = BankWriter(folder)
    for name, text in SAID.items():
        pcm = (read_wav(SPEECH / f"{name}.wav") * 32_767).astype(np.int16)
        start = writer.add(pcm, np.zeros(-(-len(pcm) // FRAME), np.uint8))
        for after, held_out in (("", False), ("", True), ("sums", False)):
            row = Utterance(
                text, "Yes.", "some", text, after, "espeak", "v", "known", held_out, start, len(pcm), []
            )
            writer.list(row)
    writer.close()
    return folder


def test_it_hears_what_is_said(folder: Path) -> None:
    """Beside requests of other lengths, as alone."""
    bank = Bank(folder)
    codec, model = NanoCodec(), load("nano", 3).model
    rng = np.random.default_rng(0)

    def sound(u: Utterance) -> Audio:
        pcm = bank.audio(u) * np.float32(0.5)
        pcm = np.pad(pcm, (25 * FRAME, 12 * FRAME - len(pcm) % FRAME))
        return pcm + rng.standard_normal(len(pcm)).astype(np.float32) * np.float32(5e-4)

    asked = bank.utterances[::3]
    heard = hear_requests.hear(codec, model, [sound(u) for u in asked])
    assert ["".join(map(model.piece, tokens)).strip() for tokens in heard] == [u.text for u in asked]
    assert hear_requests.hear(codec, model, [sound(asked[1])]) == heard[1:2]


def test_requests_are_spoiled_each_in_its_own_way(folder: Path) -> None:
    bank = Bank(folder)
    pcm = bank.audio(bank.utterances[0])
    made = [hear_requests.spoiled(np.random.default_rng(n), pcm) for n in range(60)]
    lengths = np.array([len(m) for m in made]) / len(pcm)
    room = (hear_requests.LEAD + hear_requests.TAIL + 1) * FRAME / len(pcm)
    assert 1 / hear_requests.FACTOR < lengths.min() < 1.0 + room * 0.8
    assert 1.0 + room < lengths.max() < hear_requests.FACTOR + room
    assert all(len(m) % FRAME == 0 and m.dtype == np.float32 and np.abs(m).max() <= 1 for m in made)
    floor = np.array([20 * np.log10(np.std(m[: 20 * FRAME])) for m in made])
    assert floor.min() < -60
    assert floor.max() > -45


def test_the_script_writes_what_training_reads(folder: Path, tmp_path: Path) -> None:
    """Trained wordings only; the same for the same seed."""
    out = tmp_path / "heard.jsonl"
    command = [sys.executable, "scripts/hear_requests.py", "--bank", str(folder), "--out", str(out),
               "--workers", "1"]  # fmt: skip
    subprocess.run(command, cwd=ROOT, check=True, timeout=300)
    heard = load_heard(out)
    assert sorted(h.exchange.request for h in heard) == sorted([*SAID.values()] * 2)
    assert {h.exchange.after for h in heard} == {"", "sums"}
    assert {h.exchange.answer for h in heard} == {"Yes."}
    assert any(h.tokens for h in heard)
    subprocess.run([*command, "--requests", "6"], cwd=ROOT, check=True, timeout=300)
    assert load_heard(out) == heard
