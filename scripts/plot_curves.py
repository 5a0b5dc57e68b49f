"""Draws what the trainings wrote in their logs: losses, and shares of what was right, over minutes."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")  # no screen is needed
from matplotlib import pyplot as plt
from matplotlib.axes import Axes

SMOOTH = 10  # rows over which a noisy curve is averaged
CODEC = {"mel": "log-mel distance", "phone": "phones of the first codebook"}
MODEL = {"text": "text", "user_text": "user's text", "codes": "codes", "phones": "phones"}
HELD_OUT = {"known": "known voices", "new": "new voices", "foreign": "new engine"}


def rows_of(path: Path) -> list[dict[str, float]]:
    """One row per line of a training's log, none if that training never ran."""
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def draw(axes: Axes, rows: list[dict[str, float]], names: dict[str, str], smooth: int) -> None:
    """One curve for every name that the rows have."""
    for key, label in names.items():
        points = [(row["seconds"] / 60, row[key]) for row in rows if key in row]
        if not points:
            continue
        values = [value for _, value in points]
        means = [sum(values[max(0, i - smooth + 1) : i + 1]) / len(values[max(0, i - smooth + 1) : i + 1])
                 for i in range(len(values))]  # fmt: skip
        axes.plot([minute for minute, _ in points], means, label=label)
    axes.set_xlabel("minutes")
    axes.grid(alpha=0.3)
    if axes.has_data():
        axes.legend()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--codec", type=Path, default=Path("runs/codec/log.jsonl"))
    parser.add_argument("--model", type=Path, default=Path("runs/model/log.jsonl"))
    parser.add_argument("--out", type=Path, default=Path("runs/training.png"))
    args = parser.parse_args()
    codec, model = rows_of(args.codec), rows_of(args.model)
    if not codec and not model:
        raise SystemExit(f"neither {args.codec} nor {args.model} is there; scripts/train writes them")
    figure, panels = plt.subplots(2, 2, figsize=(11, 7), constrained_layout=True)
    draw(panels[0][0], codec, CODEC, SMOOTH)
    panels[0][0].set_title("codec: losses")
    draw(panels[0][1], model, MODEL, SMOOTH)
    panels[0][1].set(title="model: losses", yscale="log")
    draw(panels[1][0], model, {f"{k}_answers": v for k, v in HELD_OUT.items()}, 1)
    panels[1][0].set_title("held-out wordings: share of right answers, true past given")
    draw(panels[1][1], model, {f"{k}_words": v for k, v in HELD_OUT.items()}, 1)
    panels[1][1].set_title("held-out wordings: share of right pieces of the user's words")
    figure.savefig(args.out, dpi=110)
    print(args.out)


if __name__ == "__main__":
    main()
