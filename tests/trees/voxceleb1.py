"""VoxCeleb1: [{dev,test}/]wav/<speaker>/<video>/<number>.wav, iden_split.txt, vox1_meta.csv."""

from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record, write_lines

VIDEOS = ("1zcIwhmdeo4", "-abc_defgh-", "ijklmnopq_9")


def make(folder: Path, clips: Sequence[Clip], archives: bool = True) -> None:
    """Five clips a speaker: three to train, one to dev, one to test; a recording that the list does not name.

    Args:
        archives: speakers lie in dev/wav and test/wav, else all in wav.
    """
    lines, speakers = [], len(clips) // 5
    for i, clip in enumerate(clips[: 5 * speakers]):
        speaker, number = 10001 + i // 5, i % 5
        place = ("dev/wav" if i // 5 % 2 else "test/wav") if archives else "wav"
        rel = f"id{speaker}/{VIDEOS[max(number - 2, 0)]}/{1 + number:05d}.wav"
        record(folder / place / rel, clip.wave_N)
        lines.append(f"{(1, 1, 1, 2, 3)[number]} {rel}")
    record(folder / place / f"id{speaker}/{VIDEOS[0]}/00099.wav", clips[0].wave_N)
    write_lines(folder / "iden_split.txt", *lines)
    genders = [f"id{10001 + i}\tName_{i}\t{'mf'[i % 2]}\tUK\tdev" for i in range(speakers)]
    write_lines(folder / "vox1_meta.csv", "VoxCeleb1 ID\tVGGFace1 ID\tGender\tNationality\tSet", *genders)
