"""MGB-5: {train,dev}/{part}.txt.bw and {part}.segments.bw in Buckwalter, wavs at any depth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from toolkit.text.buckwalter import to_buckwalter
from toolkit.text.diacritics import strip_diacritics
from trees import Clip, write_lines
from trees.mgb2 import record_all, spans


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Two thirds to train, a sixth each to dev (with two more annotators) and test; the first of each has an UNK."""
    n = len(clips)
    _part(folder, "train", "vlog_1", clips[: n * 2 // 3])
    _part(folder, "dev", "family_7", clips[n * 2 // 3 : n * 5 // 6])
    _part(folder, "test", "sports_2", clips[n * 5 // 6 :])
    times = spans(clips[n * 2 // 3 : n * 5 // 6])
    same, stray = f"family_7_{times[0][0]:.3f}_{times[0][1]:.3f}", "family_7_0.100_0.900"
    for who in ("Annotator2", "Annotator3"):
        write_lines(folder / "dev" / who / "dev.txt.bw", f"{same} mzyAn", f"{stray} bzAf")
        write_lines(
            folder / "dev" / who / "dev.segments.bw",
            f"{same} family_7 {times[0][0]:.3f} {times[0][1]:.3f}",
            f"{stray} family_7 0.1 0.9",
        )


def _part(folder: Path, part: str, video: str, clips: Sequence[Clip]) -> None:
    at = folder / part
    record_all(at / "a/b" / f"{video}.wav", clips)
    ids = [f"{video}_{start:.3f}_{end:.3f}" for start, end in spans(clips)]
    words = [to_buckwalter(strip_diacritics(clip.text)) for clip in clips]
    words[0] = f"UNK {words[0]} UNK"
    lines = [f"{id} {text}" for id, text in zip(ids, words)]
    write_lines(at / f"{part}.txt.bw", *lines, f"{video}_999.000_999.500 slAm")
    segments = [f"{id} {video} {start:.3f} {end:.3f}" for id, (start, end) in zip(ids, spans(clips))]
    write_lines(at / f"{part}.segments.bw", *segments, f"{video}_998.000_998.500 {video} 998 998.5")
