"""Check whether a recording can be used: one pass over it, one block in memory at a time; a reason if it cannot."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from .audio import AudioError, Recording, Wave, not_numbers, one_channel, open_recording
from .channels import UNLIKE, Choice, Comparison, chosen, undecided
from .judge import LARGEST, Fault, Limits, Sound

KINDS = {
    ".wav": "WAV", ".flac": "FLAC", ".mp3": "MP3", ".ogg": "OGG", ".oga": "OGG", ".opus": "OGG", ".aif": "AIFF",
    ".aiff": "AIFF", ".au": "AU", ".caf": "CAF", ".w64": "W64", ".sph": "NIST",
}  # fmt: skip


ANY_LENGTH = Limits(min_seconds=0.0, max_seconds=math.inf)


@dataclass(frozen=True)
class Verdict:
    """The result of checking a recording.

    Attributes:
        reason: why it cannot be used: missing, empty, unreadable, truncated, several streams, non-finite, out of range,
            too short, too long, rate, silent, clipped, beyond full scale, channels that differ; empty if it can.
        detail: the reason in a sentence; notes: oddities that do no harm.
        seconds, rate, channels: 0 if unknown.
        loudest_dbfs: level of the loudest tenth of a second; clipped: share of samples at full scale.
        channel: what is judged of several channels: left, right, or "", their mean.
    """

    reason: str
    detail: str = ""
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    rate: int = 0
    channels: int = 0
    loudest_dbfs: float = -math.inf
    clipped: float = 0.0
    channel: str = ""


def check_audio(path: str | os.PathLike[str], limits: Limits = ANY_LENGTH, choice: Choice = "auto") -> Verdict:
    """Decode all of `path` and judge it. Never raises for a bad recording. Of both sides the first is judged."""
    return check_channels(path, limits, choice)[0]


def check_channels(
    path: str | os.PathLike[str],
    limits: Limits,
    choice: Choice,
    hear: Callable[[str, Wave, int], None] | None = None,
    transcribed: bool = False,
) -> list[Verdict]:
    """Decode all of `path` and judge what is read of it: one verdict, or one for each side. Never raises for a bad one.

    Of several channels the mean is judged while they are compared. Only if something else is read of them, a second
    pass follows.

    Args:
        hear: called with the channel and every block of it (mono, at the recording's rate) and the rate, so that one
            pass is enough.
        transcribed: it has a transcript, which is of one recording: `both` does as `auto`.
    """
    try:
        with open_recording(path) as r:
            comparison = Comparison(r.channels, r.rate, limits.silent_dbfs)
            verdict = _judge(r, limits, hear, comparison)
            if not comparison.heard_all:
                return [verdict]
            mix = chosen(comparison.mix(), "auto" if transcribed and choice == "both" else choice)
            if not mix.channels:
                return [replace(verdict, reason=UNLIKE, detail=undecided(mix, "channel", transcribed))]
            verdicts = []
            for r.channel in mix.channels:
                verdicts.append(_noted(_judge(r, limits, hear) if r.channel else verdict, mix.note))
            return verdicts
    except AudioError as e:
        return [Verdict(e.reason, e.what)]


def _noted(verdict: Verdict, note: str) -> Verdict:
    return replace(verdict, notes=(*verdict.notes, note)) if note else verdict


def _blocks(r: Recording, comparison: Comparison | None, sound: Sound) -> Iterator[Wave]:
    """What is read of a recording, block by block, while the comparison hears all of its channels.

    It hears no more when `sound` is out of range, which is the verdict whatever the channels are.
    """
    for block_NC in r.blocks_of_channels():
        if comparison and sound.peak <= LARGEST:
            comparison.hear(block_NC)
        yield one_channel(block_NC, r.channel)
    if comparison:
        comparison.heard_all = sound.peak <= LARGEST


def _judge(
    r: Recording,
    limits: Limits,
    hear: Callable[[str, Wave, int], None] | None,
    comparison: Comparison | None = None,
) -> Verdict:
    seconds = r.frames / r.rate

    def verdict(reason: str, detail: str, loudest: float = -math.inf, clipped: float = 0.0) -> Verdict:
        return Verdict(reason, detail, _notes(r), seconds, r.rate, r.channels, loudest, clipped, r.channel)

    if r.lacks:
        return verdict("truncated", r.lacks)
    if r.rate < limits.min_rate:
        return verdict("rate", f"{r.rate} samples a second, fewer than {limits.min_rate}")
    if seconds < limits.min_seconds:
        return verdict("too short", f"{seconds:.3f} s ({r.frames} samples), less than {limits.min_seconds} s")
    if seconds > limits.max_seconds:
        return verdict("too long", f"{seconds:.1f} s, more than {limits.max_seconds} s")
    sound = Sound()
    try:
        for wave_N in _blocks(r, comparison, sound):
            if not np.isfinite(wave_N).all():
                raise not_numbers(wave_N, sound.samples / r.rate, r.rate)
            sound.add(wave_N, r.rate)
            if hear and sound.peak <= LARGEST:
                hear(r.channel, wave_N, r.rate)
    except AudioError as e:
        return verdict(e.reason, e.what)
    fault = sound.fault(limits) or Fault("", "")
    return verdict(fault.reason, fault.detail, sound.level, sound.clipped_share)


def _notes(r: Recording) -> tuple[str, ...]:
    named = KINDS.get(os.path.splitext(r.name)[1].lower(), r.kind)
    notes = [f"named {named}, is {r.kind}"] if named != r.kind and r.kind != "ark" else []
    if r.rate < 16000:
        notes.append(f"{r.rate} Hz")
    return (*notes, *r.notes)
