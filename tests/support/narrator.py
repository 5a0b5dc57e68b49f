"""A model that tells a story in a real voice as soon as it hears anything, for minutes if nobody stops it."""

from __future__ import annotations

import subprocess
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from voicert_clients.wav import read_wav

from tests.support.scripted import FRAME, ZERO, Script, scripted_bundle
from voicert.models.base import Bundle

WORD_FRAMES = 10  # the story is told in pieces of 200 ms
STORY = """
The lighthouse keeper had a clock that ran backwards. Every evening, when the lamp was lit, he wound it
with a small brass key, and every morning it was yesterday again on its white face. He did not mind. On
the rock there was nobody to be late for. The boat came on Tuesdays, with flour, and oil, and letters
that were meant for the man who had lived there before. He read them all the same. There was a daughter
in them, who grew up from one year to the next, and asked each time whether the sea was really as loud as
that. He began to answer her. He wrote that it was louder in winter, and that one gets used to it, like
to a friend who talks too much. He wrote about the seals, and the storm that broke the kitchen window,
and the bird that slept behind the lamp. In March a letter came with a photograph. She stood in front of
a school, in a coat that was too long, and laughed. On the back it said, this is me, who are you? He
looked at it for a long time. Then he wound his clock, but this time he turned the key the other way. The
hands stood still, as if they had to think about it, and then they went forward, slowly, like somebody
who learns to walk again. When the boat came he was standing on the stones with his bag. The boatman
asked whether he was ill. No, he said, I am late. It took two days to the town. He found the school by
the photograph, and waited at the gate until the bell rang. So many children came out that he was afraid
to miss her. But she came straight to him, in the coat that fitted her now, and looked at his boots,
which were white with salt. It is quite loud, he said, I could not describe it well. She took his hand.
Then tell me, she said, we have the whole afternoon. And so he told her of the lamp and the fog, of the
ships that sounded their horns like cows in the dark, and of the clock that had shown him, night after
night, that everything could still be put right.
"""


def tell(text: str, voice: str = "slt") -> NDArray[np.float32]:
    """``text`` spoken by flite, [samples] at 24 kHz."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "speech.wav"
        source = Path(folder) / "text"
        source.write_text(" ".join(text.split()))
        subprocess.run(
            ["flite", "-voice", voice, "-f", str(source), "-o", str(path)], check=True, timeout=300
        )
        return read_wav(path)


def narrator_bundle(max_slots: int, pcm: NDArray[np.float32], script: Script | None = None) -> Bundle:
    """The scripted model, whose answer is ``pcm`` [samples]."""
    frames = -(-len(pcm) // FRAME)
    pieces = -(-frames // WORD_FRAMES)
    padded = np.zeros(pieces * WORD_FRAMES * FRAME, np.float32)
    padded[: len(pcm)] = pcm
    words = tuple(f" {number}" for number in range(1, pieces + 1))
    bundle = scripted_bundle(max_slots, replace(script or Script(), words=words, word_frames=WORD_FRAMES))
    codes = np.rint(padded * 32_767.0).astype(np.int64) + ZERO
    bundle.model.tones = list(codes.reshape(pieces, WORD_FRAMES, FRAME))
    return bundle
