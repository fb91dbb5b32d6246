"""Casablanca: <Dialect>/{validation,test}-00000-of-00001.parquet with embedded audio, as Hugging Face stores it."""

import io
from collections.abc import Sequence
from pathlib import Path

import pyarrow
import pyarrow.parquet
import soundfile

from trees import RATE, Clip

SPLITS = ("validation", "test")


def encoded(clip: Clip, kind: str = "WAV") -> bytes:
    """The clip as a file of this format."""
    buffer = io.BytesIO()
    soundfile.write(buffer, clip.wave_N, RATE, format=kind)
    return buffer.getvalue()


def make(folder: Path, clips: Sequence[Clip], dialects: Sequence[str] = ("Algeria", "Yemen"), ids: str = "") -> None:
    """The clips to each dialect, every fourth to test, in row groups of five, with rows whose audio is bad.

    ids: pattern of seg_id with {programme} and {number}; empty: `serie_<a|b|c|d>_seg_<number>`.
    """
    for dialect in dialects:
        for split in SPLITS:
            part = [c for i, c in enumerate(clips) if (i % 4 == 3) == (split == "test")]
            programme = "abcd" if split == "validation" else "xyz"
            rows = [
                {
                    "audio": {"bytes": encoded(c, ("WAV", "FLAC", "OGG", "MP3")[i % 4]), "path": f"{i}.wav"},
                    "seg_id": (ids or "serie_{programme}_seg_{number}").format(
                        programme=programme[i % len(programme)], number=i
                    ),
                    "transcription": c.text + "،" * (i % 2),
                    "gender": {"m": "male", "f": "female"}[c.gender],
                    "duration": c.seconds,
                }
                for i, c in enumerate(part)
            ]
            rows[2]["audio"] = {"bytes": b"<html>404</html>", "path": "2.wav"}
            rows[3]["audio"] = {"bytes": None, "path": "/elsewhere/3.wav"}
            rows[4]["audio"] = {"bytes": encoded(part[4])[:30], "path": "4.wav"}
            (folder / dialect).mkdir(parents=True, exist_ok=True)
            table = pyarrow.Table.from_pylist(rows)
            pyarrow.parquet.write_table(table, folder / dialect / f"{split}-00000-of-00001.parquet", row_group_size=5)
