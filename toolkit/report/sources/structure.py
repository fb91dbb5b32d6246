"""structure.json, which train.structure leaves."""

from __future__ import annotations

from pathlib import Path

from ...core.schema import read
from ...core.structure_results import STRUCTURE, Structure
from .resultfile import broken


def read_structure(folder: Path) -> Structure | None:
    """None if no insides were compared there. Raises UserError for a broken file."""
    return read(Structure, folder / STRUCTURE, broken) if (folder / STRUCTURE).is_file() else None
