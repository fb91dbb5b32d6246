"""How several channels become one signal: their mean, one of them, or nobody knows: a decision, and it is told.

Two channels are alike if they correlate (a stereo recording of one scene): their mean is read. Opposite in phase (a
cable with two wires swapped) the mean would cancel: the left one is read. One that is silent is left out. In between
each channel says something of its own (two speakers on a telephone), and only the user knows what is wanted.

Correlation: the recording is cut into frames of FRAME_SECONDS, without the rest at its end. Of each frame and channel
the mean is subtracted; its level is that of the louder channel. Loud is the level that frames of LOUD_SECONDS in all
reach, or half of the frames of a shorter recording. Someone speaks in the frames at most SPEECH_DB below it, and louder
frames, such as a click, are scaled down to it. Over these together, r = sum(x y) / sqrt(sum(x^2) sum(y^2)). A channel
is silent if it is SILENT_DB below the loudest, as loud is measured for it alone. Of more than two channels every two
must be alike.

Shape legend: N samples, C channels, F frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from .audio import AudioError, Recording, Wave, open_recording

Choice = Literal["auto", "left", "right", "both", "mean"]
ALIKE = 0.3  # r from here on: alike; down to its negative: of two speakers
FRAME_SECONDS = 0.02
LOUD_SECONDS = 0.1  # s; longer than a click, shorter than the one word that the other side may say
SPEECH_DB, SILENT_DB = 25.0, 40.0
MOST = 8  # channels that are compared; more are an array of microphones, which nobody mixes down unasked
CHOICES = "left|right|both|mean"
CHANNEL_HELP = "what is heard of a file with several channels (auto: what fits how they correlate)"
UNLIKE = "channels that differ"
SIDE_OF = {"left": "A", "right": "B"}  # as reco2file_and_channel and ids name them

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Mix:
    """What is read of a recording.

    Attributes:
        channels: "left", "right", or "" for the mean of all, of which most recordings have one; both sides; or none if
            that is for the user to decide.
        note: short, countable; "" of a recording of one channel.
        detail: the reason in a sentence.
    """

    channels: tuple[str, ...] = ("",)
    note: str = ""
    detail: str = ""


MONO = Mix()


class Comparison:
    """Compares the channels of a recording, block by block, and decides."""

    def __init__(self, channels: int, rate: int) -> None:
        self.channels, self.size = channels, max(1, int(rate * FRAME_SECONDS))
        self.heard_all = False  # for a caller who may stop early
        self._rest = np.zeros((0, channels), np.float32)
        self._products: list[Wave] = []

    def hear(self, block_NC: Wave) -> None:
        """Add the next block. Raises AudioError (non-finite)."""
        if not 1 < self.channels <= MOST:
            return
        if not np.isfinite(block_NC).all():
            raise AudioError("non-finite", "samples that are not numbers (NaN or infinite)", "", "export it again")
        block_NC = np.concatenate([self._rest, block_NC])
        whole = len(block_NC) // self.size * self.size
        frames_FNC = block_NC[:whole].reshape(-1, self.size, self.channels)
        frames_FNC = frames_FNC - frames_FNC.mean(axis=1, keepdims=True)
        self._products.append(np.matmul(frames_FNC.transpose(0, 2, 1), frames_FNC))
        self._rest = block_NC[whole:]

    def mix(self) -> Mix:
        """The decision; for one channel, and for too many, it depends on no sound."""
        if self.channels == 1:
            return MONO
        if self.channels > MOST:
            return self._unlike(f"its {self.channels} channels are too many to be one signal")
        products_FCC = np.concatenate(self._products or [np.zeros((0, self.channels, self.channels), np.float32)])
        levels_FC = np.diagonal(products_FCC, axis1=1, axis2=2)
        loud = [_loud(levels_FC[:, c]) for c in range(self.channels)]
        speak = [c for c, level in enumerate(loud) if level > max(loud) * 10 ** (-SILENT_DB / 10)]
        if not speak:
            return self._mean("nothing is heard in any of them")
        if len(speak) == 1 and self.channels == 2:
            side, silent = ("left", "right") if speak == [0] else ("right", "left")
            return Mix((side,), f"2 channels: {side}, as the other is silent", f"the {silent} one is silent")
        levels_F = levels_FC.max(axis=1)
        level = _loud(levels_F)
        spoken_F = levels_F >= level * 10 ** (-SPEECH_DB / 10)
        weights_F = np.minimum(1.0, level / levels_F[spoken_F], dtype=np.float64)
        return self._of(np.einsum("f,fcd->cd", weights_F, products_FCC[spoken_F]))

    def _of(self, sums_CC: Array) -> Mix:
        scale_C = np.sqrt(np.maximum(np.diagonal(sums_CC), 1e-30))
        r = float((sums_CC / scale_C[:, None] / scale_C)[np.triu_indices(self.channels, 1)].min())
        if r >= ALIKE:
            return self._mean(f"they are alike, r = {r:.2f}")
        if self.channels == 2 and r <= -ALIKE:
            return Mix(("left",), "2 channels: left, as they are opposite in phase", f"opposite in phase, r = {r:.2f}")
        several = "two speakers, or two microphones" if self.channels == 2 else "several speakers, or microphones"
        return self._unlike(f"its {self.channels} channels differ, r = {r:.2f}: {several}")

    def _unlike(self, detail: str) -> Mix:
        return Mix((), f"{self.channels} {UNLIKE}", detail)

    def _mean(self, detail: str) -> Mix:
        return Mix(("",), f"{self.channels} channels: their mean", detail)


def _loud(levels_F: Wave) -> float:
    """The level that frames of LOUD_SECONDS in all reach, or half of fewer."""
    count = len(levels_F)
    if not count:
        return 0.0
    kth = max(1, min(round(LOUD_SECONDS / FRAME_SECONDS), count // 2))
    return float(np.partition(levels_F, count - kth)[count - kth])


def mix_of(r: Recording) -> Mix:
    """The decision for an open recording, of which every channel is decoded. Raises AudioError."""
    comparison = Comparison(r.channels, r.rate)
    try:
        for block_NC in r.blocks_of_channels() if 1 < r.channels <= MOST else ():
            comparison.hear(block_NC)
    except AudioError as e:
        raise AudioError(e.reason, e.what, e.where or r.name, e.remedy) from None
    return comparison.mix()


def taken(r: Recording, choice: Choice) -> Mix:
    """What is read of an open recording if `choice` is asked for. Raises AudioError."""
    return asked_for(r, choice) or with_both(mix_of(r), choice)


def asked_for(r: Recording, choice: Choice) -> Mix | None:
    """What is read whatever the channels hold; None if that depends on them."""
    if r.channels == 1:
        return MONO
    if choice in ("left", "right"):
        return Mix((choice,), f"{r.channels} channels: {choice}, as asked for")
    return Mix(("",), f"{r.channels} channels: their mean, as asked for") if choice == "mean" else None


def with_both(mix: Mix, choice: Choice) -> Mix:
    """The decision, or both sides of two channels that differ, if `both` is asked for.

    Where channels are alike `both` does as `auto`: two recordings of one speech would be made.
    """
    if choice == "both" and mix.note == f"2 {UNLIKE}":
        return Mix(("left", "right"), "2 channels: both, as asked for", mix.detail)
    return mix


def channel_of(path: str | os.PathLike[str], choice: Choice) -> tuple[str, str]:
    """(channel to read of one recording: left, right or "" for the mean; a line about it, "" of one channel).

    Where the channels differ the mean is read, and the line is a warning. Raises AudioError.
    """
    with open_recording(path) as r:
        mix = taken(r, choice)
    if mix.channels:
        detail = f" ({mix.detail})" if mix.detail else ""
        return mix.channels[0], f"note: {r.name}: {mix.note}{detail}" if mix.note else ""
    return "", f"WARNING: {r.name}: {mix.detail}; their mean is heard, --channel left|right|mean says otherwise"


def undecided(mix: Mix, field: str) -> str:
    """A sentence for a recording of which nobody knows what to read. `field`: where to say it, e.g. `take.channel`."""
    return f"{mix.detail}; say what is read of it with {field}: {CHOICES}"
