"""Tables and a page of a run, from its result files: RESULTS.md and index.html.

Inputs, told by what lies in them, in any order: data directories, codebooks, unit quality, networks, task runs, paired
tests, pseudo-labels, selections, windows, scores of systems. What is absent is said to be.
"""

from __future__ import annotations

from ..core.step import Step, main
from .config import ReportConfig
from .kinds import gather
from .render.html import page
from .render.markdown import document
from .render.written import table_beside, write


def run(step: Step[ReportConfig]) -> None:
    """RESULTS.md and index.html in the output folder, and a copy of RESULTS.md beside that folder."""
    beside = table_beside(step.out)
    step.input(0, "folders of results")
    report, results = gather(step.ins, step.config)
    write(step.out, document(report), page(report), beside)
    step.counts["systems"] = len(results.board.systems)
    step.counts["codebooks"] = len(results.codebooks)
    step.counts["networks"] = len(results.trainings)


if __name__ == "__main__":
    main(run)
