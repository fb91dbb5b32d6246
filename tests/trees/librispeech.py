"""LibriSpeech: {subset}/{speaker}/{chapter}/*.flac, *.trans.txt."""

from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record, write_lines

SUBSETS = ("train-clean-100", "dev-clean", "test-clean")


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Every third clip to each subset, with a recording that no transcript has and a transcript without a recording."""
    speakers = {name: number for number, name in enumerate(sorted({c.speaker for c in clips}), 19)}
    write_lines(
        folder / "SPEAKERS.TXT",
        ";ID  |SEX| SUBSET           |MINUTES| NAME",
        *(f"{n:<5}| {s[0].upper()} | train-clean-100  | 25.03 | reader {n}" for s, n in speakers.items()),
    )
    for i, clip in enumerate(clips):
        subset, speaker = SUBSETS[0 if i % 4 < 2 else i % 4 - 1], 1000 * (i % 4) + speakers[clip.speaker]
        at = folder / subset / str(speaker) / "198"
        record(at / f"{speaker}-198-{i:04d}.flac", clip.wave_N)
        with open(at / f"{speaker}-198.trans.txt", "a", encoding="utf-8") as f:
            f.write(f"{speaker}-198-{i:04d} {clip.text.upper()}\n")
    last = sorted((folder / SUBSETS[0]).glob("*/198"))[0]
    record(last / f"{last.parent.name}-198-9998.flac", clips[0].wave_N)
    with open(last / f"{last.parent.name}-198.trans.txt", "a", encoding="utf-8") as f:
        f.write(f"{last.parent.name}-198-9999 NOBODY SAYS THIS\n")
