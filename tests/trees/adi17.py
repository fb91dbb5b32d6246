"""ADI-17: Kaldi lists beside whole recordings, or pre-cut segments with the official label files."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trees import RATE, Clip, record, write_lines

VIDEOS = {  # part: YouTube id and label of its videos; ids may begin with a hyphen
    "train": [("--zhvFBThyM", "ALG"), ("-4XyAnmjPw8", "EGY"), ("AB_1234-567", "UAE")],
    "dev": [("2XwBQJ7eHKs", "JOR"), ("8IC2rJgSNDY", "YEM")],
    "test": [("1KidT1HxOyI", "MOR"), ("1dPz4C07nUA", "KSA")],
}
GROUPS = (1, 1, 2, 4, 8)  # clips that make a segment: up to 20 s and more


def cut(clips: Sequence[Clip]) -> dict[str, list[tuple[str, str, list[Clip]]]]:
    """Part -> (video, label, its clips)."""
    shares = {"train": clips[:28], "dev": clips[28:36], "test": clips[32:48]}
    return {
        part: [(video, label, list(shares[part][k :: len(videos)])) for k, (video, label) in enumerate(videos)]
        for part, videos in VIDEOS.items()
    }


def segments(clips: Sequence[Clip]) -> list[tuple[float, float, np.ndarray]]:
    """(begin, end, samples) of pieces of a recording: of one clip, one, two, ... as far as the clips go."""
    pieces, at, left = [], 0.0, list(clips)
    for size in GROUPS:
        part, left = left[:size], left[size:]
        if part:
            wave_N = np.concatenate([clip.wave_N for clip in part])
            whole = wave_N[: len(wave_N) // 160 * 160]  # ids count hundredths of a second
            pieces.append((at, at + len(whole) / RATE, whole))
            at += len(whole) / RATE
    return pieces


def id_of(video: str, start: float, end: float) -> str:
    return f"{video}_{round(start * 100):06d}-{round(end * 100):06d}"


def make(folder: Path, clips: Sequence[Clip], precut: bool = False, below: str = "data") -> None:
    """The whole tree; of every part a segment that no recording has, and in dev one without a label."""
    for part, videos in cut(clips).items():
        labels, lines, of_videos = [], [], []
        for video, label, spoken in videos:
            pieces = segments(spoken)
            of_videos.append(f"{video} {label}")
            for start, end, wave_N in pieces:
                id = id_of(video, start, end)
                labels.append(f"{id} {label}")
                lines.append(f"{id} {video} {start:.2f} {end:.2f}")
                if precut:
                    record(folder / f"{part}_segments" / (label if part == "train" else "") / f"{id}.wav", wave_N)
            if not precut:
                record(folder / "wav" / f"{video}.wav", *[wave_N for _, _, wave_N in pieces])
        labels.append("goneGONEgon_000100-000900 ALG")
        lines.append("goneGONEgon_000100-000900 goneGONEgon 1.00 9.00")
        if precut and part != "train":
            write_lines(folder / f"adi17_official_{part}_label.txt", "id label", *labels)
            if part == "dev":
                record(folder / "dev_segments/strangeONES_000000-000200.wav", clips[0].wave_N)
        if not precut:
            write_lines(folder / below / part / "utt2lang", *of_videos)
            if part != "train":
                write_lines(folder / below / part / "segments", *lines)
                write_lines(folder / below / f"{part}_segments" / "utt2lang", *labels)
