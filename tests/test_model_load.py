"""Opening a model: what is wrong is named in one sentence, and nothing of it needs torch."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import voicert.models
from tests.support import tiny
from voicert.errors import ModelError
from voicert.models.base import Sampling
from voicert.models.config import DepthConfig, ModelConfig, load_config, save_config
from voicert.models.vocabulary import Vocabulary

SHIPPED = Path(voicert.models.__file__).parent / "weights/nano"
ROOT = Path(__file__).resolve().parent.parent
CODEBOOKS, CODES = 8, 512  # of the shipped codec


def refused(name: str | Path) -> str:
    with pytest.raises(ModelError) as caught:
        voicert.models.load(str(name), max_slots=1)
    message = str(caught.value)
    assert "\n" not in message
    return message


def write_model(folder: Path, **extra: Any) -> Path:
    """A model's folder that lacks nothing but the graph."""
    vocabulary = Vocabulary.build(["hello"])
    vocabulary.save(folder / "vocabulary.json")
    sizes = {name: getattr(tiny.MODEL, name) for name in ("layers", "windows", "word_heads")}
    config = ModelConfig(codebooks=CODEBOOKS, codebook_size=CODES, text_size=len(vocabulary), **sizes)
    save_config(config, folder / "config.json", **({"silence": [0] * CODEBOOKS} | extra))
    return folder


def test_an_unknown_model_is_named_with_the_ones_there_are() -> None:
    message = refused("nanoo")
    assert "'nanoo'" in message
    assert "nano)" in message


@pytest.mark.parametrize("name", ["config.json", "vocabulary.json", "step.onnx"])
@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_a_missing_or_damaged_file_is_named(tmp_path: Path, name: str, damage: str) -> None:
    write_model(tmp_path)
    (tmp_path / name).unlink(missing_ok=True)
    if damage == "damaged":
        (tmp_path / name).write_bytes(b"\x08\xff\xfe no such thing")
    assert str(tmp_path / name) in refused(tmp_path)


def test_a_vocabulary_of_another_size_is_refused(tmp_path: Path) -> None:
    write_model(tmp_path)
    Vocabulary.build(["hello", "there"]).save(tmp_path / "vocabulary.json")
    message = refused(tmp_path)
    assert "vocabulary" in message
    assert str(tmp_path) in message


def test_a_model_of_other_codes_than_the_codec_s_is_refused(tmp_path: Path, tiny_step: Path) -> None:
    write_model(tmp_path)
    tiny.VOCABULARY.save(tmp_path / "vocabulary.json")
    save_config(tiny.MODEL, tmp_path / "config.json", silence=tiny.SILENCE.tolist())
    (tmp_path / "step.onnx").write_bytes(tiny_step.read_bytes())
    assert "4 codebooks of 16 codes" in refused(tmp_path)


def test_a_graph_of_other_layers_is_refused(tmp_path: Path, tiny_step: Path) -> None:
    write_model(tmp_path)
    settings = json.loads((tmp_path / "config.json").read_text())
    settings["model"] |= {"layers": 3, "windows": [20, 7, 7], "word_heads": [0, 1, 1]}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    (tmp_path / "step.onnx").write_bytes(tiny_step.read_bytes())
    assert "has 2 layers with 2 kinds of windows, config.json has 3" in refused(tmp_path)


@pytest.mark.parametrize(
    "extra",
    [
        {"silence": [0] * (CODEBOOKS - 1)},
        {"silence": [CODES] * CODEBOOKS},
        {"silence": "quiet"},
        {"sampling": {"heat": 1.0}},
        {"sampling": 3},
        {"examples": "Hello?"},
        {"capabilities": [1]},
        {"capabilities": ["singing"]},
    ],
    ids=str,
)
def test_settings_that_are_not_understood_are_refused(
    tmp_path: Path, tiny_step: Path, extra: dict[str, Any]
) -> None:
    write_model(tmp_path, **extra)
    (tmp_path / "step.onnx").write_bytes(tiny_step.read_bytes())
    assert "config.json" in refused(tmp_path)


def test_a_complete_folder_opens_and_its_sampling_is_the_default(tmp_path: Path, tiny_step: Path) -> None:
    write_model(tmp_path, sampling={"temperature": 0.5, "top_k": 9})
    (tmp_path / "step.onnx").write_bytes(tiny_step.read_bytes())
    bundle = voicert.models.load(str(tmp_path), max_slots=3)
    assert bundle.sampling == Sampling(temperature=0.5, top_k=9)
    assert bundle.model.max_slots == 3
    assert bundle.model.num_codebooks == bundle.codec.num_codebooks == CODEBOOKS
    assert bundle.model.frame_rate == bundle.codec.sample_rate / bundle.codec.frame_size
    assert (bundle.examples, bundle.capabilities) == ((), {"user_transcripts"})


def test_the_identity_says_which_weights_these_are(tmp_path: Path, tiny_step: Path) -> None:
    """Not where they lie; another setting or another weight is another identity."""
    identities: list[str] = []
    for name, extra, weights in (
        ("a", {}, b""),
        ("b", {}, b""),
        ("c", {"capabilities": ["typed_text"]}, b""),
        ("d", {}, UNKNOWN_FIELD),
    ):
        folder = tmp_path / name
        folder.mkdir()
        write_model(folder, **extra)
        (folder / "step.onnx").write_bytes(tiny_step.read_bytes() + weights)
        bundle = voicert.models.load(str(folder), max_slots=1)
        assert bundle.capabilities == {*extra.get("capabilities", ()), "user_transcripts"}
        identities.append(bundle.identity)
    assert len(identities[0]) == 16
    assert identities[0] == identities[1]
    assert len(set(identities)) == 3


def test_the_transformer_over_words_belongs_to_the_identity(tmp_path: Path) -> None:
    """Other weights of it are other tokens; without it the rest opens too, and its file does not matter."""
    config, extra = load_config(SHIPPED / "config.json")
    other = (SHIPPED / "words.onnx").read_bytes() + UNKNOWN_FIELD
    identities: list[str] = []
    for name, words in (("same", True), ("changed", True), ("without", False), ("ignored", False)):
        folder = tmp_path / name
        shutil.copytree(SHIPPED, folder)
        if not words:
            save_config(dataclasses.replace(config, words=None), folder / "config.json", **extra)
        if name in ("changed", "ignored"):
            (folder / "words.onnx").write_bytes(other)
        identities.append(voicert.models.load(str(folder), max_slots=1).identity)
    assert identities[0] == voicert.models.load("nano", max_slots=1).identity
    assert identities[2] == identities[3]
    assert len(set(identities)) == 3


def test_a_missing_transformer_over_words_is_named(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "model")
    (tmp_path / "model/words.onnx").unlink()
    assert str(tmp_path / "model/words.onnx") in refused(tmp_path / "model")


@pytest.mark.parametrize("depth", [None, DepthConfig(width=64, layers=3)])
def test_a_configuration_comes_back_as_it_was_saved(tmp_path: Path, depth: DepthConfig | None) -> None:
    config = ModelConfig(
        codebooks=3, delays=(0, 2, 1), layers=2, windows=(99, 7), word_heads=(0, 2), depth=depth
    )
    save_config(config, tmp_path / "c.json", silence=[1, 2, 3])
    assert load_config(tmp_path / "c.json") == (config, {"silence": [1, 2, 3]})


def test_an_older_configuration_with_one_window_for_all_layers_is_refused(tmp_path: Path) -> None:
    """Its graph reads the whole of a ring, which the runner no longer feeds."""
    saved = json.loads(broken(layers=3, windows="gone", window=750))
    (tmp_path / "config.json").write_text(json.dumps(saved))
    with pytest.raises(ModelError, match="not understood: 'windows'"):
        load_config(tmp_path / "config.json")


def test_the_context_is_a_minute_by_default() -> None:
    config = ModelConfig()
    assert config.window == 60 * config.frame_rate
    assert config.window_kinds == (250, 3000)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"windows": (250,)}, "windows has 1 entries for 6 layers"),
        ({"windows": (250, 0, 1, 1, 1, 1)}, "windows must be positive, not 0"),
        ({"word_heads": (1,)}, "word_heads has 1 entries for 6 layers"),
        ({"word_heads": (0, 0, 0, 0, 0, 3)}, "word_heads must be 0 to kv_heads 2"),
        ({"word_heads": (-1, 0, 0, 0, 0, 0)}, "word_heads must be 0 to kv_heads 2"),
        ({"start_steps": 0}, "start_steps must be at least 1, not 0"),
        ({"patience": 101}, "patience must be 0 to longest_thought 100, not 101"),
        ({"overdue": 0.0}, "overdue must be a positive number, not 0.0"),
        ({"pad_bias": float("nan")}, "pad_bias must be a finite number"),
        ({"text_size": 1024, "abstain_token": 2}, "abstain_token must be -1 or 3 to 1023, not 2"),
        ({"text_size": 1024, "abstain_token": 1024}, "abstain_token must be -1 or 3 to 1023, not 1024"),
        ({"abstain_bias": float("inf")}, "abstain_bias must be a finite number"),
        ({"hidden": 0}, "hidden must be positive, not 0"),
        ({"frame_rate": -50.0}, "frame_rate must be positive, not -50.0"),
        ({"head_dim": 5}, "head_dim must be even, not 5"),
        ({"delays": (0,) * 7}, "delays has 7 entries for 8 codebooks"),
        ({"delays": (-1, *[0] * 7)}, "delays must not be negative, as -1 is"),
    ],
    ids=str,
)
def test_sizes_that_do_not_fit_are_named(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(ModelError, match=field):
        ModelConfig(**changes)


def broken(**changes: Any) -> str:
    """A saved configuration with some fields changed, "gone" removes one."""
    fields = json.loads(json.dumps({**ModelConfig().__dict__, "depth": None})) | changes
    return json.dumps({"model": {k: v for k, v in fields.items() if v != "gone"}})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"model": 3}',
        '{"model": {}}',
        broken(layers=0),
        broken(kv_heads=0),
        broken(heads=7),
        broken(head_dim=5),
        broken(delays=[0, 1]),
        broken(delays=[-1] * 8),
        broken(delays="gone"),
        broken(windows="gone"),
        broken(windows=[750]),
        broken(windows=750),
        broken(word_heads="gone"),
        broken(word_heads=[0]),
        broken(window=750),
        broken(width="wide"),
        broken(colour="red"),
        broken(depth={"size": 1}),
    ],
)
def test_a_damaged_configuration_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(ModelError, match=r"config\.json is not understood"):
        load_config(tmp_path / "config.json")


def test_a_missing_configuration_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"cannot read .*config\.json: No such file"):
        load_config(tmp_path / "config.json")


UNKNOWN_FIELD = bytes([0xA2, 0x06, 1, 0])  # number 100 of the ONNX message, one byte: skipped by readers
WITHOUT_TORCH = """
import sys
for name in ("torch", "onnx", "onnxscript", "scipy"):
    sys.modules[name] = None  # importing it fails
import numpy as np
from pathlib import Path
from voicert.models import Control, load
from voicert_codecs.nano.runtime import NanoCodec
from tests.support import tiny
codec = NanoCodec(Path(sys.argv[1]))
model = tiny.speech_model(Path(sys.argv[2]), 2)
state, slots = codec.init_state(2), np.arange(2)
for _ in range(3):
    codes = codec.encode(np.zeros((2, codec.frame_size), np.float32), state)
    out = model.step(slots, codes[:, :, 0], Control.free(2))
    pcm = codec.decode(out.codes[:, :, None], state)
print(pcm.shape, callable(load))
"""


def test_it_all_runs_without_torch(tiny_codec: Path, tiny_step_int8: Path) -> None:
    path = os.pathsep.join(str(ROOT / part) for part in ("", "codecs"))
    command = [sys.executable, "-c", WITHOUT_TORCH, str(tiny_codec), str(tiny_step_int8)]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}, check=False
    )
    assert done.stdout == "(2, 480) True\n", done.stderr
