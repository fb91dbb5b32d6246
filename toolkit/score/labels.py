"""Labels of utterances, of which classes are made: the tables that `--by` names."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from ..core.errors import UserError
from ..text.invisible import excerpt

_SCORED = re.compile(r"\S.*\s[+-]?((\d*[.,])?\d+e[+-]?\d+|\d*[.,]\d+|\d+(\.\d+)?\s?%)", re.IGNORECASE)


def check_labels(labels: Mapping[str, str], path: Path, ids: Collection[str]) -> None:
    """Raise UserError for labels with a score behind them (`MSA 0.9`), and for a table without any of the ids."""
    if scored := next((id for id, label in labels.items() if _SCORED.fullmatch(label)), None):
        message = f"{scored} has a number behind its label: {excerpt(labels[scored])}"
        raise UserError(message, str(path), "take the column of numbers out: cut -d' ' -f1,2")
    if labels and ids and labels.keys().isdisjoint(ids):
        message = f"no utterance in common: {min(labels)}, ... against {min(ids)}, ..."
        raise UserError(message, f"--by {path}", "name the table of these utterances")
