"""Sound of any sample rate, width and channels in, piece by piece; 16-bit mono out."""

from voicert_codecs.sound.samples import Mono, SampleFormat, to_int16
from voicert_codecs.sound.source import SoundSource
from voicert_codecs.sound.wav import beginning as wav_beginning

__all__ = ["Mono", "SampleFormat", "SoundSource", "to_int16", "wav_beginning"]
