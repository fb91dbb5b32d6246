"""Whether a corpus's step has decided what is read of recordings of several channels: it names all but the means."""

from __future__ import annotations

from pathlib import Path

from ..core.errors import UserError
from ..core.record import command_of, inputs_of, read_record, within

DECIDES = "data.corpora."
DEEPEST = 8  # steps between a corpus and a set


def of_corpus(folder: Path, depth: int = DEEPEST) -> bool:
    """True if a data directory was made by a step of data/corpora, or by others from such sets alone."""
    place = within(folder.absolute())
    if place is None or not depth:
        return False
    home = place[0]
    try:
        record = read_record(home)
    except UserError:  # whose record it is will say who reads it
        return False
    if command_of(record)[0].startswith(DECIDES):
        return True
    sets = [
        path
        for path in inputs_of(home, record)
        if within(path.absolute()) or any(path.glob("wav.scp")) or any(path.glob("*/wav.scp"))
    ]
    return bool(sets) and all(of_corpus(path, depth - 1) for path in sets)
