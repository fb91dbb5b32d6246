"""What a report is told beside the result files."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ReportConfig:
    """What the result files do not know."""

    recipe: str = ""
    "name of the recipe in the title; empty: the last two folders of the path it runs in"
    preset: str = ""
    "name of the preset; empty: the folder of conf/ that the stages' configs lie in"
    note: str = ""
    "what a reader must know of this recipe, say that each language is one speaker; an empty line begins another"
    synthetic_note: str = ""
    "what a reader must know of its synthetic audio; left out where no record counts any"
