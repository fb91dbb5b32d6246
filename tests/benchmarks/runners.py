"""Contestants that the workers of test_race.py import."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np


class Diarist:
    """Writes its name into a file at every turn, and says that this took some seconds."""

    def __init__(self, name: str, diary: str, seconds: float) -> None:
        self.name, self.diary, self.turns, self.step = name, Path(diary), 0, seconds

    def run(self) -> dict[str, float]:
        with open(self.diary, "a") as f:
            f.write(self.name)
        print("what libraries print does not disturb the race")
        self.turns += 1
        return {"seconds": self.turns * self.step}

    def output(self) -> np.ndarray:
        return np.full(2, self.step)


class Unready:
    """Cannot even begin."""

    def __init__(self) -> None:
        raise ValueError("no such corpus: قصة")


class Mortal(Diarist):
    """Ends in its second turn."""

    def run(self) -> dict[str, float]:
        if self.turns == 1:
            sys.exit("out of memory")
        return super().run()


class Hoarder(Diarist):
    """Holds 200 MB for a moment, in its first turn only."""

    def run(self) -> dict[str, float]:
        if not self.turns:
            np.ones(25_000_000).sum()
        return super().run()
