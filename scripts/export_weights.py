"""Puts trained weights into the packages: the codec's graphs; the model's graphs, settings and vocabulary."""

from __future__ import annotations

import argparse
import dataclasses
import shutil
from pathlib import Path

import torch
from nano.corpus import silence_codes
from nano.weights import load_codec, load_model, load_words
from voicert_codecs.nano.export import export as export_codec

from voicert.models.config import load_config, save_config
from voicert.models.export import export as export_model
from voicert.models.export import export_words

EXAMPLES = (  # shown on the page; all in scripts/nano/lessons
    "What is the capital of France?",
    "Why is the sky blue?",
    "Count to twenty.",
    "Tell me a story.",
    "How many legs does a spider have?",
    "Tell me a joke.",
)

ROOT = Path(__file__).resolve().parent.parent


def add_words(folder: Path, trained: Path) -> None:
    """Puts a transformer over words into a model's folder."""
    config, extra = load_config(folder / "config.json")
    model = load_words(trained, config)
    export_words(model, folder / "words.onnx")
    save_config(dataclasses.replace(config, words=model.config), folder / "config.json", **extra)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--model", type=Path, default=Path("runs/model"), help="folder of train_model.py")
    parser.add_argument("--vocabulary", type=Path, default=Path("runs/corpus/vocabulary.json"))
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--only-codec", action="store_true")
    only.add_argument("--only-model", action="store_true", help="the graphs of the codec stay as they are")
    only.add_argument(
        "--words", type=Path, help="folder of train_words.py: its graph, beside the step there is"
    )
    parser.add_argument("--to", type=Path, default=ROOT, help="another root than the repository's")
    args = parser.parse_args()
    torch.set_num_threads(1)
    folder = args.to / "voicert/models/weights/nano"
    if args.words:
        add_words(folder, args.words)
        return
    codec = load_codec(args.codec)
    if not args.only_model:
        export_codec(codec, args.to / "codecs/voicert_codecs/nano/weights")
    if args.only_codec:
        return
    folder.mkdir(parents=True, exist_ok=True)
    model = load_model(args.model)
    export_model(model, folder / "step.onnx")
    shutil.copy(args.vocabulary, folder / "vocabulary.json")
    save_config(model.config, folder / "config.json", silence=silence_codes(codec).tolist(),
                sampling={"temperature": 0.0, "text_temperature": 0.0}, examples=EXAMPLES,
                capabilities=["typed_text"])  # fmt: skip


if __name__ == "__main__":
    main()
