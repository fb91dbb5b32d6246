"""How several channels become one signal: their mean, one of them, or nobody knows: a decision, and it is told.

Two channels are alike if they correlate (a stereo recording of one scene): their mean is read. Opposite in phase (a
cable with two wires swapped) the mean would cancel: the left one is read. One that is silent is left out. In between
each channel says something of its own (two speakers on a telephone), and only the user knows what is wanted.

Correlation: the recording is cut into frames of FRAME_SECONDS, without the rest at its end. Of each frame and channel
the mean is subtracted; its level is that of the louder channel. Loud is the level that frames of LOUD_SECONDS in all
reach, or half of the frames of a shorter recording. Someone speaks in the frames at most SPEECH_DB below it, and louder
frames, such as a click, are scaled down to it. Over these together, r = sum(x y) / sqrt(sum(x^2) sum(y^2)). A channel
is silent if judge.py calls it so, or if it is SILENT_DB below the loudest, as loud is measured for it alone. Of more
than two channels that are heard every two must be alike; the only one that is heard is read.

Shape legend: N samples, C channels, F frames.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np

from .audio import CHANNEL_INDEX, AudioError, Recording, Wave, not_numbers, open_recording
from .judge import LARGEST, Limits, heard_by

Choice = Literal["auto", "left", "right", "3", "4", "5", "6", "7", "8", "both", "mean"]
OF_ONE_FILE = ("auto", *CHANNEL_INDEX, "mean")  # what may be asked for of a file that is read as one recording
ALIKE = 0.3  # r from here on: alike; down to its negative: of two speakers
FRAME_SECONDS = 0.02
LOUD_SECONDS = 0.1  # s; longer than a click, shorter than the one word that the other side may say
SPEECH_DB, SILENT_DB = 25.0, 40.0
MOST = 8  # channels that are compared; more are an array of microphones, which nobody mixes down unasked
CHANNEL_HELP = "what is heard of a file whose channels differ (auto: their mean, with a warning)"
UNLIKE = "channels that differ"
SIDE_OF = {name: name for name in CHANNEL_INDEX} | {"left": "A", "right": "B"}  # in reco2file_and_channel and ids
NAMES = tuple(CHANNEL_INDEX)  # by index
SHOWN = 20  # recordings that a process names

Array = np.ndarray[Any, np.dtype[np.float64]]


@dataclass(frozen=True)
class Mix:
    """What is read of a recording.

    Attributes:
        channels: "left", "right", "3", ..., or "" for the mean of all, of which most recordings have one; both sides;
            or none if that is for the user to decide.
        note: short, countable; "" of a recording of one channel.
        detail: the reason in a sentence.
        of: number of channels; silent: names of those that are known to be silent.
    """

    channels: tuple[str, ...] = ("",)
    note: str = ""
    detail: str = ""
    of: int = 1
    silent: tuple[str, ...] = ()


MONO = Mix()


class Comparison:
    """Compares the channels of a recording, block by block, and decides."""

    def __init__(self, channels: int, rate: int, silent_dbfs: float = Limits.silent_dbfs) -> None:
        """`silent_dbfs`: below it a channel is silent, as in judge.Limits."""
        self.channels, self.rate, self.size = channels, rate, max(1, int(rate * FRAME_SECONDS))
        self.heard_all = False  # for a caller who may stop early
        self._limits = replace(Limits(), silent_dbfs=silent_dbfs)
        self._sounds = [heard_by(self._limits) for _ in range(channels if channels <= MOST else 0)]
        self._rest = np.zeros((0, channels), np.float32)
        self._products: list[Wave] = []
        self._samples = 0

    def hear(self, block_NC: Wave) -> None:
        """Add the next block. Raises AudioError (non-finite)."""
        if not 1 < self.channels <= MOST:
            return
        if not np.isfinite(block_NC).all():
            raise not_numbers(block_NC, self._samples / self.rate, self.rate)
        self._samples += len(block_NC)
        for channel, sound in enumerate(self._sounds):
            if not self._audible(channel):
                sound.add(np.ascontiguousarray(block_NC[:, channel]), self.rate)
        block_NC = np.concatenate([self._rest, block_NC])
        whole = len(block_NC) // self.size * self.size
        frames_FNC = block_NC[:whole].reshape(-1, self.size, self.channels)
        frames_FNC = frames_FNC - frames_FNC.mean(axis=1, keepdims=True)
        self._products.append(np.matmul(frames_FNC.transpose(0, 2, 1), frames_FNC))
        self._rest = block_NC[whole:]

    def _audible(self, channel: int) -> bool:
        sound = self._sounds[channel]
        return sound.peak > LARGEST or sound.level >= self._limits.silent_dbfs

    def mix(self) -> Mix:
        """The decision; for one channel, and for too many, it depends on no sound."""
        if self.channels == 1:
            return MONO
        if self.channels > MOST:
            return self._unlike(f"its {self.channels} channels are too many to be one signal")
        products_FCC = np.concatenate(self._products or [np.zeros((0, self.channels, self.channels), np.float32)])
        levels_FC = np.diagonal(products_FCC, axis1=1, axis2=2)
        loud = [_loud(levels_FC[:, c]) for c in range(self.channels)]
        least = max(loud) * 10 ** (-SILENT_DB / 10)
        speak = [c for c, level in enumerate(loud) if level > least and self._audible(c)]
        if not speak:
            return self._mean("nothing is heard in any of them")
        if len(speak) == 1:
            return self._only(NAMES[speak[0]])
        levels_F = levels_FC[:, speak].max(axis=1)
        level = _loud(levels_F)
        spoken_F = levels_F >= level * 10 ** (-SPEECH_DB / 10)
        weights_F = np.minimum(1.0, level / levels_F[spoken_F], dtype=np.float64)
        return self._of(np.einsum("f,fcd->cd", weights_F, products_FCC[spoken_F]), speak)

    def _of(self, sums_CC: Array, speak: list[int]) -> Mix:
        scale_C = np.sqrt(np.maximum(np.diagonal(sums_CC), 1e-30))
        r = float((sums_CC / scale_C[:, None] / scale_C)[np.ix_(speak, speak)][np.triu_indices(len(speak), 1)].min())
        if r >= ALIKE:
            return self._mean(f"they are alike, r = {r:.2f}")
        if self.channels == 2 and r <= -ALIKE:
            note, detail = "2 channels: left, as they are opposite in phase", f"opposite in phase, r = {r:.2f}"
            return Mix(("left",), note, detail, 2)
        several = "two speakers, or two microphones" if self.channels == 2 else "several speakers, or microphones"
        silent = tuple(NAMES[c] for c in range(self.channels) if c not in speak)
        return self._unlike(f"its {self.channels} channels differ, r = {r:.2f}: {several}", silent)

    def _only(self, name: str) -> Mix:
        """Of the one channel that is heard."""
        if self.channels > 2:
            detail = f"only {name if name in ('left', 'right') else f'channel {name}'} is heard"
            return Mix((name,), f"{self.channels} channels: the only one that is heard", detail, self.channels)
        silent = "right" if name == "left" else "left"
        return Mix((name,), f"2 channels: {name}, as the other is silent", f"the {silent} one is silent", 2)

    def _unlike(self, detail: str, silent: tuple[str, ...] = ()) -> Mix:
        return Mix((), f"{self.channels} {UNLIKE}", detail, self.channels, silent)

    def _mean(self, detail: str) -> Mix:
        return Mix(("",), f"{self.channels} channels: their mean", detail, self.channels)


def _loud(levels_F: Wave) -> float:
    """The level that frames of LOUD_SECONDS in all reach, or half of fewer."""
    count = len(levels_F)
    if not count:
        return 0.0
    kth = max(1, min(round(LOUD_SECONDS / FRAME_SECONDS), count // 2))
    return float(np.partition(levels_F, count - kth)[count - kth])


def mix_of(r: Recording, silent_dbfs: float = Limits.silent_dbfs) -> Mix:
    """The decision for an open recording, of which every channel is decoded. Raises AudioError."""
    comparison = Comparison(r.channels, r.rate, silent_dbfs)
    try:
        for block_NC in r.blocks_of_channels() if 1 < r.channels <= MOST else ():
            comparison.hear(block_NC)
    except AudioError as e:
        raise AudioError(e.reason, e.what, e.where or r.name, e.remedy) from None
    return comparison.mix()


def taken(r: Recording, choice: Choice, silent_dbfs: float = Limits.silent_dbfs) -> Mix:
    """What is read of an open recording if `choice` is asked for. Raises AudioError."""
    return chosen(mix_of(r, silent_dbfs), choice)


def chosen(mix: Mix, choice: Choice) -> Mix:
    """The decision for a recording; what is asked for, if its channels differ and what is asked for is not silent."""
    if mix.channels or choice == "auto":
        return mix
    if choice in mix.silent:
        return replace(mix, detail=f"{mix.detail}; the {choice} one is silent")
    if (choice == "both" and mix.of != 2) or choice in NAMES[mix.of :]:
        return mix
    channels = {"mean": ("",), "both": ("left", "right")}.get(choice, (choice,))
    read = "their mean" if choice == "mean" else choice
    return replace(mix, channels=channels, note=f"{mix.of} channels: {read}, as asked for")


def choices(mix: Mix, transcribed: bool) -> str:
    """What may be asked for of a recording whose channels differ. A transcript is of one recording, not of both."""
    both = ("both",) if mix.of == 2 and not transcribed else ()
    usable = (*NAMES[: mix.of], *both, "mean")
    return "|".join(choice for choice in usable if choice not in mix.silent)


def undecided(mix: Mix, field: str, transcribed: bool = False) -> str:
    """A sentence for a recording of which nobody knows what to read. `field`: where to say it, e.g. `take.channel`."""
    return f"{mix.detail}; say what is read of it with {field}: {choices(mix, transcribed)}"


def channel_of(path: str | os.PathLike[str], choice: Choice) -> tuple[str, str]:
    """(channel to read of one recording, "" for the mean; a line about it, "" of one channel).

    Where the channels differ the mean is read, and the line is a warning. Raises AudioError.
    """
    with open_recording(path) as r:
        mix = taken(r, choice)
    if mix.channels:
        detail = f" ({mix.detail})" if mix.detail else ""
        return mix.channels[0], f"note: {r.name}: {mix.note}{detail}" if mix.note else ""
    return "", f"WARNING: {r.name}: {mix.detail}; their mean is heard, --channel {choices(mix, True)} says otherwise"


_read: dict[tuple[str, int, int], str] = {}  # by name, size and time of change
_told: list[str] = []  # names of recordings


def channel_read(r: Recording) -> str:
    """What is read of an open recording of which no table says it: as `auto`; the mean, if its channels differ.

    Decided once in a process, and told if it is not their mean, or should not be.
    """
    if r.channels == 1:
        return ""
    state = os.stat(r.name) if os.path.exists(r.name) else None
    key = r.name, *((state.st_size, state.st_mtime_ns) if state else (0, 0))
    if key not in _read:
        try:
            mix = mix_of(r)
        except AudioError:  # where it is damaged, its parts tell
            mix = Mix()
        _read[key] = (mix.channels or ("",))[0]
        if mix.channels != ("",) and len(_told) < SHOWN:
            _told.append(r.name)
            unsaid = f"{mix.detail}; no line of reco2file_and_channel says what is read, so their mean is"
            more = "; more are not named here: python3 -m toolkit.data.validate DIR --audio" * (len(_told) == SHOWN)
            print(f"WARNING: {r.name}: {mix.note if mix.channels else unsaid}{more}", flush=True)
    return _read[key]
