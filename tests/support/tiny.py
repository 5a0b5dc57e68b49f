"""A codec and a duplex model of a few thousand random weights each, as PyTorch modules and as exported files.

The weights come from fixed seeds; fixtures in tests/conftest.py export them once per test run.
torch is imported inside the functions, so that tests which do not need it start without it.
"""

from __future__ import annotations

import dataclasses
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from voicert_codecs.nano.config import NanoCodecConfig
from voicert_codecs.nano.runtime import open_session

from voicert.models.base import Control, Sampling, StepOutput
from voicert.models.config import DepthConfig, ModelConfig, WordConfig
from voicert.models.duplex import DuplexModel
from voicert.models.onnx_runner import OnnxRunner, OnnxWords
from voicert.models.slots import REWIND_FRAMES
from voicert.models.vocabulary import END, PAD, START, Vocabulary

if TYPE_CHECKING:
    from voicert_codecs.nano.modules import NanoCodecModules

    from voicert.models.transformer import DuplexTransformer
    from voicert.models.words import WordTransformer

CODEC = NanoCodecConfig(
    encoder_width=32, encoder_blocks=2, decoder_width=32, decoder_blocks=2, kernel=3, latent=16,
    num_codebooks=4, codebook_size=16,
)  # fmt: skip
VOCABULARY = Vocabulary.build(["what is this", "this is a test"])
MODEL = ModelConfig(
    codebooks=4, codebook_size=16, text_size=len(VOCABULARY), width=32, layers=2, heads=4, kv_heads=2,
    head_dim=8, hidden=48, windows=(20, 7), word_heads=(0, 1), delays=(0, 0, 1, 1), user_frames=3, user_dim=8,
    user_hidden=32,
)  # fmt: skip
DEPTH = DepthConfig(width=32, layers=2, heads=4, hidden=48)
WORDS = WordConfig(width=32, layers=2, heads=4, kv_heads=2, head_dim=8, hidden=48, window=9)
SILENCE = np.array([3, 1, 4, 1])  # the codes of a silent frame, for the model alone
GREEDY = Sampling()


def codec_modules() -> NanoCodecModules:
    """Random weights that float16 holds exactly; codes and samples are lively, and depend on the past."""
    import torch
    from voicert_codecs.nano.modules import CausalBlock, NanoCodecModules

    torch.set_num_threads(1)
    torch.manual_seed(1)
    modules = NanoCodecModules(CODEC).eval()
    with torch.no_grad():
        for block in modules.modules():
            if isinstance(block, CausalBlock):
                block.scale.fill_(1.0)
        for k, book in enumerate(modules.quantizer.codebooks):
            book.mul_(5.0 * 0.6**k)
        modules.decoder.level.bias.add_(2.0)
        for tensor in [*modules.parameters(), modules.quantizer.codebooks]:
            tensor.copy_(tensor.half().float())
    return modules


def transformer(rewind: int = REWIND_FRAMES, **changes: Any) -> DuplexTransformer:
    """Random weights with which every layer matters, and answers begin and end every few frames.

    ``changes`` are to the configuration MODEL.
    """
    import torch

    from voicert.models.transformer import DuplexTransformer

    torch.set_num_threads(1)
    torch.manual_seed(2 if changes.get("depth") else 6)
    model = DuplexTransformer(dataclasses.replace(MODEL, **changes), rewind).eval()
    with torch.no_grad():
        for layer in model.temporal.layers:
            layer.attention.out.weight *= 3.0
            layer.down.weight *= 3.0
        model.user_embedding.weight *= 8.0
        for token, scale in ((PAD, -1.0), (START, -2.0), (END, 3.5)):  # found by trying, like the seed
            model.text_head.weight[token] *= scale
    return model


def word_transformer() -> WordTransformer:
    """Random weights, for a model with `WORDS`, with opinions as strong as those of `transformer`."""
    import torch

    from voicert.models.words import WordTransformer

    torch.set_num_threads(1)
    torch.manual_seed(7)
    model = WordTransformer(dataclasses.replace(MODEL, words=WORDS)).eval()
    with torch.no_grad():
        for layer in model.temporal.layers:
            layer.attention.out.weight *= 10.0
            layer.down.weight *= 10.0
    return model


def export_codec(folder: Path, bits: int | None = None) -> Path:
    from voicert_codecs.nano.export import export

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the exporter about its own insides
        export(codec_modules(), folder, bits)
    return folder


def export_step(path: Path, bits: int | None) -> Path:
    from voicert.models.export import export

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export(transformer(), path, bits)
    return path


def export_words(path: Path) -> Path:
    from voicert.models.export import export_words

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_words(word_transformer(), path, None)
    return path


def speech_model(
    step: Path, max_slots: int, config: ModelConfig = MODEL, words: Path | None = None
) -> DuplexModel:
    """A fresh model over the exported step; ``config`` may differ in sizes of windows and delays.

    With the exported transformer over ``words`` that has its say too.
    """
    if words:
        config = dataclasses.replace(config, words=config.words or WORDS)
    runner = OnnxRunner(open_session(step, 1), config, max_slots)
    next_words = OnnxWords(open_session(words, 1), config, max_slots) if words else None
    return DuplexModel("tiny", runner, config, VOCABULARY, SILENCE, next_words)


def torch_model(max_slots: int, **changes: Any) -> DuplexModel:
    """The same run by PyTorch; ``changes`` are to the configuration MODEL."""
    from voicert.models.torch_runner import TorchRunner

    model = transformer(**changes)
    return DuplexModel("tiny", TorchRunner(model, max_slots), model.config, VOCABULARY, SILENCE)


def user_codes(seed: int, steps: int) -> NDArray[np.int64]:
    """[T, K] what a user might say."""
    return np.random.default_rng(seed).integers(MODEL.codebook_size, size=(steps, MODEL.codebooks))


def converse(
    model: DuplexModel, slot: int, user: NDArray[np.int64], hush: set[int] = frozenset()
) -> StepOutput:
    """Steps one slot through user [T, K] → all its outputs: text [T], user text [T], codes [T, K]."""
    free = Control.free(1)
    made = [
        model.step(np.array([slot]), u[None], dataclasses.replace(free, hush=np.array([t in hush])))
        for t, u in enumerate(user)
    ]
    fields = ("text", "user_text", "codes", "wants")
    return StepOutput(*(np.concatenate([getattr(out, name) for out in made]) for name in fields))
