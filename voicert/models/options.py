"""How a model is run, where it leaves a choice. The bundled model leaves none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

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

    def plain(self) -> dict[str, Any]:
        """As JSON can hold them, a file by its whole path; for `of`, in another folder too."""
        voice = self.voice_prompt
        if voice is not None:
            voice = str(voice.resolve() if voice.is_file() else voice)
        return asdict(self) | {"voice_prompt": voice}

    @staticmethod
    def of(plain: Mapping[str, Any]) -> Options:
        """
        Raises:
            ValueError: a field is unknown or of another type.
        """
        usual, given = Options(), dict(plain)
        voice = given.pop("voice_prompt", None)
        for name, value in given.items():
            if name not in vars(usual) or type(value) is not type(getattr(usual, name)):
                raise ValueError(f"{name} = {value!r}")
        if not isinstance(voice, str | None):
            raise ValueError(f"voice_prompt = {voice!r}")
        return Options(voice_prompt=None if voice is None else Path(voice), **given)

    def refuse(self, name: str) -> None:
        """
        Raises:
            ModelError: something is chosen for a model that leaves no choice.
        """
        for field in fields(self):
            if getattr(self, field.name) != field.default:
                raise ModelError(f"{field.name} is for models of the Moshi family, which {name} is not")
