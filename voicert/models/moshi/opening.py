"""Opens a model of the Moshi family with its codec: what ``voicert serve`` runs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from voicert_codecs.base import Codec, CodecError
from voicert_codecs.mimi.load import open_codec

from voicert.errors import ModelError
from voicert.models.base import Bundle, Ints, Sampling
from voicert.models.moshi.checkpoint import Checkpoint, find
from voicert.models.moshi.config import MoshiConfig
from voicert.models.moshi.lm import MoshiLm
from voicert.models.moshi.loader import Form, Reader, build
from voicert.models.moshi.memory import available, in_units, need
from voicert.models.moshi.prompts import BREAK_S, Beginning, Prompt, Steady, system_text, voice_codes
from voicert.models.moshi.speech import REWIND_S, MoshiSpeech
from voicert.models.moshi.spelling import Tokenizer
from voicert.models.moshi.voices import SUFFIX, Voice, read_voice
from voicert.models.options import Options

# First steps that stay in sight when a call outlasts the context: a model that loses them falls apart.
# Source: Xiao et al., "Efficient streaming language models with attention sinks", ICLR 2024.
SINKS = 4
# Kyutai's own defaults, by the names of ``lm_gen_config``.
_SAMPLING = {
    "use_sampling": True,
    "temp": 0.8,
    "temp_text": 0.7,
    "top_k": 250,
    "top_k_text": 25,
    "cfg_coef": 1.0,
}


def open_moshi(
    name: str, max_slots: int, threads: int, options: Options, tell: Callable[[str], None]
) -> Bundle:
    """The model in a folder or a repository of the hub.

    Args:
        max_slots: sessions that it shall hold at once.
        threads: of PyTorch, for the whole process.
        tell: is told how much memory it takes, before it is taken.

    Raises:
        ModelError: a file is missing or not understood, the device cannot be used, or memory is short.
    """
    found = find(name)
    config = replace(found.about.config, sinks=SINKS)
    sampling = _sampling(found)
    form = _form(options)
    torch.set_num_threads(threads)
    tokenizer = Tokenizer(found.tokenizer, silent=(config.pad, config.end_pad))
    pieces = len(tokenizer.spelling)
    if pieces > config.text_card:
        raise ModelError(f"the tokenizer {found.tokenizer} has {pieces} pieces, the model {config.text_card}")
    reader = Reader(config, found.weights, found.lora)  # refuses what does not fit, before anything is read
    codec = _codec(found, config, form.device)
    rewind = round(REWIND_S * codec.sample_rate / codec.frame_size)
    tell(_memory(name, config, form, rewind, max_slots))
    with reader:
        network = build(reader, form, rewind)
    lm = MoshiLm(network, max_slots, rewind)
    steady, beginning = _beginning(name, found, options, codec, lm, tokenizer)
    frame_rate = codec.sample_rate / codec.frame_size
    quiet_frames = max(1, round(options.answer_end_ms * frame_rate / 1000))
    model = MoshiSpeech(name, lm, frame_rate, tokenizer.spelling, steady.silence, quiet_frames, beginning)
    identity = hashlib.sha256(found.identity() + beginning.identity)
    for part in (codec.identity, form.dtype, form.int8, quiet_frames):
        identity.update(repr(part).encode())
    opened = replace(options, device=form.device.type, dtype=str(form.dtype).removeprefix("torch.")).plain()
    able = frozenset({"instructions"} if beginning.spell else ())
    return Bundle(model, codec, sampling, (), able, identity.hexdigest()[:16], opened)


def _beginning(
    name: str, found: Checkpoint, options: Options, codec: Codec[Any], lm: MoshiLm,
    tokenizer: Tokenizer,
) -> tuple[Steady, Beginning]:  # fmt: skip
    """The codes of silence, and what every conversation begins with."""
    if found.about.model_type != "personaplex":
        for field in ("voice_prompt", "text_prompt"):
            if getattr(options, field):
                raise ModelError(
                    f"{field} is for PersonaPlex; this model is of the type {found.about.model_type}"
                )
        return Steady.of(codec), Beginning()
    steady = Steady.of_personaplex(codec)
    pause = int(BREAK_S * codec.sample_rate / codec.frame_size)
    most = lm.config.context // 2  # words that leave room for a conversation

    def prompt(voice: Ints | Voice, text: str) -> Prompt:
        return Prompt.of(lm.config, steady, voice, tokenizer.encode(system_text(text))[:most], pause)

    def spell(text: str) -> Prompt:
        return prompt(np.zeros((0, codec.num_codebooks), np.int64), text)

    file, text = options.voice_prompt, options.text_prompt
    if file is None and not text.strip():
        return steady, Beginning(spell=spell)
    if file is None:
        usual = spell(text)
        return steady, Beginning(usual.take_in(lm), None, spell, usual.identity())
    voice = read_voice(name, file, lm.config) if file.suffix == SUFFIX else voice_codes(codec, file)
    usual = prompt(voice, text)
    return steady, Beginning(usual.take_in(lm), prompt(voice, "").take_in(lm), spell, usual.identity())


def _codec(found: Checkpoint, config: MoshiConfig, device: torch.device) -> Codec[Any]:
    try:
        codec = open_codec(found.codec, config.spoken, str(device), graphs=device.type == "cuda")
    except CodecError as error:
        raise ModelError(f"{found.codec.name}: {error}") from error
    size = codec.codebook_size
    if size != config.card:
        raise ModelError(f"the codec {found.codec} has {size} codes per codebook, the model {config.card}")
    return codec


def _form(options: Options) -> Form:
    device = _device(options.device)
    dtype = options.dtype
    if dtype == "auto":
        dtype = "float32" if device.type == "cpu" else "bfloat16"
    return Form(device, {"float32": torch.float32, "bfloat16": torch.bfloat16}[dtype], options.int8)


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")  # mps only for who asks for it
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # torch raises either, by device
        raise ModelError(f"the device {name} cannot be used: {str(error).splitlines()[0]}") from error
    return device


def _sampling(found: Checkpoint) -> Sampling:
    given = found.about.sampling
    if unknown := sorted(set(given) - set(_SAMPLING)):
        raise ModelError(f"lm_gen_config: {unknown[0]} is not understood")
    how: dict[str, Any] = {**_SAMPLING, **given}
    for field, value in how.items():
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if isinstance(value, bool) != (field == "use_sampling") or not (number or field == "use_sampling"):
            raise ModelError(f"lm_gen_config: {field} is {value!r}")
    if how["cfg_coef"] != 1.0:
        raise ModelError(f"lm_gen_config: cfg_coef is {how['cfg_coef']}; only 1.0 is understood")
    if not how["use_sampling"]:
        how |= {"temp": 0.0, "temp_text": 0.0}
    return Sampling(float(how["temp"]), int(how["top_k"]), float(how["temp_text"]), int(how["top_k_text"]))


def _memory(name: str, config: MoshiConfig, form: Form, rewind: int, slots: int) -> str:
    amount = need(config, config.context + rewind, form.dtype, form.int8)
    there = available(form.device)
    text = f"{name} on {form.device} needs {amount}"
    if there is None:
        return text
    full = max(0, (there - amount.weights) // max(1, amount.per_session))
    return f"{text}; {in_units(there)} are free, enough for {min(full, slots)} of {slots} such calls at once"
