"""ways.json, which score.ways leaves."""

from __future__ import annotations

from pathlib import Path

from ...core.schema import read
from ...core.ways_results import WAYS, WaysResult
from .resultfile import broken


def read_ways(folder: Path) -> WaysResult | None:
    """None if no ways were compared there. Raises UserError for a broken file."""
    return read(WaysResult, folder / WAYS, broken) if (folder / WAYS).is_file() else None
