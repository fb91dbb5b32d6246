"""Inputs of the steps of this room, recognised by their files: data directories, a codebook, labels, a teacher."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from ..core.errors import UserError
from ..data.kaldi import DataDir, Utterance
from ..data.labels import HEADER, LABELS
from ..data.listen import Listener
from .codebook import ABOUT


@dataclass
class UnitInputs:
    """At most one codebook, labels folder and teacher; any number of data directories, in the order given.

    `twin`: the second labels folder, if two are allowed.
    """

    data: list[Path] = field(default_factory=list)
    codebook: Path | None = None
    labels: Path | None = None
    teacher: Path | None = None
    twin: Path | None = None

    def read(self, trained: bool | None = None) -> tuple[list[Utterance], dict[str, dict[str, str]], Listener]:
        """All utterances of all data directories, sorted by id, their joined tables, and what decodes and judges them.

        Args:
            trained: as in rules_of.

        Raises UserError if there is no data directory, or if two of them have the same id.
        """
        if not self.data:
            raise UserError("no data directory among the inputs", "--in", "name a folder that has wav.scp")
        sets = [DataDir.read(path) for path in self.data]
        utterances = sorted((u for s in sets for u in s.utterances), key=lambda u: u.id)
        twice = sorted(id for id, n in Counter(u.id for u in utterances).items() if n > 1)
        if twice:
            raise UserError(
                f"{len(twice)} utterances are in more than one of the sets: {', '.join(twice[:5])}",
                ", ".join(map(str, self.data)),
                "name each utterance once",
            )
        tables: dict[str, dict[str, str]] = {}
        for s in sets:
            for name, table in s.tables.items():
                tables.setdefault(name, {}).update(table)
        return utterances, tables, Listener.of(sets, trained)


def recognise(paths: list[Path], twins: bool = False) -> UnitInputs:
    """Sort inputs by content. Raises UserError for a second codebook, labels folder or teacher.

    Args:
        twins: allow two folders of labels.
    """
    inputs = UnitInputs()
    for path in paths:
        if (path / "wav.scp").is_file():
            inputs.data.append(path)
            continue
        labels = (path / LABELS).is_file() or (path / HEADER).is_file()
        kind = "codebook" if (path / ABOUT).is_file() else "labels" if labels else "teacher"
        if twins and kind == "labels" and inputs.labels:
            kind = "twin"
        if first := getattr(inputs, kind):
            raise UserError(
                f"neither of these is a data directory, and both would be the {kind}: {first} and {path}",
                "--in",
                "name data directories (with wav.scp) and one of each of the others",
            )
        setattr(inputs, kind, path)
    return inputs
