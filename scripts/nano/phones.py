"""One set of phones for all engines, that of the CMU dictionary without stress; frames labelled with it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from nano.sound import FRAME

_NAMES = """sil aa ae ah ao aw ay eh er ey ih iy ow oy uh uw b ch d dh f g hh jh k l m n ng p r s sh t th v w
y z zh"""
PHONES = tuple(_NAMES.split())
UNKNOWN = 255  # a frame whose phone nobody told
SILENCE = 0

_INDEX = {name: i for i, name in enumerate(PHONES)}
# flite's names that are not in the set.
_FLITE = {"pau": "sil", "ax": "ah", "axr": "er", "el": "l", "em": "m", "en": "n", "brth": "sil"}
# espeak-ng's mnemonics, the digits and signs that tell variants apart removed.
_PAIRS = """_=sil t=t d=d n=n s=s z=z l=l r=r S=sh Z=zh tS=ch dZ=jh T=th D=dh f=f v=v p=p b=b k=k g=g m=m
N=ng w=w j=y h=hh x=k R=r l^=l I=ih IR=ih i:=iy i=iy i@=iy E=eh e@=eh e=eh e:=ey V=ah VR=er @=ah a#=ah @L=l
a=ae aa=ae a:=aa A:=aa A@=aa A=aa 0=aa O:=ao O@=ao o@=ao O=ao o:=ow o=ow oU=ow u:=uw u=uw U@=uh U=uh 3:=er
3=er eI=ey aI=ay aI@=ay aU=aw aU@=aw OI=oy Y=uw y=uw"""
_ESPEAK = dict(pair.split("=") for pair in _PAIRS.split())


def index_of(phone: str) -> int:
    """The class of a phone as flite or espeak-ng writes it, `UNKNOWN` if it is none of them."""
    if phone in _INDEX:
        return _INDEX[phone] if phone not in _ESPEAK else _INDEX[_ESPEAK[phone]]
    bare = phone.rstrip("#[]-;|*!^'%,")
    for candidate in (phone, bare, bare.rstrip("2345"), bare.rstrip("2345:_")):
        name = _FLITE.get(candidate) or _ESPEAK.get(candidate)
        if name:
            return _INDEX[name]
    return SILENCE if phone.startswith("_") else UNKNOWN


def frames_of(starts: list[tuple[int, str]], samples: int) -> NDArray[np.uint8]:
    """(first sample, phone) in order → the class in the middle of each frame [ceil(samples / FRAME)]."""
    count = -(-samples // FRAME)
    frames = np.full(count, UNKNOWN, np.uint8)
    for i, (start, phone) in enumerate(starts):
        end = starts[i + 1][0] if i + 1 < len(starts) else count * FRAME
        label = index_of(phone)
        if label == UNKNOWN and i and phone == ";":  # a glide within the phone before it
            label = index_of(starts[i - 1][1])
        first = max(0, -(-(start - FRAME // 2) // FRAME))
        frames[first : max(0, -(-(end - FRAME // 2) // FRAME))] = label
    return frames
