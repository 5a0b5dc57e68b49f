"""What the model's training minimises, and what it does to the inputs."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from nano.batches import Batch
from nano.phones import PHONES, SILENCE, UNKNOWN
from voicert.models.transformer import DuplexTransformer
from voicert.models.vocabulary import END, PAD, START

PHONE_LAG = 3  # frames after which a phone must be known
PHONE_LAYER = 1  # the layer whose output must tell it


def forget(tokens: Tensor, given: Tensor, share: float) -> Tensor:
    """A share of the rows without its heard text: the model must hear, not guess from its last words."""
    before = F.pad(given[:, :-1], (1, 0))  # inputs lag by one step
    gone = torch.rand(tokens.shape[0], 1, device=tokens.device) < share
    return torch.where(gone & (before == 0), PAD, tokens)


def mishear(tokens: Tensor, given: Tensor, share: float) -> Tensor:
    """Up to ``share`` of each row's heard text is left out, or other text of the batch stands in its place.

    In a conversation a misheard word is what it goes on from: it must find its way back by listening.
    """
    some = (tokens != PAD) & (F.pad(given[:, :-1], (1, 0)) == 0)  # inputs lag by one step
    if not some.any():
        return tokens
    p = torch.rand(tokens.shape[0], 1, device=tokens.device) * share
    draws = torch.rand((2, *tokens.shape), device=tokens.device)
    others = tokens[some][torch.randint(int(some.sum()), tokens.shape, device=tokens.device)]
    return torch.where(some & (draws[0] < p), torch.where(draws[1] < 0.5, PAD, others), tokens)


def as_heard(tokens: Tensor, heard: Tensor, given: Tensor, share: float) -> Tensor:
    """In a share of the rows, what the model itself took the user's words for stands in their place.

    What is misheard is not any word but one that sounds alike, and the answer is to be found all the same
    (scheduled sampling, Bengio et al. 2015, in one pass: words stay where they are).

    Args:
        tokens: [B, T] of the user's text as inputs, one step behind.
        heard: [B, T] what the model wrote in each step.
        given: [B, T] 1 where the user's text was typed.
    """
    heard, given = (F.pad(x[:, :-1], (1, 0)) for x in (heard, given))
    some = torch.rand(tokens.shape[0], 1, device=tokens.device) < share
    return torch.where(some & (tokens != PAD) & (heard != PAD) & (given == 0), heard, tokens)


def corrupt(tokens: Tensor, share: float, size: int) -> Tensor:
    """Replaces up to ``share`` of each row's codes at random: no single code shall be relied on."""
    p = torch.rand(tokens.shape[0], 1, 1, device=tokens.device) * share
    hit = torch.rand(tokens.shape, device=tokens.device) < p
    return torch.where(hit, torch.randint(size, tokens.shape, device=tokens.device), tokens)


def blur(tokens: Tensor, share: float) -> Tensor:
    """In a share of the rows some of the finer codes, from a random codebook on, are of other frames.

    Noise and strange voices change the fine codes far more than the coarse ones. tokens [B, K, T].
    """
    rows, books, frames = tokens.shape
    first = torch.randint(2, books, (rows, 1, 1), device=tokens.device)
    some = torch.rand(rows, 1, 1, device=tokens.device) < share
    other = tokens.gather(2, torch.randint(frames, tokens.shape, device=tokens.device))
    kept = torch.rand(tokens.shape, device=tokens.device) < torch.rand(rows, 1, 1, device=tokens.device)
    fine = torch.arange(books, device=tokens.device)[None, :, None] >= first
    return torch.where(some & fine & ~kept, other, tokens)


def cross_entropy(head: Tensor, hidden: Tensor, target: Tensor) -> Tensor:
    """hidden [M, D], head [N, D] or [K * N, D], target [M] or [M, K] → losses like target.

    One function, for a compiler to make one pass of: as several, they take as long as all layers.
    """
    logits = F.linear(hidden, head).float()
    if target.ndim == 2:
        logits = logits.unflatten(-1, (target.shape[1], -1)).flatten(0, 1)
    return F.cross_entropy(logits, target.flatten(), reduction="none").view(target.shape)


def weighted(loss: Tensor, target: Tensor, heavy: float, given: Tensor) -> Tensor:
    """The mean of losses [M]: frames with something to write count ``heavy`` times, given ones nothing."""
    weight = (1.0 + (heavy - 1.0) * (target != PAD)) * (given == 0)
    return (loss * weight).sum() / weight.sum()


def answering(text: Tensor) -> Tensor:
    """[B, T] true from start token to end token; a row whose first mark is an end begins in mid-answer.

    Of several start tokens in a row the last one is where it begins (see `nano.batches.wanted`).
    """
    starts, ends = (text == START) & (F.pad(text[:, 1:], (0, 1), value=PAD) != START), text == END
    first = (starts | ends).int().argmax(1, keepdim=True)
    begins_inside = text.gather(1, first) == END  # [B, 1]
    closed_before = ends.int().cumsum(1) - ends.int()
    return starts.int().cumsum(1) + begins_inside.int() - closed_before > 0


class Objective(nn.Module):
    """All losses of a batch.

    The phones that the user speaks are asked of a low layer, a few frames late: labels for every frame make
    it learn to hear far sooner than the few words do. The head is thrown away after training.
    """

    def __init__(self, model: DuplexTransformer, compiled: bool = False) -> None:
        super().__init__()
        self.phone_head = nn.Linear(model.config.width, len(PHONES))
        self.phones_only_told = False  # the head learns from the layers, which learn nothing from it
        self._low: list[Tensor] = []
        self._cross_entropy = torch.compile(cross_entropy, dynamic=False) if compiled else cross_entropy
        model.temporal.layers[min(PHONE_LAYER, model.config.layers - 1)].register_forward_hook(self._keep)

    def _keep(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self._low = [output]

    def forward(self, model: DuplexTransformer, b: Batch, heavy: float) -> dict[str, Tensor]:
        """Losses of text, user text, codes and phones."""
        hidden = model(b.user, b.own_in, b.text_in, b.user_text_in)
        flat, text, user_text = hidden.flatten(0, 1), b.text.flatten(), b.user_text.flatten()
        said = self._cross_entropy(model.text_head.weight, flat, text)
        heard = self._cross_entropy(model.user_text_head.weight, flat, user_text)
        return {
            "text": weighted(said, text, heavy, b.unasked.flatten()),
            "user_text": weighted(heard, user_text, heavy, b.given.flatten()),
            "codes": self._codes(model, hidden, b),
            "phones": self._phones(b),
        }

    def _codes(self, model: DuplexTransformer, hidden: Tensor, b: Batch) -> Tensor:
        """Of as many frames of answers, drawn at random, as make a third of the batch: a fixed number."""
        inside = answering(b.text).flatten().nonzero().flatten()
        if len(inside) == 0:
            return hidden.new_zeros(())
        count = max(1, b.text.numel() // 3)
        if len(inside) > count:
            inside = inside[torch.randperm(len(inside), device=inside.device)[:count]]
        real = torch.arange(count, device=inside.device) < len(inside)
        inside = F.pad(inside, (0, count - len(inside)))
        picked = hidden.flatten(0, 1)[inside]  # [M, D]
        codes = b.codes.transpose(1, 2).flatten(0, 1)[inside]  # [M, K]
        if model.config.depth is None:
            loss = self._cross_entropy(model.code_head.weight, picked, codes)
        else:
            logits = model.depth.forced(picked, b.text.flatten()[inside], codes).flatten(0, 1).float()
            loss = F.cross_entropy(logits, codes.flatten(), reduction="none").view(codes.shape)
        return (loss * real[:, None]).sum() / (real.sum() * codes.shape[1])

    def _phones(self, b: Batch) -> Tensor:
        (low,) = self._low
        self._low = []
        if self.phones_only_told:
            low = low.detach()
        logits = self.phone_head(low[:, PHONE_LAG:]).flatten(0, 1).float()
        wanted = b.phones[:, :-PHONE_LAG].flatten()
        weight = torch.where(wanted == SILENCE, 0.1, 1.0) * (wanted != UNKNOWN)
        loss = F.cross_entropy(logits, torch.where(wanted == UNKNOWN, SILENCE, wanted), reduction="none")
        return (loss * weight).sum() / weight.sum().clamp(min=1.0)


class Optimisers:
    """Muon for the matrices inside the layers, AdamW for embeddings, heads and norms (Jordan, 2024)."""

    def __init__(self, model: DuplexTransformer, objective: Objective, lr: float) -> None:
        matrices = [
            p
            for n, p in model.named_parameters()
            if n.startswith(("temporal.layers.", "user_in", "user_out")) and p.ndim == 2
        ]
        chosen = {id(p) for p in matrices}
        others = [p for p in [*model.parameters(), *objective.parameters()] if id(p) not in chosen]
        self.lr = lr
        self.all: list[torch.optim.Optimizer] = [
            torch.optim.Muon(
                matrices, lr=lr, momentum=0.95, weight_decay=0.05, adjust_lr_fn="match_rms_adamw"
            ),
            torch.optim.AdamW(others, lr=lr, betas=(0.9, 0.95), weight_decay=0.01),
        ]

    def step(self, scale: float) -> None:
        for optimiser in self.all:
            for group in optimiser.param_groups:
                group["lr"] = self.lr * scale
            optimiser.step()
            optimiser.zero_grad()


@torch.no_grad()
def answers_right(model: DuplexTransformer, b: Batch) -> tuple[int, int, int, int]:
    """(answers all of whose words the model would write, answers; user's words likewise, words).

    Every step is given the true past, so this is a little kinder than a conversation.
    """
    hidden = model(b.user, b.own_in, b.text_in, b.user_text_in)
    said, heard = model.text_head(hidden).argmax(-1), model.user_text_head(hidden).argmax(-1)
    words = (b.user_text != PAD) & (b.given == 0)
    right = answers = 0
    for row, wanted in zip(said, b.text, strict=True):
        starts = (wanted == START).nonzero().flatten().tolist()
        for start, end in zip(starts, [*starts[1:], len(wanted)], strict=True):
            inside = wanted[start + 1 : end]
            written = inside[(inside != PAD) & (inside != END)]
            made = row[start + 1 : end][(inside != PAD) & (inside != END)]
            answers += 1
            right += int(torch.equal(made, written))
    return right, answers, int((heard == b.user_text)[words].sum()), int(words.sum())
