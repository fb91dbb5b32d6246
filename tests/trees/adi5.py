"""ADI-5: the public lists, and the audio that they name."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record, write_lines

LABELS = ("EGY", "GLF", "LAV", "MSA", "NOR")
ADDRESS = "http://somewhere.example/ArabicDialectIDCorpus"


def names(clips: Sequence[Clip]) -> dict[str, list[tuple[str, str, Clip]]]:
    """Part -> (label, name, clip): names as in the three parts of the corpus."""
    parts: dict[str, list[tuple[str, str, Clip]]] = {"train": [], "dev": [], "test": []}
    for i, clip in enumerate(clips):
        label = LABELS[i % 5]
        video = hashlib.md5(f"video {i // 4}".encode()).hexdigest()
        times = f"{i}.00_{i + clip.seconds:.2f}"
        part, name = "train", f"{label}{i:06d}"
        if i % 3 == 2:
            part, name = ("dev", f"{video}__{times}") if i % 2 else ("test", f"{video}_F_{i // 8:04d}_{times}")
        parts[part].append((label, name, clip))
    return parts


def make(folder: Path, clips: Sequence[Clip], first: int = 1, lists: bool = True) -> None:
    """The tree. first: number of EGY in the reference of test; lists: whether the lists are there.

    train lists an utterance whose audio is gone, and has audio that is in no list.
    """
    for part, rows in names(clips).items():
        below = f"data/{part}.vardial2017" if part != "test" else "data/test.MGB3"
        for label, name, clip in rows:
            inner = f"{part}/{label}" if part != "test" or not lists else "wav"
            record(folder / (below if lists else "") / inner / f"{name}.wav", clip.wave_N)
        if lists:
            inner = "" if part == "test" else f"{part}/"
            addresses = [f"{ADDRESS}/{inner}{'wav' if part == 'test' else label}/{name}.wav" for label, name, _ in rows]
            gone = [f"{ADDRESS}/train/EGY/EGY999999.wav"] if part == "train" else []
            write_lines(folder / below / "wav.lst", *addresses, *gone)
            if part == "train":
                record(folder / below / "train/NOR/NOR777777.wav", rows[0][2].wave_N)
            if part == "test":
                numbers = [f"{name} {LABELS.index(label) + first}" for label, name, _ in rows]
                write_lines(folder / below / "reference", *numbers)
