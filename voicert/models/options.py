"""How a model is run, where it leaves a choice. The bundled model leaves none."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from voicert.errors import ModelError


@dataclass(frozen=True)
class Options:
    """Of models of the Moshi family."""

    device: str = "auto"  # as PyTorch names it; auto: cuda where there is one, else cpu
    dtype: str = "auto"  # float32 or bfloat16; auto: bfloat16 on a GPU, float32 on a CPU
    int8: bool = False  # weights of 8 bits
    voice_prompt: Path | None = None  # PersonaPlex: the voice, a WAV file or a published one
    text_prompt: str = ""  # PersonaPlex: who it is
    answer_end_ms: int = 1200  # an answer is over after so long without a word

    def refuse(self, name: str) -> None:
        """
        Raises:
            ModelError: something is chosen for a model that leaves no choice.
        """
        for field in fields(self):
            if getattr(self, field.name) != field.default:
                raise ModelError(f"{field.name} is for models of the Moshi family, which {name} is not")
