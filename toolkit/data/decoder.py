"""Decoding with libsndfile: the streams of a file as one recording, as long as what decodes of them.

Shape legend: N samples, C channels.
"""

from __future__ import annotations

import io
import os
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, BinaryIO

import numpy as np
import soundfile

from .audio_error import AudioError
from .formats import foreign, ogg
from .formats.looks import look, look_at
from .formats.streams import SEVERAL, Look, Stitched, Stream
from .formats.tags import after_tags
from .quiet import QUIET, SPEAKS_UP

PREROLL_SECONDS = {"MP3": 1.0, "OPUS": 3.0}  # what depends on what is before it: decoded, thrown away after a seek
UNKNOWN_FRAMES = 2**62  # samples: libsndfile's value for an unknown length
MP3_DELAY = 2 * 1152  # samples: MP3 headers are off by a frame or two
BLOCK_SECONDS = 30.0  # s that are decoded at once to see how much there is
EMPTY_ID3 = b"ID3\x03\0\0\0\0\0\x0a" + bytes(10)
LAST_FRAME = "its last frame is not whole, and no header tells its length"
FETCH = "fetch or export it again"
CONVERT = "convert it to wav, with ffmpeg or sox"

Samples = np.ndarray[Any, np.dtype[np.float32]]


@dataclass
class _Opened:
    """A stream and its decoder.

    frames: samples per channel that decode; promised: that its header claims; pages: of Vorbis, once they are needed.
    cut: as in Stream.
    """

    stream: Stream
    file: Any
    frames: int = 0
    promised: int = 0
    cut: str = ""
    pages: list[ogg.Page] = field(default_factory=list)


class Decoder:
    """An open audio file, or its bytes in memory. A context manager.

    Attributes:
        rate: samples per second; channels; kind: WAV, FLAC, MP3, OGG, ...
        frames: samples per channel that decode; promised: those that the headers claim, if these are more.
        cut: why its end is missing, as a sentence, where no header tells how much of it; empty if it is not.
        intact: samples per channel, from the beginning, that are at their place if anything is missing.
        notes: oddities that do no harm.

    Raises AudioError: unreadable, empty, truncated, several streams.
    """

    def __init__(self, name: str, source: str | io.BytesIO) -> None:
        self.name, self.source = name, source
        with ExitStack() as self.closing:
            view, self.mpeg = _look(source, name)
            if view.refused:
                reason, message = view.refused
                raise AudioError(reason, message, name, FETCH if reason == "truncated" else CONVERT)
            self.streams = [_Opened(stream, None) for stream in view.streams]
            self.view = view
            self._open()
            first = self.streams[0].file
            self.rate, self.channels = int(first.samplerate), int(first.channels)
            self.kind = str(first.format).replace("WAVEX", "WAV")
            self.preroll = PREROLL_SECONDS.get("MP3" if self.mpeg else first.subtype, 0.0)
            for number, one in enumerate(self.streams):
                try:
                    self._believe(number, one)
                except soundfile.SoundFileError as e:
                    raise self._unreadable(e) from None
            self.closing = self.closing.pop_all()
        self.frames = sum(one.frames for one in self.streams)
        self.promised = sum(one.promised for one in self.streams)
        self.cut = next((one.stream.cut or one.cut for one in self.streams if one.stream.cut or one.cut), "")
        self.intact = self._intact()
        self.notes = view.notes

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.close()

    def _open(self) -> None:
        """Open every stream, again if one failed; a file with nothing odd by its name, which is fastest."""
        view, source, opened = self.view, self.source, self.closing
        for one in self.streams:
            if one.file:
                one.file.close()
        try:
            with QUIET if self.mpeg or view.unknown else SPEAKS_UP:
                if isinstance(source, str) and view.plain(os.path.getsize(source)) and not self._has_fork(source):
                    self.streams[0].file = opened.enter_context(soundfile.SoundFile(os.fsencode(source)))
                    return
                file = opened.enter_context(open(source, "rb")) if isinstance(source, str) else source
                for one in self.streams:
                    one.file = opened.enter_context(soundfile.SoundFile(_stitched(file, one.stream, self.mpeg)))
        except (soundfile.SoundFileError, TypeError) as e:  # TypeError: a headerless .raw
            raise self._unreadable(e) from None

    def _unreadable(self, e: Exception) -> AudioError:
        """The error of a file that libsndfile does not open."""
        with ExitStack() as opened:
            file = opened.enter_context(open(self.source, "rb")) if isinstance(self.source, str) else self.source
            kind, remedy = foreign.name_of(file, file.seek(0, os.SEEK_END))
        if kind:
            read = "" if kind.endswith("no audio") else ", which libsndfile does not read"
            return AudioError("unreadable", f"{kind}{read}", self.name, remedy)
        output = str(e).rpartition(": ")[2].rstrip(".")
        strange = not output or output.startswith(("File does not exist", "Format not recognised"))  # it is there
        message = "not audio: no format that libsndfile knows" if strange else f"not a readable recording: {output}"
        return AudioError("unreadable", message, self.name, "convert it to wav or flac")

    def _has_fork(self, source: str) -> bool:
        """True if a file of macOS lies beside an MP3: libsndfile would open that, as a fork of Sound Designer."""
        folder, name = os.path.split(source)
        return self.mpeg and os.path.exists(os.path.join(folder, f"._{name}"))

    def _believe(self, number: int, one: _Opened) -> None:
        """Set how many samples of a stream decode, and how many its header claims."""
        form = int(one.file.samplerate), int(one.file.channels)
        if form != (self.rate, self.channels):
            a, b = (f"{rate} Hz with {channels} channels" for rate, channels in ((self.rate, self.channels), form))
            raise AudioError(SEVERAL, f"streams of {a} and of {b} in one file", self.name, CONVERT)
        if not one.file.seekable():
            message = f"{self.kind} of {one.file.subtype}, of which no parts can be read: it must be converted"
            raise AudioError("unreadable", message, self.name, CONVERT)
        header = one.frames = int(one.file.frames)
        if header >= UNKNOWN_FRAMES:
            raise AudioError("unreadable", "a length that its header does not tell", self.name, CONVERT)
        damaged = self.kind == "FLAC" and header > 0 and not _ends(one.file)
        if damaged:
            self._open()  # a decoder that failed fails again
        if damaged or (one.stream.doubtful and self.kind != "FLAC"):
            path = self.source
            one.frames = _counted(path, number) if isinstance(path, str) else _count(path, one.stream, self.mpeg)
        lost = header - one.frames > (MP3_DELAY if self.mpeg else 0)
        if lost and not one.stream.promised:
            one.promised, one.cut = one.frames, LAST_FRAME
            return
        one.promised = round(header * one.stream.promised) if lost or one.stream.promised > 1 else one.frames

    def _intact(self) -> int:
        before = 0
        for one in self.streams:
            if one.cut or one.stream.cut or one.promised > one.frames:  # of streams behind it, nothing is at its place
                return before + (one.frames if one.stream.intact is None else min(one.stream.intact, one.frames))
            before += one.frames
        return before

    def decode(self, first: int, last: int) -> Samples:
        """Samples first..last (exclusive) [N, C]. Raises AudioError if they do not decode."""
        parts, at = [], 0
        for one in self.streams:
            a, b = max(first - at, 0), min(last - at, one.frames)
            if a < b:
                parts.append(self._part(one, a, b))
            at += one.frames
        if not parts:
            raise AudioError("empty", f"no sample from {first / self.rate:.4f} s on", self.name, "mend the times")
        return parts[0] if len(parts) == 1 else np.concatenate(parts)

    def _part(self, one: _Opened, first: int, last: int) -> Samples:
        try:
            # One read per seek: soundfile seeks after every read, which makes an MP3 decoder forget its reservoir.
            with QUIET if self.mpeg else SPEAKS_UP:
                if one.file.subtype == "VORBIS" and first:
                    part_NC = self._vorbis(one, first, last)
                else:
                    skip = min(first, int(self.preroll * self.rate))
                    one.file.seek(first - skip)
                    part_NC = one.file.read(last - first + skip, dtype="float32", always_2d=True)[skip:]
        except soundfile.LibsndfileError as e:
            output = str(e).removeprefix("Error : ").rstrip(".")
            self._open()  # a decoder that failed fails again, wherever it reads
            raise AudioError("truncated", f"cut off or damaged: {output}", self.name, FETCH) from None
        lost = last - first - len(part_NC)
        if lost > (MP3_DELAY if self.mpeg and last == one.frames else 0):
            missing = f"{lost / self.rate:.2f} s of them are not there"
            message = f"the header promises {self.frames / self.rate:.2f} s, {missing}"
            raise AudioError("truncated", message, self.name, FETCH)
        return part_NC

    def _vorbis(self, one: _Opened, first: int, last: int) -> Samples:
        """As _part, by pages: libsndfile 1.2.2 misses the sample by up to 3,000 where the sizes of blocks change."""
        (begin, end) = next(part for part in one.stream.parts if isinstance(part, tuple))
        with ExitStack() as opened:
            file = opened.enter_context(open(self.source, "rb")) if isinstance(self.source, str) else self.source
            if not one.pages:
                one.pages = ogg.link(file, begin, end)
            view = Stitched(file, ogg.from_sample(one.pages, first, end))
            late = opened.enter_context(soundfile.SoundFile(view))
            skip = first - (int(one.file.frames) - int(late.frames))
            samples: Samples = late.read(skip + last - first, dtype="float32", always_2d=True)
            return samples[skip:]


def _stitched(file: BinaryIO, stream: Stream, mpeg: bool) -> Stitched:
    """The bytes of a stream; MP3 behind an empty tag, without which libsndfile looks for a file called `._` first.

    Its own tags stay out: libsndfile reads no MP3 behind a second tag that is long, e.g. with a cover.
    """
    begin, *more = stream.parts
    if mpeg and isinstance(begin, tuple):
        begin = after_tags(file, *begin), begin[1]
    return Stitched(file, (EMPTY_ID3, begin, *more) if mpeg else stream.parts)


def _look(source: str | io.BytesIO, name: str) -> tuple[Look, bool]:
    try:
        return look_at(source) if isinstance(source, str) else look(source, len(source.getbuffer()))
    except PermissionError as e:
        raise AudioError("unreadable", f"no permission to read it ({e.strerror})", name, "chmod it") from None


def _ends(file: Any) -> bool:
    """True if the last sample decodes."""
    try:
        file.seek(file.frames - 1)
        return len(file.read(1)) == 1
    except soundfile.LibsndfileError:
        return False


def _count(f: BinaryIO, stream: Stream, mpeg: bool) -> int:
    """Samples per channel that decode, one after another from the beginning."""
    count, step = 0, 1.0
    with QUIET if mpeg else SPEAKS_UP:
        while True:
            with soundfile.SoundFile(_stitched(f, stream, mpeg)) as file:  # again: one that failed fails again
                while block := int(BLOCK_SECONDS * file.samplerate * step):
                    try:
                        file.seek(count)
                        n = len(file.read(block, dtype="float32", always_2d=True))
                    except soundfile.LibsndfileError:  # damage inside the block: how far does it decode?
                        step /= 2
                        break
                    count += n
                    if n < block:
                        return count
                else:
                    return count


def _counted(path: str, number: int) -> int:
    state = os.stat(path)
    return _known(path, number, state.st_size, state.st_mtime_ns)


@lru_cache(maxsize=4096)
def _known(path: str, number: int, size: int, changed: int) -> int:
    """Samples of stream `number` that decode; kept in memory until the file changes."""
    view, mpeg = look_at(path)
    with open(path, "rb") as f:
        return _count(f, view.streams[number], mpeg)
