"""How much audio there was: the Kaldi tables of each set."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .resultfile import broken


@dataclass(frozen=True)
class DataSet:
    """A Kaldi data dir in figures. `seconds` is None without utt2dur; `languages` counts utterances."""

    path: Path
    utterances: int
    seconds: float | None
    speakers: int | None
    languages: dict[str, int]
    tables: frozenset[str]

    @property
    def name(self) -> str:
        return self.path.absolute().name

    @property
    def hours(self) -> float | None:
        return None if self.seconds is None else self.seconds / 3600


def read_set(path: Path) -> DataSet:
    """Figures of the data dir at `path`. Raises UserError for a broken table."""
    durations = read_table(path / "utt2dur")
    listed = read_table(path / "segments") or read_table(path / "wav.scp") or {}
    speakers = read_table(path / "utt2spk")
    seconds = None
    if durations is not None:
        try:
            seconds = sum(float(value) for value in durations.values())
        except ValueError as e:
            raise broken(path / "utt2dur", str(e)) from None
    return DataSet(
        path=path,
        utterances=len(listed),
        seconds=seconds,
        speakers=None if speakers is None else len(set(speakers.values())),
        languages=dict(sorted(Counter((read_table(path / "utt2lang") or {}).values()).items())),
        tables=frozenset(f.name for f in path.iterdir() if f.is_file()),
    )


def read_table(path: Path) -> dict[str, str] | None:
    """A Kaldi table, id -> the rest of the line; None where there is no such file."""
    if not path.is_file():
        return None
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except UnicodeDecodeError as e:
        raise broken(path, f"it is not UTF-8 ({e})") from None
    pairs = (line.split(maxsplit=1) for line in lines if line.strip())
    return {pair[0]: pair[1].strip() if len(pair) > 1 else "" for pair in pairs}
