"""Figures of a finished training for its record."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UserError


def outcome(out: Path) -> dict[str, float]:
    """Steps done and skipped, from the last row of loss.tsv. Raises UserError if its rows are gone."""
    lines = [line.split("\t") for line in (out / "loss.tsv").read_text(encoding="utf-8").splitlines()]
    if len(lines) < 2:
        message = "the rows of a finished training are gone, and its last checkpoint cannot make them again"
        raise UserError(message, str(out / "loss.tsv"), "put the file back, or redo the training with --fresh STAGE")
    row = dict(zip(lines[0], lines[-1]))
    return {"steps": int(row["step"]), "skipped_steps": int(row["skipped"])}
