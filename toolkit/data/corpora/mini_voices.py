"""Speakers and emotions of the mini corpus: which voice, at what pitch and pace, and how an emotion changes them.

An emotion changes prosody (pitch, pitch range, pace, pauses, slope of the contour) and voice (a sad one trembles at
about 5 Hz and is dull, an angry one is rough at about 40 Hz, pressed and bright). Every utterance has its own strength,
so that no single measure separates the four emotions. Shape legend: N samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from ..augment import tilt
from .espeak import SILENCE, Phone, synthesise

RATE = 16000
OVERSAMPLED = 48000  # at three times the rate, linear interpolation is clean enough
UNITS_PER_SEMITONE = 50 / 12  # espeak's pitch: 50 units are an octave
SLOWEST_WPM, FASTEST_WPM = 90, 320
STRENGTH = (0.65, 1.15)  # range of an emotion's strength in an utterance
SILENCE_S = (0.04, 0.15)  # before and after the speech

Wave = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Speaker:
    """A voice: espeak variant, gender, pitch (50: as the variant has it), words per minute, formant factor."""

    variant: str
    gender: str
    pitch: int
    wpm: int
    formants: float


@dataclass(frozen=True)
class Emotion:
    """Change from neutral speech at strength 1.

    Attributes:
        semitones, pitch_range, pace: pitch shift; espeak range added to 45; factor on words per minute.
        gap: pause between words, 10 ms.
        slope: semitones from the first to the last moment.
        tremor, roughness: depth of amplitude modulation at about 5 and about 40 Hz.
        tilt: dB per octave.
        press: drive of a soft limiter, 0 none.
    """

    semitones: float = 0.0
    pitch_range: float = 0.0
    pace: float = 1.0
    gap: float = 0.0
    slope: float = 0.0
    tremor: float = 0.0
    roughness: float = 0.0
    tilt: float = 0.0
    press: float = 0.0


EMOTIONS = {
    "neutral": Emotion(),
    "happy": Emotion(semitones=4.0, pitch_range=45, pace=1.08, slope=3.0, tilt=0.8),
    "sad": Emotion(semitones=-2.5, pitch_range=-40, pace=0.78, gap=2.5, slope=-3.0, tremor=0.5, tilt=-2.0),
    "angry": Emotion(semitones=1.5, pitch_range=15, pace=1.18, slope=-1.0, roughness=0.6, tilt=2.0, press=3.0),
}

# Variants that an average log spectrum tells apart, women and men in turn. None of those with `klatt 6` (Reed, adam,
# ...): that synthesiser reads memory which nobody has set, so its bytes depend on what the process did before.
SPEAKERS = tuple(
    Speaker(*row)
    for row in (
        ("f2", "f", 50, 190, 1.00), ("m3", "m", 50, 190, 1.00), ("Annie", "f", 46, 200, 0.97),
        ("m1", "m", 44, 180, 0.96), ("f4", "f", 54, 210, 1.03), ("Gene", "m", 54, 205, 1.02),
        ("belinda", "f", 44, 185, 0.98), ("m7", "m", 56, 215, 1.04), ("f5", "f", 52, 205, 1.02),
        ("boris", "m", 48, 195, 0.98), ("Andrea", "f", 42, 165, 0.96), ("john", "m", 52, 185, 1.01),
        ("aunty", "f", 42, 175, 0.94), ("m8", "m", 58, 210, 1.05), ("f3", "f", 56, 215, 1.04),
        ("travis", "m", 46, 200, 0.95), ("anika", "f", 40, 160, 0.95), ("klatt4", "m", 50, 200, 1.00),
        ("shelby", "f", 48, 195, 0.99), ("norbert", "m", 54, 190, 1.03), ("f1", "f", 46, 180, 0.96),
        ("m2", "m", 60, 205, 1.06), ("Alicia", "f", 44, 225, 1.01), ("Denis", "m", 42, 185, 0.97),
        ("grandma", "f", 50, 185, 0.98), ("edward", "m", 56, 210, 1.02), ("steph", "f", 58, 200, 1.05),
        ("Mike", "m", 62, 195, 1.00), ("linda", "f", 52, 210, 1.05), ("paul", "m", 64, 200, 0.98),
        ("Michael", "m", 40, 205, 0.94), ("iven4", "m", 50, 180, 1.06),
    )
)  # fmt: skip


def speak(
    text: str, language: str, speaker: Speaker, emotion: Emotion, rng: np.random.Generator, pace: float = 1.0
) -> tuple[Wave, list[Phone]]:
    """One utterance at 16 kHz, before augmentation: samples [N] and the times of its phones, which cover it all.

    Args:
        pace: factor on the words per minute of speaker and emotion.
    """
    strength = rng.uniform(*STRENGTH)
    pace *= emotion.pace**strength * rng.uniform(0.95, 1.05)
    # Changing formants plays the recording faster or slower: pitch and pace compensate for it.
    semitones = strength * emotion.semitones + rng.uniform(-1, 1) - 12 * np.log2(speaker.formants)
    speech = synthesise(
        text,
        f"{language}+{speaker.variant}",
        pitch=int(np.clip(speaker.pitch + UNITS_PER_SEMITONE * semitones, 0, 99)),
        pitch_range=int(np.clip(45 + strength * emotion.pitch_range + rng.uniform(-8, 8), 0, 99)),
        rate=int(np.clip(speaker.wpm * pace / speaker.formants, SLOWEST_WPM, FASTEST_WPM)),
        word_gap=round(strength * emotion.gap),
    )
    wave_N = soxr.resample(soxr.resample(speech.wave_N, speech.rate, RATE), RATE, OVERSAMPLED)
    wave_N, time = _bend(wave_N, speaker.formants, strength * emotion.slope)
    wave_N = _colour(wave_N, emotion, strength, rng)
    return _pad(wave_N, [(time(p.start), time(p.start + p.duration), p.name) for p in speech.phones], rng)


def _bend(wave_N: Wave, factor: float, slope: float) -> tuple[Wave, Any]:
    """Play at a changing speed (factor, and `slope` semitones over the whole); also the map of old to new seconds."""
    seconds = len(wave_N) / OVERSAMPLED
    old = np.linspace(0.0, seconds, 257)
    speed = factor * 2 ** (slope * (np.linspace(0.0, 1.0, 257) - 0.5) / 12)
    new = np.concatenate([[0.0], np.cumsum(np.diff(old) * (1 / speed[1:] + 1 / speed[:-1]) / 2)])
    ticks_N = np.arange(int(new[-1] * RATE)) / RATE
    bent_N = np.interp(np.interp(ticks_N, new, old) * OVERSAMPLED, np.arange(len(wave_N)), wave_N)
    return bent_N.astype(np.float32), lambda t: float(np.interp(t, old, new))


def _colour(wave_N: Wave, emotion: Emotion, strength: float, rng: np.random.Generator) -> Wave:
    """Tremor, roughness, pressing and tilt of the voice."""
    t_N = np.arange(len(wave_N)) / RATE
    for depth, low, high in ((emotion.tremor, 4.0, 6.5), (emotion.roughness, 32.0, 50.0)):
        hertz, phase = rng.uniform(low, high), rng.uniform(0, 2 * np.pi)
        modulation_N = 1 - min(strength * depth, 0.9) * (0.5 + 0.5 * np.sin(2 * np.pi * hertz * t_N + phase))
        wave_N = (wave_N * modulation_N).astype(np.float32)
    if emotion.press:
        drive = strength * emotion.press / max(float(np.abs(wave_N).max(initial=0.0)), 1e-9)
        wave_N = (np.tanh(drive * wave_N) / drive).astype(np.float32)
    return tilt(wave_N, RATE, strength * emotion.tilt)


def _pad(wave_N: Wave, spans: list[tuple[float, float, str]], rng: np.random.Generator) -> tuple[Wave, list[Phone]]:
    """A little silence before and after."""
    before, after = (int(rng.uniform(*SILENCE_S) * RATE) for _ in range(2))
    padded_N = np.pad(wave_N, (before, after))
    shift, end = before / RATE, len(padded_N) / RATE
    marks = [(a + shift, name) for a, _, name in spans]
    if marks and marks[0][1] == SILENCE:
        marks[0] = (0.0, SILENCE)
    else:
        marks.insert(0, (0.0, SILENCE))
    if marks[-1][1] != SILENCE:
        marks.append((spans[-1][1] + shift, SILENCE))
    ends = [a for a, _ in marks[1:]] + [end]
    return padded_N, [Phone(a, b - a, name) for (a, name), b in zip(marks, ends)]
