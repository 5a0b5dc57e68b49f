"""An independent ear: PocketSphinx with a language model of what may be said.

It shares nothing with the models under test: acoustic model and dictionary are those of its wheel, and the
trigrams come from texts alone. What it makes of the original sound tells how far it can be trusted.
"""

from __future__ import annotations

import contextlib
import io
import tempfile
from collections.abc import Iterable
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import soxr  # pyright: ignore[reportMissingTypeStubs]
from numpy.typing import NDArray

from voicert.errors import ConfigError
from voicert.evaluation.words import spoken_words

SAMPLE_RATE = 24_000  # Hz, of what it is given
EAR_RATE = 16_000  # Hz, of the acoustic model
DITHER = 10 ** (-60 / 20)  # digital silence upsets its noise tracking
MARGIN_S = 0.3  # silence put around the sound: it wants to hear the beginning and the end
SETTLING_S = 0.3  # of faint noise before each sound: the decoder's search remembers what it heard last
# Words that its dictionary lacks, in its own phones.
PRONOUNCED = {
    "baa": "B AA", "baikal": "B AY K AA L", "brasilia": "B R AH Z IH L IY AH", "crispies": "K R IH S P IY Z",
    "cygnet": "S IH G N AH T", "fsh": "F SH", "gosling": "G AA Z L IH NG", "haw": "HH AO", "hm": "HH M",
    "joey": "JH OW IY", "kyiv": "K IY V", "meow": "M IY AW", "mm": "M", "moosician": "M UW Z IH SH AH N",
    "oink": "OY NG K", "owlet": "AW L AH T", "rabat": "R AH B AA T", "ribbit": "R IH B IH T",
    "scatters": "S K AE T ER Z", "voicert": "V OY S ER T",
}  # fmt: skip


class Judge:
    """Writes down what it hears.

    Args:
        texts: what may be said; the words and their order are learnt from these.

    Raises:
        ConfigError: PocketSphinx is not installed.
    """

    def __init__(self, texts: Iterable[str]) -> None:
        try:
            pocketsphinx: Any = import_module("pocketsphinx")
            builder: Any = import_module("pocketsphinx.lm")
        except ImportError as error:
            raise ConfigError("the judge needs PocketSphinx: pip install 'voicert[eval]'") from error
        sentences = [spoken_words(text) for text in texts]
        decoder: Any = pocketsphinx.Decoder(lm=None, loglevel="FATAL", samprate=EAR_RATE)
        known = {word for words in sentences for word in words}
        self.unheard = sorted(w for w in known if not self._teach(decoder, w))  # words it cannot pronounce
        corpus = "\n".join(" ".join(["<s>", *words, "</s>"]) for words in sentences)
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()):
            path = Path(folder) / "domain.lm"
            model: Any = builder.ArpaBoLM(text=corpus)
            model.compute()
            with path.open("w") as file:
                model.write(file)
            decoder.add_lm_file("domain", str(path))
        decoder.activate_search("domain")
        self._decoder: Any = decoder

    @staticmethod
    def _teach(decoder: Any, word: str) -> bool:
        if decoder.lookup_word(word) is not None:
            return True
        if word in PRONOUNCED:
            decoder.add_word(word, PRONOUNCED[word], True)
            return True
        return False

    def hear(self, pcm: NDArray[np.float32]) -> list[str]:
        """``pcm`` [n] at 24 kHz → the words of it, lower case; the same whatever was heard before."""
        ear = np.asarray(soxr.resample(pcm, SAMPLE_RATE, EAR_RATE), np.float32)  # pyright: ignore[reportUnknownMemberType]
        margin = np.zeros(int(MARGIN_S * EAR_RATE), np.float32)
        whole = np.concatenate([margin, ear * (0.5 / max(1e-3, float(np.abs(ear).max(initial=0.0)))), margin])
        noise = np.random.default_rng(0).standard_normal(len(whole)).astype(np.float32) * np.float32(DITHER)
        whole += noise
        self._decode(noise[: int(SETTLING_S * EAR_RATE)])
        self._decode(whole)
        found = self._decoder.hyp()
        return [] if found is None else spoken_words(found.hypstr)

    def _decode(self, pcm: NDArray[np.float32]) -> None:
        self._decoder.start_utt()
        self._decoder.process_raw((np.clip(pcm, -1, 1) * 32767).astype(np.int16).tobytes(), full_utt=True)
        self._decoder.end_utt()
