"""Sets of which all rows are lost: why, with an example, and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence, Set
from pathlib import Path
from typing import Any

from ...core.errors import UserError
from ...core.files import remove
from ...core.step import Step
from ..channels import UNLIKE
from ..judge import PACE

# Reasons that say nothing of the tables: recordings that are not here or cannot be used, and limits of the config.
OF_AUDIO = frozenset(("missing", "empty", "unreadable", "truncated", "several streams", "non-finite", "other length"))
OF_AUDIO |= {"link out of the corpus", "too short", "too long", UNLIKE}
# Remedies where a setting takes all rows of a set; of other reasons the table may be wrong.
LIMITS = {
    "stated length": "if the recordings are whole and that column is wrong, say `take: {stated_lengths: false}`",
    PACE: "if texts and recordings are right, say other min_letters_per_second and max_letters_per_second",
    "WMER": "if its captions are as the release has them, say a larger `most_wmer`",
}
TABLE = "is its table as the release has it? mend it, or take it away"
IN_CONFIG = "in conf/data.yaml of the recipe"


def refuse_lost(kept: Set[str], step: Step[Any], corpus: Path) -> None:
    """Raise UserError for a set of which rows were read and none is an utterance, mostly for what the rows say."""
    for name in sorted(step.ledger.of_sets.keys() - kept):
        lost = step.ledger.of_sets[name]
        of_rows = [row for row in lost if row[1] not in OF_AUDIO]
        if 2 * len(of_rows) > len(lost):
            message = f"{name}: none of its {len(lost):,} rows can be used: {counted(of_rows)}"
            raise _refused(step, message, corpus, _remedy([reason for _, reason, _ in of_rows], TABLE))


def nothing_left(step: Step[Any], corpus: Path, without_rows: str) -> UserError:
    """The error of a corpus without an utterance. `without_rows`: the reason, if no row was left out."""
    lost = [(id, reason, detail) for id, _, reason, detail in step.ledger.rows]
    remedy = _remedy([reason for _, reason, _ in lost], "mend the cause, or the path, or the config")
    return _refused(step, f"nothing is left of the corpus: {counted(lost) or without_rows}", corpus, remedy)


def counted(lost: Iterable[tuple[str, str, str]]) -> str:
    """Rows (id, reason, detail) counted by their reasons, the most first, and the first of these; "" without rows."""
    rows = list(dict.fromkeys(lost))
    counts = Counter(reason for _, reason, _ in rows).most_common()
    if not counts:
        return ""
    id, detail = next((id, detail) for id, reason, detail in rows if reason == counts[0][0])
    return f"{', '.join(f'{count:,} {reason}' for reason, count in counts)}, such as {id}: {detail}"


def _remedy(reasons: Sequence[str], otherwise: str) -> str:
    """What to do about the most frequent reason."""
    reason = Counter(reasons).most_common(1)[0][0] if reasons else ""
    return f"{LIMITS[reason]} {IN_CONFIG}" if reason in LIMITS else otherwise


def _refused(step: Step[Any], message: str, corpus: Path, remedy: str) -> UserError:
    """The error; shards of what is refused are removed, so that the step begins anew with what the user mends."""
    remove(step.out / "shards")
    return UserError(message, str(corpus), remedy)
