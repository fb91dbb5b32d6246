"""Utterances to listen to: the audio itself, its waveform, its units in every iteration, its phones."""

from __future__ import annotations

import base64
import wave
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ..section import ARABIC, Players, Section
from ..sources.collect import Run
from ..sources.resultfile import broken
from ..sources.units import Example, Quality

AUDIO_BYTES = 3_300_000
"""audio that the page carries at most, before base64 makes it a third larger"""
GOLDEN_ANGLE = 137.508
WAVE_POINTS = 300


@dataclass(frozen=True)
class Stretch:
    """A stretch of a strip, in seconds; `hue` in degrees, None for a phone."""

    start: float
    end: float
    label: str
    hue: float | None = None
    tone: int = 0

    @property
    def narrow(self) -> bool:
        """Too short for its label to be read whole at the 320 pixels that the page gives a second."""
        return self.end - self.start < 0.0199 * len(self.label)


@dataclass(frozen=True)
class Strip:
    title: str
    stretches: list[Stretch]


@dataclass(frozen=True)
class Player:
    """An utterance: `audio` as base64 wav, `outline` as points of an SVG polygon in a box of 300 x 2."""

    id: str
    text: str
    lang: str
    rtl: bool
    seconds: float
    audio: str
    outline: str
    strips: list[Strip]


def listen(run: Run) -> Section | None:
    """Utterances to listen to, if the unit quality has examples."""
    made, left_out = players(run.qualities)
    return Section("listen", "Listen", [Players(made, left_out)]) if made else None


def players(qualities: Sequence[Quality]) -> tuple[list[Player], int]:
    """A player per utterance, with a strip per iteration; and how many were left out for the page's size."""
    kept, left_out = _that_fit(qualities)
    return [_player(versions) for versions in kept], left_out


def carried(qualities: Sequence[Quality]) -> int:
    """Bytes of the players' audio: what the page has no more room for."""
    kept, _ = _that_fit(qualities)
    return sum(versions[0][1].wav.stat().st_size for versions in kept)


def _that_fit(qualities: Sequence[Quality]) -> tuple[list[list[tuple[str, Example]]], int]:
    """(tag, example) of each utterance in every iteration, and how many utterances the page has no room for."""
    by_id: dict[str, list[tuple[str, Example]]] = {}
    for quality in qualities:
        for example in quality.examples:
            by_id.setdefault(example.id, []).append((quality.tag, example))
    kept: list[list[tuple[str, Example]]] = []
    room = AUDIO_BYTES
    for versions in by_id.values():
        size = versions[0][1].wav.stat().st_size
        if size <= room:
            room -= size
            kept.append(versions)
    return kept, len(by_id) - len(kept)


def _player(versions: Sequence[tuple[str, Example]]) -> Player:
    example = versions[0][1]
    samples, rate = _samples(example)
    strips = [Strip(f"units, {tag}", unit_runs(e.units, e.rate)) for tag, e in versions]
    if example.phones is not None:
        phones = [Stretch(start, start + duration, phone) for start, duration, phone in example.phones]
        strips.append(Strip("phones", phones))
    return Player(
        id=example.id,
        text=example.text,
        lang=example.lang,
        rtl=bool(ARABIC.search(example.text)),
        seconds=len(samples) / rate,
        audio=base64.b64encode(example.wav.read_bytes()).decode("ascii"),
        outline=_outline(samples),
        strips=strips,
    )


def unit_runs(units: Sequence[int], rate: float) -> list[Stretch]:
    """Runs of equal units as stretches; frame t covers [t / rate, (t + 1) / rate). A unit has one colour everywhere."""
    edges = [0, *(t for t in range(1, len(units)) if units[t] != units[t - 1]), len(units)] if units else []
    return [
        Stretch(a / rate, b / rate, str(units[a]), units[a] * GOLDEN_ANGLE % 360, units[a] % 3)
        for a, b in pairwise(edges)
    ]


def _samples(example: Example) -> tuple[np.ndarray, int]:
    try:
        with wave.open(str(example.wav), "rb") as f:
            width, channels, rate, data = (
                f.getsampwidth(),
                f.getnchannels(),
                f.getframerate(),
                f.readframes(f.getnframes()),
            )
    except (wave.Error, EOFError) as e:
        raise broken(example.wav, f"it is not a PCM wav ({e})") from None
    if (width, channels) != (2, 1) or len(data) < 2:
        raise broken(
            example.wav, f"it is not 16-bit mono speech ({8 * width} bits, {channels} channel(s), {len(data)} bytes)"
        )
    return np.frombuffer(data[: len(data) // 2 * 2], dtype="<i2").astype(np.float64) / 32768, rate


def _outline(samples: np.ndarray) -> str:
    """Upper edge from left to right, lower edge back, scaled to the loudest sample."""
    parts = [p for p in np.array_split(samples, WAVE_POINTS) if len(p)]
    peak = max(float(np.abs(samples).max()), 1e-4)
    upper = [f"{x},{1 - max(float(p.max()), 0) / peak:.2f}" for x, p in enumerate(parts)]
    lower = [f"{x},{1 - min(float(p.min()), 0) / peak:.2f}" for x, p in enumerate(parts)]
    return " ".join(upper + lower[::-1])
