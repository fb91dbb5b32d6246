"""Where a report lies: RESULTS.md and index.html in its folder, and a copy of RESULTS.md beside it."""

from __future__ import annotations

from pathlib import Path

from ...core.files import write_text

TABLE, PAGE = "RESULTS.md", "index.html"


def table_beside(out: Path) -> Path:
    """Where the copy will stand, outside `out`: a run's table is always exp/RESULTS.md, wherever the page lies.

    As --fresh does not move it aside with the folder, it is taken away here: no old table passes for a new one.
    """
    beside = out.parent / TABLE
    beside.unlink(missing_ok=True)
    return beside


def write(out: Path, text: str, page: str, beside: Path) -> None:
    """Both forms of the report, and the copy."""
    write_text(out / PAGE, page)
    write_text(out / TABLE, text)
    write_text(beside, text)
    print(f"  {out / PAGE}, {beside}")
