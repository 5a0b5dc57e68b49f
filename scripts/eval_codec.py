"""Measures the trained codec on held-out voices: STOI, PESQ-WB by depth, and what silence becomes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import soxr
import torch
from nano.bank import Bank
from nano.sound import Audio
from nano.weights import load_codec
from pesq import pesq
from pystoi import stoi
from voicert_codecs.nano.modules import NanoCodecModules


@torch.inference_mode()
def coded(modules: NanoCodecModules, pcm: Audio, depth: int) -> Audio:
    """Through encoder, ``depth`` codebooks and decoder, the codec's delay taken out again."""
    frame, hop = modules.config.frame_size, modules.config.hop
    padded = np.pad(pcm, (0, -len(pcm) % frame + frame))
    tail, enc, overlap, dec = modules.fresh(1)
    latent, _, _ = modules.encoder(torch.from_numpy(padded)[None], tail, enc)
    codes = modules.quantizer.encode(latent)[:, :depth]
    out, _, _ = modules.decoder(modules.quantizer.decode(codes), overlap, dec)
    return out[0].numpy()[hop : hop + len(pcm)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bank", type=Path, default=Path("runs/bank"))
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/checkpoint.pt"))
    parser.add_argument("--utterances", type=int, default=40)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    torch.set_num_threads(1)
    bank, modules = Bank(args.bank), load_codec(args.codec)
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
                made = coded(modules, pcm, depth)
                a, b = (soxr.resample(x, 24_000, 16_000) for x in (pcm, made))
                scores.append((stoi(pcm, made, 24_000), pesq(16_000, a, b, "wb")))
            table[f"{name}_stoi_{depth}"], table[f"{name}_pesq_{depth}"] = (
                np.mean(scores, axis=0).round(3).tolist()
            )
    silent = coded(modules, np.zeros(48_000, np.float32), 8)
    table["silence_peak_dbfs"] = round(20 * float(np.log10(np.abs(silent[9600:]).max() + 1e-9)), 1)
    print(json.dumps(table, indent=1))
    if args.json:
        args.json.write_text(json.dumps(table, indent=1) + "\n")


if __name__ == "__main__":
    main()
