"""The one audio reader: any file that libsndfile reads, an ark, or (if allowed) a pipe -> mono 16 kHz float32.

Parts of a recording are read by seeking. Of several channels the mean is read, or one of them: channels.py decides
which. Shape legend: N samples, C channels.
"""

from __future__ import annotations

import contextlib
import io
import math
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from ..core.errors import UserError
from ..core.files import atomic
from ..core.links import absent
from .audio_error import AudioError as AudioError
from .decoder import FETCH, Decoder

SAMPLE_RATE = 16000
CHANNEL_INDEX = {"left": 0, "right": 1, **{str(number): number - 1 for number in range(3, 9)}}
OF_NUMBERS = "cut these samples out, or write it again from its source"  # what helps against samples that are none
NON_FINITE = ("non-finite", "samples that are not numbers (NaN or infinite)", OF_NUMBERS)
PAST_END = 0.5  # s: a segment that ends past its recording by at most this is cut, as in Kaldi; by more, it is dropped
OVERSHOOT = 0.1  # s; a segment that ends past the recording by at most this is cut; by more is an error
CHUNK_SECONDS = 300  # s; long recordings are decoded in parts, so that only the result is in memory as a whole
MARGIN = 512  # source samples, at least, on either side of a part ...
MARGIN_SECONDS = 0.02  # ... and this: more than half of soxr's filter, which grows with the rate
LEAST_RATE = 4000  # Hz; a header that says less is damaged: the length is wrong, and resampling would take all memory

Wave = np.ndarray[Any, np.dtype[np.float32]]
_ARK = re.compile(r"(.+):(\d+)")


@dataclass(frozen=True)
class AudioInfo:
    """Length in seconds, samples per second, channels, format (WAV, FLAC, MP3, OGG, ...).

    lacks: why something of the recording is missing, as a sentence; empty if nothing is. notes: oddities that do no
        harm.
    """

    seconds: float
    rate: int
    channels: int
    kind: str = ""
    lacks: str = ""
    notes: tuple[str, ...] = ()


def audio_info(path: str | os.PathLike[str], allow_pipes: bool = False, whole: bool = True) -> AudioInfo:
    """Length, rate and channels, from the header where nothing speaks against it; else from what decodes.

    Args:
        whole: the recording is needed to its end; False: `lacks` tells if that is missing.

    Raises AudioError: missing, empty, unreadable, several streams, rate, and, with `whole`, truncated.
    """
    with open_recording(path, allow_pipes) as r:
        if whole and r.lacks:
            raise AudioError("truncated", r.lacks, r.name, FETCH)
        return AudioInfo(r.frames / r.rate, r.rate, r.channels, r.kind, r.lacks, r.notes)


def read_audio(
    path: str | os.PathLike[str],
    start: float = 0.0,
    end: float | None = None,
    allow_pipes: bool = False,
    channel: str = "",
) -> Wave:
    """Samples [N] of `path` from `start` to `end` seconds (None: to its end), float32, mono, 16 kHz.

    A part is read by seeking, without decoding what comes before it; the samples are those of the same slice
    of the whole recording (exactly at 16 kHz, within the resampler's rounding otherwise).

    Args:
        path: audio file; `file.ark:offset`; or, with allow_pipes, a shell command that ends in `|`.
        channel: "left", "right", "3", ... of a recording that has several channels; "": their mean.

    Raises AudioError: missing, empty, unreadable, truncated, several streams, non-finite, past end, bad segment, rate,
    pipe.
    """
    with open_recording(path, allow_pipes) as r:
        r.channel = channel
        return r.part(start, end)


class Recording:
    """An open recording. `read` gives any part of it as mono float32 at the recording's own rate.

    Attributes:
        frames: samples per channel that are there, by the header where nothing speaks against it, else by decoding.
        promised: samples per channel that the header claims, if more than `frames`; else `frames`.
        cut: why its end is missing where no header tells how much of it; notes: oddities that do no harm.
        intact: samples per channel, from its beginning, that are at their place: fewer than `frames` if it lost bytes
            in its middle.
        channel: "left", "right", "3", ... where one of several channels is read; "": their mean. A recording of one
            channel is read as it is: in a Kaldi folder the command in wav.scp has cut out the side that a table names.
    """

    def __init__(self, name: str, source: Decoder | tuple[int, np.ndarray[Any, Any]]) -> None:
        self.name, self.channel = name, ""
        self.decoder: Decoder | None = None
        self.cut = ""
        self.notes: tuple[str, ...] = ()
        if isinstance(source, tuple):
            self.rate, self.wave_NC = source
            self.frames, self.channels = self.wave_NC.shape
            self.kind, self.promised, self.intact = "ark", self.frames, self.frames
            return
        self.decoder = source
        self.rate, self.frames, self.channels = source.rate, source.frames, source.channels
        self.kind, self.promised = source.kind, source.promised
        self.cut, self.notes, self.intact = source.cut, source.notes, source.intact

    @property
    def lacks(self) -> str:
        """Why the end of the recording, or more of it, is missing, as a sentence; empty if nothing is."""
        lost = self.promised - self.frames
        if (lost > 0 or self.cut) and 0 < self.intact < self.frames:
            return f"damaged at {self.intact / self.rate:.1f} s: what follows is lost, or not at its place"
        if lost > 0:
            missing = f"{self.frames / self.rate:.2f} s are there" + ", of no known place" * (not self.intact)
            if lost < self.rate / 100:
                return f"the header promises {lost} samples more than are there"
            return f"the header promises {self.promised / self.rate:.2f} s, {missing}"
        return self.cut

    @property
    def reach(self) -> float:
        """Seconds up to which segments may end: a little past its end, but not past the place of damage."""
        return self.frames / self.rate + OVERSHOOT if self.intact == self.frames else self.intact / self.rate

    def read(self, first: int, last: int) -> Wave:
        """Samples first..last (exclusive) of the recording, mono. Raises AudioError if the file is too short."""
        return one_channel(self._channels(first, last), self.channel)

    def _channels(self, first: int, last: int) -> Wave:
        return self.decoder.decode(first, last) if self.decoder else self.wave_NC[first:last]

    def part(self, start: float, end: float | None) -> Wave:
        """Like `read_audio` of this recording, for callers that read many parts of it. Raises AudioError."""
        first, last = _span(self, start, end)
        wave_N = _in_chunks(self.read if self.rate == SAMPLE_RATE else self.resampled, first, last)
        if not np.isfinite(wave_N).all():
            raise not_numbers(wave_N, start, SAMPLE_RATE, self.name)
        return wave_N

    def blocks_of_channels(self, seconds: float = 30.0) -> Iterator[Wave]:
        """The whole recording in blocks [N, C] of at most `seconds`, at its own rate."""
        size = max(1, int(seconds * self.rate))
        for first in range(0, self.frames, size):
            yield self._channels(first, min(first + size, self.frames))

    def resampled(self, first: int, last: int) -> Wave:
        """Samples first..last (exclusive) of the recording at 16 kHz, mono.

        Read with a margin, from a sample that falls on both grids, so that a part equals the slice of the whole.
        """
        common = math.gcd(self.rate, SAMPLE_RATE)
        step_in, step_out = self.rate // common, SAMPLE_RATE // common
        margin = -(-max(MARGIN, int(MARGIN_SECONDS * self.rate)) // step_in)
        before = max(0, first // step_out - margin)
        after = -(-last // step_out) + margin
        part_N = self.read(before * step_in, min(after * step_in, self.frames))
        wave_N = soxr.resample(part_N, self.rate, SAMPLE_RATE, "HQ")
        return wave_N[first - before * step_out : last - before * step_out]


def one_channel(part_NC: Wave, channel: str) -> Wave:
    """Samples [N] of `channel` (left, right, 3, ...) of [N, C], or the mean of all for "".

    Raises AudioError (channels) if there are several, and not so many.
    """
    if part_NC.shape[1] == 1:
        return part_NC[:, 0]
    if not channel:
        return part_NC.mean(axis=1, dtype=np.float32)
    if CHANNEL_INDEX[channel] >= part_NC.shape[1]:
        message = f"channel {channel} of a recording of {part_NC.shape[1]} channels"
        raise AudioError("channels", message, "", "mend its line in reco2file_and_channel")
    return part_NC[:, CHANNEL_INDEX[channel]]


def not_numbers(wave: Wave, start: float, rate: int, name: str = "") -> AudioError:
    """The error for a block [N] or [N, C], from `start` seconds of the recording on, with NaN or infinite samples."""
    bad_N = ~np.isfinite(wave.reshape(len(wave), -1)).all(axis=1)
    first, last = (start + int(place) / rate for place in np.flatnonzero(bad_N)[[0, -1]])
    reason, message, remedy = NON_FINITE
    message += f", at {first:.3f} s" + f" to {last:.3f} s" * (last > first)
    return AudioError(reason, message, name, remedy)


@contextlib.contextmanager
def open_recording(path: str | os.PathLike[str], allow_pipes: bool = False) -> Iterator[Recording]:
    """A Recording of an audio file, an ark entry or a pipe.

    Raises AudioError: missing, empty, unreadable, several streams, rate, pipe.
    """
    name = os.fspath(path)
    if name.endswith("|"):
        with Decoder(name, io.BytesIO(_piped(name, allow_pipes))) as decoder:
            yield _checked(Recording(name, decoder))
    elif not os.path.exists(name) and (ark := _ARK.fullmatch(name)):
        if not os.path.exists(ark[1]):
            raise AudioError("missing", absent(ark[1], "ark"), ark[1], "mend the path, or run the stage that makes it")
        yield _checked(Recording(name, _from_ark(name)))
    elif not os.path.exists(name):
        raise AudioError("missing", absent(name, "recording"), name, "mend the path, or take its line out")
    elif not os.path.isfile(name):
        raise AudioError("unreadable", "not a file", name, "name an audio file")
    elif os.path.getsize(name) == 0:
        raise AudioError("empty", "a file of 0 bytes", name, FETCH)
    else:
        with Decoder(name, name) as decoder:
            yield _checked(Recording(name, decoder))


def _from_ark(name: str) -> tuple[int, np.ndarray[Any, Any]]:
    from .ark import read_wave  # kaldiio takes 0.1 s to import, and few corpora live in arks

    try:
        return read_wave(name)
    except UserError as e:
        raise AudioError("unreadable", e.what, e.where, e.remedy) from None


def _checked(r: Recording) -> Recording:
    if r.rate < LEAST_RATE:
        message = f"{r.rate} samples a second, fewer than {LEAST_RATE}: a damaged header"
        raise AudioError("rate", message, r.name, "export it again")
    if r.frames <= 0 and (r.promised > 0 or r.cut):
        raise AudioError("truncated", "damaged: nothing of it decodes", r.name, FETCH)
    if r.frames <= 0:
        raise AudioError("empty", "a header and no samples", r.name, FETCH)
    return r


def _piped(name: str, allowed: bool) -> bytes:
    if not allowed:
        raise AudioError(
            "pipe", "a command in the place of a file", name, "allow pipes if you trust it, or store the audio"
        )
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", name.rstrip().removesuffix("|")], capture_output=True)
    if ended.returncode or not ended.stdout:
        told = ended.stderr.decode(errors="replace").strip().splitlines()[-1:]
        output = told or [f"{len(ended.stdout):,} bytes of output, and no word of why" if ended.stdout else "no output"]
        raise AudioError(
            "unreadable", f"the command failed (code {ended.returncode}): {output[0]}", name, "run it by hand"
        )
    return ended.stdout


def _span(r: Recording, start: float, end: float | None) -> tuple[int, int]:
    """First and last sample at 16 kHz of start..end seconds."""
    if not (math.isfinite(start) and start >= 0 and (end is None or (math.isfinite(end) and end > start))):
        raise AudioError("bad segment", f"no part of a recording: {start} to {end} s", r.name, "mend segments")
    seconds = r.frames / r.rate
    if r.lacks and (end is None or end > r.reach):
        raise AudioError("truncated", r.lacks, r.name, FETCH)
    if start >= seconds or (end is not None and end > seconds + OVERSHOOT):
        raise AudioError("past end", f"{start} to {end} s of a recording of {seconds:.2f} s", r.name, "mend segments")
    total = (2 * r.frames * SAMPLE_RATE + r.rate) // (2 * r.rate)
    return round(start * SAMPLE_RATE), total if end is None else min(round(end * SAMPLE_RATE), total)


def _in_chunks(read: Callable[[int, int], Wave], first: int, last: int) -> Wave:
    size = CHUNK_SECONDS * SAMPLE_RATE
    if last - first <= size:
        return np.ascontiguousarray(read(first, last), dtype=np.float32)
    return np.concatenate([read(a, min(a + size, last)) for a in range(first, last, size)])


def write_wav(path: Path, wave_N: np.ndarray[Any, np.dtype[np.float32]]) -> None:
    """Write samples in [-1, 1] at 16 kHz as a 16-bit wav, whole or not at all.

    Encoded in memory first: libsndfile calls a full disk a "System error", the file system calls it by its name.
    """
    encoded = io.BytesIO()
    samples = np.clip(np.round(wave_N * 32767), -32768, 32767).astype(np.int16)
    soundfile.write(encoded, samples, SAMPLE_RATE, subtype="PCM_16", format="WAV")
    with atomic(path) as temporary:
        temporary.write_bytes(encoded.getvalue())
