"""What the races found, as Markdown."""

from __future__ import annotations

import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import Any

from toolkit.core.errors import UserError
from toolkit.core.files import write_text
from toolkit.core.record import commit

from .race import OURS, PEERS, ROOT, Result


@dataclass(frozen=True)
class Claim:
    """How many times as good ours is as a peer, and how many times it was meant to be.

    Attributes:
        name: what is compared, e.g. "MFCC, 1 thread".
        against: the peer.
        wanted: the smallest ratio that we aim for.
        ratios: a value per round; NaN if ours did not do the same as the peer.
    """

    name: str
    against: str
    wanted: float
    ratios: Sequence[float]

    @property
    def reached(self) -> bool:
        return median(self.ratios) >= self.wanted


@dataclass(frozen=True)
class Page:
    """A page of races that are published together.

    Attributes:
        file: in benchmarks/; its summary stands in the README between `begin` and `end`.
        about: of the input, a sentence.
    """

    file: str
    about: str

    @property
    def begin(self) -> str:
        return f"<!-- {self.file}: made by `make bench` -->"

    @property
    def end(self) -> str:
        return f"<!-- {self.file} end -->"


@dataclass
class Section:
    """One race: what was run, who took how long, what follows from it; `pictures`: SVG by the name of its file."""

    title: str
    conditions: str
    header: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    claims: list[Claim] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    pictures: dict[str, str] = field(default_factory=dict)

    def tree(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_tree(cls, tree: dict[str, Any]) -> Section:
        return cls(**{**tree, "claims": [Claim(**claim) for claim in tree["claims"]]})


def figure(value: float) -> str:
    """To three significant digits, without exponent where it is large."""
    return f"{float(f'{value:.3g}'):,.0f}" if value >= 99.95 else f"{value:#.3g}"


def spread(values: Sequence[float]) -> str:
    """`median [least, most]`."""
    middle, least, most = map(figure, (median(values), min(values), max(values)))
    return middle if len(values) == 1 else f"{middle} [{least}, {most}]"


def seconds_and_memory(result: Result) -> list[str]:
    """Cells that nearly every race shows of a contestant."""
    return [result.name, spread(result.values("seconds")), f"{max(result.values('peak_mb')):,.0f}"]


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table, all columns but the first to the right."""
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def summary(sections: Sequence[Section]) -> str:
    """Every claim in a row."""
    rows = [
        [c.name, c.against, f"{c.wanted:g}×", f"{spread(c.ratios)}×", "yes" if c.reached else "**no**"]
        for section in sections
        for c in section.claims
    ]
    return markdown(["Ours", "against", "wanted", "found: median [least, most]", "reached"], rows)


def whole(page: Page, sections: Sequence[Section], rounds: int, date: str) -> str:
    """The page: summary, machine, then each race."""
    parts = [f"# Benchmarks, {date}\n\n", summary(sections), "\n## Machine and versions\n\n", *machine()]
    parts.append(
        f"\nMedians of {rounds} rounds, with the least and the most, after a warm-up unless it says otherwise. In a "
        "round everyone has one turn, alone on the machine, on the same input; ratios are taken round by round. Peak, "
        f"unless it says otherwise: most resident memory of the process, input and libraries included. {page.about}\n"
    )
    return "".join([*parts, *(f"\n{part(section)}" for section in sections)])


def part(section: Section) -> str:
    """Of a page: one race."""
    table, notes = markdown(section.header, section.rows), "".join(f"\n{note}\n" for note in section.notes)
    pictures = "".join(f"\n![{section.title}]({name})\n" for name in section.pictures)
    return f"## {section.title}\n\n{section.conditions}\n\n{table}{notes}{pictures}"


def machine() -> list[str]:
    """Lines on the hardware and on both environments."""
    known = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
    cpu = next((value.strip() for name, _, value in known if name.strip() == "model name"), platform.machine())
    cores, memory = len(os.sched_getaffinity(0)), os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    ours = ", ".join(f"{name} {version(name)}" for name in ("torch", "numpy", "rapidfuzz"))
    named = ("torch", "torchaudio", "transformers", "scikit-learn", "faiss-cpu", "numpy", "jiwer")
    ask = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {named}))"
    theirs = subprocess.run([str(PEERS), "-c", ask], capture_output=True, text=True, check=True).stdout.strip()
    python = subprocess.run([str(OURS), "-V"], capture_output=True, text=True, check=True).stdout.strip()
    return [
        f"- {cpu}, {cores} cores, {memory:.0f} GiB, no GPU used; {platform.system()}, {python}\n",
        f"- ours: commit {commit()}, {ours}\n",
        f"- the peers, in an environment of their own: {theirs}\n",
    ]


def publish(page: Page, text: str, sections: Sequence[Section], date: str) -> None:
    """The page, and the summary between its marks in the README.

    Raises UserError if the README has no marks.
    """
    readme = ROOT / "README.md"
    link = f"{date}; [hardware, versions, every figure](benchmarks/{page.file})"
    told = between_marks(page, readme.read_text(encoding="utf-8"), f"{summary(sections)}\n{link}")
    write_page(ROOT / "benchmarks", page, text, sections)
    write_text(readme, told)


def write_page(folder: Path, page: Page, text: str, sections: Sequence[Section]) -> None:
    """The page with its pictures."""
    write_text(folder / page.file, text)
    for section in sections:
        for name, svg in section.pictures.items():
            write_text(folder / name, svg)


def between_marks(page: Page, text: str, inside: str) -> str:
    """`text` with `inside` between the page's marks. Raises UserError unless they are there, once and in this order."""
    before, begin, rest = text.partition(page.begin)
    _, end, after = rest.partition(page.end)
    if not (begin and end) or page.begin in rest or page.end in after:
        remedy = f"a line {page.begin}, then one {page.end}"
        raise UserError("no place for the summary of the benchmarks", "README.md", remedy)
    return f"{before}{page.begin}\n\n{inside}\n\n{page.end}{after}"
