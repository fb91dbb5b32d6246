"""Find the recordings of a folder tree, and check each."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ..core.errors import UserError
from ..core.files import sha256_of
from ..core.record import is_output
from ..text.invisible import shown
from .audio import Wave
from .channels import SIDE_OF, Choice
from .check import KINDS, check_channels
from .cut import CutConfig, Energy, cut
from .judge import Limits
from .tables import few

FOREIGN = frozenset((".m4a", ".aac", ".amr", ".wma", ".mp4", ".webm", ".mkv", ".3gp", ".ape", ".ra", ".mpc", ".shn"))
TABLE = ".tsv"  # which may hold the transcripts
SHOWN, ENDINGS = 5, 20  # names of recordings, and endings, in a line


@dataclass(frozen=True)
class Found:
    """Files of a tree: `recordings` as relative paths with sizes in C order; `bad`: (path, reason, detail).

    unseen: ending in lower case -> number of files that were not looked at.
    """

    recordings: dict[str, int]
    bad: list[tuple[str, str, str]]
    unseen: dict[str, int]


def find_recordings(corpus: Path, out: Path) -> Found:
    """Every audio file below `corpus`, with linked folders, without `out` and outputs set aside.

    Raises UserError if wav.scp cannot hold the path of the corpus itself.
    """
    if fault := _unusable(f"{corpus}/"):
        raise UserError(f"a corpus path that no table can hold: {fault}", repr(str(corpus)), "rename the folder")
    recordings: dict[str, int] = {}
    bad: list[tuple[str, str, str]] = []
    unseen: Counter[str] = Counter()
    entered, own = set(), Path(os.path.realpath(out))

    def closed(e: OSError) -> None:
        bad.append((shown(os.path.relpath(e.filename, corpus)), "unreadable folder", str(e.strerror)))

    for folder, folders, files in os.walk(corpus, onerror=closed, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered or is_output(Path(real), own):
            folders.clear()
            continue
        entered.add(real)
        folders.sort(key=os.fsencode)  # the choice between two links to one folder must not depend on the disk
        for name in files:
            ending = os.path.splitext(name)[1].lower()
            path = os.path.join(folder, name)
            rel = os.path.relpath(path, corpus)
            hidden = name.startswith(".")
            if ending in KINDS or (not hidden and _leads_nowhere(path)):  # a link of any ending may be one to a folder
                reason, detail, size = _file(rel, path)
                if reason:
                    bad.append((shown(rel), reason, detail))
                else:
                    recordings[rel] = size
            elif ending in FOREIGN:
                bad.append(
                    (shown(rel), "unsupported format", f"libsndfile reads no {ending}: convert it to wav or flac")
                )
            elif ending != TABLE and not hidden:
                unseen[ending] += 1
    return Found(dict(sorted(recordings.items())), bad, dict(sorted(unseen.items())))


def tell_unseen(unseen: Mapping[str, int]) -> None:
    """Print the endings of files that were not looked at, the most frequent first."""
    if unseen:
        ordered = sorted(unseen.items(), key=lambda item: -item[1])
        endings = [f"{shown(ending) or 'without an ending'} {n:,}" for ending, n in ordered]
        print(f"{sum(unseen.values()):,} files of other endings were not looked at: {few(endings, ENDINGS)}")


def tell_notes(notes: Mapping[str, Sequence[str]]) -> None:
    """Print each note, with the number and the first names of the recordings that have it."""
    for note, names in sorted(notes.items()):
        print(f"noted {len(names):,}: {note}: {few([*map(shown, names)], SHOWN)}")


def _file(rel: str, path: str) -> tuple[str, str, int]:
    """(reason, detail, size in bytes) of a file; the reason is empty if it may be a recording."""
    if fault := _unusable(rel):
        return "unusable name", fault, 0
    if any(part.startswith(".") for part in rel.split("/")):
        return "hidden file", "a name that begins with a dot", 0
    try:
        return "", "", os.stat(path).st_size
    except PermissionError as e:
        return "unreadable", f"{e.strerror}: its folder may not be entered", 0
    except OSError:
        return "missing", _leads(path), 0


def _leads_nowhere(path: str) -> bool:
    return os.path.islink(path) and not os.path.exists(path)


def _leads(path: str) -> str:
    """Where a link that leads nowhere leads."""
    return f"a link to {shown(os.readlink(path))}, which is not there" if os.path.islink(path) else "not there any more"


def _unusable(rel: str) -> str:
    """Why wav.scp cannot hold a path; "" if it can."""
    try:
        rel.encode()
    except UnicodeEncodeError:
        return "not UTF-8"
    if "\n" in rel or "\r" in rel:
        return "a line break in it"
    return "white space at its beginning" if rel != rel.strip() else ""


def assess(
    corpus: Path, rel: str, limits: Limits, pieces: CutConfig | None, choice: Choice = "auto", transcribed: bool = False
) -> list[dict[str, Any]]:
    """Results of one pass over a recording, one for each side if both are read.

    Each has: reason (empty if it is good), detail, notes, seconds, digest, pieces, channel, side.

    Args:
        pieces: how to cut it if it is longer than pieces.longest_seconds; None: do not cut.
        choice: what is read of several channels; transcribed: it has a transcript.
    """
    path = os.path.join(corpus, rel)
    energies: dict[str, Energy] = {}

    def hear(channel: str, wave_N: Wave, rate: int) -> None:
        energies.setdefault(channel, Energy()).hear(wave_N, rate)

    by_energy = pieces is not None and pieces.how == "energy"
    verdicts = check_channels(path, limits, choice, hear if by_energy else None, transcribed)
    digest = "" if all(v.reason for v in verdicts) else sha256_of(path)[:24]
    rows = []
    for verdict in verdicts:
        row: dict[str, Any] = {"path": rel, "reason": verdict.reason, "detail": verdict.detail, "notes": verdict.notes}
        row |= {"seconds": verdict.seconds, "digest": "", "pieces": [], "channel": verdict.channel}
        row["side"] = SIDE_OF[verdict.channel] if len(verdicts) > 1 else ""
        if not verdict.reason:
            row["digest"] = digest
            if pieces and verdict.seconds > pieces.longest_seconds:
                db_F = energies[verdict.channel].db() if by_energy else np.zeros(0)
                row["pieces"] = cut(verdict.seconds, db_F, pieces)
        rows.append(row)
    return rows
