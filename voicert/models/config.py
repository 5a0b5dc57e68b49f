"""The numbers that fix a duplex model; one definition serves the bundled model and larger ones."""

from __future__ import annotations

import dataclasses
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from voicert.errors import ModelError
from voicert.models.vocabulary import END

# Added by heads for words to the score of a step that wrote nothing; finite, for there may be no other.
WORDLESS = -30.0


@dataclass(frozen=True)
class DepthConfig:
    """The small transformer that writes the codebooks of one frame in turn, with the same weights for all."""

    width: int = 128
    layers: int = 2
    heads: int = 4
    hidden: int = 256  # of its perceptrons


@dataclass(frozen=True)
class WordConfig:
    """The small transformer that reads what was written and says which word comes next, but not when.

    See `voicert.models.words`.
    """

    width: int = 256
    layers: int = 4
    heads: int = 8
    kv_heads: int = 2
    head_dim: int = 32
    hidden: int = 768  # of its perceptrons
    window: int = 224  # written steps that a layer looks back on, the last one included
    weight: float = 1.5  # of its opinion on the next word, against that of the duplex transformer
    end_weight: float = 0.0  # of how sure it is that a request goes on, where an answer would begin

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads", "kv_heads", "head_dim", "hidden", "window"):
            if getattr(self, name) <= 0:
                raise ModelError(f"{name} of words must be positive, not {getattr(self, name)}")
        if self.heads % self.kv_heads:
            raise ModelError(f"heads {self.heads} of words is not a multiple of kv_heads {self.kv_heads}")
        if self.head_dim % 2:
            raise ModelError(f"head_dim of words must be even, not {self.head_dim}")
        for name in ("weight", "end_weight"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ModelError(f"{name} of words must be 0 or more, not {getattr(self, name)}")


@dataclass(frozen=True)
class DepthSizes:
    """The transformer over the codebooks of one step."""

    codebooks: int = 8  # that it writes, one after the other
    width: int = 1024
    layers: int = 6
    heads: int = 16
    kv_heads: int = 16
    hidden: tuple[int, ...] = (2816,) * 8  # inner width of the perceptrons, one per set of weights
    weights: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)  # which set of weights writes which codebook
    inputs: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6, 7)  # likewise, the projections of the hidden state
    low_rank: int = 0  # width of the embeddings before they are projected to ``width``; 0: they are not
    norm: str = ""  # kind of a norm of its own per codebook, before the logits; "": none

    @property
    def sets(self) -> int:
        return len(self.hidden)


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a duplex model.

    Raises:
        ModelError: sizes that do not fit each other, named.
    """

    frame_rate: float = 50.0  # steps per second
    codebooks: int = 8  # rows of the assistant's audio and of the user's
    codebook_size: int = 512
    text_size: int = 600  # tokens of each text stream
    width: int = 256
    layers: int = 6
    heads: int = 8
    kv_heads: int = 2
    head_dim: int = 32
    hidden: int = 768  # of the perceptrons
    windows: tuple[int, ...] = (250, 250, 3000, 250, 250, 3000)  # frames that a position of each layer looks
    # back on, itself included: 5 s in most layers, which keeps a step cheap, and a minute in two of them
    # Heads of keys and values, the last of each layer, that see only what was written, and count it: see
    # `voicert.models.places`.
    word_heads: tuple[int, ...] = (0, 0, 1, 1, 1, 1)
    delays: tuple[int, ...] = (0,) * 8  # frames by which each codebook's row lags the text
    longest_quiet: int = 100  # frames in an answer without a new word, after which it is taken to be over
    longest_thought: int = 100  # frames after a word of the user in which it may begin an answer by itself
    start_steps: int = 1  # in which it must have wanted to begin an answer, in a row, before it does
    start_bias: float = 0.0  # added to the logit of not beginning: log(p / (1 - p)) asks for a chance of p
    # In doubt in every single step it lets the moment pass. If no other word of the user comes for
    # ``patience`` frames, it begins all the same where the chances of the steps since the last word sum to
    # ``overdue``. 0: it does not.
    patience: int = 0
    overdue: float = 0.3
    # Added to the logits of saying nothing and of ending an answer. Training that counts a word n times as
    # much as an empty step makes a model begin, or write a word, that it holds for an nth as likely: log n
    # takes it back. An end counts as much as a word in training, and is to come as easily as without it.
    pad_bias: float = 0.0
    # The first word of the answer that admits not to know one (-1: there is none), and what is added to its
    # logit where an answer's first word is chosen: b makes it abstain where that is e^-b times as likely as
    # the likeliest word.
    abstain_token: int = -1
    abstain_bias: float = 0.0
    answer_lead_frames: int = 2  # a word is written so many frames before its sound begins
    rope_base: float = 10_000.0
    user_frames: int = 8  # frames of the user's codes that a step is given at once: its own and those before
    user_dim: int = 64  # of a user code's vector; with the codec's own vectors, their sum is its latent
    user_hidden: int = 512  # of the perceptron over user_frames * user_dim
    # Whether a step is given the codes that it wrote last. A model of few answers is better without: it takes
    # the first sounds of an answer for a sign of which answer it is giving, and they are its own guess.
    own_codes: bool = True
    depth: DepthConfig | None = None  # None: one parallel head per codebook
    words: WordConfig | None = None  # None: the duplex transformer alone says which word is next

    def __post_init__(self) -> None:
        for name in ("codebooks", "codebook_size", "text_size", "width", "layers", "heads", "kv_heads",
                     "head_dim", "hidden", "frame_rate"):  # fmt: skip
            if getattr(self, name) <= 0:
                raise ModelError(f"{name} must be positive, not {getattr(self, name)}")
        if len(self.windows) != self.layers:
            raise ModelError(f"windows has {len(self.windows)} entries for {self.layers} layers")
        if len(self.word_heads) != self.layers:
            raise ModelError(f"word_heads has {len(self.word_heads)} entries for {self.layers} layers")
        if not 0 <= min(self.word_heads) <= max(self.word_heads) <= self.kv_heads:
            raise ModelError(f"word_heads must be 0 to kv_heads {self.kv_heads}, not {self.word_heads}")
        if self.start_steps < 1:
            raise ModelError(f"start_steps must be at least 1, not {self.start_steps}")
        if self.patience < 0 or self.patience > self.longest_thought:
            raise ModelError(
                f"patience must be 0 to longest_thought {self.longest_thought}, not {self.patience}"
            )
        if not 0 < self.overdue < math.inf:
            raise ModelError(f"overdue must be a positive number, not {self.overdue}")
        if self.abstain_token != -1 and not END < self.abstain_token < self.text_size:
            raise ModelError(
                f"abstain_token must be -1 or {END + 1} to {self.text_size - 1}, not {self.abstain_token}"
            )
        for name in ("pad_bias", "start_bias", "abstain_bias"):
            if not math.isfinite(getattr(self, name)):
                raise ModelError(f"{name} must be a finite number, not {getattr(self, name)}")
        if min(self.windows) < 1:
            raise ModelError(f"windows must be positive, not {min(self.windows)}")
        if len(self.delays) != self.codebooks:
            raise ModelError(f"delays has {len(self.delays)} entries for {self.codebooks} codebooks")
        if self.heads % self.kv_heads:
            raise ModelError(f"heads {self.heads} is not a multiple of kv_heads {self.kv_heads}")
        if min(self.delays) < 0:
            raise ModelError(f"delays must not be negative, as {min(self.delays)} is")
        if self.head_dim % 2:
            raise ModelError(f"head_dim must be even, not {self.head_dim}")

    @property
    def depth_sizes(self) -> DepthSizes | None:
        """Those of the depth transformer, if there is one."""
        if self.depth is None:
            return None
        d, count = self.depth, self.codebooks
        return DepthSizes(
            codebooks=count,
            width=d.width,
            layers=d.layers,
            heads=d.heads,
            kv_heads=d.heads,
            hidden=(d.hidden,),
            weights=(0,) * count,
            inputs=tuple(range(count)),
            norm="rms_norm",
        )

    @property
    def max_delay(self) -> int:
        return max(self.delays)

    @property
    def window(self) -> int:
        """Frames of the longest window: how long the context is."""
        return max(self.windows)

    @property
    def window_kinds(self) -> tuple[int, ...]:
        """The different windows, in ascending order; layers of one kind share a mask."""
        return tuple(sorted(set(self.windows)))


def save_config(config: ModelConfig, path: Path, **extra: Any) -> None:
    """Writes the configuration as JSON; ``extra`` keys stand beside it."""
    path.write_text(json.dumps({"model": dataclasses.asdict(config), **extra}, indent=1) + "\n")


def load_config(path: Path) -> tuple[ModelConfig, dict[str, Any]]:
    """Reads what :func:`save_config` wrote.

    Raises:
        ModelError: the file is missing, is no JSON, or has a field that is not understood.
    """
    try:
        raw: dict[str, Any] = json.loads(path.read_text())
        fields: dict[str, Any] = dict(raw.pop("model"))
        depth, words = fields.pop("depth"), fields.pop("words", None)
        fields["delays"] = tuple(fields["delays"])
        fields["windows"] = tuple(fields["windows"])
        fields["word_heads"] = tuple(fields["word_heads"])
        fields["depth"] = DepthConfig(**depth) if depth else None
        fields["words"] = WordConfig(**words) if words else None
        return ModelConfig(**fields), raw
    except OSError as error:
        raise ModelError(f"cannot read the model's configuration {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, ModelError) as error:
        raise ModelError(f"the model's configuration {path} is not understood: {error}") from error
