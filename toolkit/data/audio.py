"""The one audio reader: any file that libsndfile reads, an ark, or (if allowed) a pipe -> mono 16 kHz float32.

Parts of a recording are read by seeking. Shape legend: N samples, C channels.
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
from .mp3 import QUIET, SPEAKS_UP, counted_samples, is_not_mp3

SAMPLE_RATE = 16000
OVERSHOOT = 0.1  # s; a segment that ends past the recording by at most this is cut; by more is an error
CHUNK_SECONDS = 300  # s; long recordings are decoded in parts, so that only the result is in memory as a whole
MARGIN = 512  # source samples, at least, on either side of a part ...
MARGIN_SECONDS = 0.02  # ... and this: more than half of soxr's filter, which grows with the rate
PREROLL_SECONDS = 1.0  # MP3 frames depend on earlier frames: decoded and thrown away after a seek
UNKNOWN_FRAMES = 2**62  # samples: libsndfile's value for an unknown length
UNKNOWN_BYTES = 0x7FFF0000  # a WAV data size from here on means "unknown": written by programs that write to a pipe

Wave = np.ndarray[Any, np.dtype[np.float32]]
_ARK = re.compile(r"(.+):(\d+)")
_DATA_SIZE = re.compile(r"^data : (\d+) \(should be (\d+)\)", re.M)


class AudioError(UserError):
    """A recording that cannot be used.

    Args:
        reason: short category that can be counted: missing, empty, unreadable, truncated, non-finite,
            past end, bad segment, pipe.
        message, where, remedy: as what, where, remedy of UserError.
    """

    def __init__(self, reason: str, message: str, where: str, remedy: str = "") -> None:
        super().__init__(message, where, remedy)
        self.reason = reason


@dataclass(frozen=True)
class AudioInfo:
    """Values of the header: length in seconds, samples per second, channels, format (WAV, FLAC, MP3, OGG, ...)."""

    seconds: float
    rate: int
    channels: int
    kind: str = ""


def audio_info(path: str | os.PathLike[str], allow_pipes: bool = False) -> AudioInfo:
    """Length, rate and channels from the header alone. Raises AudioError (missing, empty, unreadable)."""
    with open_recording(path, allow_pipes) as r:
        return AudioInfo(r.frames / r.rate, r.rate, r.channels, r.kind)


def read_audio(
    path: str | os.PathLike[str], start: float = 0.0, end: float | None = None, allow_pipes: bool = False
) -> Wave:
    """Samples [N] of `path` from `start` to `end` seconds (None: to its end), float32, mono (mean of channels), 16 kHz.

    A part is read by seeking, without decoding what comes before it; the samples are those of the same slice
    of the whole recording (exactly at 16 kHz, within the resampler's rounding otherwise).

    Args:
        path: audio file; `file.ark:offset`; or, with allow_pipes, a shell command that ends in `|`.

    Raises AudioError: missing, empty, unreadable, truncated, non-finite, past end, bad segment, pipe.
    """
    with open_recording(path, allow_pipes) as r:
        return r.part(start, end)


class Recording:
    """An open recording. `read` gives any part of it as mono float32 at the recording's own rate.

    Attributes:
        frames: samples per channel in the file (by the header, for FLAC, MP3 and Ogg).
        promised: samples per channel that the header claims, if more than `frames`; else `frames`.
    """

    def __init__(self, name: str, source: soundfile.SoundFile | tuple[int, np.ndarray[Any, Any]]) -> None:
        self.name = name
        self.file: soundfile.SoundFile | None = None
        if isinstance(source, tuple):
            self.rate, self.wave_NC = source
            self.frames, self.channels = self.wave_NC.shape
            self.kind, self.promised = "ark", self.frames
            return
        self.file = source
        self.rate, self.frames, self.channels = source.samplerate, source.frames, source.channels
        self.kind = str(source.format).replace("WAVEX", "WAV")
        self.promised = self.frames
        sizes = _DATA_SIZE.search(source.extra_info) if self.kind in ("WAV", "RF64") else None
        if sizes and self.frames and int(sizes[2]) < int(sizes[1]) < UNKNOWN_BYTES:
            self.promised = int(sizes[1]) * self.frames // int(sizes[2])
        if self.kind == "MP3" and os.path.isfile(name):
            self._check_length()

    def _check_length(self) -> None:
        counted = counted_samples(self.name) or self.frames
        if abs(counted - self.frames) > max(self.rate / 2, counted / 50):
            raise AudioError(
                "unreadable",
                f"an MP3 of variable bit rate without a length header: {counted / self.rate:.1f} s, "
                f"of which {self.frames / self.rate:.1f} s would be read",
                self.name,
                "convert it to wav or flac",
            )

    def read(self, first: int, last: int) -> Wave:
        """Samples first..last (exclusive) of the recording, mono. Raises AudioError if the file is too short."""
        part_NC = self.wave_NC[first:last] if self.file is None else self._decode(first, last)
        return part_NC[:, 0] if self.channels == 1 else part_NC.mean(axis=1, dtype=np.float32)

    def _decode(self, first: int, last: int) -> Wave:
        assert self.file
        mp3 = self.kind == "MP3"
        skip = min(first, int(PREROLL_SECONDS * self.rate)) if mp3 else 0
        try:
            # One read per seek: soundfile seeks after every read, which makes an MP3 decoder forget its reservoir.
            with QUIET if mp3 else SPEAKS_UP:
                self.file.seek(first - skip)
                part_NC = self.file.read(last - first + skip, dtype="float32", always_2d=True)[skip:]
        except soundfile.LibsndfileError as e:
            output = str(e).removeprefix("Error : ").rstrip(".")
            raise AudioError(
                "truncated", f"cut off or damaged: {output}", self.name, "fetch or export it again"
            ) from None
        lost = last - first - len(part_NC)
        if lost > (2 * 1152 if mp3 and last == self.frames else 0):  # MP3 headers are off by a frame or two
            raise AudioError(
                "truncated",
                f"the header promises {self.frames / self.rate:.2f} s, {lost / self.rate:.2f} s of them are not there",
                self.name,
                "fetch or export it again",
            )
        return part_NC

    def part(self, start: float, end: float | None) -> Wave:
        """Like `read_audio` of this recording, for callers that read many parts of it. Raises AudioError."""
        first, last = _span(self, start, end)
        wave_N = _in_chunks(self.read if self.rate == SAMPLE_RATE else self.resampled, first, last)
        if not np.isfinite(wave_N).all():
            message = "samples that are not numbers (NaN or infinite)"
            raise AudioError("non-finite", message, self.name, "export it again")
        return wave_N

    def blocks(self, seconds: float = 30.0) -> Iterator[Wave]:
        """The whole recording in blocks of at most `seconds`, mono, at its own rate."""
        size = max(1, int(seconds * self.rate))
        for first in range(0, self.frames, size):
            yield self.read(first, min(first + size, self.frames))

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


@contextlib.contextmanager
def open_recording(path: str | os.PathLike[str], allow_pipes: bool = False) -> Iterator[Recording]:
    """A Recording of an audio file, an ark entry or a pipe. Raises AudioError (missing, empty, unreadable, pipe)."""
    name = os.fspath(path)
    if name.endswith("|"):
        yield _checked(Recording(name, _open(io.BytesIO(_piped(name, allow_pipes)), name)))
    elif not os.path.exists(name) and (ark := _ARK.fullmatch(name)):
        if not os.path.exists(ark[1]):
            raise AudioError("missing", "no such ark", ark[1], "mend the path, or run the stage that makes it")
        yield _checked(Recording(name, _from_ark(name)))
    elif not os.path.exists(name):
        raise AudioError("missing", "no such recording", name, "mend the path, or take its line out")
    elif not os.path.isfile(name):
        raise AudioError("unreadable", "not a file", name, "name an audio file")
    elif os.path.getsize(name) == 0:
        raise AudioError("empty", "a file of 0 bytes", name, "fetch or export it again")
    else:
        with _open(name, name) as f:
            yield _checked(Recording(name, f))


def _open(source: str | io.BytesIO, name: str) -> soundfile.SoundFile:
    try:
        with SPEAKS_UP if is_not_mp3(source) else QUIET:
            return soundfile.SoundFile(os.fsencode(source) if isinstance(source, str) else source)
    except (soundfile.LibsndfileError, TypeError) as e:  # TypeError: a headerless .raw
        output = str(e).rpartition(": ")[2].rstrip(".")
        strange = not output or output.startswith(("File does not exist", "Format not recognised"))  # it is there
        message = "not audio: no format that libsndfile knows" if strange else f"not a readable recording: {output}"
        raise AudioError("unreadable", message, name, "convert it to wav or flac") from None
    except PermissionError as e:
        raise AudioError("unreadable", f"no permission to read it ({e.strerror})", name, "chmod it") from None


def _from_ark(name: str) -> tuple[int, np.ndarray[Any, Any]]:
    from .ark import read_wave  # kaldiio takes 0.1 s to import, and few corpora live in arks

    try:
        return read_wave(name)
    except UserError as e:
        raise AudioError("unreadable", e.what, e.where, e.remedy) from None


def _checked(r: Recording) -> Recording:
    if r.frames >= UNKNOWN_FRAMES:
        raise AudioError("unreadable", "a length that its header does not tell", r.name, "convert it to wav")
    if r.frames <= 0:
        raise AudioError("empty", "a header and no samples", r.name, "fetch or export it again")
    return r


def _piped(name: str, allowed: bool) -> bytes:
    if not allowed:
        raise AudioError(
            "pipe", "a command in the place of a file", name, "allow pipes if you trust it, or store the audio"
        )
    ended = subprocess.run(["bash", "-o", "pipefail", "-c", name.rstrip().removesuffix("|")], capture_output=True)
    if ended.returncode or not ended.stdout:
        output = ended.stderr.decode(errors="replace").strip().splitlines()[-1:] or ["no output"]
        raise AudioError(
            "unreadable", f"the command failed (code {ended.returncode}): {output[0]}", name, "run it by hand"
        )
    return ended.stdout


def _span(r: Recording, start: float, end: float | None) -> tuple[int, int]:
    """First and last sample at 16 kHz of start..end seconds."""
    if not (math.isfinite(start) and start >= 0 and (end is None or (math.isfinite(end) and end > start))):
        raise AudioError("bad segment", f"no part of a recording: {start} to {end} s", r.name, "mend segments")
    seconds = r.frames / r.rate
    if r.promised > r.frames and (end is None or end > seconds + OVERSHOOT):
        raise AudioError(
            "truncated",
            f"the header promises {r.promised / r.rate:.2f} s, {seconds:.2f} s are there",
            r.name,
            "fetch or export it again",
        )
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
