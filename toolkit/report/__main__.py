"""Tables and a page from result files: RESULTS.md and index.html."""

from __future__ import annotations

from dataclasses import dataclass

from ..core.files import write_text
from ..core.step import Step, main
from .content import gather
from .document import document
from .page import page

VERSION = 4
PLAN = {"mb": 8, "mb_per_hour": 0}
REMADE = True  # a table of its inputs, made in seconds: made anew where it is stale


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


def run(step: Step[ReportConfig]) -> None:
    """RESULTS.md and index.html in the output folder, and a copy of RESULTS.md beside that folder.

    The copy stands outside `step.out` so that a run's table is always exp/RESULTS.md, wherever the page lies. As
    --fresh does not move it aside with the folder, it is taken away first: no old table passes for a new one.
    """
    config, beside = step.config, step.out.parent / "RESULTS.md"
    beside.unlink(missing_ok=True)
    step.input(0, "folders of results")
    content = gather(step.ins, config.recipe, config.preset, config.note, config.synthetic_note)
    text = document(content)
    write_text(step.out / "index.html", page(content))
    write_text(step.out / "RESULTS.md", text)
    write_text(beside, text)
    step.counts["rows"] = len(content.results.rows)
    step.counts["figures"] = sum(len(row.tasks) for row in content.results.rows)
    print(f"  {step.out / 'index.html'}, {beside}")


if __name__ == "__main__":
    main(run, ReportConfig)
