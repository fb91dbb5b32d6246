"""A data directory whose `text` is what a Whisper wrote for it: for sets of which nobody wrote a transcript.

python3 -m toolkit.pseudo.as_text --in data/test LABELS --out dump/by_teacher/test_by_teacher

What is then scored on such a set is agreement with that Whisper, and no error rate. Utterances that it came to no end
of, or wrote nothing for, are left out, with a row of the ledger.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core.errors import UserError
from ..core.step import Step, main
from ..data.edit import restrict
from ..data.find import read_from_here
from ..data.kaldi import WAV, write_data_dir
from ..data.tables import TEXT
from ..score.hypotheses import is_hypotheses, read_hypotheses


@dataclass(frozen=True)
class AsTextConfig:
    """This step has no settings."""


def run(step: Step[AsTextConfig]) -> None:
    """Raises UserError if the inputs are not a data directory and its labels, or nothing is left."""
    sets = [path for path in step.ins if (path / WAV).is_file()]
    labels = [path for path in step.ins if is_hypotheses(path)]
    if len(sets) != 1 or len(labels) != 1:
        raise UserError("a data directory and its labels are wanted", "--in", "name one of each")
    data = read_from_here(sets[0])
    heard = {row.id: row for row in read_hypotheses(labels[0])}
    texts: dict[str, str] = {}
    for u in data.utterances:
        row = heard.get(u.id)
        if row is None:
            step.ledger.drop(u.id, "no label", f"not in {labels[0]}")
        elif not row.ended:
            step.ledger.drop(u.id, "label cut off", row.text[:80])
        elif not row.text.split():
            step.ledger.drop(u.id, "empty label")
        else:
            texts[u.id] = " ".join(row.text.split())
    if not texts:
        raise UserError(
            f"no label of {data.path} can stand for a transcript",
            str(labels[0]),
            f"{step.ledger.reasons()}: see what it wrote",
        )
    kept = {name: table for name, table in data.tables.items() if not TEXT.fullmatch(name)}
    write_data_dir(step.out, {**restrict(kept, texts), "text": texts})
    step.counts |= {"utterances": len(texts)}


if __name__ == "__main__":
    main(run)
