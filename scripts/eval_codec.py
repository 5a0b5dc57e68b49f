"""Measures the codec on held-out voices: STOI, PESQ-WB, words that a recogniser loses, silence.

With all codebooks it is the exported files that are measured, with fewer the modules that they came of.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soxr
import torch
from nano.bank import Bank
from nano.lessons import sample_texts
from nano.sound import Audio
from nano.weights import load_codec
from pesq import pesq
from pystoi import stoi
from voicert_codecs.nano.modules import NanoCodecModules
from voicert_codecs.nano.runtime import NanoCodec

from voicert.evaluation.judge import Judge
from voicert.evaluation.words import errors, spoken_words

START = Path(__file__).resolve().parent / "nano/start/codec.safetensors"


def coded(files: NanoCodec, pcm: Audio) -> Audio:
    """Through encoder and decoder, the codec's delay taken out again."""
    frame, late = files.frame_size, files.delay_samples
    padded = np.pad(pcm, (0, -len(pcm) % frame + frame))[None]
    out = files.decode(files.encode(padded, files.init_state(1)), files.init_state(1))
    return out[0, late : late + len(pcm)]


@torch.inference_mode()
def coarse(modules: NanoCodecModules, pcm: Audio, depth: int) -> Audio:
    """The same through ``depth`` codebooks of the modules."""
    frame, hop = modules.config.frame_size, modules.config.hop
    padded = np.pad(pcm, (0, -len(pcm) % frame + frame))
    tail, enc, overlap, dec = modules.fresh(1)
    latent, _, _ = modules.encoder(torch.from_numpy(padded)[None], tail, enc)
    codes = modules.quantizer.encode(latent)[:, :depth]
    out, _, _ = modules.decoder(modules.quantizer.decode(codes), overlap, dec)
    return out[0].numpy()[hop : hop + len(pcm)]


def words_lost(name: str, judge: Judge, files: NanoCodec, said: list[tuple[str, Audio]]) -> dict[str, float]:
    """Word error of the judge on the original and on the decoded sound."""
    wrong, words = np.zeros(2), 0
    for text, pcm in said:
        wanted = spoken_words(text)
        words += len(wanted)
        wrong += [errors(judge.hear(x), wanted) for x in (pcm, coded(files, pcm))]
    original, decoded = (wrong / words).round(4).tolist()
    return {f"{name}_wer_original": original, f"{name}_wer_decoded": decoded}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--codec", type=Path, default=START, help="the modules")
    parser.add_argument("--files", type=Path, help="folder of the exported ones (the shipped ones)")
    parser.add_argument("--utterances", type=int, default=40, help="of each kind, for STOI and PESQ")
    parser.add_argument("--heard", type=int, default=200, help="of each kind, for the recogniser")
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    bank, modules, files = Bank(args.bank), load_codec(args.codec), NanoCodec(args.files)
    rng = np.random.default_rng(0)
    held_out = [u for u in bank.utterances if u.kind != "known" and u.length > 24_000]
    user = [bank.audio(held_out[i]) for i in rng.permutation(len(held_out))[: args.utterances]]
    answers = [a for a in bank.answers.values() if 24_000 < a.length < 240_000]
    assistant = [bank.audio(answers[i]) for i in rng.permutation(len(answers))[: args.utterances]]
    table: dict[str, float] = {}
    for name, sounds in (("held_out_users", user), ("assistant", assistant)):
        for depth in (2, 4, 8):
            scores = []
            for pcm in sounds:
                made = coded(files, pcm) if depth == files.num_codebooks else coarse(modules, pcm, depth)
                a, b = (soxr.resample(x, 24_000, 16_000) for x in (pcm, made))
                scores.append((stoi(pcm, made, 24_000), pesq(16_000, a, b, "wb")))
            table[f"{name}_stoi_{depth}"], table[f"{name}_pesq_{depth}"] = (
                np.mean(scores, axis=0).round(3).tolist()
            )
    held_out = [u for u in bank.utterances if u.kind != "known" and u.family != "unknown" and u.answer]
    heard = [
        (held_out[i].text, bank.audio(held_out[i])) for i in rng.permutation(len(held_out))[: args.heard]
    ]
    table |= words_lost("held_out_users", Judge(sample_texts()), files, heard)
    told = [(answers[i].text, bank.audio(answers[i])) for i in rng.permutation(len(answers))[: args.heard]]
    table |= words_lost("assistant", Judge(bank.answers), files, told)
    silent = coded(files, np.zeros(48_000, np.float32))
    table["silence_peak_dbfs"] = round(20 * float(np.log10(np.abs(silent[9600:]).max() + 1e-9)), 1)
    print(json.dumps(table, indent=1))
    if args.json:
        args.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
