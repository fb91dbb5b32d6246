"""The audio of utterances, found by their ids in the data directories that the report is given."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from .datasets import DataSet, read_table
from .resultfile import broken

RATE = 16_000  # Hz of every wave that is read
Wave = np.ndarray[Any, np.dtype[np.float32]]


@dataclass(frozen=True)
class Clip:
    """A stretch of a recording, in seconds; `end` None: to its end; `side` A or B of two channels, else their mean."""

    wav: str
    start: float = 0.0
    end: float | None = None
    side: str = ""


class SetTables(NamedTuple):
    """Tables of a data directory: recording -> file, utterance -> segment, recording -> A or B of two channels."""

    wavs: dict[str, str]
    segments: dict[str, str] | None
    sides: dict[str, str]


@dataclass
class Recordings:
    """Utterances of data directories. Their tables are read when they are first asked for."""

    sets: Sequence[DataSet]
    _tables: dict[Path, SetTables] = field(default_factory=dict)

    def clip(self, id: str, first: str = "") -> Clip | None:
        """Where an utterance lies; None if no set has it. The set called `first` is looked into before the others.

        Raises UserError for a broken table.
        """
        for data in sorted(self.sets, key=lambda data: data.name != first):
            tables = self._of(data.path)
            if tables.segments is None and id in tables.wavs:
                return Clip(tables.wavs[id], side=tables.sides.get(id, ""))
            if tables.segments is not None and id in tables.segments:
                return _segment(data.path / "segments", id, tables)
        return None

    def _of(self, path: Path) -> SetTables:
        if path not in self._tables:
            channels = read_table(path / "reco2file_and_channel") or {}
            sides = {recording: value.split()[-1] for recording, value in channels.items() if value}
            self._tables[path] = SetTables(read_table(path / "wav.scp") or {}, read_table(path / "segments"), sides)
        return self._tables[path]


def _segment(path: Path, id: str, tables: SetTables) -> Clip:
    assert tables.segments is not None
    try:
        recording, start, end = tables.segments[id].split()
        until = None if float(end) < 0 else float(end)
        return Clip(tables.wavs[recording], float(start), until, tables.sides.get(recording, ""))
    except (ValueError, KeyError):
        raise broken(path, f"the line of {id} is not a recording of wav.scp, a start and an end") from None


def read_wave(clip: Clip) -> tuple[Wave, str]:
    """The samples [N] of a clip, mono at 16 kHz; none, and the reason, for audio that the page cannot have.

    Reads what libsndfile reads. Pipes are not run, and archives not opened: only the data room does that.
    """
    nothing = np.zeros(0, np.float32)
    if clip.wav.endswith("|"):
        return nothing, "its audio comes from a command"
    if not Path(clip.wav).is_file():
        return nothing, f"no file {clip.wav}"
    import soundfile  # here, as the other libraries of audio: most reports show none
    import soxr

    try:
        with soundfile.SoundFile(clip.wav) as f:
            rate, last = f.samplerate, f.frames if clip.end is None else min(round(clip.end * f.samplerate), f.frames)
            f.seek(first := min(round(clip.start * rate), last))
            channels_NC = f.read(last - first, dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as e:
        return nothing, f"{clip.wav} cannot be read: {e.error_string}"
    index = {"A": 0, "B": 1}.get(clip.side, int(clip.side) - 1 if clip.side.isdecimal() else 0)
    wave_N = channels_NC[:, min(index, channels_NC.shape[1] - 1)] if clip.side else channels_NC.mean(1)
    wave_N = wave_N if rate == RATE else soxr.resample(wave_N, rate, RATE)
    return (wave_N, "") if len(wave_N) else (nothing, "its audio has no samples")


def flac(wave_N: Wave) -> bytes:
    """A FLAC file of 16 bits: half the size of a wav, and every browser plays it."""
    import soundfile

    buffer = io.BytesIO()
    soundfile.write(buffer, np.clip(wave_N, -1.0, 1.0), RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
