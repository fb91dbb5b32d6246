"""SADA: {train,valid,test}.csv and batch_1/<show>/<file>.wav."""

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trees import RATE, Clip, record

HEADER = """FileName ShowName FullFileLength SegmentID SegmentLength SegmentStart SegmentEnd SpeakerAge SpeakerGender
SpeakerDialect Speaker Environment GroundTruthText ProcessedText"""
COLUMNS = HEADER.split()
DIALECTS = ("Najdi", "Hijazi", "Khaliji", "Unknown", "More than 1 speaker", "Janubi")
PAUSE = np.zeros(RATE // 4, np.float32)


def write_table(path: Path, rows: Sequence[dict[str, object]], columns: Sequence[str] = COLUMNS) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8-sig", newline="") as f:
        writer = csv.DictWriter(f, columns)
        writer.writeheader()
        writer.writerows(rows)


def make(folder: Path, clips: Sequence[Clip], renamed: dict[str, str] | None = None) -> None:
    """Two thirds of the clips to train, a sixth each to valid and test; six to a recording, and rows that are odd.

    renamed: columns that have another name.
    """
    train = [clip for i, clip in enumerate(clips) if i % 3 < 2]
    for table, part in (("train", train), ("valid", clips[2::6]), ("test", clips[5::6])):
        rows: list[dict[str, object]] = []
        for first in range(0, len(part), 6):
            file, at, waves = f"batch_1/6k_SBA/6k_SBA_{table}_{first}.wav", 0.0, []
            for i, clip in enumerate(part[first : first + 6], first):
                waves += [clip.wave_N, PAUSE]
                name = "nan" if i == 1 else "More than 1 speaker" if i == 3 else f"Speaker{i % 2 + 1}"
                times = {"SegmentStart": f"{at:.3f}", "SegmentEnd": f"{at + clip.seconds:.3f}"}
                text = {2: f"{clip.text} [غير واضح]", 4: "", 5: f"قال، {clip.text}"}.get(i, clip.text)
                rows.append(
                    {"FileName": file, "ShowName": "مسلسل", "SegmentID": f"{Path(file).stem}-seg_{i}", **times}
                    | {"SpeakerGender": {"m": "Male", "f": "Female"}[clip.gender], "SpeakerDialect": DIALECTS[i % 6]}
                    | {"Speaker": name, "GroundTruthText": clip.text, "ProcessedText": text}
                )
                at += clip.seconds + 0.25
            record(folder / file, *waves)
        shared = {"SpeakerDialect": "Klingon", "Speaker": "Speaker1", "ProcessedText": "كلام"}
        times = {"SegmentStart": "0.5", "SegmentEnd": "1.5"}
        rows += [
            shared | times | {"FileName": "batch_1/gone.wav", "SegmentID": f"{table}-gone"},
            shared | times | {"FileName": "../../outside.wav", "SegmentID": f"{table}-outside"},
            shared | {"FileName": file, "SegmentID": f"{table}-late", "SegmentStart": "9000", "SegmentEnd": "9001"},
            shared | {"FileName": file, "SegmentID": f"{table}-never", "SegmentStart": "x", "SegmentEnd": "y"},
        ]
        renamed = renamed or {}
        write_table(
            folder / f"{table}.csv",
            [{renamed.get(k, k): v for k, v in row.items()} for row in rows],
            [renamed.get(c, c) for c in COLUMNS],
        )
