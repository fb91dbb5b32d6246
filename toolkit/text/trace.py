"""What each step of a profile did to a text: line by line, and in sum."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from ..core.errors import inert
from .lines import SHOWN, Line, columns
from .steps import Step

AROUND = 12  # characters that an example shows on both sides of what changed


class Traced(Protocol):
    """A profile, as far as it is needed here."""

    @property
    def id(self) -> str: ...

    @property
    def steps(self) -> tuple[Step, ...]: ...

    def trace(self, text: str) -> list[tuple[Step, str, str]]: ...


@dataclass
class Tally:
    """What one step did to all lines."""

    step: Step
    lines: int = 0
    """lines that it changed"""
    letters: int = 0
    """letters (Unicode category L, each with its marks one) that are fewer after it, summed over the lines"""
    example: str = ""
    """the first change, with what stands around it"""

    def add(self, before: str, after: str) -> None:
        """Count a line that the step changed."""
        self.lines += 1
        self.letters += max(0, letters_in(before) - letters_in(after))
        self.example = self.example or example(before, after)


def letters_in(text: str) -> int:
    """Letters of a text, a presentation form counted as the letters it stands for, a tatweel as none."""
    plain = unicodedata.normalize("NFKD", text)
    return sum(unicodedata.category(c).startswith("L") and c != "\u0640" for c in plain)


def changed_characters(before: str, after: str) -> str:
    """Which characters are fewer or more than before, by code point: what changed may be invisible."""
    old, new = Counter(before), Counter(after)
    parts = [f"{sign}{named}" for sign, more in (("-", old - new), ("+", new - old)) for named in _named(more)]
    return ", ".join(parts) or "their order"


def _named(characters: Counter[str]) -> list[str]:
    many = [*characters.items()]
    named = [
        f"U+{ord(c):04X} {unicodedata.name(c, 'without a name')}" + (f" ×{n}" if n > 1 else "") for c, n in many[:SHOWN]
    ]
    return named + ([f"{len(many) - SHOWN} other characters"] if len(many) > SHOWN else [])


def example(before: str, after: str) -> str:
    """The first place at which two texts differ, with some characters around it: `... a ... -> ... b ...`."""
    start = next((i for i, (a, b) in enumerate(zip(before, after)) if a != b), min(len(before), len(after)))

    def window(text: str) -> str:
        low, high = max(0, start - AROUND), start + AROUND
        return "…" * (low > 0) + text[low:high] + "…" * (high < len(text))

    return f"{window(before)} → {window(after)}"


def show_trace(profile: Traced, lines: Iterable[Line]) -> None:
    """Print, for each line that the profile changes, the steps that did and how; then the table of all steps."""
    tallies = [Tally(step) for step in profile.steps]
    read = changed = 0
    for line in lines:
        read += 1
        changes = [(i, *one) for i, one in enumerate(profile.trace(line.text)) if one[1] != one[2]]
        if not changes:
            continue
        changed += 1
        print(inert(f"{line.where}{f' {line.id}' if line.id else ''}: {line.text}"))
        for i, step, before, after in changes:
            tallies[i].add(before, after)
            print(inert(f"  {i + 1:2}. {step.name}: {after}\n      {changed_characters(before, after)}"))
    print(f"{profile.id}: {changed:,} of {read:,} lines changed")
    print(inert(summary(tallies)))


def summary(tallies: Iterable[Tally]) -> str:
    """The table: each step, how many lines it changed, how many letters it removed, an example."""
    rows = [(t.step.name, f"{t.lines:,}", f"{t.letters:,}", t.example) for t in tallies]
    return columns([("step", "lines changed", "letters removed", "example"), *rows], (1, 2))
