"""BAVED: <word>/<speaker>-<m|f>-<age>-<word>-<emotion>-<record>.wav."""

from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Twelve speakers of four recordings each, and files that are odd."""
    for i, clip in enumerate(clips):
        speaker, word, emotion = i % 12, (i + i // 12) % 7, i // 12 % 3
        gender = "mf"[speaker % 2]
        record(folder / str(word) / f"{speaker}-{gender}-{20 + speaker}-{word}-{emotion}-{100 + i}.wav", clip.wave_N)
    record(folder / "0/0-m-20-7-0-9.wav", clips[0].wave_N)  # there is no word 7
    record(folder / "0/readme.wav", clips[0].wave_N)
    (folder / "0/1-f-21-0-0-998.wav").write_bytes(b"")
    (folder / "0/1-f-21-0-0-999.wav").write_bytes(b"not audio")
