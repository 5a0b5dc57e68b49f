"""Which tensors a Moshi's weights consist of, by Kyutai's names, and the older names of the same.

Older files keep the projections of all depth codebooks in one tensor, one above the other, and some have
fewer sets of depth weights than codebooks: then the first ones serve again, as PersonaPlex began.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from voicert.errors import ModelError
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.headers import Header, describe

Shape = tuple[int, ...]
_PROJECTION = re.compile(r"^(.*\.self_attn\.)(in|out)_projs\.(\d+)(\..*)$")
_PER_CODEBOOK = re.compile(
    r"^(.*(?:gating|linears|depformer_in|depformer_emb|in_projs|out_projs)\.)(\d+)(\..*)$"
)
SCALES = "_scb"  # follows the name of 8-bit weights: the largest value of each row


@dataclass(frozen=True)
class Place:
    """Where a tensor lies: ``part`` of ``parts`` equal ones, cut along the first axis."""

    header: Header
    part: int = 0
    parts: int = 1
    scales: Header | None = None  # of 8-bit weights

    @property
    def shape(self) -> Shape:
        first, *rest = self.header.shape
        return (first // self.parts, *rest)


def tensors(config: MoshiConfig) -> Iterator[tuple[str, Shape]]:
    """Name and shape of all that a model of these sizes needs."""
    width, d = config.width, config.depth
    for stream in range(config.streams):
        yield f"emb.{stream}.weight", (config.card + 1, width)
    yield "text_emb.weight", (config.text_card + 1, width)
    yield "text_linear.weight", (config.text_out, width)
    yield "out_norm.alpha", (1, 1, width)
    keys = config.kv_heads * config.head_width
    for layer in range(config.layers):
        yield from _layer(f"transformer.layers.{layer}", width, keys, [config.hidden], numbered=False)
    for j in range(max(d.inputs) + 1):
        yield f"depformer_in.{j}.weight", (d.width, width)
    inner = d.low_rank or d.width
    for name in ["depformer_text_emb", *(f"depformer_emb.{k}" for k in range(d.codebooks - 1))]:
        yield f"{name}.weight", ((config.text_card if "text" in name else config.card) + 1, inner)
        if d.low_rank:
            yield f"{name}.low_rank.weight", (d.width, inner)
    keys = d.kv_heads * (d.width // d.heads)
    for layer in range(d.layers):
        yield from _layer(f"depformer.layers.{layer}", d.width, keys, list(d.hidden), numbered=True)
    for k in range(d.codebooks):
        if d.norm:
            yield f"depformer_norms.{k}.alpha", (1, 1, d.width)
        yield f"linears.{k}.weight", (config.card, d.width)


def _layer(
    name: str, width: int, keys: int, hidden: list[int], numbered: bool
) -> Iterator[tuple[str, Shape]]:
    """``hidden``: of each set of weights; ``numbered``: the gates are, as the projections always are."""
    for norm in ("norm1", "norm2"):
        yield f"{name}.{norm}.alpha", (1, 1, width)
    for j, inner in enumerate(hidden):
        yield f"{name}.self_attn.in_projs.{j}.weight", (width + 2 * keys, width)
        yield f"{name}.self_attn.out_projs.{j}.weight", (width, width)
        gate = f"{name}.gating.{j}" if numbered else f"{name}.gating"
        yield f"{gate}.linear_in.weight", (2 * inner, width)
        yield f"{gate}.linear_out.weight", (width, inner)


def locate(config: MoshiConfig, headers: Mapping[str, Header], where: str) -> dict[str, Place]:
    """Every tensor that is needed, in whichever layout the file has.

    Args:
        where: what the weights are called in messages.

    Raises:
        ModelError: some are missing, have another shape, or are there without being needed.
    """
    expected = dict(tensors(config))
    sets = {"transformer": 1, "depformer": config.depth.sets}
    found: dict[str, Place] = {}
    used: set[str] = set()
    for name, shape in expected.items():
        place = _find(name, shape, headers, sets[name.split(".")[0]] if "_projs" in name else 1)
        if place is not None:
            found[name] = place
            used |= {place.header.name, place.header.name + SCALES}
    lacking = [name for name in expected if name not in found]
    if lacking:
        raise ModelError(f"{where} lack {describe(lacking)}")
    wrong = [name for name, shape in expected.items() if found[name].shape != shape]
    if wrong:
        name = wrong[0]
        raise ModelError(
            f"{name} of {where} has the shape {list(found[name].shape)}, the configuration says "
            f"{list(expected[name])}" + (f"; {len(wrong) - 1} others do not fit either" if wrong[1:] else "")
        )
    surplus = [name for name in headers if name not in used and not _is_spare(name)]
    if surplus:
        raise ModelError(
            f"{where} hold tensors that the configuration does not speak of: {describe(surplus)}"
        )
    return found


def _find(name: str, shape: Shape, headers: Mapping[str, Header], sets: int) -> Place | None:
    if name in headers:
        return _place(name, headers)
    match = _PROJECTION.match(name)
    if match:
        stem, side, number, rest = match[1], match[2], int(match[3]), match[4]
        olds = [f"{stem}{side}_proj{rest}"]
        if rest == ".weight":
            olds.append(f"{stem}{side}_proj_weight")
        for old in olds:
            if old in headers:
                parts = headers[old].shape[0] // shape[0]  # a file may have fewer than there are sets
                if parts < 1 or sets % parts or headers[old].shape[0] % shape[0]:
                    return _place(old, headers, 0, sets)  # its shape will not fit, and is told
                return _place(old, headers, number % parts, parts)
    match = _PER_CODEBOOK.match(name)
    if match and int(match[2]) >= 8:
        return _find(f"{match[1]}{int(match[2]) - 8}{match[3]}", shape, headers, sets)
    return None


def _place(name: str, headers: Mapping[str, Header], part: int = 0, parts: int = 1) -> Place:
    place = Place(headers[name], part, parts)
    scales = headers.get(name + SCALES)
    return replace(place, scales=scales) if scales is not None else place


def _is_spare(name: str) -> bool:
    """A tensor that may be there although nothing here needs it."""
    return name.startswith(("condition_provider.", "fuser.", "extra_heads."))
