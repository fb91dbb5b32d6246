"""What --plan states of the disk, and what a run took."""

from __future__ import annotations

import re
from pathlib import Path

from conftest import House

FACTOR = 3.0


def planned_mb(house: House, recipe: str, *words: str) -> tuple[float, dict[str, float]]:
    """(MB in all, stage -> MB) that `--plan` states."""
    code, printed = house.run(recipe, *words, "--plan")
    total = re.search(r"^to write: ([\d,]+) MB", printed, re.M)
    assert code == 0 and total, printed
    rows = (line.split() for line in printed.splitlines())
    stages = {row[1]: float(row[-1].replace(",", "")) for row in rows if row[0].isdigit()}
    return float(total[1].replace(",", "")), stages


def taken_mb(*folders: Path) -> float:
    """MB on the disk, as du counts them."""
    return sum(p.lstat().st_blocks * 512 for folder in folders for p in [folder, *folder.rglob("*")]) / 1e6


def within(planned: float, taken: float) -> bool:
    """True if a plan is not further from what was taken than a factor of 3."""
    return taken / FACTOR <= planned <= taken * FACTOR
