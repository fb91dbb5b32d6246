"""Tables and a page from result files: RESULTS.md and index.html."""

from __future__ import annotations

from ..core.step import Step, main
from .config import ReportConfig
from .content import gather
from .document import document
from .page import page
from .written import table_beside, write


def run(step: Step[ReportConfig]) -> None:
    """RESULTS.md and index.html in the output folder, and a copy of RESULTS.md beside that folder."""
    config, beside = step.config, table_beside(step.out)
    step.input(0, "folders of results")
    content = gather(step.ins, config.recipe, config.preset, config.note, config.synthetic_note)
    write(step.out, document(content), page(content), beside)
    step.counts["rows"] = len(content.results.rows)
    step.counts["figures"] = sum(len(row.tasks) for row in content.results.rows)


if __name__ == "__main__":
    main(run)
