"""A codec by name, folder, file or place on the hub; what is missing is named."""

from __future__ import annotations

import json
import struct
import sys
import types
from pathlib import Path

import numpy as np
import pytest
import torch
from make_tiny_mimi import TINY, write_mimi
from voicert_codecs import load
from voicert_codecs.base import CodecError
from voicert_codecs.hub import OFFICIAL
from voicert_codecs.load import kind_of
from voicert_codecs.nano.runtime import NanoCodec

from tests.support.codecs import exported


def safetensors(path: Path, *names: str) -> Path:
    """A file with tensors of one number each."""
    places = {
        name: {"dtype": "F32", "shape": [1], "data_offsets": [4 * i, 4 * i + 4]}
        for i, name in enumerate(names)
    }
    header = json.dumps(places).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + bytes(4 * len(names)))
    return path


class Hub:
    """In place of huggingface_hub: repositories are folders, and what is asked for is noted."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root, self.asked = root, list[str]()
        module = types.ModuleType("huggingface_hub")
        module.hf_hub_download = self.download  # pyright: ignore[reportAttributeAccessIssue]
        monkeypatch.setitem(sys.modules, "huggingface_hub", module)

    def download(self, repository: str, name: str) -> str:
        self.asked.append(f"{repository}/{name}")
        path = self.root / repository / name
        if not path.is_file():
            raise RuntimeError(f"404: {name} is not there. And much more.\nAnd more.")
        return str(path)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    return Hub(tmp_path / "hub", monkeypatch)


def test_the_bundled_codec_by_name_and_any_other_of_its_kind_by_folder(tiny_codec: Path) -> None:
    for codec in (load("nano"), load("nano", codebooks=8)):
        assert isinstance(codec, NanoCodec)
        assert codec.num_codebooks == 8
    other = load(tiny_codec)
    assert (other.name, other.num_codebooks) == ("nano", 4)
    assert other.identity != codec.identity
    assert load(str(tiny_codec)).identity == other.identity


def test_an_export_by_folder(tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = exported("encodec", tmp_path_factory.getbasetemp())
    codec = load(folder)
    assert (codec.name, codec.num_codebooks) == ("encodec", 4)
    with pytest.raises(CodecError, match="encodec has 4 codebooks; no other"):
        load(folder, codebooks=2)


def test_mimi_by_file_and_by_folder_with_as_many_codebooks_as_wanted(tmp_path: Path) -> None:
    file = write_mimi(tmp_path / "mimi")
    by_file, by_folder = load(file), load(tmp_path / "mimi", codebooks=3)
    assert by_file.name == by_folder.name == "mimi"
    assert (by_file.num_codebooks, by_folder.num_codebooks) == (8, 3)
    assert by_file.identity == by_folder.identity
    assert by_file.frame_size == TINY.frame_size
    pcm = np.random.default_rng(0).standard_normal((1, 4 * TINY.frame_size)).astype(np.float32)
    codes = by_file.encode(pcm, by_file.init_state(1))
    assert np.array_equal(by_folder.encode(pcm, by_folder.init_state(1)), codes[:, :3])


def test_a_speech_model_on_the_hub_gives_only_its_codec(hub: Hub) -> None:
    write_mimi(hub.root / "someone/speaks")
    assert load("someone/speaks").name == "mimi"
    names = [name.removeprefix("someone/speaks/") for name in hub.asked]
    assert names[0] == "config.json"
    assert set(names) == {p.name for p in (hub.root / "someone/speaks").iterdir()}


def test_the_official_weights_come_by_name(hub: Hub) -> None:
    repository, (file,) = OFFICIAL["mimi"]
    write_mimi(hub.root / repository)
    assert load("mimi").name == "mimi"
    assert hub.asked == [f"{repository}/{file}"]
    with pytest.raises(CodecError) as caught:
        load("encodec")
    told = "cannot fetch facebook/encodec_24khz from the Hugging Face hub: 404: config.json is not there"
    assert str(caught.value) == told


@pytest.mark.parametrize(
    ("names", "kind"),
    [
        (
            ["encoder.model.0.conv.conv.bias", "quantizer.rvq_first.vq.layers.0._codebook.embedding_sum"],
            "mimi",
        ),
        (["quantizer.semantic_residual_vector_quantizer.input_proj.weight"], "mimi"),
        (["encoder.layers.0.conv.bias", "quantizer.layers.0.codebook.embed"], "encodec"),
        (["quantizer.vq.layers.0._codebook.embed"], "encodec"),
    ],
)
def test_a_checkpoint_tells_by_its_tensors_what_it_is(tmp_path: Path, names: list[str], kind: str) -> None:
    assert kind_of(safetensors(tmp_path / "w.safetensors", *names)) == kind
    assert kind_of(tmp_path) == kind


def test_a_folder_of_the_hub_tells_by_its_configuration(tmp_path: Path) -> None:
    safetensors(tmp_path / "one.safetensors", "quantizer.layers.0.codebook.embed")
    safetensors(tmp_path / "two.safetensors", "quantizer.layers.0.codebook.embed")
    with pytest.raises(CodecError, match="holds no codec"):
        kind_of(tmp_path)
    for about, kind in (({"model_type": "encodec"}, "encodec"), ({"mimi_name": "x"}, "mimi")):
        (tmp_path / "config.json").write_text(json.dumps(about))
        assert kind_of(tmp_path) == kind
    for damaged, told in (("{", "cannot read"), ("[]", "no JSON object")):
        (tmp_path / "config.json").write_text(damaged)
        with pytest.raises(CodecError, match=told):
            kind_of(tmp_path)


def test_torch_s_own_format_is_encodec_s(tmp_path: Path) -> None:
    torch.save({"some": torch.zeros(1)}, tmp_path / "encodec_24khz.th")
    assert kind_of(tmp_path / "encodec_24khz.th") == "encodec"


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "damaged"),
        (struct.pack("<Q", 10) + b"{}", "damaged"),
        (struct.pack("<Q", 2**60) + b"{}", "damaged"),
        (struct.pack("<Q", 2) + b"{}", "it has no quantizer"),
    ],
)
def test_what_is_no_checkpoint_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "w.safetensors"
    path.write_bytes(content)
    with pytest.raises(CodecError, match=told) as caught:
        load(path)
    assert str(path) in str(caught.value)


def test_a_name_that_is_nothing_is_told_what_there_is(hub: Hub) -> None:
    with pytest.raises(CodecError, match="there is no codec opus: give nano, encodec, mimi"):
        load("opus")
    with pytest.raises(CodecError, match="cannot fetch no/body from the Hugging Face hub"):
        load("no/body")
    config = hub.root / "some/model/config.json"
    config.parent.mkdir(parents=True)
    config.write_text('{"model_type": "llama"}')
    with pytest.raises(CodecError, match="some/model on the Hugging Face hub holds no EnCodec and no Mimi"):
        load("some/model")


@pytest.mark.parametrize("missing", ["torch", "safetensors", "huggingface_hub"])
def test_a_missing_package_is_named_with_what_brings_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: str
) -> None:
    for module in [*sys.modules]:
        if module.startswith(("voicert_codecs.mimi", "voicert_codecs.encodec", "voicert_codecs.blocks")):
            monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, missing, None)
    wanted = "mimi" if missing == "huggingface_hub" else write_mimi(tmp_path)
    with pytest.raises(
        CodecError, match=rf'needs {missing}, which is not installed; install "voicert\[torch\]"'
    ):
        load(wanted)


def test_a_device_that_is_not_there_is_named(tmp_path: Path) -> None:
    file = write_mimi(tmp_path)
    with pytest.raises(CodecError, match="CUDA graphs need a CUDA device, not cpu"):
        load(file, graphs=True)
    with pytest.raises(CodecError, match="the device nonsense cannot be used"):
        load(file, device="nonsense")
