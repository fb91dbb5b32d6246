"""Configs of the steps of this room. Imports neither torch nor scipy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from ..text.normalise import profile
from .categories import Thresholds


@dataclass(frozen=True)
class CompareConfig:
    """What the comparison draws."""

    seed: int = 1
    "seeds the bootstrap; 0 or more"

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed must be at least 0, not {self.seed}")


@dataclass(frozen=True)
class InspectConfig:
    """What is shown, and where the rules draw their lines."""

    worst: int = 100
    "utterances with the most edits that the page shows"
    drawn: int = 100
    "utterances drawn by seed from the others that the page shows"
    seed: int = 1
    "of what is drawn"
    rules: Thresholds = field(default_factory=Thresholds)
    "where the rules draw their lines"

    def __post_init__(self) -> None:
        for name in ("worst", "drawn"):
            if not 0 <= getattr(self, name) <= 5000:
                raise ValueError(f"{name} must be 0 to 5000, not {getattr(self, name)}")


@dataclass(frozen=True)
class SystemsConfig:
    """How systems are scored, and what is held against what."""

    profiles: tuple[str, ...] = ("orthographic", "sawt")
    "how texts are normalised before they are compared, each by itself; `to-distill` is the paper's"
    reference: str = "teacher"
    "the system that all others are tested against in pairs, and whose hypotheses agreement is measured with"
    floor: str = ""
    "the student before it was distilled: how much of its gap to the reference system is closed; empty: none"
    aside: tuple[str, ...] = ()
    "systems that are no students, a teacher before it was adapted, say, where it was: no share of the gap is theirs"
    pairs: dict[str, str] = field(default_factory=dict)
    """further paired tests, system: those that it is held against, apart by spaces; `filtered: unfiltered truth`. Here
    and in floor, of systems called A.filtered, B.filtered, ..., `filtered` means each, held against its own kind"""
    order: tuple[str, ...] = ()
    "systems in the order in which they are shown, those that there are; others follow as they are given"
    min_speakers: int = 5
    "bootstrap over speakers where the set has at least so many, over utterances otherwise"
    missing: Literal["refuse", "empty"] = "refuse"
    "an utterance that a system did not hear, and another did: an error, or all deletions"
    category_profile: str = "sawt"
    "normalisation under which errors are put into categories"
    rules: Thresholds = field(default_factory=Thresholds)
    "where the rules of the categories draw their lines"
    examples: int = 3
    "utterances of each set, drawn by seed, whose texts are told"
    worst: int = 20
    "utterances with the most edits that each page of alignments shows"
    drawn: int = 20
    "utterances drawn from the others that each page of alignments shows"
    seed: int = 1
    "of the bootstrap and of what is drawn; 0 or more"

    def __post_init__(self) -> None:
        if not self.profiles:
            raise ValueError("profiles must name at least one")
        for name in (*self.profiles, self.category_profile):
            profile(name)
        for name in ("examples", "seed"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, not {getattr(self, name)}")
        if self.min_speakers < 2:
            raise ValueError(f"min_speakers must be at least 2, not {self.min_speakers}: one block has no spread")
        self.pages()

    def pages(self) -> InspectConfig:
        return InspectConfig(self.worst, self.drawn, self.seed, self.rules)
