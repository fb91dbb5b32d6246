"""The recordings of a folder tree: which files there are, and what each is worth."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from .check import KINDS, Limits, check_audio
from .cut import CutConfig, Energy, cut

FOREIGN = frozenset((".m4a", ".aac", ".amr", ".wma", ".mp4", ".webm", ".mkv", ".3gp", ".ape", ".ra", ".mpc", ".shn"))


@dataclass(frozen=True)
class Found:
    """Files of a tree: `recordings` as relative paths with sizes in C order; `bad`: (path, reason, detail)."""

    recordings: dict[str, int]
    bad: list[tuple[str, str, str]]


def find_recordings(corpus: Path, out: Path) -> Found:
    """Every audio file below `corpus`, linked folders included, `out` excepted."""
    recordings: dict[str, int] = {}
    bad: list[tuple[str, str, str]] = []
    entered, own = set(), os.path.realpath(out)
    for folder, folders, files in os.walk(corpus, followlinks=True):
        real = os.path.realpath(folder)
        if real in entered or real == own:
            folders.clear()
            continue
        entered.add(real)
        folders.sort(key=os.fsencode)  # which of two links to one folder is entered must not depend on the disk
        for name in files:
            ending = os.path.splitext(name)[1].lower()
            rel = os.path.relpath(os.path.join(folder, name), corpus)
            if ending in FOREIGN:
                bad.append(
                    (shown(rel), "unsupported format", f"libsndfile reads no {ending}: convert it to wav or flac")
                )
            elif ending in KINDS:
                if fault := _unusable(rel):
                    bad.append((shown(rel), "unusable name", fault))
                elif any(part.startswith(".") for part in rel.split("/")):
                    bad.append((shown(rel), "hidden file", "a name that begins with a dot"))
                elif not os.path.exists(os.path.join(folder, name)):
                    bad.append((shown(rel), "missing", "a link to nothing"))
                else:
                    recordings[rel] = os.path.getsize(os.path.join(folder, name))
    return Found(dict(sorted(recordings.items())), bad)


def _unusable(rel: str) -> str:
    """Why a path cannot stand in wav.scp."""
    try:
        rel.encode()
    except UnicodeEncodeError:
        return "not UTF-8"
    if "\n" in rel or "\r" in rel:
        return "a line break in it"
    return "white space at its beginning" if rel != rel.strip() else ""


def shown(rel: str) -> str:
    """A path as a ledger can hold it."""
    text = os.fsencode(rel).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() or c == " " else c.encode("unicode_escape").decode() for c in text)


def assess(corpus: Path, rel: str, limits: Limits, pieces: CutConfig | None) -> dict[str, Any]:
    """What one pass over a recording finds: reason (empty where it is good), detail, notes, seconds, digest, pieces.

    Args:
        pieces: how to cut it where it is longer than pieces.longest_seconds; None: not at all.
    """
    path = os.path.join(corpus, rel)
    energy = Energy()
    verdict = check_audio(path, limits, energy.hear if pieces and pieces.how == "energy" else None)
    row: dict[str, Any] = {"path": rel, "reason": verdict.reason, "detail": verdict.detail, "notes": verdict.notes}
    row |= {"seconds": verdict.seconds, "digest": "", "pieces": []}
    if not verdict.reason:
        row["digest"] = _digest(path)
        if pieces and verdict.seconds > pieces.longest_seconds:
            db_F = energy.db() if pieces.how == "energy" else np.zeros(0)
            row["pieces"] = cut(verdict.seconds, db_F, pieces)
    return row


def _digest(path: str) -> str:
    state = hashlib.sha256()
    with open(path, "rb") as f:
        while block := f.read(1 << 20):
            state.update(block)
    return state.hexdigest()[:24]
