"""Speaks the bank of requests and answers that the codec and the model are trained on."""

import argparse
from pathlib import Path

from nano.bank import build, build_readings

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/bank"))
    parser.add_argument(
        "--blocks", type=int, default=800, help="training blocks of 48 utterances of one voice"
    )
    parser.add_argument("--held-out-blocks", type=int, default=16, help="of each held-out kind")
    parser.add_argument("--readings", action="store_true", help="words in no order instead, without answers")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    if args.readings:
        build_readings(args.out, args.blocks, args.seed, args.workers)
        raise SystemExit
    build(args.out, args.blocks, args.held_out_blocks, args.seed, args.workers)
