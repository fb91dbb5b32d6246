"""What a report is told beside the result files."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True)
class Published:
    """A table of a paper. Its figures stand apart from those of the run."""

    title: str
    "name of the paper and of the measure"
    columns: tuple[str, ...]
    "headings; the first is that of the rows' names"
    rows: tuple[str, ...]
    "rows: cells parted by |, a dash for what was not published"
    note: str = ""
    "conditions of the figures: data, sizes, what the names mean"

    def __post_init__(self) -> None:
        for row in self.rows:
            if row.count("|") + 1 != len(self.columns):
                message = f"a row of {row.count('|') + 1} cells under {len(self.columns)} headings: {row}"
                raise ValueError(f"published table {self.title}: {message}")


@dataclass(frozen=True)
class ReportConfig:
    """What the result files do not tell."""

    kind: Literal["ssl", "superb", "star", "instruct", "whisper"] = "ssl"
    "recipe kind: which sections the report has, in which order"
    recipe: str = ""
    "name of the recipe in the title; empty: the last two folders of the path it runs in"
    preset: str = ""
    "name of the preset; empty: the folder of conf/ that holds the stages' configs"
    baseline: str = ""
    """system that the marks of the table of systems are against; empty: the last row of features without a network, or,
    of systems that transcribe, the undistilled student if there is one, else the reference system"""
    teachers: dict[str, str] = field(default_factory=dict)
    """student -> its teacher, both rows of the table of systems: what each student has more than its teacher is shown;
    students of networks that this run trained need not be named for the other tables of students"""
    worst: int = 5
    """utterances with the most errors that are shown of each task, with audio and a spectrogram; a larger value makes a
    longer page, whose audio is limited to some megabytes; 0: none"""
    names: dict[str, str] = field(default_factory=dict)
    """what a part of a system's name means, under the table of systems where one bears it, e.g. `ST: a thin student`; *
    stands for any characters"""
    note: str = ""
    "what a reader must know of this recipe, e.g. that each language is one speaker; an empty line begins a paragraph"
    synthetic_note: str = ""
    "what a reader must know of its synthetic audio; left out if no record counts synthetic audio"
    published: dict[str, Published] = field(default_factory=dict)
    "tables of the paper, by any name, shown under the table of systems"

    def __post_init__(self) -> None:
        if self.worst < 0:
            raise ValueError(f"worst is {self.worst}: give 0 or more")
