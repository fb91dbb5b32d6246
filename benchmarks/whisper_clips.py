"""The table of clips that the races of Whisper are run on, read by ours and by the peers alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

TABLE = "clips.tsv"
MOST_WRITTEN = 225  # tokens of a clip
WARMING = 4  # clips of the round that does not count


@dataclass(frozen=True)
class Clip:
    """A line of the table of clips.

    Attributes:
        transcript: empty if nobody wrote one.
    """

    id: str
    language: str
    seconds: float
    transcript: str


def clip_path(folder: Path, clip: Clip) -> Path:
    """Its wav file."""
    return folder / f"{clip.id}.wav"


def read_clips(folder: Path) -> list[Clip]:
    """The table, in its order: language by language, by id."""
    rows = [line.split("\t") for line in (folder / TABLE).read_text(encoding="utf-8").splitlines()]
    return [Clip(id, language, float(seconds), transcript) for id, language, seconds, transcript in rows]


def turn(clips: Sequence[Clip], number: int, rounds: int) -> list[Clip]:
    """The clips of round `number` of so many, which together have each clip once; of round -1, the warm-up, a few."""
    return list(clips[number::rounds] if number >= 0 else clips[:WARMING])
