"""Store of transcriptions by audio, model and settings: nothing is transcribed twice.

A folder has a file per process; a line is a batch. After a kill in the middle of a line the whole batch is missing, so
a resumed run makes the same batches as an uninterrupted one. Of a set that has grown, only new audio is decoded, in
batches of its own: the last digit of a sum may then differ from a run without a store.
"""

from __future__ import annotations

import json
import os
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

from ..core.record import digest
from ..data.kaldi import Utterance

StoredLabel = dict[str, Any]


def audio_key(utterance: Utterance) -> str:
    """Key of the audio: its file with size and time of change, the part and channel of it; not the utterance's id."""
    path = utterance.path
    file = path if os.path.exists(path) else path.rpartition(":")[0]  # an entry of an ark
    state = os.stat(file) if os.path.exists(file) else None
    size, changed = (state.st_size, state.st_mtime_ns) if state else (0, 0)
    where = os.path.realpath(file) if state else file
    parts = [where, path != file and path, size, changed, utterance.start, utterance.end]
    return digest(json.dumps([*parts, utterance.channel] if utterance.channel else parts).encode())


class Store:
    """Transcriptions by key, of one model with one set of settings."""

    def __init__(self, folder: Path, wanted: Container[str] | None = None) -> None:
        """`wanted`: keys that will be asked for, as a store may have a million others; None: all."""
        self.folder, self.wanted = folder, wanted
        self.rows: dict[str, StoredLabel] = {}
        for path in sorted(folder.glob("*.jsonl")) if folder.is_dir() else ():
            self._read(path)

    def _read(self, path: Path) -> None:
        with open(path, "rb") as f:
            for line in f:
                try:
                    batch = json.loads(line).items()
                except (ValueError, AttributeError, RecursionError):
                    continue  # the line that a killed process was writing
                self.rows.update({key: row for key, row in batch if self._wants(key) and _is_result(row)})

    def _wants(self, key: str) -> bool:
        return self.wanted is None or key in self.wanted

    def add(self, rows: Mapping[str, StoredLabel]) -> None:
        """Keep a batch, in memory and on the disk."""
        self.rows.update(rows)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / f"{os.uname().nodename}.{os.getpid()}.jsonl"
        line = json.dumps(rows, ensure_ascii=False).encode() + b"\n"
        with open(path, "ab") as f:
            if f.tell() and not _ends_well(path):  # of a killed process with the same number
                f.write(b"\n")
            f.write(line)


def _is_result(row: Any) -> bool:
    """True if a row is a transcription. Audio that could not be read is tried again: the cause may be gone."""
    heard = row.get("hypothesis") if isinstance(row, dict) and isinstance(row.get("took"), int | float) else None
    return isinstance(heard, dict) and isinstance(heard.get("text"), str) and isinstance(heard.get("segments"), list)


def _ends_well(path: Path) -> bool:
    with open(path, "rb") as f:
        f.seek(-1, os.SEEK_END)
        return f.read(1) == b"\n"
