"""The duplex transformer in PyTorch: one step at a time through a ring of keys equals all steps at once."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import scaled_dot_product_attention

from tests.support.tiny import DEPTH, MODEL, transformer
from voicert.models.places import written
from voicert.models.rings import Rings
from voicert.models.temporal import PIECE
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import PAD
from voicert.models.whole import SHORT, attend_to_all, window_mask
from voicert.models.window import Window

Given = tuple[Tensor, Tensor, Tensor, Tensor]  # user, own, text, user text

F = MODEL.user_frames
STEPS = 3 * MODEL.window + 7


@dataclasses.dataclass
class Streams:
    """Inputs of ``forward``: user [B, K, F - 1 + T], own [B, K, T], text and user text [B, T]."""

    user: Tensor
    own: Tensor
    text: Tensor
    user_text: Tensor

    def step(self, t: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The inputs of step t alone."""
        return self.some(t, 1)

    def some(self, t: int, count: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The inputs of ``count`` steps from t on."""
        end = t + count
        return (
            self.user[:, :, t : end + F - 1],
            self.own[:, :, t:end],
            self.text[:, t:end],
            self.user_text[:, t:end],
        )

    def until(self, t: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The inputs of the steps before t."""
        return self.user[:, :, : t + F - 1], self.own[:, :, :t], self.text[:, :t], self.user_text[:, :t]


def streams(rows: int, steps: int = STEPS) -> Streams:
    random = torch.Generator().manual_seed(5)

    def tokens(size: int, *shape: int) -> Tensor:
        return torch.randint(size, shape, generator=random)

    k, n, words = MODEL.codebooks, MODEL.codebook_size, MODEL.text_size
    user, own = tokens(n, rows, k, F - 1 + steps), tokens(n, rows, k, steps)
    texts = [
        torch.where(torch.rand(rows, steps, generator=random) < 0.3, tokens(words, rows, steps), PAD)
        for _ in range(2)
    ]
    return Streams(user, own, *texts)


@pytest.fixture(scope="module")
def model() -> DuplexTransformer:
    return transformer()


class Steps:
    """A model's steps in rings of its own, row i of what it is given in slots[i]."""

    def __init__(self, model: DuplexTransformer, slots: int) -> None:
        self.model = model
        self.rings = Rings(model.temporal.zeros, slots, model.temporal.window.capacity)
        self.position, self.words = [0] * slots, [0] * slots

    @torch.inference_mode()
    def take(self, given: Given, slots: list[int]) -> Tensor:
        """T steps of each, as many as a ring takes at once → hidden [B, T, D]."""
        steps = given[2].shape[1]
        first = [self.position[slot] for slot in slots]
        rings = [self.rings.take(slot, at + steps) for slot, at in zip(slots, first, strict=True)]
        words = torch.tensor([self.words[slot] for slot in slots])
        hidden = self.model.steps(*given, words, rings, first)
        for slot, some in zip(slots, written(given[2], given[3]).sum(1).tolist(), strict=True):
            self.position[slot] += steps
            self.words[slot] += some
        return hidden


def stepped(model: DuplexTransformer, some: Streams, at_once: int = 1, first: int = 0) -> Tensor:
    """Hidden [B, T, D], ``at_once`` steps after as many others; the count of steps begins at ``first``."""
    rows = len(some.text)
    taking, made, t = Steps(model, rows), list[Tensor](), 0
    taking.position = [first] * rows
    while t < STEPS:
        count = min(at_once, model.temporal.runs(first + t, STEPS - t)[0])
        made.append(taking.take(some.some(t, count), list(range(rows))))
        t += count
    return torch.cat(made, 1)


@pytest.mark.parametrize("rewind", [0, 13, 60])
@pytest.mark.parametrize("at_once", [1, 2, 7, PIECE])
def test_step_by_step_equals_all_at_once(rewind: int, at_once: int) -> None:
    """Within every layer's window and long after it, the rings of keys written over several times."""
    model, some = transformer(rewind=rewind), streams(2)
    assert model.temporal.window.capacity == MODEL.window + rewind + PIECE - 1
    with torch.inference_mode():
        whole = model(*some.until(STEPS))
    torch.testing.assert_close(stepped(model, some, at_once), whole, atol=1e-5, rtol=0)


def test_what_comes_later_changes_nothing_before(model: DuplexTransformer) -> None:
    some = streams(1)
    with torch.inference_mode():
        whole = model(*some.until(STEPS))
        for t in (1, MODEL.window, STEPS - 1):
            torch.testing.assert_close(model(*some.until(t)), whole[:, :t], atol=1e-5, rtol=0)


def test_a_position_sees_its_window_and_no_further(model: DuplexTransformer) -> None:
    """Each layer reaches one window back, so a change of the first input is gone after all their windows."""
    some, other = streams(1), streams(1)
    some.text[0, 0], other.text[0, 0] = 3, 4
    with torch.inference_mode():
        distance = (model(*some.until(STEPS)) - model(*other.until(STEPS)))[0].abs().amax(-1)
    reach = sum(window - 1 for window in MODEL.windows) + 1
    assert (distance[: MODEL.window] > 0).all()
    assert (distance[MODEL.window : reach] > 0).any()
    assert (distance[reach:] == 0).all()


def test_a_window_s_mask_of_blocks_that_look_at_the_one_before() -> None:
    mask = window_mask(7, 3, torch.device("cpu"))
    assert mask is not None
    assert mask.shape == (3, 3, 6)
    assert mask[mask != 0].eq(-math.inf).all()
    seen = [[3 * (n - 1) + j for j in range(6) if mask[n, i, j] == 0] for n in range(3) for i in range(3)]
    assert seen[:7] == [[0], [0, 1], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6]]


def test_a_short_text_is_one_block_and_a_long_one_plain_causal() -> None:
    mask = window_mask(7, 7, torch.device("cpu"))
    assert mask is not None
    assert torch.equal(mask[0] == 0, torch.ones(7, 7).tril().bool())
    assert window_mask(SHORT + 1, SHORT + 1, torch.device("cpu")) is None


@pytest.mark.parametrize("window", [9, 20], ids=["blocks", "one block"])
def test_attention_by_blocks_is_torch_s_own(window: int) -> None:
    make = torch.Generator().manual_seed(1)
    query, key, value = (torch.randn(2, 20, h, 8, generator=make) for h in (4, 2, 2))
    mask = window_mask(20, window, query.device)
    made = attend_to_all(lambda query, key: (query, key), mask, query, key, value)  # rotated by nothing
    age = torch.arange(20)[:, None] - torch.arange(20)
    q, k, v = (x.transpose(1, 2) for x in (query, key, value))
    wanted = scaled_dot_product_attention(q, k, v, (age >= 0) & (age < window), enable_gqa=True)
    torch.testing.assert_close(made, wanted.transpose(1, 2).flatten(2))


def test_embeddings_are_the_same_with_gradients_and_without(model: DuplexTransformer) -> None:
    some = streams(2).until(STEPS)
    with torch.no_grad():
        wanted = model.embed(*some)
    torch.testing.assert_close(model.embed(*some), wanted)


def test_slots_run_at_their_own_positions(model: DuplexTransformer) -> None:
    """The second slot joins late, and takes part in every other step only."""
    some, taking = streams(2), Steps(model, 3)
    first, late = list[Tensor](), list[Tensor]()
    for t in range(STEPS):
        both = t >= 10 and t % 2 == 0
        pairs = zip(some.step(t), some.step(len(late)), strict=True)
        user, own, text, user_text = (torch.cat([a[:1], b[1:]]) if both else a[:1] for a, b in pairs)
        hidden = taking.take((user, own, text, user_text), [2, 0] if both else [2])
        first.append(hidden[0, 0])
        late += [hidden[1, 0]] if both else []
    with torch.inference_mode():
        whole = model(*some.until(STEPS))
    torch.testing.assert_close(torch.stack(first), whole[0], atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.stack(late), whole[1, : len(late)], atol=1e-5, rtol=0)
    assert taking.position == [len(late), 0, STEPS]
    assert taking.rings.room(1) == 0


def test_a_layer_sees_its_own_window_of_a_ring_that_is_longer() -> None:
    window = Window(context=9, spare=2)
    for position in (0, 3, 7, 8, 100, 10**7 + 3):
        filled = min(position + 1, window.capacity)
        seen = window.seen(torch.tensor([[position]]), filled, 4)[0, 0]
        wanted = {p % window.capacity for p in range(max(0, position - 3), position + 1)}
        assert set(torch.nonzero(seen).flatten().tolist()) == wanted


def test_late_positions_give_what_early_ones_give(model: DuplexTransformer) -> None:
    """Only distances count: after two windows, nothing shows that the count of steps began elsewhere."""
    settled = sum(MODEL.windows)
    late = stepped(model, streams(1), first=2_000_000)
    torch.testing.assert_close(late[:, settled:], stepped(model, streams(1))[:, settled:], atol=1e-4, rtol=0)


def test_codebooks_one_by_one_equal_all_at_once() -> None:
    """The depth transformer: logits of codebook k depend on the ones before it, and on nothing after."""
    model = transformer(depth=DEPTH)
    random = torch.Generator().manual_seed(6)
    hidden = torch.randn(5, MODEL.width, generator=random)
    text = torch.randint(MODEL.text_size, (5,), generator=random)
    codes = torch.randint(MODEL.codebook_size, (5, MODEL.codebooks), generator=random)
    with torch.inference_mode():
        forced = model.depth.forced(hidden, text, codes)
        assert forced.shape == (5, MODEL.codebooks, MODEL.codebook_size)
        for k in range(MODEL.codebooks):
            alone = model.depth.forced(hidden, text, codes[:, :k])
            assert alone.shape == (5, k + 1, MODEL.codebook_size)
            torch.testing.assert_close(alone, forced[:, : k + 1], atol=1e-5, rtol=0)
            other = codes.clone()
            other[:, k] = (codes[:, k] + 1) % MODEL.codebook_size
            changed = model.depth.forced(hidden, text, other)
            assert torch.equal(changed[:, : k + 1], forced[:, : k + 1])
            assert k + 1 == MODEL.codebooks or not torch.allclose(changed[:, k + 1], forced[:, k + 1])


@torch.inference_mode()
def test_codebooks_in_turn_equal_all_at_once() -> None:
    """The loop that speaks, with keys and values of its own, and what training works on; rows may change."""
    model = transformer(depth=DEPTH)
    random = torch.Generator().manual_seed(7)
    for rows in (5, 5, 2):
        hidden = torch.randn(rows, MODEL.width, generator=random)
        text = torch.randint(MODEL.text_size, (rows,), generator=random)
        made: list[Tensor] = []

        def choose(codebook: int, logits: Tensor, made: list[Tensor] = made) -> Tensor:
            made.append(logits)
            return logits.argmax(1)

        codes = model.depth(hidden, text, MODEL.codebooks, choose)
        assert codes.shape == (rows, MODEL.codebooks)
        torch.testing.assert_close(
            torch.stack(made, 1), model.depth.forced(hidden, text, codes), atol=1e-5, rtol=0
        )
