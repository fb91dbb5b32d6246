"""Utterances of a folder of recordings: pieces with ids and speakers, and the sets that they are split into."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...core.errors import UserError
from ...core.record import Ledger
from ...text.invisible import shown
from ..ids import safe, safe_speaker, unique
from ..split import odd_parts, split_groups
from ..transcripts import speaker_of


@dataclass(frozen=True, slots=True)
class Piece:
    """A planned utterance: `start` to `end` seconds (None: all) of the recording `rel` with id `recording`.

    Attributes:
        channel: left or right, where one of several is read.
        group: its speaker, or one name for both sides of a recording: a group is in one set.
    """

    id: str
    recording: str
    rel: str
    speaker: str
    seconds: float
    channel: str
    group: str
    start: float = 0.0
    end: float | None = None


def key_of(row: Mapping[str, Any]) -> str:
    """The recording of a row, and its side where both are taken."""
    return f"{row['path']}\0{row['side']}" if row["side"] else str(row["path"])


def pieces_of(
    good: Sequence[Mapping[str, Any]], speaker_name: Callable[[str], str], shortest: float, ledger: Ledger
) -> list[Piece]:
    """Utterances of the good recordings, with their ids; pieces shorter than `shortest` seconds go to the ledger.

    Args:
        good: rows of recordings.assess.
        speaker_name: of the recording at a path.
    """
    people = {key_of(row): speaker_name(row["path"]) for row in good}
    names = {key_of(row): "_".join(filter(None, (people[key_of(row)], row["side"]))) for row in good}
    speakers = unique(sorted(set(names.values())), safe_speaker, "_")

    def recording_id(key: str) -> str:
        rel, _, side = key.partition("\0")
        speaker, stem = speakers[names[key]], speaker_of(rel, None, "recording")
        if stem == names[key]:
            return speaker
        return f"{speaker}-{safe(stem).removeprefix(speaker + '-')}{side and '-'}{side}"

    ids = unique(names, recording_id)
    made: list[Piece] = []
    for row in good:
        key, rel, seconds = key_of(row), str(row["path"]), float(row["seconds"])
        speaker = speakers[names[key]]
        group = safe_speaker(people[key]) if row["side"] else speaker
        whole = Piece(ids[key], ids[key], rel, speaker, seconds, str(row["channel"]), group)
        if not row["pieces"]:
            made.append(whole)
        for start, end in row["pieces"]:
            id = f"{ids[key]}-{round(start * 100):07d}-{round(end * 100):07d}"
            if end - start < shortest:
                ledger.drop(id, "too short", f"{start} to {end} s of {shown(rel)}")
            else:
                made.append(replace(whole, id=id, seconds=round(end - start, 2), start=start, end=end))
    return made


def split_pieces(
    made: Sequence[Piece],
    shares: Mapping[str, float],
    seed: int,
    counts: dict[str, float],
    dropped: Mapping[str, int],
) -> dict[str, list[Piece]]:
    """Set -> utterances: no speaker in two sets; if there are fewer speakers than sets, no recording in two.

    Args:
        dropped: reason -> number of what the ledger has, for the error.

    Raises UserError if there are fewer recordings than sets.
    """
    speakers = {p.group for p in made}
    by_recording = len(speakers) < len(shares)
    counts["split_by_recording"] = int(by_recording)
    if by_recording:
        print(f"{len(speakers)} speakers for {len(shares)} sets: split by recording, speakers are shared between sets")
    elif len(speakers) == len({p.recording for p in made}):
        print("as many speakers as recordings: where no table or folder says who speaks, sets may share a person")
    elif alone := sorted({shown(p.rel) for p in made if p.recording == p.speaker}):
        count = f"{len(alone):,} of {len({p.rel for p in made}):,} recordings, such as {alone[0]}"
        print(f"WARNING: {count}: no table or folder says who speaks; each is a speaker of its own, sets may share one")
    recording = {p.id: p.recording if p.group == p.speaker else p.rel for p in made}  # both sides are one
    group = recording if by_recording else {p.id: p.group for p in made}
    seconds: dict[str, list[float]] = {}
    for p in made:
        seconds.setdefault(group[p.id], []).append(p.seconds)
    if len(seconds) < len(shares):
        message = f"{len(seconds)} recordings cannot be split into {len(shares)} sets"
        if dropped:
            message += f"; dropped before: {', '.join(f'{n} {reason}' for reason, n in dropped.items())}"
        remedy = (
            "edit `shares` there, e.g. [train=0.5, dev=0.5] (the ssl recipe needs train and dev), or add recordings"
        )
        raise UserError(message, "shares, in the config (conf/data.yaml of a recipe)", remedy)
    parts = split_groups({g: math.fsum(s) for g, s in seconds.items()}, shares, seed)
    sets = {name: [p for p in made if parts[group[p.id]] == name] for name in shares}
    for line in odd_parts({name: [(p.speaker, p.seconds) for p in sets[name]] for name in sets}, shares):
        print(line)
    return sets
