"""ANAD: 1sec_segmented_part<n>/<the same>/V<video>_<turn> (<unit>).wav and ANAD.csv."""

import math
from collections.abc import Sequence
from pathlib import Path

from trees import RATE, Clip, record, write_lines

EMOTIONS = ("happy", "angry", "surprised")  # of videos, in turn


def make(folder: Path, clips: Sequence[Clip], table: bool = True) -> None:
    """Eight videos, each of one emotion, in units of a second; units that lack a row, and a row that lacks its unit.

    table: with ANAD.csv; else the units lie in folders of their emotions.
    """
    lines = ["name,Emotion ,Type ,ZCRmax"]
    for i, clip in enumerate(clips):
        video = i % 8 + 1
        emotion, part = EMOTIONS[video % 3], f"1sec_segmented_part{i % 3 + 1}"
        below = f"{part}/{part}" if table else emotion
        for unit in range(1, math.ceil(clip.seconds) + 1):
            first = min((unit - 1) * RATE, len(clip.wave_N) - RATE)
            name = f"V{video}_{i // 8 + 1} ({unit}).wav"
            record(folder / below / name, clip.wave_N[first : first + RATE])
            lines.append(f"{name}',{emotion},caller,0.25")
    if table:
        write_lines(folder / "ANAD.csv", *lines, "V9_1 (1).wav',angry,caller,0", "V1_9 (2).wav',bored,caller,0")
        record(folder / "1sec_segmented_part1/1sec_segmented_part1/V1_9 (1).wav", clips[0].wave_N[:RATE])
        record(folder / "1sec_segmented_part1/1sec_segmented_part1/V1_9 (2).wav", clips[0].wave_N[:RATE])
        record(folder / "caller_Reciever_turns/V1_1.wav", clips[0].wave_N)
    record(folder / "V1.wav", clips[0].wave_N)
