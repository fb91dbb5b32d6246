"""Audio files whose length is not what their headers tell, made of right ones.

`encoded` makes the right ones; the functions below change bytes of them. Seconds are those of the sound in a file.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import soundfile

RATE = 16000
FORMATS = {"opus": ("OGG", "OPUS"), "vorbis": ("OGG", "VORBIS")}
TAG = b"ID3\x04\x00\x00\x00\x00\x10\x00" + bytes(2048)  # ID3v2 of 2 KiB
APE = b"APETAGEX" + struct.pack("<IIII", 2000, 8032, 1, 0xA0000000) + bytes(8) + bytes(8032)  # APEv2, with a header
COVER = b"ID3\x03\x00\x00\x00\x06\x0d\x20APIC" + (99990).to_bytes(4, "big") + bytes(2) + b"\x89" * 99990  # 100 kB
WHOLE = 0xFFFFFFFF


def wave(seconds: float, frequency: float = 440.0, rate: int = RATE, channels: int = 1) -> np.ndarray[Any, Any]:
    """A tone in a little noise, [N] or [N, C]: a codec keeps the tone, and packs no stretch of it into nothing."""
    n = round(seconds * rate)
    noise = 0.003 * np.random.default_rng(round(frequency)).standard_normal(n)
    mono = 0.3 * np.sin(2 * np.pi * frequency * np.arange(n) / rate) + noise
    return mono if channels == 1 else np.repeat(mono[:, None], channels, axis=1)


def encoded(kind: str, samples: np.ndarray[Any, Any], rate: int = RATE, **options: Any) -> bytes:
    """The file of a kind (wav, flac, mp3, opus, vorbis, aiff, ...) as bytes; options: of soundfile."""
    form, subtype = FORMATS.get(kind, (kind.upper(), None))
    options.setdefault("subtype", subtype)
    buffer = io.BytesIO()
    channels = 1 if samples.ndim == 1 else samples.shape[1]
    with soundfile.SoundFile(buffer, "w", rate, channels, format=form, **options) as f:
        for first in range(0, len(samples), rate):  # libsndfile 1.2.2 crashes on long blocks of Ogg
            f.write(samples[first : first + rate])
    return buffer.getvalue()


def tone(kind: str, seconds: float, frequency: float = 440.0, rate: int = RATE, **options: Any) -> bytes:
    """A file of `wave`."""
    return encoded(kind, wave(seconds, frequency, rate), rate, **options)


def patched(data: bytes, at: int, *new: bytes) -> bytes:
    """The bytes with others from `at` on."""
    joined = b"".join(new)
    return data[:at] + joined + data[at + len(joined) :]


def frames(mp3: bytes) -> list[int]:
    """Places of the frames of an MP3, layer III, that follow each other from its first byte on."""
    rates = {3: (44100, 48000, 32000), 2: (22050, 24000, 16000), 0: (11025, 12000, 8000)}
    kbit = {True: (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)}
    kbit[False] = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
    at, places = 0, []
    while at + 4 <= len(mp3) and mp3[at] == 0xFF and mp3[at + 1] >> 5 == 7:
        places.append(at)
        version, third = mp3[at + 1] >> 3 & 3, mp3[at + 2]
        bits = kbit[version == 3][third >> 4] * 1000
        at += (144 if version == 3 else 72) * bits // rates[version][third >> 2 & 3] + (third >> 1 & 1)
    return places


def without_header(mp3: bytes) -> bytes:
    """The MP3 without its first frame, which tells the length."""
    return mp3[frames(mp3)[1] :]


def xing_frames(mp3: bytes, count: int) -> bytes:
    """The MP3 with a header that counts `count` frames."""
    tag = max(mp3.find(b"Xing", 0, 64), mp3.find(b"Info", 0, 64))
    assert tag > 0 and mp3[tag + 7] & 1
    return patched(mp3, tag + 8, struct.pack(">I", count))


def vbri_frames(mp3: bytes, count: int) -> bytes:
    """The MP3 with the header of Fraunhofer's encoder instead of LAME's; its frame is a frame of silence."""
    first, second = frames(mp3)[:2]
    head = (
        mp3[first : first + 4] + bytes(32) + b"VBRI" + struct.pack(">HHHIIHHHH", 1, 0, 75, len(mp3), count, 0, 1, 2, 1)
    )
    return head.ljust(second, b"\0") + mp3[second:]


def free_format(mp3: bytes) -> bytes:
    """The MP3 of a constant bit rate with headers that do not tell it."""
    data = bytearray(without_header(mp3))
    for at in frames(bytes(data)):
        data[at + 2] &= 0x0F
    return bytes(data)


def truncated(data: bytes, share: float = 0.5) -> bytes:
    """The first `share` of a file."""
    return data[: round(len(data) * share)]


def wav_with_sizes(wav: bytes, data: int, riff: int | None = None) -> bytes:
    """A WAV (or RIFX) whose header tells other sizes of its data and of all that follows."""
    order = ">" if wav[:4] == b"RIFX" else "<"
    if riff is not None:
        wav = patched(wav, 4, struct.pack(order + "I", riff))
    return patched(wav, wav.index(b"data") + 4, struct.pack(order + "I", data))


def chunk(name: bytes, contents: bytes) -> bytes:
    """A chunk of RIFF."""
    return name + struct.pack("<I", len(contents)) + contents + bytes(len(contents) & 1)


def in_riff(mp3: bytes) -> bytes:
    """A WAV that holds an MP3 of one channel (tag 0x55)."""
    layout = struct.pack("<HHIIHHHHIHHH", 0x55, 1, RATE, 4000, 1, 0, 12, 1, 2, 1, 1, 0)
    body = b"WAVE" + chunk(b"fmt ", layout) + chunk(b"data", mp3)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def pages(ogg: bytes) -> list[int]:
    """Places of the pages of an Ogg."""
    at, places = 0, []
    while ogg[at : at + 4] == b"OggS":
        places.append(at)
        segments = ogg[at + 26]
        at += 27 + segments + sum(ogg[at + 27 : at + 27 + segments])
    return places


def flac_total(flac: bytes, samples: int) -> bytes:
    """The FLAC with a header that tells another number of samples; 0 is unknown."""
    assert flac[:4] == b"fLaC"
    return patched(flac, 21, bytes([flac[21] & 0xF0 | samples >> 32]), struct.pack(">I", samples & 0xFFFFFFFF))


def joint(first: bytes, second: bytes) -> bytes:
    """What `cat first second` makes."""
    return first + second


def levels(samples: Sequence[float] | np.ndarray[Any, Any], seconds: float, rate: int = RATE) -> list[float]:
    """Frequencies in Hz that are loudest in each stretch of `seconds`, the last left out if it is shorter."""
    size = round(seconds * rate)
    blocks = np.asarray(samples)[: len(samples) // size * size].reshape(-1, size)
    return [float(np.abs(np.fft.rfft(block)).argmax() / seconds) for block in blocks]
