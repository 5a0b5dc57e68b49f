"""EnCodec at 24 kHz (Défossez et al., 2022), streaming: the original weights, no added delay; needs torch.

from voicert_codecs.encodec.load import open_codec

codec = open_codec(Path("encodec_24khz-d7cc33bc.th"), bandwidth_kbps=6)
state = codec.init_state(1)
codes = codec.encode(pcm, state)  # pcm [1, T * 320] at 24 kHz → codes [1, 8, T]

A stream begins as if seven frames of silence had gone before, and equals what the original gives for
silence + pcm; see :mod:`voicert_codecs.encodec.networks`. The original's own call begins by reflecting the
first samples, and so needs the seventh frame before it gives the first; ``codec.encoder(pcm, None)``, on
tensors, is that.
"""
