"""Tables and a page of a distillation, from its result files: RESULTS.md and index.html.

Inputs, told by what lies in them, in any order: data directories, pseudo-labels, the output of pseudo.select and of
pseudo.pack, trainings and networks, the output of score.systems. What is absent is said to be.
"""

from __future__ import annotations

from ..core.step import Step, main
from .config import ReportConfig
from .whisper_content import gather
from .whisper_document import document
from .whisper_page import page
from .written import table_beside, write


def run(step: Step[ReportConfig]) -> None:
    """RESULTS.md and index.html in the output folder, and a copy of RESULTS.md beside that folder."""
    beside = table_beside(step.out)
    step.input(0, "folders of results")
    content = gather(step.ins, step.config)
    write(step.out, document(content), page(content), beside)
    step.counts["systems"] = len(content.distillation.scores.systems) if content.distillation.scores else 0
    step.counts["networks"] = len(content.distillation.trained)


if __name__ == "__main__":
    main(run)
