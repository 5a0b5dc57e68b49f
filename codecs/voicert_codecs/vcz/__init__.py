"""The file format of coded sound, ``.vcz``: see :mod:`voicert_codecs.vcz.layout` for the bytes.

Writer and reader do no I/O: codes in and bytes out, bytes in and codes out, in pieces of any size.
"""

from voicert_codecs.vcz.layout import Header
from voicert_codecs.vcz.reader import Block, VczReader
from voicert_codecs.vcz.writer import VczWriter

__all__ = ["Block", "Header", "VczReader", "VczWriter"]
