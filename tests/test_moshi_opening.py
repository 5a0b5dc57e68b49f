"""Opening a model of the Moshi family: by folder and from the hub, with its options, and what is refused."""

from __future__ import annotations

import json
import shutil
import sys
import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from make_tiny_moshi import PAD, SMALL, TOKENIZER
from safetensors.torch import load_file, save_file
from voicert_codecs.mimi.load import KYUTAI_FILE

from tests.support import wav
from tests.support.mimi_original import original as original_mimi
from tests.support.moshi_original import Original, open_lm
from tests.support.moshi_served import BRIEF, frames, open_tiny, talk, tiny_folder
from voicert.errors import ModelError
from voicert.models import Options, Sampling, load
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.loudness import loudness_db
from voicert.models.moshi.prompts import VOICE_DB, Prompt, Steady, system_text, voice_codes

FILES = {"config.json", "model.safetensors", "mimi_config.json", KYUTAI_FILE, TOKENIZER}


class EntryNotFoundError(Exception):
    """As huggingface_hub names it."""


class Hub:
    """In place of huggingface_hub: repositories are folders, and what is asked for is noted."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.asked = root, list[str]()
        module = types.ModuleType("huggingface_hub")
        module.hf_hub_download = self.download  # pyright: ignore[reportAttributeAccessIssue]
        monkeypatch.setitem(sys.modules, "huggingface_hub", module)

    def download(self, repository: str, name: str) -> str:
        self.asked.append(f"{repository}/{name}")
        if not (self.root / repository).is_dir():
            raise RuntimeError("no route to host. And more")
        path = self.root / repository / name
        if not path.is_file():
            raise EntryNotFoundError(f"404: {name} is not there. And more")
        return str(path)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_folder(tmp_path_factory.getbasetemp())


@pytest.fixture
def copy(folder: Path, tmp_path: Path) -> Path:
    """The checkpoint, to be changed."""
    return shutil.copytree(folder, tmp_path / "copy")


@pytest.fixture
def hub(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    """It holds the checkpoint as ``kyutai/tiny``."""
    hub = Hub(tmp_path / "hub", monkeypatch)
    shutil.copytree(folder, hub.root / "kyutai/tiny")
    return hub


def change(folder: Path, **fields: Any) -> None:
    about = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**about, **fields}))


def refusal(name: str | Path, **options: Any) -> str:
    with pytest.raises(ModelError) as caught:
        load(str(name), 1, 1, Options(**options))
    return str(caught.value)


def test_the_identity_is_that_of_weights_and_of_all_that_changes_tokens(folder: Path, copy: Path) -> None:
    first = load(str(folder), 1, 1).identity
    assert load(str(copy), 2, 1).identity == first  # wherever it lies
    others = [
        load(str(folder), 1, 1, Options(**more)).identity for more in ({"int8": True}, {"answer_end_ms": 500})
    ]
    weights = load_file(copy / "model.safetensors")
    weights["out_norm.alpha"] += 0.01
    save_file(weights, copy / "model.safetensors")
    others.append(load(str(copy), 1, 1).identity)
    assert len({first, *others}) == 4


def test_the_hub_is_asked_for_what_is_needed(hub: Hub, folder: Path) -> None:
    (hub.root / "kyutai/tiny/README.md").write_text("not needed")
    bundle = load("kyutai/tiny", 1, 1, BRIEF)
    assert bundle.model.name == "kyutai/tiny"
    assert {asked.removeprefix("kyutai/tiny/") for asked in hub.asked} == FILES
    assert bundle.identity == open_tiny(folder).identity


def test_weights_in_several_files_and_files_elsewhere(hub: Hub) -> None:
    place = hub.root / "kyutai/tiny"
    weights = load_file(place / "model.safetensors")
    names = sorted(weights)
    parts = {"a.safetensors": names[::2], "b.safetensors": names[1::2]}
    for file, held in parts.items():
        save_file({name: weights[name] for name in held}, place / file)
    index = {"weight_map": {name: file for file, held in parts.items() for name in held}}
    (place / "model.safetensors.index.json").write_text(json.dumps(index))
    (place / "model.safetensors").unlink()
    (hub.root / "other/place").mkdir(parents=True)
    (place / TOKENIZER).rename(hub.root / "other/place/words.model")
    change(place, tokenizer_name="hf://other/place/words.model")
    assert load("kyutai/tiny", 1, 1, BRIEF).model.frame_rate == 12.5
    assert "other/place/words.model" in hub.asked


def test_a_hub_that_does_not_give_it_is_told(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    assert (
        refusal("nobody/nothing") == "cannot fetch nobody/nothing from the Hugging Face hub: no route to host"
    )
    (hub.root / "kyutai/tiny" / TOKENIZER).unlink()
    assert f"404: {TOKENIZER} is not there" in refusal("kyutai/tiny")
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    assert 'install "voicert[torch]"' in refusal("kyutai/tiny")


def test_a_repository_without_configuration_is_the_published_model(hub: Hub) -> None:
    (hub.root / "kyutai/tiny/config.json").unlink()
    told = refusal("kyutai/tiny")
    assert "tokenizer_spm_32k_3.model" in told


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"surprise": 1}, "surprise = 1 is not understood"),
        ({"lm_gen_config": {"warmth": 1}}, "lm_gen_config: warmth is not understood"),
        ({"lm_gen_config": {"temp": "hot"}}, "lm_gen_config: temp is 'hot'"),
        ({"lm_gen_config": {"cfg_coef": 2.0}}, "cfg_coef is 2.0"),
        ({"tokenizer_name": "words.model"}, "words.model is not there"),
        ({"tokenizer_name": "config.json"}, "cannot read the tokenizer"),
        ({"text_card": 100}, "pieces, the model 100"),
        ({"mimi_name": "model.safetensors"}, "model.safetensors"),
        ({"n_q": 12, "delays": [0] * 13}, "it writes 8 codebooks and hears 4"),
    ],
)
def test_what_does_not_fit_is_named(copy: Path, fields: dict[str, Any], said: str) -> None:
    change(copy, **fields)
    if "n_q" in fields:
        weights = load_file(copy / "model.safetensors")
        save_file({n: t for n, t in weights.items() if n not in {f"emb.{i}.weight" for i in range(12, 16)}},
                  copy / "model.safetensors")  # fmt: skip
    assert said in refusal(copy)


def test_weights_that_do_not_fit_are_refused_before_the_codec_is_opened(copy: Path) -> None:
    weights = load_file(copy / "model.safetensors")
    del weights["text_linear.weight"]
    save_file(weights, copy / "model.safetensors")
    (copy / KYUTAI_FILE).write_bytes(b"no codec")
    assert "text_linear.weight" in refusal(copy)


def test_a_folder_without_weights_is_still_one_of_these(copy: Path) -> None:
    (copy / "model.safetensors").unlink()
    (copy / KYUTAI_FILE).unlink()
    assert refusal(copy).endswith(f"the codec {copy / KYUTAI_FILE} is not there")
    (copy / "config.json").unlink()
    assert "cannot read" in refusal(copy)  # nothing tells what it is


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"device": "toaster"}, "the device toaster cannot be used"),
        ({"text_prompt": "You are kind."}, "text_prompt is for PersonaPlex; this model is of the type moshi"),
        ({"voice_prompt": Path("voice.wav")}, "voice_prompt is for PersonaPlex"),
    ],
)
def test_options_that_cannot_be_are_refused(folder: Path, options: dict[str, Any], said: str) -> None:
    assert said in refusal(folder, **options)


def test_the_bundled_model_leaves_no_choice() -> None:
    assert refusal("nano", int8=True) == "int8 is for models of the Moshi family, which nano is not"


def test_without_torch_it_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "voicert.models.moshi.opening", raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)
    assert refusal(folder).endswith('needs torch, which is not installed: pip install "voicert[torch]"')


@pytest.mark.parametrize("more", [{"int8": True}, {"dtype": "bfloat16"}])
def test_other_forms_of_the_weights_talk_too(folder: Path, more: dict[str, Any]) -> None:
    bundle = open_tiny(folder, options=Options(answer_end_ms=400, device="cpu", **more))
    bundle.model.reset(0, bundle.sampling)
    started = talk(bundle.model, 0, frames(0, 1), start=True)
    out = talk(bundle.model, 0, frames(0, 20))
    assert int(started[0].text[0]) == bundle.model.start_id
    assert len({tuple(step.codes[0]) for step in out}) > 5


def test_the_frames_of_a_prompt() -> None:
    config = MoshiConfig()
    steady = Steady(np.full(8, 5), np.full(8, 6))
    prompt = Prompt.of(config, steady, np.arange(24).reshape(3, 8), [40, 41], 2)
    assert prompt.text.tolist() == [3, 3, 3, 3, 3, 40, 41, 3, 3]
    assert prompt.own[:, 0].tolist() == [0, 8, 16, 5, 5, 5, 5, 5, 5]
    assert (prompt.user == 6).all()
    written = prompt.written(config.delays)
    assert written[:, 0].tolist() == prompt.text.tolist()
    assert written[:, 1].tolist() == prompt.own[:, 0].tolist()  # the first codebook does not lag
    assert written[1:, 2].tolist() == prompt.own[:-1, 1].tolist()
    assert system_text(" You. ") == "<system> You. <system>" == system_text("<system> You. <system>")
    assert system_text(" ") == ""


def test_personaplex_takes_a_voice(tmp_path_factory: pytest.TempPathFactory, tmp_path: Path) -> None:
    folder = tiny_folder(tmp_path_factory.getbasetemp(), "personaplex")
    tone = np.sin(2 * np.pi * 220 * np.arange(24_000) / 24_000).astype(np.float32)
    quiet, loud = (wav.save(tmp_path / f"{level}.wav", tone * np.float32(level)) for level in (0.01, 0.5))
    codec = open_tiny(folder).codec
    codes = voice_codes(codec, quiet)
    assert codes.shape == (13, 8)  # a second is 12.5 frames
    assert np.mean(codes != voice_codes(codec, loud)) < 0.2  # as loud as each other, but for rounding
    opened = open_tiny(folder, options=Options(voice_prompt=quiet, text_prompt="You are kind."))
    assert opened.identity != open_tiny(folder).identity
    opened.model.reset(0, opened.sampling)
    out = talk(opened.model, 0, frames(0, 1))
    assert int(out[0].user_text[0]) == PAD
    wav.save(tmp_path / "still.wav", np.zeros(24_000, np.float32))
    assert "is silent" in refusal(folder, voice_prompt=tmp_path / "still.wav")
    assert "cannot read the voice_prompt" in refusal(folder, voice_prompt=tmp_path / "nowhere.wav")


@pytest.mark.parametrize("rate", [24_000, 48_000])
def test_loudness_is_that_of_the_standard(rate: int) -> None:
    """BS.1770: a tone of 997 Hz at full scale in one channel has -3.01 LUFS."""
    t = np.arange(2 * rate) / rate
    tone = np.sin(2 * np.pi * 997 * t).astype(np.float32)
    assert loudness_db(tone, rate) == pytest.approx(-3.01, abs=0.05)
    assert loudness_db(tone * np.float32(0.1), rate) == pytest.approx(-23.01, abs=0.05)
    paused = np.concatenate([tone, np.zeros(4 * rate, np.float32)])
    assert loudness_db(paused, rate) == pytest.approx(-3.01, abs=0.7)  # silence does not count
    assert loudness_db(np.zeros(rate, np.float32), rate) is None
    assert VOICE_DB == -24.0


def test_the_moshi_package_says_and_hears_the_same(folder: Path, tmp_path: Path) -> None:
    about = json.loads((folder / "config.json").read_text())
    bare = tmp_path / "bare"  # with the model's own sizes alone, which is what the package's loader takes
    bare.mkdir()
    (bare / "config.json").write_text(json.dumps({name: about[name] for name in SMALL}))
    shutil.copy(folder / "model.safetensors", bare)
    original, lm = Original(bare, 1, (0.7, 0.8), (25, 250), (3,)), open_lm(bare)
    lm.reset(0, Sampling(0.8, 250, 0.7, 25, seed=3))
    texts: set[int] = set()
    for codes in frames(0, 60):
        written, _ = original.step(codes[None])
        assert np.array_equal(lm.step(np.array([0]), codes[None]), written)
        texts.add(int(written[0, 0]))
    assert len(texts) > 3  # words among the pads
    mimi = original_mimi(folder / KYUTAI_FILE)
    pcm = np.random.default_rng(0).normal(0, 0.1, (1, 8 * 1920)).astype(np.float32)
    codec = open_tiny(folder).codec
    ours = codec.encode(pcm, codec.init_state(1))
    assert np.array_equal(ours, mimi.encode(torch.from_numpy(pcm)[:, None]).numpy())
