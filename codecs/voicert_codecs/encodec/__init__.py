"""EnCodec at 24 kHz (Défossez et al., 2022), streaming: the original weights, no added delay; needs torch.

from voicert_codecs.encodec.load import open_codec

codec = open_codec(Path("encodec_24khz-d7cc33bc.th"), bandwidth_kbps=6)
state = codec.init_state(1)
codes = codec.encode(pcm, state)  # pcm [1, T * 320] at 24 kHz → codes [1, 8, T]
"""
