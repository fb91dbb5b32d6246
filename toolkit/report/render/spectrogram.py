"""Spectrograms as small PNG files: librosa's mel energies in decibels below the loudest."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

WINDOW, HOP = 400, 160  # samples: 25 ms and 10 ms at 16 kHz
BANDS = 64
WIDEST = 400  # columns of a picture; longer audio has a longer hop
RANGE_DB = 80.0
QUIET = 1e-2  # power that counts as the loudest of a clip that is quieter, so that silence is dark


def mel_db(wave_N: np.ndarray[Any, np.dtype[np.float32]], rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Decibels [BANDS, T], 0 the loudest and -80 the least; bands from low to high, T at most WIDEST."""
    import librosa  # some seconds: only for a report that shows audio

    hop = max(HOP, -(-len(wave_N) // (WIDEST - 1)))
    short = max(WINDOW - len(wave_N), 0)
    power = librosa.feature.melspectrogram(
        y=np.pad(wave_N, (0, short)), sr=rate, n_fft=max(WINDOW, hop), win_length=WINDOW, hop_length=hop, n_mels=BANDS
    )
    decibels: np.ndarray[Any, np.dtype[np.float32]] = librosa.power_to_db(
        power, ref=max(float(power.max()), QUIET), top_db=None
    )
    return np.clip(decibels, -RANGE_DB, 0.0)


def png(decibels_BT: np.ndarray[Any, np.dtype[np.float32]]) -> bytes:
    """A PNG with a pixel for each band and frame, low bands below, 256 colours. Equal figures give equal bytes."""
    from matplotlib import colormaps
    from PIL import Image

    shades = np.round((decibels_BT[::-1] / RANGE_DB + 1) * 255).astype(np.uint8)
    image = Image.frombytes("P", shades.shape[::-1], shades.tobytes())
    image.putpalette((colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return buffer.getvalue()
