"""What the races found, as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median

from .race import OURS, PEERS, ROOT, Result

BEGIN, END = "<!-- benchmarks: made by `make bench` -->", "<!-- benchmarks end -->"


@dataclass(frozen=True)
class Claim:
    """How many times as good ours is as a peer, and how many times it was meant to be.

    Attributes:
        what: is compared; against: the peer.
        wanted: the least that was meant; less than 1 is never meant.
        found: round by round.
    """

    what: str
    against: str
    wanted: float
    found: Sequence[float]

    @property
    def reached(self) -> bool:
        return median(self.found) >= self.wanted


@dataclass
class Section:
    """One race: what was run, who took how long, what follows from it."""

    title: str
    conditions: str
    header: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def spread(values: Sequence[float], digits: int = 3) -> str:
    """`median [least, most]`, to so many significant digits."""
    middle, least, most = (f"{v:#.{digits}g}".rstrip(".") for v in (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} [{least}, {most}]"


def seconds_and_memory(result: Result) -> list[str]:
    """Cells that nearly every race shows of a contestant."""
    return [result.contestant.name, spread(result.values("seconds")), f"{max(result.values('peak_mb')):,.0f}"]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def summary(sections: Sequence[Section]) -> str:
    """Every claim in a row."""
    rows = [
        [c.what, c.against, f"{c.wanted:g}×", f"{spread(c.found)}×", "yes" if c.reached else "**no**"]
        for section in sections
        for c in section.claims
    ]
    return markdown(["Ours", "against", "wanted", "found: median [least, most]", "reached"], rows)


def whole(sections: Sequence[Section], rounds: int, date: str) -> str:
    """The page: summary, machine, then each race."""
    parts = [f"# Benchmarks, {date}\n", summary(sections), "\n## Machine and versions\n", *machine()]
    parts.append(
        f"\nMedians of {rounds} rounds after one that does not count, with the least and the most. In a round everyone "
        "has one turn, alone on the machine, on the same input; ratios are taken round by round. Peak: most resident "
        "memory of the process, input and libraries included. The speech is synthetic (eSpeak NG, egs/mini).\n"
    )
    for s in sections:
        parts += [f"\n## {s.title}\n\n{s.conditions}\n\n", markdown(s.header, s.rows), *(f"\n{n}\n" for n in s.notes)]
    return "".join(parts)


def machine() -> list[str]:
    """Lines on the hardware and on both environments."""
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True).stdout
    changed = subprocess.run(
        ["git", "status", "--porcelain", "--untracked-files=no"], cwd=ROOT, capture_output=True, text=True
    ).stdout
    ours = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy"))
    named = ("torch", "torchaudio", "transformers", "scikit-learn", "faiss-cpu", "numpy")
    ask = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {named}))"
    theirs = subprocess.run([str(PEERS), "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    python = subprocess.run([str(OURS), "-V"], capture_output=True, text=True, check=True).stdout.strip()
    return [
        f"- {cpu}, {len(os.sched_getaffinity(0))} cores, {memory:.0f} GiB, no GPU; {platform.system()}, {python}\n",
        f"- ours: commit {commit.strip() or 'unknown'}{' with changes' if changed else ''}, {ours}\n",
        f"- the peers, in an environment of their own: {theirs}\n",
    ]


def publish(page: str, sections: Sequence[Section], date: str) -> None:
    """benchmarks/RESULTS.md, and the summary between its marks in the README."""
    (ROOT / "benchmarks/RESULTS.md").write_text(page, encoding="utf-8")
    readme = ROOT / "README.md"
    before, _, rest = readme.read_text(encoding="utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    inside = (
        f"{BEGIN}\n\n{summary(sections)}\n{date}; [hardware, versions, every figure](benchmarks/RESULTS.md)\n\n{END}"
    )
    readme.write_text(before + inside + after, encoding="utf-8")
