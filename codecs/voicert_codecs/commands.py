"""The actions of ``voicert codec``: files and streams around a codec.

All of them raise CodecError, whose message names the file, for what can be the user's mistake.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import functools
import importlib
import io
import json
import os
import sys
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

from voicert_codecs.base import Codec, CodecError
from voicert_codecs.files import STANDARD, Output, opened
from voicert_codecs.hub import needed
from voicert_codecs.load import NAMES, load
from voicert_codecs.progress import Progress, clock
from voicert_codecs.sound import Mono, SampleFormat, SoundSource, to_int16, wav_beginning
from voicert_codecs.stream import StreamDecoder, StreamEncoder
from voicert_codecs.vcz import Block, Header, VczReader, VczWriter

READ_BYTES = 1 << 16


def encode(options: argparse.Namespace) -> None:
    """Sound → ``.vcz``; each piece of the input that completes frames becomes one block."""
    if options.rate and not options.raw:
        raise CodecError("--rate is only for --raw: a WAV file tells its own sample rate")
    _refuse_same(options)
    with opened(options.input) as stream:
        codec = _sized(options, options.codec)
        raw = SampleFormat(options.rate or codec.sample_rate) if options.raw else None
        with _about(options.input):
            source = SoundSource(stream, codec.sample_rate, raw)
        encoder, writer = StreamEncoder(codec), VczWriter(Header.of(codec))
        progress = Progress(sys.stderr, "encode", source.length_s)
        with Output(options.output) as output, progress:
            output.write(writer.beginning())
            for pcm in _pieces(source, options.input):
                codes = encoder.push(pcm)
                if codes.size:
                    output.write(writer.block(codes))
                progress.show(source.read_s)
            output.write(writer.last(encoder.finish(), encoder.samples))
            output.rewrite_beginning(writer.beginning())


def decode(options: argparse.Namespace) -> None:
    """``.vcz`` → sound; each block becomes samples as soon as it is complete."""
    _refuse_same(options)
    with opened(options.input) as stream:
        coded = _Coded(stream, options.input)
        codec = _fitting(coded.header, options)
        decoder = StreamDecoder(codec)
        progress = Progress(sys.stderr, "decode", coded.length_s)
        with Output(options.output) as output, progress:
            if not options.raw:
                output.write(wav_beginning(codec.sample_rate, None))
            for block in coded.blocks():
                output.write(to_int16(_decoded(decoder, block, options.input)))
                progress.show(decoder.samples / codec.sample_rate)
            if not options.raw:
                output.rewrite_beginning(wav_beginning(codec.sample_rate, 2 * decoder.samples))


def info(options: argparse.Namespace) -> None:
    """Reads a whole ``.vcz`` file, which checks it, and prints what it is."""
    with opened(options.input) as stream:
        coded = _Coded(stream, options.input)
        samples = [block.samples for block in coded.blocks()][-1] or 0
    facts = _facts(coded.header, coded.reader.frames, samples, coded.bytes_read)
    if options.json:
        print(json.dumps(facts, indent=1))
    else:
        print(_described(coded.header, facts))


def export(options: argparse.Namespace) -> None:
    """Writes the ONNX graphs of a codec that PyTorch runs."""
    codec = _sized(options, options.codec, packed=False)
    with needed("the export"):
        exporter: Any = importlib.import_module("voicert_codecs.onnx_export")
    exporter.export(codec, Path(options.folder).expanduser())


class _Coded:
    """A ``.vcz`` stream: its header is read at once, its blocks as they come."""

    def __init__(self, stream: io.BufferedIOBase, name: str) -> None:
        self._stream, self._name = stream, name
        self.reader = VczReader()
        self.bytes_read = 0
        self._first = list[Block]()  # blocks that came with the header
        while self.reader.header is None:
            self._first += self._more()
        self.header = self.reader.header

    @property
    def length_s(self) -> float | None:
        """Of the sound, when the header tells."""
        return None if self.header.samples is None else self.header.samples / self.header.sample_rate

    def blocks(self) -> Iterator[Block]:
        """All blocks in order, up to the end of the stream."""
        yield from self._first
        while not (self.reader.ended and self._over):
            yield from self._more()

    def _more(self) -> list[Block]:
        with _about(self._name):
            data = self._stream.read1(READ_BYTES)
            self._over = not data
            self.bytes_read += len(data)
            if self._over:
                self.reader.close()
            return self.reader.feed(data)


def _pieces(source: SoundSource, name: str) -> Iterator[Mono]:
    with _about(name):
        yield from source.pieces()


def _decoded(decoder: StreamDecoder, block: Block, name: str) -> Mono:
    if block.samples is None:
        return decoder.push(block.codes)
    with _about(name):
        return decoder.last(block.codes, block.samples)


def _sized(options: argparse.Namespace, name: str, packed: bool = True) -> Codec[Any]:
    """The codec that is named, with as many codebooks as the options ask for."""
    opening = functools.partial(load, name, device=getattr(options, "device", "cpu"), packed=packed)
    codec = opening(codebooks=options.codebooks)
    if options.bandwidth is None:
        return codec
    each_kbps = Header.of(codec).bits_per_second / codec.num_codebooks / 1_000
    codebooks = int(options.bandwidth / each_kbps + 1e-6)
    if codebooks < 1:
        raise CodecError(f"{codec.name} needs at least {each_kbps:g} kbit/s, for one codebook")
    return codec if codebooks == codec.num_codebooks else opening(codebooks=codebooks)


def _fitting(header: Header, options: argparse.Namespace) -> Codec[Any]:
    """The codec that decodes a file."""
    if options.codec is None and header.codec not in NAMES:
        raise CodecError(
            f"{_shown(options.input)} was made with a codec named {header.codec}; say where it is by --codec"
        )
    codec = load(options.codec or header.codec, codebooks=header.num_codebooks, device=options.device)
    wanted, found = dataclasses.replace(header, samples=None), Header.of(codec)
    if wanted != found:
        raise CodecError(
            f"{_shown(options.input)} was made with {_signature(wanted)}, "
            f"which {_signature(found)} cannot decode; give the right one by --codec"
        )
    return codec


def _signature(header: Header) -> str:
    return f"{header.codec} {header.identity} ({header.num_codebooks} × {header.codebook_size} codes)"


def _facts(header: Header, frames: int, samples: int, size: int) -> dict[str, Any]:
    seconds = samples / header.sample_rate
    return {
        "codec": header.codec,
        "identity": header.identity,
        "sample_rate_hz": header.sample_rate,
        "frame_size_samples": header.frame_size,
        "codebooks": header.num_codebooks,
        "codebook_size": header.codebook_size,
        "frames": frames,
        "samples": samples,
        "seconds": round(seconds, 6),
        "codes_kbps": round(header.bits_per_second / 1_000, 3),
        "file_bytes": size,
        "file_kbps": round(size * 8 / seconds / 1_000, 3) if seconds else None,
    }


def _described(header: Header, facts: dict[str, Any]) -> str:
    lines = [
        ("codec", f"{header.codec} {header.identity}, {header.sample_rate / 1_000:g} kHz mono"),
        ("length", f"{clock(facts['seconds'])} ({facts['samples']} samples)"),
        (
            "frames",
            f"{facts['frames']} of {1_000 / header.frame_rate:g} ms, "
            f"{header.num_codebooks} codebooks of {header.codebook_size}",
        ),
        ("bit rate", f"{facts['codes_kbps']:g} kbit/s of codes"),
        ("file", f"{facts['file_bytes']} bytes, checked"),
    ]
    return "\n".join(f"{name:9} {text}" for name, text in lines)


def _refuse_same(options: argparse.Namespace) -> None:
    """An output over its own input is a slip of the hand more often than a wish."""
    names = (options.input, options.output)
    if STANDARD not in names and all(map(os.path.exists, names)) and os.path.samefile(*names):
        raise CodecError("input and output are the same file")


def _shown(name: str) -> str:
    return "standard input" if name == STANDARD else name


@contextlib.contextmanager
def _about(name: str) -> Generator[None]:
    """Puts the name of the file into front of what is wrong with it.

    Raises:
        CodecError: what was raised inside, with the name.
    """
    try:
        yield
    except CodecError as error:
        raise CodecError(f"cannot use {_shown(name)}: {error}") from error
    except OSError as error:
        raise CodecError(f"cannot read {_shown(name)} ({error.strerror})") from error
