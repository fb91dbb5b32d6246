"""A generated corpus in a folder's data/: how the step that makes it is run, and what must be the same in every run."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]


def environment(nj: int) -> dict[str, str]:
    """Of a step that runs in another folder than the repository."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "SAWT_NJ": str(nj)}


def made(folder: Path) -> dict[str, bytes]:
    """Path -> bytes of all that nj and kills may not change."""
    kept = (p for p in sorted((folder / "data").rglob("*")) if p.is_file() and "log" not in p.parts)
    return {str(p.relative_to(folder)): p.read_bytes() for p in kept if p.name not in ("times.json", ".lock")}
