"""What a Moshi needs of memory, and that nothing is taken before all is known to fit."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.support.moshi_original import SMALL, open_lm, write_moshi
from tests.support.moshi_served import tiny_folder
from voicert.errors import ModelError
from voicert.models import load
from voicert.models.moshi import loader, memory
from voicert.models.moshi.kyutai import PUBLISHED, from_kyutai


@pytest.fixture
def untouched(monkeypatch: pytest.MonkeyPatch) -> None:
    """No tensor may be read, and so none made."""

    def read(*_: object) -> None:
        raise AssertionError("a tensor is read")

    monkeypatch.setattr(loader, "safe_open", read)


def test_what_the_published_model_needs() -> None:
    config = from_kyutai(PUBLISHED)
    needed = memory.need(config, config.context, torch.bfloat16, int8=False)
    assert 15e9 < needed.weights < 16e9
    assert needed.per_session == pytest.approx(1.57e9, rel=0.01)
    assert memory.need(config, config.context, torch.bfloat16, int8=True).weights < 0.6 * needed.weights


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1.00 kB"),
        (2_130_000, "2.13 MB"),
        (999_000_000, "999.00 MB"),
        (1_572_864_000, "1.57 GB"),
        (15_400_000_000, "15.40 GB"),
    ],
)
def test_amounts_come_in_units_that_fit_them(count: int, text: str) -> None:
    assert memory.in_units(count) == text


def test_it_is_told_before_it_is_taken(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tiny_folder(tmp_path_factory.getbasetemp())
    told: list[str] = []
    monkeypatch.setattr(memory, "available", lambda _device: 10**12)
    monkeypatch.setattr("voicert.models.moshi.opening.available", memory.available)
    load(str(folder), 3, 1, tell=told.append)
    assert told == [
        f"{folder} on cpu needs 1.52 MB for its weights and up to 432.00 kB for each call that has filled "
        "its context; 1000.00 GB are free, enough for 3 of 3 such calls at once"
    ]
    monkeypatch.setattr(memory, "available", lambda _device: 1000)
    with pytest.raises(ModelError, match="the model needs"):
        load(str(folder), 3, 1, tell=told.append)
    assert len(told) == 2


@pytest.mark.usefixtures("untouched")
def test_too_little_is_said_before_anything_is_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = write_moshi(tmp_path, SMALL)
    monkeypatch.setattr(memory, "available", lambda _device: 1000)
    with pytest.raises(ModelError, match=r"needs 1\.39 MB for its weights .* cpu has 1\.00 kB free"):
        open_lm(folder)


@pytest.mark.parametrize(("fault", "said"), [("missing", "lack"), ("shape", "47"), ("cut off", "is cut off")])
@pytest.mark.usefixtures("untouched")
def test_files_that_do_not_fit_are_refused_before_anything_is_read(
    tmp_path: Path, fault: str, said: str
) -> None:
    file = write_moshi(tmp_path, SMALL) / "model.safetensors"
    weights = load_file(file)
    norm = weights.pop("out_norm.alpha")
    if fault != "missing":
        weights["out_norm.alpha"] = norm[:, :, : 47 if fault == "shape" else 48].contiguous()
    save_file(weights, file)
    if fault == "cut off":
        file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(ModelError, match=said):
        open_lm(tmp_path)
