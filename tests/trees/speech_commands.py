"""Speech Commands v0.01: <word>/<speaker>_nohash_<n>.wav, _background_noise_/*.wav; of the test <class>/*.wav."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from trees import RATE, Clip, record

# Hashes of speakers that stand in the archive's own validation_list.txt and testing_list.txt, and in neither.
DEV = ("026290a7", "060cd039", "099d52ad")
TESTING = ("0c40e715", "0ea0e2f4")
TRAIN = ("00176480", "004ae714", "0a7c2a8d")
WORDS = ("yes", "no", "bed", "happy")
NOISES = {"pink_noise": 10.5, "running_tap": 7.0}  # seconds


def make(folder: Path, clips: Sequence[Clip]) -> None:
    """folder/train and folder/test, as the two archives are unpacked."""
    waves = iter([clip.wave_N for clip in clips] * 9)
    for word in WORDS:
        for speaker in (*DEV, *TESTING, *TRAIN):
            record(folder / f"train/{word}/{speaker}_nohash_0.wav", next(waves))
    rng = np.random.default_rng(1)
    for name, seconds in NOISES.items():
        noise_N = 0.1 * rng.standard_normal(round(seconds * RATE))
        record(folder / f"train/_background_noise_/{name}.wav", noise_N)
    (folder / "train/_background_noise_/README.md").write_text("noise\n")
    for word in ("yes", "no"):
        record(folder / f"test/{word}/{TESTING[0]}_nohash_0.wav", next(waves))
    record(folder / f"test/_unknown_/bed_{TESTING[1]}_nohash_0.wav", next(waves))
    record(folder / "test/_silence_/pink_noise_7.wav", next(waves))
