"""Speech synthesis by espeak-ng: text -> samples and the time of every phone, the same bytes on every call.

Binds the library of PyPI package `espeakng-loader` (eSpeak NG, GPL-3.0-or-later, loaded at run time) by ctypes;
no root and no system package is needed. Shape legend: N samples.
"""

from __future__ import annotations

import _ctypes
import atexit
import contextlib
import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from ...core.errors import UserError

SILENCE = "sil"
LONGEST_DATA_PATH = 120  # bytes; the library keeps the path of its data in 160 and cuts the rest off
_SYNCHRONOUS, _PHONEME_EVENTS_IN_IPA, _DONT_EXIT, _UTF8 = 2, 0x0003, 0x8000, 1
_RATE, _VOLUME, _PITCH, _RANGE, _WORD_GAP = 1, 2, 3, 4, 7  # espeak_PARAMETER
_LIST_TERMINATED, _PHONEME = 0, 7  # espeak_EVENT_TYPE
_MARKS = str.maketrans("", "", "ˈˌːˑ|")  # stress, length
_DARK = {"a.": "ɑ", "i.": "ɨ", "u.": "ʊ", "s̪": "sˤ", "t̪": "tˤ"}  # Arabic emphatics, which espeak's IPA leaves odd
_SEED = 1


class _Id(ctypes.Union):
    _fields_ = (("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8))


class _Event(ctypes.Structure):  # espeak_EVENT of speak_lib.h
    _fields_ = (
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _Id),
    )


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


@dataclass(frozen=True)
class Phone:
    """A phone (IPA without stress and length marks; `sil` for a pause) and its time in seconds."""

    start: float
    duration: float
    name: str


@dataclass(frozen=True)
class Speech:
    """What was synthesised: float32 samples [N] in [-1, 1], their rate in Hz, phones that cover them all."""

    wave_N: np.ndarray[Any, np.dtype[np.float32]]
    rate: int
    phones: tuple[Phone, ...]


def synthesise(
    text: str,
    voice: str,
    pitch: int = 50,
    pitch_range: int = 50,
    rate: int = 175,
    volume: int = 100,
    word_gap: int = 0,
) -> Speech:
    """Speak `text`. A pure function of its arguments and of the library's version.

    The library keeps state between utterances that espeak_Terminate does not reset (the phase of the pitch
    flutter, the gain control, the cycle count of rough voices) and seeds its noise by the clock. So every
    utterance has a freshly loaded copy of the library and a fixed seed: 3 ms, against 5 to speak.

    Args:
        text: UTF-8 text, Arabic with its diacritics.
        voice: language, optionally with a variant: `ar`, `ar+f2`, `en-us+m3`.
        pitch: 0 to 99; 50 is the voice's own, 25 more or less is half an octave.
        pitch_range: 0 (monotone) to 99.
        rate: words per minute, 80 to 450.
        volume: 0 to 200; 100 is normal, far more clips.
        word_gap: added pause between words, in units of 10 ms at normal rate.

    Raises UserError if the package is missing or the voice is unknown.
    """
    parameters = {_RATE: rate, _VOLUME: volume, _PITCH: pitch, _RANGE: pitch_range, _WORD_GAP: word_gap}
    library_path, data_path = _library()
    with _loaded(library_path) as library:
        try:
            return _speak(library, data_path, text, voice, parameters)
        finally:
            library.espeak_Terminate()


def version() -> str:
    """Version of the library, which is part of what makes the bytes."""
    with _loaded(_library()[0]) as library:
        library.espeak_Info.restype = ctypes.c_char_p
        return bytes(library.espeak_Info(None)).decode()


@contextlib.contextmanager
def _loaded(path: str) -> Iterator[ctypes.CDLL]:
    """The library, loaded for this block alone; raises RuntimeError where anything else in the process holds it."""
    with contextlib.suppress(OSError):  # as it should be: it is not loaded
        held = ctypes.CDLL(path, mode=os.RTLD_NOLOAD | os.RTLD_NOW)
        _ctypes.dlclose(held._handle)
        raise RuntimeError(f"{path} is loaded already, so it would not start afresh")
    library = ctypes.CDLL(path)
    try:
        yield library
    finally:
        _ctypes.dlclose(library._handle)


def _speak(library: ctypes.CDLL, data_path: str, text: str, voice: str, parameters: dict[int, int]) -> Speech:
    chunks: list[bytes] = []
    events: list[tuple[int, str]] = []

    def take(samples: Any, n: int, list_of_events: Any) -> int:
        if samples and n > 0:
            chunks.append(ctypes.string_at(samples, 2 * n))
        i = 0
        while list_of_events[i].type != _LIST_TERMINATED:
            if list_of_events[i].type == _PHONEME:
                events.append((list_of_events[i].sample, list_of_events[i].id.string.decode("utf-8", "ignore")))
            i += 1
        return 0

    callback = _Callback(take)
    rate = library.espeak_Initialize(_SYNCHRONOUS, 0, os.fsencode(data_path), _PHONEME_EVENTS_IN_IPA | _DONT_EXIT)
    if rate <= 0:
        raise UserError("espeak-ng cannot read its data", data_path, "pip install --force-reinstall espeakng-loader")
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(_SEED))
    if library.espeak_SetVoiceByName(voice.encode()) != 0:
        raise UserError(
            f"espeak-ng has no voice {voice!r}", "speakers of the corpus", "see `espeak-ng --voices=variant`"
        )
    for parameter, value in parameters.items():
        library.espeak_SetParameter(parameter, value, 0)
    data = text.encode()
    library.espeak_Synth(data, ctypes.c_size_t(len(data) + 1), 0, 1, 0, _UTF8, None, None)
    pcm_N = np.frombuffer(b"".join(chunks), np.int16)
    return Speech((pcm_N / np.float32(32768)).astype(np.float32), rate, phones(events, len(pcm_N), rate))


def phones(events: list[tuple[int, str]], n_samples: int, rate: int) -> tuple[Phone, ...]:
    """Phone events (first sample, IPA) in order -> phones without gaps from 0 to the end.

    An event marks where a phone STARTS; it ends where the next one starts. Neighbouring pauses are one.
    """
    starts: list[tuple[int, str]] = []
    for sample, ipa in events:
        name = phone_name(ipa)
        if name and not (starts and name == SILENCE == starts[-1][1]):
            starts.append((sample, name))
    if not starts or starts[0][0] > 0:
        starts.insert(0, (0, SILENCE))
    ends = [start for start, _ in starts[1:]] + [n_samples]
    return tuple(Phone(a / rate, (b - a) / rate, name) for (a, name), b in zip(starts, ends) if b > a)


def phone_name(ipa: str) -> str:
    """espeak's IPA without stress and length: `ˈa.` -> `ɑ`, `_:` -> `sil`, `ɔːɹ` -> `ɔɹ`, `(en)` -> nothing."""
    if ipa.startswith("("):  # a change of language
        return ""
    name = ipa.translate(_MARKS)
    return SILENCE if name.startswith("_") or not name.strip(":") else _DARK.get(name, name)


@cache
def _library() -> tuple[str, str]:
    """Paths of the library and of its data; the data by a short link where the library could not keep its path."""
    try:
        import espeakng_loader
    except ImportError:
        raise UserError(
            "the package espeakng-loader is not installed",
            "import espeakng_loader",
            "pip install espeakng-loader==0.2.4",
        ) from None
    data = str(espeakng_loader.get_data_path())
    if len(os.fsencode(data)) > LONGEST_DATA_PATH:
        folder = tempfile.mkdtemp(prefix="sawt-")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        os.symlink(data, link := os.path.join(folder, Path(data).name))
        data = link
    return str(espeakng_loader.get_library_path()), data
