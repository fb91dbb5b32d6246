"""superb.json, which score.superb leaves."""

from __future__ import annotations

from pathlib import Path

from ...core.schema import read
from ...core.superb_results import SUPERB, SuperbResult
from .resultfile import broken


def read_superb(folder: Path) -> SuperbResult | None:
    """None if nothing was scored there. Raises UserError for a broken file."""
    return read(SuperbResult, folder / SUPERB, broken) if (folder / SUPERB).is_file() else None
