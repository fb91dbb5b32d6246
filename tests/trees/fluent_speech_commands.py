"""Fluent Speech Commands: data/{train,valid,test}_data.csv, wavs/speakers/<speaker>/<utterance>.wav."""

import csv
from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record

HEADER = ("", "path", "speakerId", "transcription", "action", "object", "location")
INTENTS = (
    ("Turn on the lights, please", "activate", "lights", "none"),
    ("Change language", "change language", "none", "none"),
    ("Switch the lights on in the washroom", "activate", "lights", "washroom"),
)


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Half of the clips to train, a quarter to each of the two others; a row without its recording."""
    parts = {
        "train": clips[: len(clips) // 2],
        "valid": clips[len(clips) // 2 :: 2],
        "test": clips[len(clips) // 2 + 1 :: 2],
    }
    (folder / "data").mkdir(parents=True)
    for part, chosen in parts.items():
        with open(folder / f"data/{part}_data.csv", "w", encoding="utf-8", newline="") as f:
            rows = csv.writer(f)
            rows.writerow(HEADER)
            for i, clip in enumerate(chosen):
                speaker = f"{part[:2]}{clip.speaker}"
                path = f"wavs/speakers/{speaker}/{part}0a-{i:04d}.wav"
                record(folder / path, clip.wave_N)
                rows.writerow((i, path, speaker, *INTENTS[i % 3]))
            if part == "test":
                rows.writerow((99, "wavs/speakers/x/absent.wav", "x", *INTENTS[0]))
