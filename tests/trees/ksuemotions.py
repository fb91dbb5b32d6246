"""KSUEmotions: data/SPEECH/Phase_{1,2}/E<nn>/D<nn>E<nn>P<nnn>S<nn>T<nn>.flac."""

from collections.abc import Sequence
from pathlib import Path

from trees import Clip, record

SPEAKERS = ("P001", "P002", "P003", "P004", "P005", "P006", "P101", "P102", "P103", "P104", "P105", "P106")
NUMBERS = {1: (0, 1, 2, 3, 4), 2: (0, 1, 2, 3, 5)}  # emotions of the phases


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """Twelve speakers, of each two trials in either phase, and files that are odd."""
    speech = folder / "ksu_emotions/data/SPEECH"
    for i, clip in enumerate(clips):
        phase, person = 1 + i // 24 % 2, SPEAKERS[i % 12]
        emotion = NUMBERS[phase][(i + i // 12) % 5]
        name = f"D{phase + 3:02d}E{emotion:02d}{person}S{i % 10:02d}T{1 + i // 12 % 2:02d}"
        record(speech / f"Phase_{phase}" / f"E{emotion:02d}" / f"{name}.flac", clip.wave_N)
    record(speech / "Phase_1/E00/noise.flac", clips[0].wave_N)
    record(speech / "Phase_2/E09/D05E09P104S01T01.flac", clips[0].wave_N)
    (speech / "Phase_1/E01/D04E01P101S77T01.flac").write_bytes(b"fLaC")
    (speech / "Phase_1/E01/D04E01P101S78T01.flac").write_bytes(b"")
